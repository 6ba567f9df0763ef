// From a new event to a ticket in a buyer's hands. covers: GW-7
//
//   BILTEN_URL=https://… BILTEN_KEY=… node main.js
//   node main.js webhooks ../webhooks.json

import { readFileSync } from "node:fs";
import {
    BiltenError, bilten, createEvent, createEventTier, createShopHold, createShopOrder, createShopOrderPayment,
    getShopOrder, getShopOrderTicketQr, items, listEvents, publishEvent, verifyWebhook, type EventInput,
} from "bilten-sdk";

const HOUR = 3_600_000;

function draft(name: string): EventInput {
    const at = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
    return {
        name,
        time_zone: "Europe/Ljubljana",
        currency: "EUR",
        venue_name: "Kino Center",
        occurrences: [{ starts_at: at(24), ends_at: at(28) }],
    };
}

async function sell(baseUrl: string, key: string) {
    const client = bilten({ baseUrl, token: key });

    // The organiser: an event with a tier, on sale.
    const { data: event } = await createEvent({ client, body: draft("Polka Night by TypeScript") });
    const path = { event: event.id };
    const standing = { name: "Standing", price_minor: 2400, capacity: 5 };
    const { data: drafted } = await createEventTier({ client, path, body: standing });
    const tier = drafted.tiers[0]!.id;
    const { data: published } = await publishEvent({ client, path });
    console.log(`event ${published.id} ${published.state}`);
    await createEvent({ client, body: draft("Polka Night by TypeScript, the day after") });

    // All events, two pages at least.
    let listed = 0;
    for await (const one of items((cursor) => listEvents({ client, query: cursor ? { cursor, limit: 1 } : { limit: 1 } }))) {
        if (one.name.includes("by TypeScript")) listed++;
    }
    console.log(`listed ${listed}`);

    // The buyer: two tickets are held, the first card is declined, the second is not.
    const wanted = [{ tier, quantity: 2 }];
    const { data: hold } = await createShopHold({ client, body: { event: event.id, items: wanted } });
    const { data: pending } = await createShopOrder({
        client,
        body: {
            event: event.id,
            hold: hold.id,
            buyer: { name: "Ana TypeScript", email: "ana@example.com" },
            payment: { method: "sandbox", outcome: "decline" },
        },
    });
    console.log(`order ${pending.order.id} ${pending.order.state} ${pending.payment.state}`);

    const buyer = bilten({ baseUrl, token: pending.token });
    const order = { order: pending.order.id };
    await createShopOrderPayment({ client: buyer, path: order, body: { payment: { method: "sandbox", outcome: "succeed" } } });
    const { data: paid } = await getShopOrder({ client: buyer, path: order });
    console.log(`order ${paid.order.id} ${paid.order.state} ${paid.payment.state}`);
    for (const ticket of paid.tickets) {
        const { data: picture } = await getShopOrderTicketQr({ client: buyer, path: { ...order, ticket: ticket.id, format: "png" } });
        const head = Buffer.from(await (picture as Blob).slice(1, 4).arrayBuffer()).toString();
        console.log(`ticket ${ticket.id} ${ticket.code.slice(0, 4)} ${head}`);
    }

    // What the server refuses has a code.
    try {
        await createShopHold({ client, body: { event: event.id, items: [{ tier, quantity: 4 }] } });
    } catch (error) {
        if (!(error instanceof BiltenError)) throw error;
        console.log(`refused ${error.status} ${error.code}`);
    }
}

async function webhooks(file: string) {
    for (const { name, secret, id, timestamp, signature, body, now } of JSON.parse(readFileSync(file, "utf8"))) {
        const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
        const isValid = await verifyWebhook(secret, headers, body, { now }).then(() => true, () => false);
        console.log(`${isValid} ${name}`);
    }
}

const { BILTEN_URL = "", BILTEN_KEY = "" } = process.env;
const [command, file = ""] = process.argv.slice(2);
await (command === "webhooks" ? webhooks(file) : sell(BILTEN_URL, BILTEN_KEY));
