// Every page, seen in every way: by axe, in the dark, on the narrowest phone, from right to left,
// and by its weight. covers: WEB-2, WEB-7, WEB-9
import type { Page } from "@playwright/test";
import { everyLook, weighing } from "../support/looks.ts";
import { expect, pay, phone, reserve, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";

/** Goes through all pages and calls `look` on each. */
async function walk(page: Page, server: Server, look: (name: string) => Promise<void>): Promise<void> {
  const event = await server.concert({ name: `${long} & <b>friends</b>`, venue_name: long });
  const order = async () => {
    await reserve(page, event.slug, "Standing", 2);
    await look("checkout");
    await page.getByRole("button", { name: "Pay" }).click();
    await look("checkout with faults");
  };
  await page.goto("/");
  await look("home");
  await page.goto(`/e/${event.slug}`);
  await look("event");
  await page.getByRole("button", { name: "Reserve tickets" }).click();
  await look("event with faults");

  await order();
  await pay(page, "Decline", long.repeat(2));
  await look("declined");
  await page.getByRole("radio", { name: "No answer" }).check();
  await page.getByRole("button", { name: "Pay" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Waiting for your payment");
  await look("waiting");

  await reserve(page, event.slug, "Standing", 2);
  await pay(page, "Succeed", long.repeat(2));
  await expect(page.getByRole("article")).toHaveCount(2);
  await look("tickets");
  const tickets = page.url();
  const id = new URL(tickets).pathname.split("/")[2];
  await server.api("POST", `/orders/${id}/refund`, {});
  await page.reload();
  await expect(page.getByText("This ticket lets nobody in.")).toHaveCount(2);
  await look("refunded");

  await page.goto("/e/nowhere");
  await look("404");
  await page.goto(`${tickets}x`);
  await expect(page.getByText("Error 404")).toBeVisible();
  await reserve(page, event.slug, "Standing", 1);
  const checkout = page.url();
  await page.getByRole("button", { name: "Give up these tickets" }).click();
  await page.goto(checkout);
  await expect(page.getByText("Error 410")).toBeVisible();
  await look("410");
  await server.api("POST", `/events/${event.id}/cancel`);
  await page.goto(`/e/${event.slug}`);
  await expect(page.getByText("This event was cancelled.")).toBeVisible();
  await look("cancelled event");
}

test.describe("on a phone, a narrow one, and in the dark", () => {
  test.use(phone);
  test("axe finds nothing, everything fits and can be touched, and no page weighs 60 KB", async ({ page, server }) => {
    test.slow();
    const weights = weighing(page);
    const code = page.getByRole("img", { name: /QR code/ }).first();
    const ofTickets = {
      narrow: async () => expect((await code.locator("svg").boundingBox())?.width).toBeGreaterThan(260),
      // Codes stay black on white.
      dark: async () => {
        await expect(code).toHaveCSS("background-color", "rgb(255, 255, 255)");
        await expect(code.locator("path").last()).toHaveCSS("fill", "rgb(0, 0, 0)");
      },
    };
    await walk(page, server, async (name) => {
      await weights.page(name);
      await everyLook(page, name === "tickets" ? ofTickets : {});
    });
    weights.light();
  });
});

test("paper shows the tickets and nothing to press", async ({ page, server }) => {
  const event = await server.simple("Paper", 10, 2000);
  await reserve(page, event.slug, "General admission", 1);
  await pay(page, "Succeed");
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("img", { name: "QR code of ticket 1" })).toBeVisible();
  for (const name of ["Events", "Add to calendar"]) await expect(page.getByRole("link", { name })).toBeHidden();
});

test("a page says who it is to search engines and previews", async ({ page, server }) => {
  const event = await server.concert({ name: "</script><script>alert(1)</script>" });
  await page.goto(`/e/${event.slug}`);
  await expect(page).toHaveTitle("</script><script>alert(1)</script> · Bilten");
  await expect(page.locator("meta[property='og:url']")).toHaveAttribute("content", `${server.url}/e/${event.slug}`);
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  const data = JSON.parse((await page.locator("script[type='application/ld+json']").textContent()) ?? "");
  expect(data).toMatchObject({ "@type": "Event", name: "</script><script>alert(1)</script>" });
});
