// A page in every look: on a phone, on the narrowest one from left and from right, at a desk in the dark.
import type { Page } from "@playwright/test";
import { accessible, desktop, expect, fits, phone, touchable } from "./test.ts";

const narrow = { width: 320, height: 640 };

/** What else is to be so on a page, in one look. */
interface Also {
  narrow?: () => Promise<void>;
  dark?: () => Promise<void>;
}

/** Looks at the page as it is on a phone, without going anywhere else: what is filled in stays. */
export async function everyLook(page: Page, also: Also = {}): Promise<void> {
  await accessible(page);
  await touchable(page);
  await page.setViewportSize(narrow);
  await fits(page);
  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  await fits(page);
  await page.evaluate(() => (document.documentElement.dir = "ltr"));
  await also.narrow?.();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize(desktop.viewport);
  await accessible(page);
  await also.dark?.();
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(phone.viewport);
}

/** Weighs pages from their request to when nothing more comes; gives what says that none is too heavy. */
export function weighing(page: Page): { page: (name: string) => Promise<void>; light: () => void } {
  let weight = 0;
  const weights: Record<string, number> = {};
  page.on("request", (request) => {
    if (request.isNavigationRequest()) weight = 0;
  });
  page.on("response", async (response) => {
    weight += (await response.body().catch(() => Buffer.alloc(0))).length;
  });
  return {
    page: async (name) => {
      await page.waitForLoadState("networkidle");
      weights[name] = weight;
    },
    light: () => {
      expect(Object.keys(weights).length, "pages that were weighed").toBeGreaterThan(5);
      for (const [name, bytes] of Object.entries(weights)) expect(bytes, name).toBeLessThan(60_000);
    },
  };
}
