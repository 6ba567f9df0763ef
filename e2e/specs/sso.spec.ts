// Signing in by real identity providers: OpenID Connect (oidc-provider) and SAML (samlp).
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { accessible, expect, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";
import { start as startOidc } from "../support/providers/oidc.mjs";
import { start as startSaml } from "../support/providers/saml.mjs";

/** Sets a connection up as whoever runs the server does. */
async function connect(server: Server, input: object, organisation?: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bilten-sso-"));
  const file = join(folder, "connection.json");
  await writeFile(file, JSON.stringify(input));
  await server.bilten("sso", "add", file, ...(organisation ? ["--organisation", organisation] : []));
  await rm(folder, { recursive: true });
}

async function signInAt(page: Page, login: string): Promise<void> {
  await page.getByPlaceholder("Enter any login").fill(login);
  await page.getByPlaceholder("and password").fill("anything");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

/** What the server says of whoever is signed in in this browser. */
async function identities(page: Page): Promise<string[]> {
  const answer = await page.request.get("/api/v1/me/identities");
  if (answer.status() === 401) return [];
  const { identities } = (await answer.json()) as { identities: { slug: string }[] };
  return identities.map((one) => one.slug);
}

test.describe("single sign-on", () => {
  // One server of a worker, one short name of a connection.
  const slug = (name: string) => `${name}-${Math.random().toString(36).slice(2, 8)}`;

  test("an OpenID provider signs somebody in", async ({ page, server }) => {
    const name = slug("test");
    const provider = await startOidc([`${server.url}/sso/${name}/callback`]);
    const oidc = {
      preset: "generic",
      issuer: provider.url,
      client_id: "bilten",
      client_secret: "a secret of the tests, of no use elsewhere",
    };
    await connect(server, { slug: name, name: "Test", oidc });
    await page.goto("/sign-in?next=/");
    await page.getByRole("link", { name: "Continue with Test" }).click();
    await signInAt(page, "ana");
    await expect(page).toHaveURL(`${server.url}/`);
    expect(await identities(page)).toEqual([name]);

    // Whoever says no comes back to a page that leads on.
    await page.context().clearCookies();
    await page.goto(`/sso/${name}/start`);
    await page.getByRole("link", { name: "Cancel" }).click();
    await expect(page.getByText("sso.refused_by_provider")).toBeVisible();
    expect(await identities(page)).toEqual([]);

    // Nobody vouches for this address.
    await page.context().clearCookies();
    await page.goto(`/sso/${name}/start`);
    await signInAt(page, "eva");
    expect(await identities(page)).toEqual([]);
    provider.stop();
  });

  test("a company's SAML provider signs its people in", async ({ page, server }) => {
    const provider = await startSaml();
    const name = `kino-siska-${slug("saml")}`;
    const metadata = await (await fetch(`${provider.url}/metadata`)).text();
    const role_mapping = { rules: [{ attribute: "groups", value: "team", role: "viewer" }] };
    await connect(
      server,
      { slug: name, name: "Kino", domains: ["kino.example"], role_mapping, saml: { metadata } },
      "kino-siska",
    );
    await server.bilten("sso", "confirm-domain", "kino.example", "--organisation", "kino-siska");
    const login = async (who: string) => {
      await page.context().clearCookies();
      await page.goto(`/sso/${name}/start?next=/`);
      await page.getByLabel("Login").fill(who);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    // The address finds the organisation's provider.
    await page.goto("/sign-in?next=/");
    await page.getByRole("link", { name: "Continue with your organisation" }).click();
    await page.getByLabel("E-mail address").fill("ana@kino.example");
    await page.getByRole("button", { name: "Go on" }).click();
    await accessible(page);
    await page.getByRole("link", { name: "Continue with Kino" }).click();
    await expect(page.getByLabel("Login")).toBeVisible();
    await login("ana");
    await expect(page).toHaveURL(`${server.url}/`);
    expect(await identities(page)).toEqual([name]);
    expect((await page.request.get("/api/v1/events")).status()).toBe(200);

    await login("eva");
    await expect(page.getByText("sso.no_role")).toBeVisible();
    await login("mallory");
    await expect(page.getByText("sso.domain_unclaimed")).toBeVisible();
    expect(await identities(page)).toEqual([]);
    provider.stop();
  });
});
