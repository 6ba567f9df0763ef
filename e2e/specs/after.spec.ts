// What happens after and beside a sale: a ticket is given to somebody, somebody waits for one. With
// scripts and without, seen by axe. covers: BE-2, WEB-2, WEB-4, WEB-7
import { accessible, desktop, expect, fits, pay, phone, reserve, test, touchable } from "../support/test.ts";
import type { Page } from "@playwright/test";

async function look(page: Page): Promise<void> {
  await fits(page);
  await touchable(page);
  await accessible(page);
}

test.describe("on a phone", () => {
  test.use(phone);

  test("a ticket is given to somebody, and its code goes with it", async ({ page, server }) => {
    const event = await server.simple("Given", 10, 2000);
    await reserve(page, event.slug, "General admission", 1);
    await pay(page, "Succeed");
    const order = page.url();
    await page.getByRole("link", { name: /Give it to somebody/ }).click();
    await look(page);
    await page.getByRole("button", { name: "Offer the ticket" }).click();
    await expect(page.getByRole("alert")).toBeVisible();
    await look(page);
    await page.getByLabel("Their e-mail address").fill("bor.given@example.com");
    await page.getByRole("button", { name: "Offer the ticket" }).click();
    await expect(page.getByText("bor.given@example.com")).toBeVisible();
    await look(page);

    await page.goto(await server.link("bor.given@example.com", "/transfers/[a-z0-9_]+"));
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("A ticket for you");
    await look(page);
    await page.getByRole("button", { name: "Accept the ticket" }).click();
    await expect(page.getByRole("alert")).toBeVisible();
    await look(page);
    await page.getByLabel("Your name").fill("Bor Kos");
    await page.getByRole("button", { name: "Accept the ticket" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your ticket");
    await expect(page.getByRole("article")).toContainText("Bor Kos");
    await expect(page.getByRole("img", { name: "QR code of the ticket" })).toBeVisible();
    await look(page);

    await page.goto(order);
    await expect(page.getByRole("article")).toHaveCount(0);
    await expect(page.getByText("One ticket of this order was passed on")).toBeVisible();
    await look(page);
  });
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(`${javaScriptEnabled ? "with" : "without"} scripts`, () => {
    test.use({ ...desktop, javaScriptEnabled });

    test("a ticket is offered, declined and taken back", async ({ page, server }) => {
      const to = `cene.${javaScriptEnabled}@example.com`;
      const event = await server.simple("Offered", 10, 2000);
      await reserve(page, event.slug, "General admission", 1);
      await pay(page, "Succeed");
      const order = page.url();
      await page.getByRole("link", { name: /Give it to somebody/ }).click();
      await page.getByLabel("Their e-mail address").fill(to);
      await page.getByRole("button", { name: "Offer the ticket" }).click();
      const offer = await server.link(to, "/transfers/[a-z0-9_]+");
      await page.goto(offer);
      await page.getByRole("button", { name: "Decline" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("You declined this ticket");
      await page.goto(order);
      await page.getByRole("link", { name: /Give it to somebody/ }).click();
      await page.getByLabel("Their e-mail address").fill(`again.${to}`);
      await page.getByRole("button", { name: "Offer the ticket" }).click();
      await page.getByRole("button", { name: "Take the offer back" }).click();
      await expect(page.getByRole("article")).toHaveCount(1);
    });

    test("who waits is offered what comes back", async ({ page, server }) => {
      const to = `dana.${javaScriptEnabled}@example.com`;
      const event = await server.simple(`Waited for ${javaScriptEnabled}`, 1, 2000);
      await reserve(page, event.slug, "General admission", 1);
      await pay(page, "Succeed");
      const id = new URL(page.url()).pathname.split("/")[2];
      await page.goto(`/e/${event.slug}`);
      await page.getByRole("link", { name: /Join the waitlist/ }).click();
      if (javaScriptEnabled) await look(page);
      await page.getByLabel("E-mail address").fill(to);
      await page.getByRole("button", { name: "Join the waitlist" }).click();
      await expect(page.getByText(to)).toBeVisible();
      if (javaScriptEnabled) await look(page);
      await page.goto(await server.link(to, "/waitlist/[a-z0-9_]+"));
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("You are on the waitlist");
      if (javaScriptEnabled) await look(page);

      await server.api("POST", `/orders/${id}/refund`, {});
      await expect(async () => {
        await page.reload();
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tickets for you");
      }).toPass({ timeout: 20_000 });
      if (javaScriptEnabled) await look(page);
      await page.getByRole("link", { name: "Buy the tickets" }).click();
      await pay(page, "Succeed");
      await expect(page.getByRole("article")).toHaveCount(1);
    });
  });
}
