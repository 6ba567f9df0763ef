// An authenticator app, by the pages: set up, asked for, and the codes for when it is lost. covers: AUTH-3
import { accessible, expect, fits, password, phone, register, signIn, test, touchable } from "../support/test.ts";
import { appCode } from "../support/totp.ts";
import type { Page } from "@playwright/test";

async function good(page: Page): Promise<void> {
  await accessible(page);
  await touchable(page);
  await fits(page);
}

const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

test.use(phone);

test("an authenticator app is set up, asked for, and replaced by a recovery code", async ({ page, server }) => {
  const email = await register(page, server, "Ana Novak");
  await signIn(page, email);
  await expect(heading(page, "Profile")).toBeVisible();
  await page.goto("/account/factors");
  await good(page);
  await page.getByRole("button", { name: "Add an authenticator app" }).click();
  await expect(heading(page, "Authenticator app")).toBeVisible();
  await good(page);
  const secret = await page.locator("code.secret").innerText();
  await page.getByLabel("Code", { exact: true }).fill("x");
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await good(page);
  await page.getByLabel("Code", { exact: true }).fill(appCode(secret));
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(heading(page, "Your recovery codes")).toBeVisible();
  const recovery = await page.locator(".recovery-codes code").first().innerText();

  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, email);
  await expect(heading(page, "The second step")).toBeVisible();
  await good(page);
  await page.getByLabel("Code of the app").fill("x");
  await page.getByRole("button", { name: "Go on" }).first().click();
  await expect(page.getByRole("alert")).toBeVisible();
  await good(page);
  await page.getByLabel("Recovery code").fill(recovery);
  await page.getByRole("button", { name: "Go on" }).last().click();
  await expect(heading(page, "Profile")).toBeVisible();

  await page.goto("/sign-in/again?next=/account/factors");
  await good(page);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(heading(page, "The second step")).toBeVisible();
  await page.goto("/account/factors");
  await expect(page.getByText("9 are left")).toBeVisible();
  await page.getByRole("button", { name: "Remove Authenticator app" }).click();
  await expect(page.getByText("It is removed.")).toBeVisible();
  await good(page);
});
