// Choosing one of several dates on a phone: by links, with scripts and without, few dates and many.
// covers: WEB-2, WEB-4, WEB-7
import { everyLook } from "../support/looks.ts";
import { expect, pay, phone, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

interface Run {
  version: number;
  occurrences: { id: string; starts_at: string }[];
}

const dayIn = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const evening = (days: number) => ({ starts_at: `${dayIn(days)}T18:00:00Z`, ends_at: `${dayIn(days)}T20:00:00Z` });

/** A moment in the event's zone, as its page says it: `Saturday, 6 June 2026, 20:00`. */
function spoken(at: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: "Europe/Ljubljana",
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(at));
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("weekday")}, ${of("day")} ${of("month")} ${of("year")}, ${of("hour")}:${of("minute")}`;
}

const tiers = [
  { name: "Evening", price_minor: 1000, capacity: 40, per_date: true },
  { name: "All evenings", price_minor: 4000, capacity: 50 },
];

const left = async (server: Server, slug: string, date: string) =>
  (await server.api<{ tiers: { left: number }[] }>("GET", `/shop/events/${slug}/occurrences/${date}/availability`)).tiers.map((one) => one.left);

for (const javaScriptEnabled of [true, false]) {
  test.describe(`on a phone, ${javaScriptEnabled ? "with" : "without"} scripts`, () => {
    test.use({ ...phone, javaScriptEnabled });

    test("the second evening is chosen and bought at its own price", async ({ page, server }) => {
      const event = await server.concert({ name: `Run ${javaScriptEnabled}`, occurrences: [evening(30), evening(31), evening(32)], tiers });
      const { version, occurrences } = await server.api<Run>("GET", `/events/${event.id}`);
      const [first, second, third] = occurrences;
      await server.api("PATCH", `/events/${event.id}/occurrences`, {
        version,
        scope: "this",
        occurrences: [second.id],
        change: { tiers: [{ tier: event.tiers[0].id, price_minor: 1500, capacity: 5 }] },
      });
      await server.api("POST", `/events/${event.id}/occurrences/${third.id}/cancel`, {});

      await page.goto(`/e/${event.slug}`);
      const dates = page.getByRole("navigation", { name: "Choose a date" });
      await expect(dates.getByRole("link")).toHaveCount(2);
      await expect(dates.getByRole("link", { name: spoken(first.starts_at) })).toContainText("Available");
      await expect(dates.getByRole("listitem").nth(2)).toContainText("Cancelled");
      await expect(page.getByLabel("Quantity of Evening")).toHaveCount(0);
      await expect(page.getByLabel("Quantity of All evenings")).toBeVisible();
      if (javaScriptEnabled) await everyLook(page);

      // By keyboard, one date after the other.
      await dates.getByRole("link").first().focus();
      await page.keyboard.press("Tab");
      const link = dates.getByRole("link", { name: spoken(second.starts_at) });
      await expect(link).toBeFocused();
      await expect(link).toContainText("Few left");
      await page.keyboard.press("Enter");

      await expect(page).toHaveURL(new RegExp(`date=${second.id}`));
      await expect(page.getByText("Your date")).toBeVisible();
      await expect(page.getByText("5 left")).toBeVisible();
      if (javaScriptEnabled) await everyLook(page);
      await page.getByLabel("Quantity of Evening").selectOption("2");
      await page.getByLabel("Quantity of All evenings").selectOption("1");
      await page.getByRole("button", { name: "Reserve tickets" }).click();

      await expect(page.getByRole("heading", { level: 1, name: "Checkout" })).toBeVisible();
      await expect(page.getByRole("main")).toContainText(spoken(second.starts_at));
      await expect(page.getByText("€70.00", { exact: true })).toBeVisible();
      await pay(page, "Succeed");
      await expect(page.getByRole("article")).toHaveCount(3);
      await expect(page.getByRole("main")).toContainText(spoken(second.starts_at));
      expect(await left(server, event.slug, second.id)).toEqual([3, 49]);
      expect(await left(server, event.slug, first.id)).toEqual([40, 49]);

      // A link to a date that cannot be had says so, and leads on.
      await page.goto(`/e/${event.slug}?date=${third.id}`);
      await expect(page.getByText("this date was cancelled")).toBeVisible();
      await page.goto(`/e/${event.slug}?date=nowhere`);
      await expect(page.getByText("This event has no such date.")).toBeVisible();
      await expect(dates.getByRole("link")).toHaveCount(2);
    });
  });
}

test.describe("on a phone, with many dates", () => {
  test.use(phone);

  test("they are shown month by month", async ({ page, server }) => {
    const event = await server.concert({ name: "Long run", occurrences: [evening(40)], tiers });
    const { version } = await server.api<Run>("GET", `/events/${event.id}`);
    await server.api("PUT", `/events/${event.id}/series`, {
      version,
      starts: `${dayIn(40)}T20:00:00`,
      rules: ["FREQ=DAILY;COUNT=100"],
      duration_minutes: 90,
    });
    const { occurrences } = await server.api<Run>("GET", `/events/${event.id}`);
    const last = occurrences[99];
    await page.goto(`/e/${event.slug}`);
    await expect(page.getByText(/\b100 dates from/)).toBeVisible();
    const dates = page.getByRole("navigation", { name: "Choose a date" });
    await everyLook(page);
    const later = dates.getByRole("link", { name: "Later dates" });
    for (let steps = 0; (await later.count()) > 0; steps += 1) {
      expect(steps).toBeLessThan(8);
      await page.goto((await later.getAttribute("href")) ?? "");
      await expect(dates.getByRole("link", { name: "Earlier dates" })).toBeVisible();
    }
    await dates.getByRole("link", { name: spoken(last.starts_at) }).click();
    await expect(page.getByText("Your date")).toBeVisible();
    await page.getByLabel("Quantity of Evening").selectOption("1");
    await page.getByRole("button", { name: "Reserve tickets" }).click();
    await expect(page.getByRole("main")).toContainText(spoken(last.starts_at));
    expect(await left(server, event.slug, last.id)).toEqual([39, 50]);
  });
});
