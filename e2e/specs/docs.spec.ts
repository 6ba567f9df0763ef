// The interactive documentation: served by ourselves under a strict policy, in the light and in the
// dark, and what is tried in it is really done. covers: GW-7
import type { Locator, Page } from "@playwright/test";
import { desktop, expect, test } from "../support/test.ts";

test.use(desktop);
test.describe.configure({ timeout: 120_000 });

/** Opens the documentation at an operation; gives its box. */
async function at(page: Page, tag: string, operation: string): Promise<Locator> {
  await page.goto(`/api/docs#/${tag}/${operation}`);
  const box = page.locator(`#operations-${tag}-${operation}`);
  // Drawing the whole description takes a busy machine a while.
  await expect(box.getByRole("button", { name: "Try it out" })).toBeVisible({ timeout: 60_000 });
  return box;
}

/** Carries the operation out; gives the status that came. */
async function execute(box: Locator): Promise<string> {
  await box.getByRole("button", { name: "Execute" }).click();
  return box.locator("tr.response .response-col_status").first().innerText();
}

test("a stranger tries a route of the shop, and no other host is asked", async ({ page, server }) => {
  const asked = new Set<string>();
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:") asked.add(url.origin);
  });
  const event = await server.simple("Tried in the documentation", 10, 2000);
  const box = await at(page, "shop", "getShopEvent");
  await box.getByRole("button", { name: "Try it out" }).click();
  await box.getByPlaceholder("event", { exact: true }).fill(event.id);
  expect(await execute(box)).toMatch(/^200/);
  await expect(box.locator(".live-responses-table")).toContainText("Tried in the documentation");
  expect([...asked]).toEqual([server.url]);
});

test("whoever has an API key acts by it", async ({ page, server }) => {
  const box = await at(page, "catalog", "listEvents");
  await box.getByRole("button", { name: "Try it out" }).click();
  expect(await execute(box)).toMatch(/^401/);
  await page.getByRole("button", { name: "Authorize", exact: true }).first().click();
  const key = page.locator(".auth-container").filter({ hasText: "api_key" }).first();
  await key.getByRole("textbox").fill(server.key);
  await key.getByRole("button", { name: "Apply credentials" }).click();
  await page.getByRole("button", { name: "Close", exact: true }).first().click();
  await box.getByRole("button", { name: "Clear" }).click();
  expect(await execute(box)).toMatch(/^200/);
});

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(`in the ${colorScheme}`, () => {
    test.use({ colorScheme });
    test("text can be read", async ({ page }) => {
      await page.goto("/api/docs");
      const title = page.getByRole("heading", { level: 1 }).or(page.locator("h2.title")).first();
      await expect(title).toContainText("Bilten", { timeout: 30_000 });
      await expect(page.locator(".opblock-tag").first()).toBeVisible();
      const [text, ground] = await title.evaluate((element) => {
        const light = (color: string) => {
          const [red, green, blue] = (/\d+, \d+, \d+/.exec(color)?.[0] ?? "").split(", ").map(Number);
          return (red + green + blue) / 3;
        };
        // A page that says nothing has the browser's own ground.
        const style = getComputedStyle(document.documentElement).backgroundColor;
        const isClear = style === "rgba(0, 0, 0, 0)";
        return [light(getComputedStyle(element).color), isClear ? 255 : light(style)];
      });
      expect(Math.abs(text - ground), "between text and ground").toBeGreaterThan(150);
      expect(ground > 128).toBe(colorScheme === "light");
    });
  });
}
