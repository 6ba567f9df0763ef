// A buyer changes their own order: another kind of ticket, another date, another name, giving back. With scripts and
// without, seen by axe, from right to left and in the dark. covers: BE-2, WEB-2, WEB-4, WEB-7
import { everyLook } from "../support/looks.ts";
import { desktop, expect, pay, phone, reserve, test } from "../support/test.ts";

test.describe("on a phone", () => {
  test.use(phone);

  test("a dearer ticket is chosen, looked at, confirmed and paid", async ({ page, server }) => {
    test.slow();
    const event = await server.concert({ name: "Changed" });
    await reserve(page, event.slug, "Standing", 2);
    await pay(page, "Succeed");
    await expect(page.getByRole("article")).toHaveCount(2);
    const order = page.url();
    await page.getByRole("link", { name: "Change or return tickets" }).click();
    const heading = page.getByRole("heading", { level: 1 });
    await expect(heading).toHaveText("Change or return tickets");
    await expect(page.locator("meta[name=robots]")).toHaveAttribute("content", "noindex");
    await everyLook(page);

    // What is missing is said, where the reader is, and leads to where it is mended.
    await page.getByRole("button", { name: "See what it comes to" }).click();
    const alert = page.getByRole("alert");
    await expect(alert).toBeFocused();
    await expect(page).toHaveTitle(/^Problem: /);
    await alert.getByRole("link", { name: "Please tick at least one ticket." }).click();
    await expect(page.getByRole("group", { name: "Which tickets?" })).toBeFocused();
    await everyLook(page);

    await page.getByRole("checkbox", { name: /Standing/ }).first().check();
    // What a choice asks for is shown with it.
    await expect(page.getByLabel("New kind of ticket")).toBeHidden();
    await page.getByRole("radio", { name: "Another kind of ticket" }).check();
    await expect(page.getByLabel("New kind of ticket")).toBeVisible();
    await expect(page.getByLabel("Name of whoever comes")).toBeHidden();
    await page.getByRole("button", { name: "See what it comes to" }).click();
    await expect(page.getByLabel("New kind of ticket")).toHaveAttribute("aria-invalid", "true");
    await everyLook(page);
    await page.getByLabel("New kind of ticket").selectOption({ label: "Balcony, €45.00" });
    await page.getByRole("button", { name: "See what it comes to" }).click();
    await expect(heading).toHaveText("Your change");
    await expect(page.getByRole("row")).toHaveCount(5);
    await expect(page.getByText("within 15 minutes")).toBeVisible();
    await everyLook(page);

    await page.getByRole("button", { name: "Confirm, then pay €13.00" }).click();
    await expect(heading).toHaveText("Pay for your change");
    await everyLook(page);
    await page.goto(order);
    await page.getByRole("link", { name: "See the change and pay" }).click();
    await page.getByRole("radio", { name: "Decline" }).check();
    await page.getByRole("button", { name: "Pay €13.00" }).click();
    await expect(heading).toHaveText("The payment did not go through");
    await page.getByRole("radio", { name: "Late answer" }).check();
    await page.getByRole("button", { name: "Pay €13.00" }).click();
    await expect(heading).toHaveText("Your order is changed", { timeout: 20_000 });
    await everyLook(page);
    await page.getByRole("link", { name: "To your tickets" }).click();
    await expect(page.getByRole("article").filter({ hasText: "Balcony" })).toHaveCount(1);
    await expect(page.getByRole("article")).toHaveCount(2);
  });

  test("what cannot be done any more is said in sentences", async ({ page, server }) => {
    const soon = new Date(Date.now() + 3_000_000).toISOString();
    const later = new Date(Date.now() + 9_000_000).toISOString();
    const event = await server.simple("Soon", 10, 2000, { occurrences: [{ starts_at: soon, ends_at: later }] });
    await reserve(page, event.slug, "General admission", 1);
    await pay(page, "Succeed");
    await page.getByRole("link", { name: "Change or return tickets" }).click();
    await expect(page.getByText("Nothing of this order can be changed here now.")).toBeVisible();
    await expect(page.getByText("It is too close to the doors")).toBeVisible();
    await everyLook(page);
  });
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(`${javaScriptEnabled ? "with" : "without"} scripts`, () => {
    test.use({ ...desktop, javaScriptEnabled });

    test("tickets are given back, and somebody else comes with one", async ({ page, server }) => {
      const event = await server.simple(`Given back ${javaScriptEnabled}`, 10, 2000);
      await reserve(page, event.slug, "General admission", 3);
      await pay(page, "Succeed");
      await page.getByRole("link", { name: "Change or return tickets" }).click();
      await page.getByRole("checkbox").nth(1).check();
      await page.getByRole("radio", { name: "Give back" }).check();
      await page.getByRole("button", { name: "See what it comes to" }).click();
      await page.getByRole("link", { name: "Choose something else" }).click();
      await page.getByRole("checkbox").nth(0).check();
      await page.getByRole("radio", { name: "Give back" }).check();
      await page.getByRole("button", { name: "See what it comes to" }).click();
      await page.getByRole("button", { name: "Confirm and get €20.00 back" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your order is changed");
      await expect(page.getByText("€20.00 goes back the way you paid.")).toBeVisible();
      await page.getByRole("link", { name: "To your tickets" }).click();
      await expect(page.getByRole("img", { name: /QR code of ticket/ })).toHaveCount(2);

      await page.getByRole("link", { name: "Change or return tickets" }).click();
      await page.getByRole("checkbox").first().check();
      await page.getByRole("radio", { name: "Another name" }).check();
      await page.getByLabel("Name of whoever comes").fill("בר קוס");
      await page.getByRole("button", { name: "See what it comes to" }).click();
      await expect(page.getByText("In the name of בר קוס from now on")).toBeVisible();
      await page.getByRole("button", { name: "Confirm the change" }).click();
      await page.getByRole("link", { name: "To your tickets" }).click();
      await expect(page.getByRole("article").filter({ hasText: "בר קוס" })).toHaveCount(1);
    });

    test("another date of a series is chosen, and a change is given up", async ({ page, server }) => {
      const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
      const date = (days: number) => ({ starts_at: day(days), ends_at: day(days + 0.1) });
      const event = await server.concert({
        name: `Series ${javaScriptEnabled}`,
        occurrences: [date(30), date(31), date(32)],
        tiers: [
          { name: "Evening", price_minor: 2000, capacity: 5, per_date: true },
          { name: "Evening with dinner", price_minor: 6000, capacity: 5, per_date: true },
        ],
      });
      const { occurrences } = await server.api<{ occurrences: { id: string }[] }>("GET", `/events/${event.id}`);
      const bought = await server.api<{ order: { id: string }; token: string }>("POST", "/shop/orders", {
        event: event.id,
        items: [{ tier: event.tiers[0].id, quantity: 1, occurrence: occurrences[0].id }],
        buyer: { email: "ana@example.com", name: "Ana Novak" },
        payment: { method: "sandbox", outcome: "succeed" },
      });
      const order = `/orders/${bought.order.id}?token=${bought.token}`;
      await page.goto(order);
      await page.getByRole("link", { name: "Change or return tickets" }).click();
      // The only ticket is ticked already.
      await expect(page.getByRole("checkbox")).toBeChecked();
      await page.getByRole("radio", { name: "Another date" }).check();
      await page.getByLabel("New date").selectOption({ index: 1 });
      await page.getByRole("button", { name: "See what it comes to" }).click();
      await page.getByRole("button", { name: "Confirm the change" }).click();
      const heading = page.getByRole("heading", { level: 1 });
      await expect(heading).toHaveText("Your order is changed");

      await page.getByRole("link", { name: "To your tickets" }).click();
      await page.getByRole("link", { name: "Change or return tickets" }).click();
      await page.getByRole("radio", { name: "Another kind of ticket" }).check();
      await page.getByLabel("New kind of ticket").selectOption({ label: "Evening with dinner, €60.00" });
      await page.getByRole("button", { name: "See what it comes to" }).click();
      await page.getByRole("button", { name: "Confirm, then pay €40.00" }).click();
      await expect(heading).toHaveText("Pay for your change");
      await page.getByRole("button", { name: "Give this change up" }).click();
      await expect(heading).toHaveText("Nothing was changed");
      if (javaScriptEnabled) await everyLook(page);
      await page.getByRole("link", { name: "Back to your tickets" }).click();
      await expect(page.getByRole("article")).toContainText("Evening");
      await expect(page.getByRole("article")).not.toContainText("dinner");
    });
  });
}
