// Pictures of all pages, to look at: BILTEN_SHOTS=FOLDER scripts/e2e screens
import { desktop, expect, pay, phone, register, reserve, signIn, test } from "../support/test.ts";
import { appCode } from "../support/totp.ts";

const folder = process.env.BILTEN_SHOTS;

const looks = {
  phone: phone,
  desktop: desktop,
  dark: { ...phone, colorScheme: "dark" as const },
};

for (const [look, use] of Object.entries(looks)) {
  test.describe(look, () => {
    test.use(use);
    for (const dir of look === "dark" ? ["ltr"] : ["ltr", "rtl"]) {
      test(`screens ${dir}`, async ({ page, server }) => {
        const shot = async (name: string) => {
          await page.evaluate((dir) => (document.documentElement.dir = dir), dir);
          await page.screenshot({ path: `${folder}/${look}-${dir}-${name}.png`, fullPage: true });
        };
        const event = await server.concert();
        await server.simple("Poletni večer pod kostanji", 80, 0);
        await server.simple("Dve predstavi", 80, 1250, {
          currency: "CHF",
          venue_name: "Gledališče z zelo dolgim imenom v Zgornjem Kašlju",
        });
        await page.goto("/");
        await shot("home");
        await page.goto(`/e/${event.slug}`);
        await shot("event");
        await page.getByRole("button", { name: "Reserve tickets" }).click();
        await shot("event-fault");
        await reserve(page, event.slug, "Standing", 2);
        await shot("checkout");
        await page.getByRole("button", { name: "Pay" }).click();
        await shot("checkout-fault");
        await pay(page, "Decline");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("The payment did not go through");
        await shot("declined");
        await page.getByRole("radio", { name: "Late answer" }).check();
        await page.getByRole("button", { name: "Pay" }).click();
        await shot("waiting");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Your tickets", { timeout: 15_000 });
        await shot("tickets");
        await page.emulateMedia({ media: "print" });
        await shot("print");
        await page.emulateMedia({ media: "screen" });
        await page.getByRole("link", { name: "Change or return tickets" }).click();
        await shot("change");
        await page.getByRole("button", { name: "See what it comes to" }).click();
        await shot("change-fault");
        await page.getByRole("checkbox").first().check();
        await page.getByRole("radio", { name: "Another kind of ticket" }).check();
        await page.getByLabel("New kind of ticket").selectOption({ index: 1 });
        await page.getByRole("button", { name: "See what it comes to" }).click();
        await shot("change-preview");
        await page.getByRole("button", { name: /^Confirm/ }).click();
        await shot("change-pay");
        await page.goto("/e/nowhere");
        await shot("missing");
      });

      test(`screens of accounts ${dir}`, async ({ page, server }) => {
        const shot = async (name: string) => {
          await page.evaluate((dir) => (document.documentElement.dir = dir), dir);
          await page.screenshot({ path: `${folder}/${look}-${dir}-account-${name}.png`, fullPage: true });
        };
        for (const name of ["sign-in", "register", "forgotten"]) {
          await page.goto(`/${name}`);
          await shot(name);
        }
        await page.getByRole("button", { name: "Send the link" }).click();
        await shot("forgotten-fault");
        await page.goto("/reset?token=x");
        await shot("link-gone");
        await page.goto("/check-mail?for=registration");
        await shot("check-mail");
        const email = await register(page, server, "Maja Kovač Zupančič", "owner");
        await shot("chosen");
        await signIn(page, email);
        for (const name of [
          "",
          "/password",
          "/email",
          "/factors",
          "/passkeys",
          "/passkeys/new",
          "/sessions",
          "/privacy",
          "/organisations",
          "/organisations/kino-siska",
        ]) {
          await page.goto(`/account${name}`);
          await shot(`home${name.replaceAll("/", "-")}`);
        }
        await page.goto("/sign-in/again?next=/account");
        await shot("again");
        await page.goto("/account/factors");
        await page.getByRole("button", { name: "Add an authenticator app" }).click();
        const secret = await page.locator("code.secret").innerText();
        await page.getByLabel("Code", { exact: true }).fill("x");
        await page.getByRole("button", { name: "Confirm" }).click();
        await shot("app-fault");
        await page.getByLabel("Code", { exact: true }).fill(appCode(secret));
        await page.getByRole("button", { name: "Confirm" }).click();
        await shot("recovery-codes");
        await page.getByRole("button", { name: "Sign out" }).click();
        await signIn(page, email);
        await shot("second-step");
      });
    }
  });
}
