// What an event asks is answered at the checkout on a phone, with scripts and without. covers: WEB-4, WEB-7
import { everyLook } from "../support/looks.ts";
import { expect, phone, reserve, test } from "../support/test.ts";
import type { Server } from "../support/server.ts";

interface Question {
  id: string;
}
interface Said {
  answers: Record<string, { value: unknown }>;
  tickets: { number: number; holder_name: string | null; answers: Record<string, { value: unknown }> }[];
}

const ask = async (server: Server, event: { id: string }, questions: object[]) => {
  const { version } = await server.api<{ version: number }>("GET", `/events/${event.id}`);
  const form = await server.api<{ questions: Question[] }>("PUT", `/events/${event.id}/questions`, { version, questions });
  return form.questions.map((one) => one.id);
};

const asked = [
  {
    label: { en: "Where do you come from?" },
    help: { en: "It is asked by those who pay for the theatre." },
    asks: { kind: "country" },
    per: "order",
    stage: "purchase",
    required: true,
  },
  {
    label: { en: "What do you eat?" },
    asks: {
      kind: "choice",
      choices: [
        { key: "all", label: { en: "Everything" } },
        { key: "other", label: { en: "Something else" } },
      ],
    },
    per: "ticket",
    stage: "purchase",
    required: true,
  },
  {
    label: { en: "What shall we cook?" },
    asks: { kind: "text", max_length: 100, lines: true },
    per: "ticket",
    stage: "purchase",
    required: true,
    when: [{ question: "#1", is: ["other"] }],
  },
  { label: { en: "Card of a student" }, asks: { kind: "file", accept: ["pdf"] }, per: "order", stage: "purchase" },
];

for (const javaScriptEnabled of [true, false]) {
  test.describe(`on a phone, ${javaScriptEnabled ? "with" : "without"} scripts`, () => {
    test.use({ ...phone, javaScriptEnabled });

    test("questions of the order and of each ticket are answered, and then bought with", async ({ page, server }) => {
      const event = await server.simple(`Dinner ${javaScriptEnabled}`, 10, 2000);
      const [country, eats, cook, card] = await ask(server, event, asked);
      await reserve(page, event.slug, "General admission", 2);
      const first = page.getByRole("group", { name: "Ticket 1 of 2: General admission" });
      const second = page.getByRole("group", { name: "Ticket 2 of 2: General admission" });
      const dish = (ticket: typeof first) => ticket.getByLabel("What shall we cook?");
      await expect(dish(first)).toBeVisible({ visible: !javaScriptEnabled });
      if (javaScriptEnabled) await everyLook(page);

      // Nothing is answered but one question, and a file is there already.
      await page.getByLabel("Name", { exact: true }).fill("Ana Novak");
      await page.getByLabel("E-mail address", { exact: true }).fill("ana@example.com");
      await page.getByLabel("Card of a student").setInputFiles({ name: "card.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7 card") });
      await first.getByRole("radio", { name: "Something else" }).check();
      await expect(dish(first)).toBeVisible();
      await expect(dish(second)).toBeVisible({ visible: !javaScriptEnabled });
      await page.getByRole("button", { name: "Pay" }).click();

      // The summary leads to each of them, and what was answered is still there.
      const summary = page.getByRole("alert");
      await expect(summary.getByRole("link")).toHaveCount(3);
      await expect(page.getByText("Sent already: card.pdf")).toBeVisible();
      await expect(first.getByRole("radio", { name: "Something else" })).toBeChecked();
      if (javaScriptEnabled) await everyLook(page);
      await summary.getByRole("link", { name: "“Where do you come from?” must be answered." }).click();
      await page.getByLabel("Where do you come from?").selectOption("Slovenia");
      await dish(first).fill("Štruklji\nwith nothing");
      await second.getByRole("radio", { name: "Everything" }).check();
      await second.getByLabel("Name of who comes").fill("Bor Kos");
      await page.getByRole("button", { name: "Pay" }).click();

      await expect(page.getByRole("article")).toHaveCount(2);
      await expect(page.getByRole("main")).toContainText("Bor Kos");
      const { items } = await server.api<{ items: { id: string }[] }>("GET", `/events/${event.id}/orders`);
      const said = await server.api<Said>("GET", `/orders/${items[0].id}/answers`);
      expect(said.answers[country].value).toBe("SI");
      expect(said.answers[card].value).toMatch(/^fil_/);
      expect(said.tickets.map((one) => one.answers[eats].value)).toEqual(["other", "all"]);
      expect(said.tickets.map((one) => one.answers[cook]?.value)).toEqual(["Štruklji\nwith nothing", undefined]);
      expect(said.tickets[1].holder_name).toBe("Bor Kos");
    });
  });
}
