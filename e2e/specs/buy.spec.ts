// From the list of events to the tickets, as a person would go: on a phone and at a desk, with
// scripts and without, by keyboard, and over a network that loses answers. covers: WEB-4, PAY-1, PAY-8
import { desktop, expect, pay, phone, reserve, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

const orders = async (server: Server, event: { id: string }) =>
  (await server.api<{ items: { state: string }[] }>("GET", `/events/${event.id}/orders`)).items;

for (const [place, use] of Object.entries({ phone, desktop })) {
  for (const javaScriptEnabled of [true, false]) {
    test.describe(`${place}, ${javaScriptEnabled ? "with" : "without"} scripts`, () => {
      test.use({ ...use, javaScriptEnabled });

      test("tickets are chosen, paid and shown", async ({ page, server }) => {
        const event = await server.concert({ name: `Concert ${place} ${javaScriptEnabled}` });
        await page.goto("/");
        await page.getByRole("link", { name: `Concert ${place} ${javaScriptEnabled}` }).click();
        await expect(page.getByText("12 left")).toBeVisible();
        await expect(page.getByText("Sold out")).toBeVisible();
        await expect(page.getByText("On sale from")).toBeVisible();
        await page.getByLabel("Quantity of Standing").selectOption("2");
        await page.getByLabel("Quantity of Balcony").selectOption("1");
        await page.getByRole("button", { name: "Reserve tickets" }).click();

        await expect(page.getByText("held for you until")).toBeVisible();
        await expect(page.getByText("€109.00", { exact: true })).toBeVisible();
        await expect(page.getByText("Test mode.")).toBeVisible();
        await pay(page, "Succeed");

        await expect(page.getByRole("heading", { level: 1, name: "Your tickets" })).toBeVisible();
        await expect(page.getByRole("article")).toHaveCount(3);
        await expect(page.getByRole("img", { name: /^QR code of ticket/ })).toHaveCount(3);
        await expect(page.getByRole("article").first()).toContainText("Ana Novak");

        const picture = await page.request.get((await page.getByRole("link", { name: /Save as picture/ }).first().getAttribute("href")) ?? "");
        expect(picture.headers()["content-type"]).toBe("image/png");
        expect((await picture.body()).subarray(1, 4).toString()).toBe("PNG");
        const calendar = await page.request.get((await page.getByRole("link", { name: "Add to calendar" }).getAttribute("href")) ?? "");
        expect(await calendar.text()).toContain("BEGIN:VEVENT");
        expect(await orders(server, event)).toMatchObject([{ state: "paid" }]);
      });

      test("a declined payment is explained and can be tried again", async ({ page, server }) => {
        const event = await server.simple("Declined", 10, 2000);
        await reserve(page, event.slug, "General admission", 2);
        await pay(page, "Decline");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("The payment did not go through");
        await expect(page.getByText("there is not enough money")).toBeVisible();
        await page.getByRole("radio", { name: "Succeed" }).check();
        await page.getByRole("button", { name: "Pay €40.00" }).click();
        await expect(page.getByRole("article")).toHaveCount(2);
      });

      test("a late payment turns into tickets by itself", async ({ page, server }) => {
        const event = await server.simple("Late", 10, 2000);
        await reserve(page, event.slug, "General admission", 1);
        await pay(page, "Late answer");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Waiting for your payment");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your tickets", { timeout: 25_000 });
      });
    });
  }
}

test.describe("at a desk", () => {
  test.use(desktop);

  test("the keyboard alone is enough", async ({ page, server }) => {
    const event = await server.simple("Keyboard", 10, 2000);
    const tabTo = async (name: string, role: "combobox" | "textbox" | "radio" | "button" | "link") => {
      const target = page.getByRole(role, { name }).first();
      for (let i = 0; i < 30; i += 1) {
        await page.keyboard.press("Tab");
        if (await target.evaluate((element) => element === document.activeElement)) {
          await expect(target).toBeInViewport();
          return;
        }
      }
      throw new Error(`Tab does not reach ${role} ${name}`);
    };
    await page.goto(`/e/${event.slug}`);
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Skip to the content" })).toBeInViewport();
    await page.keyboard.press("Enter");
    await tabTo("Quantity of General admission", "combobox");
    await page.keyboard.press("2");
    await tabTo("Reserve tickets", "button");
    await page.keyboard.press("Enter");
    await tabTo("Name", "textbox");
    await page.keyboard.type("Žiga Kovač");
    await page.keyboard.press("Tab");
    await page.keyboard.type("not an address");
    await page.keyboard.press("Enter");

    // The summary has the focus, its link leads to the field, and what was written is still there.
    await expect(page.getByRole("alert")).toBeFocused();
    await expect(page).toHaveTitle(/^Problem: /);
    await tabTo("e-mail address", "link");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("ziga@example.com");
    await expect(page.getByLabel("Name")).toHaveValue("Žiga Kovač");
    await tabTo("Succeed", "radio");
    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("radio", { name: "Decline" })).toBeChecked();
    await page.keyboard.press("ArrowUp");
    await tabTo("Pay", "button");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("article")).toHaveCount(2);
  });

  test("an impatient double click buys once", async ({ page, server }) => {
    const event = await server.simple("Impatient", 10, 2000);
    await reserve(page, event.slug, "General admission", 1);
    await page.getByLabel("Name").fill("Ana");
    await page.getByLabel("E-mail address").fill("ana@example.com");
    await page.getByRole("button", { name: "Pay" }).dblclick();
    await expect(page.getByRole("article")).toHaveCount(1);
    expect(await orders(server, event)).toHaveLength(1);
  });

  test("an answer that the network lost is found again, and nothing is bought twice", async ({ page, server }) => {
    const event = await server.simple("Lost", 10, 2000);
    await reserve(page, event.slug, "General admission", 1);
    const checkout = page.url();
    await page.route("**/checkout/*", async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      await route.fetch({ maxRedirects: 0 });
      await route.abort("connectionreset");
    });
    await page.getByLabel("Name").fill("Ana");
    await page.getByLabel("E-mail address").fill("ana@example.com");
    await page.getByRole("button", { name: "Pay" }).click();
    await page.waitForURL("chrome-error://**");
    await page.unroute("**/checkout/*");
    await page.goto(checkout);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your tickets");
    expect(await orders(server, event)).toHaveLength(1);
  });

  test("the back button after buying leads to the tickets", async ({ page, server }) => {
    const event = await server.simple("Back", 10, 2000);
    await reserve(page, event.slug, "General admission", 1);
    await pay(page, "Succeed");
    await expect(page.getByRole("article")).toHaveCount(1);
    await page.goBack();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your tickets");
  });

  test("who is too late is told what is left", async ({ page, context, server }) => {
    const event = await server.simple("Race", 5, 2000);
    await page.goto(`/e/${event.slug}`);
    await page.getByLabel("Quantity of General admission").selectOption("4");
    const other = await context.newPage();
    await reserve(other, event.slug, "General admission", 3);
    await page.getByRole("button", { name: "Reserve tickets" }).click();
    await expect(page.getByRole("alert")).toBeFocused();
    await expect(page.getByRole("alert")).toContainText("General admission: only 2 left.");
    await expect(page.getByLabel("Quantity of General admission")).toHaveValue("2");

    await other.getByRole("button", { name: "Give up these tickets" }).click();
    await expect(other.getByText("5 left")).toBeVisible();
  });

  test("tickets that are held keep their price when it rises", async ({ page, server }) => {
    const event = await server.simple("Dearer", 10, 2000);
    await reserve(page, event.slug, "General admission", 1);
    await server.api("PATCH", `/events/${event.id}/tiers/${event.tiers[0].id}`, { version: event.version, price_minor: 2500 });
    await page.waitForTimeout(1100); // offers are kept for a second
    await page.reload();
    await expect(page.getByRole("button", { name: "Pay €20.00" })).toBeVisible();
    await pay(page, "Succeed");
    await expect(page.getByRole("article")).toHaveCount(1);
    await page.goto(`/e/${event.slug}`);
    await expect(page.getByRole("main")).toContainText("€25.00");
  });

  test("a free event asks for no payment", async ({ page, server }) => {
    const event = await server.simple("Free", 10, 0);
    await page.goto(`/e/${event.slug}`);
    await page.getByRole("button", { name: "Reserve tickets" }).click();
    await expect(page.getByText("Test mode.")).toHaveCount(0);
    await page.getByLabel("Name").fill("Ana");
    await page.getByLabel("E-mail address").fill("ana@example.com");
    await page.getByRole("button", { name: "Get the tickets" }).click();
    await expect(page.getByRole("article")).toHaveCount(1);
  });
});
