// What every spec imports: a running server, a page that fails the test on any message of the
// browser about errors or the content security policy, and the checks that all pages share.
import { test as base, expect, type Page } from "@playwright/test";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { Server, type Options } from "./server.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
export const desktop = { viewport: { width: 1280, height: 800 } };

interface Fixtures {
  /** Fails the test if the browser complained. */
  calm: void;
}
interface WorkerFixtures {
  server: Server;
}

export const test = base.extend<Fixtures, Options & WorkerFixtures>({
  engine: ["sqlite", { option: true, scope: "worker" }],
  server: [
    async ({ engine }, use) => {
      const server = await Server.start(engine);
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  calm: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("console", (message) => {
        // The browser logs each answer of 4xx; error pages are part of the tests.
        const isStatus = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
        if (["error", "warning"].includes(message.type()) && !isStatus) complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      await use();
      expect(complaints, "the browser's console").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Runs axe-core in the page: WCAG 2.2 A and AA and its best practices. */
export async function accessible(page: Page): Promise<void> {
  // Evaluated by the debugger, so that the page's policy need not allow it.
  await page.evaluate(axe);
  const { checked, found } = await page.evaluate(async () => {
    const values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { passes, violations } = await (window as unknown as { axe: Axe }).axe.run({ runOnly: { type: "tag", values } });
    return {
      checked: passes.length,
      found: violations.map((v) => `${v.id}: ${v.help} ${v.nodes.map((node) => node.html).join(" ")}`),
    };
  });
  expect(found, `accessibility of ${page.url()}`).toEqual([]);
  expect(checked, "rules that axe could apply").toBeGreaterThan(10);
}
interface Axe {
  run(options: object): Promise<{ passes: object[]; violations: { id: string; help: string; nodes: { html: string }[] }[] }>;
}

/** Nothing is wider than the window, so that nobody has to scroll sideways. */
export async function fits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out = (element: Element) => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && (box.right > width + 1 || box.left < -1) && !element.closest(".skip, .unseen");
    };
    return [...document.body.querySelectorAll("*")].filter(out).map((element) => element.outerHTML.slice(0, 120));
  });
  expect(wide, "elements outside the window").toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
}

/** What to press is at least 44 pixels high and wide, unless it is a link inside text. */
export async function touchable(page: Page): Promise<void> {
  const small = await page.evaluate(() => {
    const targets = [
      ...document.querySelectorAll("button, select, input:not([type=hidden]), .button, nav a, .brand, .event-card, .standalone"),
    ];
    return targets
      .map((target) => ({ target: target.closest("label") ?? target, html: target.outerHTML.slice(0, 100) }))
      .filter(({ target }) => {
        const box = target.getBoundingClientRect();
        return box.width > 0 && (box.height < 44 || box.width < 44);
      })
      .map(({ html }) => html);
  });
  expect(small, "targets below 44 pixels").toEqual([]);
}

/** Chooses so many of a tier on the page of an event and reserves them. */
export async function reserve(page: Page, slug: string, tier: string, count: number): Promise<void> {
  await page.goto(`/e/${slug}`);
  await page.getByLabel(`Quantity of ${tier}`).selectOption(String(count));
  await page.getByRole("button", { name: "Reserve tickets" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Checkout" })).toBeVisible();
}

/** Fills in the checkout and pays with this outcome of the test payment. */
export async function pay(page: Page, outcome: string, name = "Ana Novak"): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail address").fill("ana@example.com");
  await page.getByRole("radio", { name: outcome }).check();
  await page.getByRole("button", { name: "Pay" }).click();
}

export const password = "kozolec brez strehe 42";

let people = 0;

/** Makes an account and chooses its password by the page of its link; gives the address. */
export async function register(page: Page, server: Server, name: string, role?: string): Promise<string> {
  people += 1;
  const email = `person${people}.${Date.now()}@example.com`;
  await page.goto(await server.person(email, name, role));
  await page.getByLabel("New password").fill(password);
  await page.getByRole("button", { name: "Keep the new password" }).click();
  await expect(page.getByText("Your password is changed")).toBeVisible();
  return email;
}

/** Signs somebody in by their password. */
export async function signIn(page: Page, email: string, secret = password): Promise<void> {
  if (!new URL(page.url()).pathname.startsWith("/sign-in")) await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(secret);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}
