// A program that asks somebody to act for them, as they see it. covers: AUTH-10, GW-10, WEB-7
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server as Listener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { accessible, desktop, expect, fits, password, phone, register, signIn, test, touchable } from "../support/test.ts";
import type { Server } from "../support/server.ts";

const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/** A program on somebody's machine, which waits to be called back. */
class Program {
  readonly verifier = randomBytes(32).toString("base64url");
  readonly state = randomBytes(8).toString("hex");
  private answer: URLSearchParams | undefined;
  private constructor(
    private readonly server: Server,
    readonly client: string,
    private readonly listener: Listener,
  ) {}

  static async start(server: Server, owner: string, name: string, scopes: string[]): Promise<Program> {
    const made = await as<{ client: { id: string } }>(server, owner, "/oauth/clients", {
      name,
      kind: "public",
      redirect_uris: ["http://127.0.0.1/callback"],
      scopes,
    });
    const listener = createServer((request, response) => {
      program.answer = new URL(request.url ?? "", "http://127.0.0.1").searchParams;
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end("<!doctype html><html lang=en><title>Program</title><link rel=icon href=data:,><h1>Back</h1></html>");
    });
    await new Promise<void>((ready) => listener.listen(0, "127.0.0.1", ready));
    const program = new Program(server, made.client.id, listener);
    return program;
  }

  get callback(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}/callback`;
  }

  address(changes: Record<string, string> = {}): string {
    const challenge = createHash("sha256").update(this.verifier).digest("base64url");
    const query = new URLSearchParams({
      client_id: this.client,
      redirect_uri: this.callback,
      response_type: "code",
      code_challenge: challenge,
      code_challenge_method: "S256",
      state: this.state,
      ...changes,
    });
    return `${this.server.url}/oauth/authorize?${query}`;
  }

  /** What the browser brought back. */
  async back(page: Page): Promise<URLSearchParams> {
    await expect(page.getByRole("heading", { name: "Back" })).toBeVisible();
    expect(this.answer?.get("state")).toBe(this.state);
    expect(this.answer?.get("iss")).toBe(this.server.url);
    return this.answer ?? new URLSearchParams();
  }

  async tokens(code: string): Promise<{ access_token: string; scope: string }> {
    const answer = await fetch(`${this.server.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: this.client,
        redirect_uri: this.callback,
        code_verifier: this.verifier,
        code,
      }),
    });
    expect(answer.status).toBe(200);
    return answer.json();
  }

  async stop(): Promise<void> {
    this.listener.closeAllConnections();
    await new Promise((done) => this.listener.close(done));
  }
}

/** Calls the API as somebody who signs in for it. */
async function as<T>(server: Server, email: string, path: string, body: unknown): Promise<T> {
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${server.url}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  const { access_token } = await post("/auth/tokens", { email, password });
  return post(path, body, { authorization: `Bearer ${access_token}` });
}

for (const [name, view] of [["a phone", phone], ["a desktop", desktop]] as const) {
  test.describe(`on ${name}`, () => {
    test.use(view);

    test("somebody signs in, sees what a program wants, and allows it", async ({ page, server }) => {
      const owner = await register(page, server, "Ana", "owner");
      const program = await Program.start(server, owner, `Seating <b>${long}</b>`, ["events.read", "orders.read"]);
      await page.goto(program.address());
      await signIn(page, owner);
      await expect(page.getByRole("heading", { level: 1 })).toContainText(`Let Seating <b>${long}</b> act for you?`);
      await expect(page.getByRole("listitem").filter({ hasText: "See orders" })).toBeVisible();
      await expect(page.getByText(new URL(program.callback).origin)).toBeVisible();
      await accessible(page);
      await touchable(page);
      await fits(page);
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      await fits(page);
      await page.evaluate(() => (document.documentElement.dir = "ltr"));
      await page.getByRole("button", { name: "Allow", exact: true }).click();
      const tokens = await program.tokens((await program.back(page)).get("code") ?? "");
      expect(tokens.scope).toBe("events.read orders.read");
      const events = await fetch(`${server.url}/api/v1/events`, {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      });
      expect(events.status).toBe(200);
      await program.stop();
    });
  });
}

test("somebody says no", async ({ page, server }) => {
  const owner = await register(page, server, "Ana", "owner");
  const program = await Program.start(server, owner, "Seating", ["events.read"]);
  await page.goto(program.address());
  await signIn(page, owner);
  await page.getByRole("button", { name: "Do not allow" }).click();
  const answer = await program.back(page);
  expect(answer.get("error")).toBe("access_denied");
  expect(answer.get("code")).toBeNull();
  await program.stop();
});

test("an address that is not the program's own leads nowhere", async ({ page, server }) => {
  const owner = await register(page, server, "Ana", "owner");
  const program = await Program.start(server, owner, "Seating", ["events.read"]);
  await page.goto(program.address({ redirect_uri: "https://evil.example/callback" }));
  await expect(page.getByText("Error 400")).toBeVisible();
  await accessible(page);
  expect(new URL(page.url()).origin).toBe(server.url);
  await program.stop();
});

test.describe("in the dark", () => {
  test.use({ ...phone, colorScheme: "dark" });
  test("axe finds nothing", async ({ page, server }) => {
    const viewer = await register(page, server, "Vid", "viewer");
    const owner = await register(page, server, "Ana", "owner");
    const program = await Program.start(server, owner, "Seating", ["events.read", "orders.read"]);
    await page.goto(program.address());
    await signIn(page, viewer);
    await expect(page.getByText("left out: See orders")).toBeVisible();
    await accessible(page);
    await program.stop();
  });
});
