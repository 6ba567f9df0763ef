// Passkeys in a real browser, with the virtual authenticator of its debugger. covers: AUTH-4
import type { CDPSession, Page } from "@playwright/test";
import { accessible, expect, fits, phone, register, signIn, test, touchable } from "../support/test.ts";

interface Authenticator {
  session: CDPSession;
  id: string;
}

/** Plugs an authenticator into the page's browser: one that verifies its user and keeps names. */
async function plugIn(page: Page): Promise<Authenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { session, id: authenticatorId };
}

const credentials = async ({ session, id }: Authenticator) =>
  (await session.send("WebAuthn.getCredentials", { authenticatorId: id })).credentials;

/** Adds a passkey by the pages of the account. */
async function add(page: Page, name: string): Promise<void> {
  await page.goto("/account/passkeys");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Make a passkey" }).click();
}

const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

test.use(phone);

test("a passkey is added, signs in without a name, is a second step, and is removed", async ({ page, server }) => {
  const email = await register(page, server, "Ana Novak");
  await signIn(page, email);
  await expect(heading(page, "Profile")).toBeVisible();
  const authenticator = await plugIn(page);

  await page.goto("/account/passkeys/new");
  await accessible(page);
  await touchable(page);
  await fits(page);
  await add(page, "My phone");
  await expect(heading(page, "Your recovery codes")).toBeVisible();
  await expect(page.locator(".recovery-codes li")).toHaveCount(10);
  await accessible(page);
  await fits(page);
  await page.getByRole("link", { name: "I have kept them" }).click();
  await expect(heading(page, "Second step")).toBeVisible();
  await accessible(page);
  await touchable(page);
  await fits(page);
  const [made] = await credentials(authenticator);
  expect(made.isResidentCredential).toBe(true);
  expect(made.rpId).toBe("localhost");

  // The same authenticator makes no second one.
  await add(page, "Again");
  await expect(page.getByText("This device has a passkey for your account already.")).toBeVisible();
  await page.goto("/account/passkeys");
  await expect(page.getByRole("heading", { name: "My phone" })).toBeVisible();
  await accessible(page);
  await touchable(page);
  await fits(page);

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(heading(page, "Sign in")).toBeVisible();
  await page.goto("/sign-in?next=%2Faccount%2Fpasskeys");
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(heading(page, "Passkeys")).toBeVisible();
  await expect(page.getByText("last used")).toBeVisible();

  // A password alone is not enough any more.
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, email);
  await expect(heading(page, "The second step")).toBeVisible();
  await accessible(page);
  await touchable(page);
  await fits(page);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(heading(page, "Profile")).toBeVisible();

  await page.goto("/account/passkeys");
  await page.getByRole("button", { name: "Remove My phone" }).click();
  await expect(page.getByText("You have none yet.")).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByText("This passkey was not accepted.")).toBeVisible();
});

test("whoever does not verify themselves, or says no, is told so and can try again", async ({ page, server }) => {
  await signIn(page, await register(page, server, "Ana"));
  await expect(heading(page, "Profile")).toBeVisible();
  const { session, id } = await plugIn(page);
  await session.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: false });
  await add(page, "Phone");
  await expect(page.getByText("No passkey was used. You can try again.")).toBeVisible();
  await session.send("WebAuthn.setUserVerified", { authenticatorId: id, isUserVerified: true });
  await page.getByRole("button", { name: "Make a passkey" }).click();
  await expect(heading(page, "Your recovery codes")).toBeVisible();
});

test("without passkeys in the browser nothing of them is in the way", async ({ page, server }) => {
  const email = await register(page, server, "Ana Novak");
  await page.addInitScript(() => Reflect.deleteProperty(window, "PublicKeyCredential"));
  await page.goto("/sign-in");
  await expect(page.getByRole("button", { name: "Use a passkey" })).toBeHidden();
  await signIn(page, email);
  await expect(heading(page, "Profile")).toBeVisible();
  await page.goto("/account/passkeys/new");
  await expect(page.getByText("This browser knows no passkeys.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Make a passkey" })).toBeHidden();
});
