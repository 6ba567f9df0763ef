// The pages for developers: a key from its making to its end and the requests that were made by it, on a phone and at a
// desk, with scripts and without; and every page of them in every look. covers: GW-7, GW-10, WEB-3, WEB-7
import type { Page } from "@playwright/test";
import { everyLook } from "../support/looks.ts";
import { desktop, expect, phone, register, signIn, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

const place = "/account/developer/kino-siska";

/** Makes a key by the form; gives its text. */
async function makeKey(page: Page, name: string): Promise<string> {
  await page.getByRole("link", { name: "Make a key" }).click();
  await page.getByLabel("What it is for").fill(name);
  await page.getByRole("checkbox", { name: /events\.read/ }).check();
  await page.getByRole("button", { name: "Make the key" }).click();
  await expect(page.getByText("It is shown only now.")).toBeVisible();
  return (await page.locator("code.secret").textContent()) ?? "";
}

/** Asks the API by a key, until the inspector shows it. */
async function ask(page: Page, server: Server, key: string, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}` };
  await fetch(`${server.url}/api/v1${path}`, { headers });
  await expect(async () => {
    await page.goto(`${place}/requests`);
    await expect(page.getByText(`GET /api/v1${path}`).first()).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 20_000 });
}

for (const [look, use] of Object.entries({ phone, desktop })) {
  for (const javaScriptEnabled of [true, false]) {
    test.describe(`${look}, ${javaScriptEnabled ? "with" : "without"} scripts`, () => {
      test.use({ ...use, javaScriptEnabled });

      test("a key is made, used, seen at work, replaced and ended", async ({ page, server }) => {
        const email = await register(page, server, "Ana", "owner");
        await signIn(page, email);
        await page.getByRole("link", { name: "Developers" }).click();
        await page.getByRole("link", { name: /^Open Kino/ }).click();
        const name = `Till ${Date.now()} ${look} ${javaScriptEnabled}`;
        const key = await makeKey(page, name);
        expect(key).toMatch(/^bilten_live_[0-9a-z]{40}$/);
        await page.getByRole("link", { name: "I have kept it" }).click();
        await ask(page, server, key, `/events?limit=${look === "phone" ? 7 : 8}`);
        await page.getByRole("link", { name: /^Look at GET \/api\/v1\/events/ }).first().click();
        await expect(page.getByRole("heading", { level: 1, name: "A request" })).toBeVisible();
        await expect(page.getByText("Bearer [masked]")).toBeVisible();
        await expect(page.getByText(key)).toHaveCount(0);
        await page.goto(place);
        const row = page.getByRole("listitem").filter({ hasText: name });
        await row.getByLabel(/goes on/).selectOption("not at all");
        await row.getByRole("button", { name: /^Replace/ }).click();
        await expect(page.getByText("It may do what the old one may.")).toBeVisible();
        await page.getByRole("link", { name: "I have kept it" }).click();
        await expect(row).toHaveCount(2);
        await row.getByRole("button", { name: /^End/ }).first().click();
        await expect(page.getByText("That key has ended")).toBeVisible();
      });
    });
  }
}

/** Goes through the pages for developers and calls `look` on each. */
async function walk(page: Page, server: Server, look: () => Promise<void>): Promise<void> {
  test.setTimeout(180_000);
  const email = await register(page, server, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau", "owner");
  await signIn(page, email);
  await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  await page.goto("/account/developer");
  await look();
  await page.goto(`${place}/keys/new`);
  await look();
  await page.getByRole("button", { name: "Make the key" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look();
  await page.goto(place);
  const key = await makeKey(page, `A program with a name that is very long and has no end ${"x".repeat(40)}`);
  await look();
  await server.api("POST", "/webhooks/endpoints", {
    url: `https://receiver.example.com/${"a-long-path-".repeat(8)}`,
    event_types: ["event.deleted", "order.paid"],
  });
  await ask(page, server, key, `/events/evt_01jx0000000000000000000000?q=${"long".repeat(20)}`);
  await look();
  await page.getByRole("link", { name: /^Look/ }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "A request" })).toBeVisible();
  await look();
  await page.goto(place);
  await look();
}

test.describe("on a phone, a narrow one, and in the dark", () => {
  test.use(phone);
  test("axe finds nothing, and everything fits and can be touched", async ({ page, server }) => {
    await walk(page, server, () => everyLook(page));
  });
});
