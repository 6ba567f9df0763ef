// The waiting room, as people see it: by itself and by links alone, by axe, in the dark, from right to left and
// at twice the size. covers: WEB-4, WEB-7, WEB-9
import { accessible, desktop, expect, fits, phone, test, touchable } from "../support/test.ts";
import type { Event, Server } from "../support/server.ts";

/** A concert with a waiting room that opens in so many seconds. */
async function crowded(server: Server, name: string, seconds: number): Promise<Event> {
  const event = await server.simple(name, 10, 2000);
  await server.api("PUT", `/events/${event.id}/waiting-room`, {
    opens_at: new Date(Date.now() + seconds * 1000).toISOString(),
    most_inside: 5,
    floor_per_minute: 6000,
  });
  return event;
}

for (const [place, use] of Object.entries({ phone, desktop })) {
  test.describe(`on a ${place}`, () => {
    test.use(use);

    test("the turn comes by itself, and nothing jumps", async ({ page, server }) => {
      const event = await crowded(server, `Crowd ${place}`, 20);
      await page.goto(`/e/${event.slug}`);
      await page.getByRole("link", { name: "Go to the waiting room" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "Waiting room" })).toBeVisible();
      await expect(page.getByRole("status")).toHaveText("You have no place yet. Get one below.");
      await page.getByRole("button", { name: "Get a place in line" }).click();
      await expect(page.getByRole("status")).toContainText("You are in the draw.");
      await expect(page.getByText("The draw is held on")).toBeVisible();
      await expect(page.getByRole("button")).toHaveCount(0);
      const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
      expect(await focused()).toBe("now");

      for (const look of [
        { colorScheme: "light", dir: "ltr" },
        { colorScheme: "dark", dir: "rtl" },
      ] as const) {
        await page.emulateMedia({ colorScheme: look.colorScheme });
        await page.evaluate((dir) => (document.documentElement.dir = dir), look.dir);
        await accessible(page);
        await fits(page);
        await touchable(page);
      }

      const enter = page.getByRole("button", { name: "Choose your tickets" });
      await expect(enter).toBeVisible({ timeout: 60_000 });
      await expect(page.getByRole("alert")).toContainText("It is your turn.");
      await expect(page).toHaveTitle(/It is your turn/);
      expect(await focused(), "nobody moved the focus").toBe("now");
      await accessible(page);
      await enter.click();
      await page.getByLabel("Quantity of General admission").selectOption("2");
      await page.getByRole("button", { name: "Reserve tickets" }).click();
      await expect(page.getByRole("heading", { level: 1, name: "Checkout" })).toBeVisible();

      await page.goto(`/wait/${event.id}/`);
      await expect(page.getByRole("status")).toContainText("tickets are reserved for you");
    });
  });
}

test.describe("without scripts", () => {
  test.use({ ...desktop, javaScriptEnabled: false });

  test("links and buttons are enough", async ({ page, server }) => {
    const event = await crowded(server, "Patience", 3600);
    await page.goto(`/e/${event.slug}`);
    await page.getByLabel("Quantity of General admission").selectOption("1");
    await page.getByRole("button", { name: "Reserve tickets" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Waiting room" })).toBeVisible();
    await page.getByRole("link", { name: "See where you stand" }).click();
    await page.getByRole("button", { name: "Get a place in line" }).click();
    const heading = page.getByRole("heading", { level: 1 });
    await expect(heading).toHaveText("You are in the draw");
    await server.api("POST", `/events/${event.id}/waiting-room/draw`);
    await expect(async () => {
      await page.getByRole("link", { name: "Look again" }).click();
      await expect(heading).toHaveText("It is your turn", { timeout: 500 });
    }).toPass({ timeout: 30_000 });
    await page.getByRole("button", { name: "Choose your tickets" }).click();
    await page.getByLabel("Quantity of General admission").selectOption("1");
    await page.getByRole("button", { name: "Reserve tickets" }).click();
    await expect(heading).toHaveText("Checkout");
  });
});

test.describe("at twice the size", () => {
  test.use({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });

  test("everything fits, and an ended room says so", async ({ page, server }) => {
    const event = await crowded(server, "Large letters", 3600);
    await page.goto(`/wait/${event.id}/`);
    await fits(page);
    await page.getByRole("button", { name: "Get a place in line" }).click();
    await expect(page.getByRole("status")).toContainText("You are in the draw.");
    await server.api("POST", `/events/${event.id}/waiting-room/end`);
    await page.reload();
    await expect(page.getByRole("status")).toContainText("You need not wait any longer.");
    await fits(page);
    await accessible(page);
    await page.goto(`/wait/${event.id}/place`);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("The waiting room has ended");
    await accessible(page);
  });
});
