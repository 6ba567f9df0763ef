// Accounts, from choosing a password to signing out: on a phone and at a desk, with scripts and without, by
// keyboard; and every page of them in every look. covers: AUTH-1, AUTH-2, AUTH-6, AUTH-7, WEB-3, WEB-7
import type { Page } from "@playwright/test";
import { everyLook, weighing } from "../support/looks.ts";
import { desktop, expect, password, phone, register, signIn, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

const other = "trije mostovi ponoci 7";

for (const [place, use] of Object.entries({ phone, desktop })) {
  for (const javaScriptEnabled of [true, false]) {
    test.describe(`${place}, ${javaScriptEnabled ? "with" : "without"} scripts`, () => {
      test.use({ ...use, javaScriptEnabled });

      test("somebody chooses a password by a link, signs in, and out", async ({ page, server }) => {
        await page.goto("/");
        await page.getByRole("link", { name: "Account" }).click();
        await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
        const email = await register(page, server, "Žiga Kovač");
        await signIn(page, email);
        await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
        await expect(page.getByRole("banner")).toContainText("Žiga Kovač");
        await expect(page.getByText(email)).toBeVisible();
        await page.getByRole("button", { name: "Sign out" }).click();
        await expect(page.getByText("You are signed out.")).toBeVisible();
        await page.goto("/account");
        await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
      });

      test("a password is changed by who knows the old one", async ({ page, server }) => {
        const email = await register(page, server, "Eva");
        await signIn(page, email);
        await page.getByRole("link", { name: "Change the password" }).click();
        await page.getByLabel("Your password until now").fill(password);
        await page.getByLabel("New password").fill("short");
        await page.getByRole("button", { name: "Keep the new password" }).click();
        await expect(page.getByRole("alert")).toContainText("at least 10 characters");
        await page.getByLabel("Your password until now").fill(password);
        await page.getByLabel("New password").fill(other);
        await page.getByRole("button", { name: "Keep the new password" }).click();
        await expect(page.getByText("Your password is changed")).toBeVisible();
        await page.getByRole("button", { name: "Sign out" }).click();
        await expect(page.getByText("You are signed out.")).toBeVisible();
        await signIn(page, email);
        await expect(page.getByRole("alert")).toContainText("is not right");
        await signIn(page, email, other);
        await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
      });

      test("somebody registers by the link in the mail", async ({ page, server }) => {
        const email = `new.${Date.now()}.${Math.random().toString(36).slice(2)}@example.com`;
        await page.goto("/register");
        await page.getByLabel("Name").fill("Nova Oseba");
        await page.getByLabel("E-mail address").fill(email);
        await page.getByLabel("Password", { exact: true }).fill(password);
        await page.getByRole("button", { name: "Create the account" }).click();
        await expect(page.getByRole("heading", { level: 1, name: "Check your mail" })).toBeVisible();
        await page.goto(await server.link(email, "/verify"));
        await page.getByRole("button", { name: "Confirm" }).click();
        await expect(page.getByText("Your address is confirmed.")).toBeVisible();
        await signIn(page, email);
        await expect(page.getByRole("banner")).toContainText("Nova Oseba");
      });

      test("a forgotten password is chosen anew", async ({ page, server }) => {
        const email = await register(page, server, "Eva");
        await page.goto("/sign-in");
        await page.getByRole("link", { name: "Forgotten your password?" }).click();
        await page.getByLabel("E-mail address").fill(email);
        await page.getByRole("button", { name: "Send the link" }).click();
        await expect(page.getByText("If there is an account")).toBeVisible();
        await page.goto(await server.link(email, "/reset"));
        await page.getByLabel("New password").fill("short");
        await page.getByRole("button", { name: "Keep the new password" }).click();
        await expect(page.getByRole("alert")).toContainText("at least 10 characters");
        await page.getByLabel("New password").fill(other);
        await page.getByRole("button", { name: "Keep the new password" }).click();
        await expect(page.getByText("Your password is changed")).toBeVisible();
        await signIn(page, email);
        await expect(page.getByRole("alert")).toContainText("is not right");
        await signIn(page, email, other);
        await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
      });

      test("a mailed link signs in without a password", async ({ page, server }) => {
        const email = await register(page, server, "Ivo");
        await page.goto("/sign-in");
        await page.getByLabel("E-mail address").fill(email);
        await page.getByRole("button", { name: "Send a link to this address" }).click();
        await expect(page.getByRole("heading", { level: 1, name: "Check your mail" })).toBeVisible();
        await page.goto(await server.link(email, "/sign-in/link"));
        await page.getByRole("button", { name: "Sign in" }).click();
        await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
      });
    });
  }
}

test.describe("at a desk", () => {
  test.use(desktop);

  test("an owner invites somebody, who joins", async ({ page, browser, server }) => {
    const owner = await register(page, server, "Ana", "owner");
    const guest = await register(page, server, "Eva");
    await signIn(page, owner);
    await page.getByRole("link", { name: "Organisations" }).click();
    await page.getByRole("link", { name: /^Open/ }).click();
    await page.getByLabel("E-mail address").fill(guest);
    await page.getByRole("radio", { name: /^Door supervisor/ }).check();
    await page.getByRole("button", { name: "Send the invitation" }).click();
    await expect(page.getByText("The invitation is on its way.")).toBeVisible();
    const context = await browser.newContext({ baseURL: server.url });
    const elsewhere = await context.newPage();
    await elsewhere.goto(await server.link(guest, "/invitation"));
    await elsewhere.getByRole("link", { name: "Sign in" }).click();
    await signIn(elsewhere, guest);
    await elsewhere.getByRole("button", { name: "Join" }).click();
    await expect(elsewhere.getByText("Welcome: you belong to this organisation now.")).toBeVisible();
    await context.close();
    await page.reload();
    await expect(page.getByText("Door supervisor, since")).toBeVisible();
  });

  test("a copy of all data is had, and the account erased", async ({ page, server }) => {
    const email = await register(page, server, "Ana");
    await signIn(page, email);
    await page.getByRole("link", { name: "Privacy" }).click();
    await page.getByRole("button", { name: "Ask for a copy" }).click();
    const ready = page.getByRole("link", { name: "Download" });
    await expect(async () => {
      await page.reload();
      await expect(ready).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 30_000 });
    const download = page.waitForEvent("download");
    await ready.click();
    expect((await download).suggestedFilename()).toBe("bilten-data.zip");
    await page.getByLabel(/^Type/).fill("erase");
    await page.getByRole("button", { name: "Erase my account" }).click();
    await expect(page.getByText("Your account is erased.")).toBeVisible();
  });

  test("the keyboard alone is enough to sign in", async ({ page, server }) => {
    const email = await register(page, server, "Ana");
    await page.goto("/sign-in");
    const field = async (name: string) => {
      for (let i = 0; i < 12; i += 1) {
        await page.keyboard.press("Tab");
        if (await page.getByLabel(name, { exact: true }).evaluate((element) => element === document.activeElement)) return;
      }
      throw new Error(`Tab does not reach ${name}`);
    };
    await field("E-mail address");
    await page.keyboard.type(email);
    await field("Password");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toBeFocused();
    await expect(page).toHaveTitle(/^Problem: /);
    await expect(page.getByLabel("E-mail address")).toHaveValue(email);
    await field("Password");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  });

  test("another browser is seen and signed out", async ({ page, browser, server }) => {
    const email = await register(page, server, "Ana");
    await signIn(page, email);
    const context = await browser.newContext({ baseURL: server.url });
    const elsewhere = await context.newPage();
    await signIn(elsewhere, email);
    await expect(elsewhere.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
    await page.getByRole("link", { name: "Sessions", exact: true }).click();
    await expect(page.getByText("This one", { exact: true })).toHaveCount(1);
    await expect(page.getByRole("heading", { name: "Chrome on Linux" })).toHaveCount(2);
    await page.getByRole("listitem").filter({ hasText: "last seen" }).getByRole("button", { name: /Sign out/ }).click();
    await expect(page.getByText("That sign-in has ended.")).toBeVisible();
    await elsewhere.goto("/account");
    await expect(elsewhere.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
    await context.close();
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await expect(page.getByText("You are signed out everywhere.")).toBeVisible();
  });

  test("somebody who wanted a page comes to it after signing in", async ({ page, server }) => {
    const email = await register(page, server, "Ana");
    await page.goto("/account/organisations");
    await signIn(page, email);
    await expect(page.getByRole("heading", { level: 1, name: "Organisations" })).toBeVisible();
  });
});

/** Goes through the pages of accounts and calls `look` on each. */
async function walk(page: Page, server: Server, look: (name: string) => Promise<void>): Promise<void> {
  // Some thirty pages, each looked at whole in every look.
  test.setTimeout(300_000);
  const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbau <b>";
  for (const path of ["/sign-in", "/sign-in/organisation", "/register", "/forgotten", "/check-mail?for=registration", "/check-mail?for=link", "/reset?token=x"]) {
    await page.goto(path);
    await look(path);
  }
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await look("sign-in with faults");
  await page.goto("/register");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Create the account" }).click();
  await look("register with faults");
  await page.goto(await server.person(`look.${Date.now()}.${Math.random().toString(36).slice(2)}@example.com`, "Somebody"));
  await look("reset");
  const email = await register(page, server, long, "owner");
  await look("chosen");
  await signIn(page, email);
  await expect(page.getByRole("heading", { level: 1, name: "Profile" })).toBeVisible();
  for (const path of ["/account", "/account/password", "/account/email", "/account/identities", "/account/factors", "/account/passkeys", "/account/sessions", "/account/privacy", "/account/organisations", "/account/organisations/kino-siska", "/sign-in/again?next=/account"]) {
    await page.goto(path);
    await look(path);
  }
  await page.goto("/account/password");
  await page.getByRole("button", { name: "Keep the new password" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look("password with faults");
  await page.goto("/account/organisations/kino-siska");
  await page.getByLabel("E-mail address").fill("nothing");
  await page.getByRole("button", { name: "Send the invitation" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await look("organisation with faults");
  await page.getByRole("link", { name: /^Change/ }).first().click();
  await look("member");
  await page.goto("/account/factors");
  await page.getByRole("button", { name: "Add an authenticator app" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Authenticator app" })).toBeVisible();
  await look("authenticator app");
  await page.goto("/account/organisations/nowhere");
  await look("404");
}

test.describe("on a phone, a narrow one, and in the dark", () => {
  test.use(phone);
  test("axe finds nothing, everything fits and can be touched, and no page weighs 60 KB", async ({ page, server }) => {
    const weights = weighing(page);
    await walk(page, server, async (name) => {
      await weights.page(name);
      await everyLook(page);
    });
    weights.light();
  });
});
