// Runs every spec on each engine: SQLite always, PostgreSQL if BILTEN_TEST_POSTGRES names a server.
import { defineConfig } from "@playwright/test";
import type { Options } from "./support/server.ts";

const engines = process.env.BILTEN_TEST_POSTGRES ? ["sqlite", "postgres"] as const : ["sqlite"] as const;

export default defineConfig<object, Options>({
  testDir: "specs",
  // Pictures are for people, not a test.
  testIgnore: process.env.BILTEN_SHOTS ? [] : ["screens.spec.ts"],
  forbidOnly: !!process.env.CI,
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  reporter: [["./support/reporter.ts"]],
  use: {
    // Debian's browser: Playwright cannot download its own here.
    launchOptions: {
      executablePath: process.env.BILTEN_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
    screenshot: "only-on-failure",
    trace: "off",
  },
  projects: engines.map((engine) => ({ name: engine, use: { engine } })),
});
