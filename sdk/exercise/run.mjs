// Runs the example of one SDK against a server and looks whether what it says is true.
//
//   node run.mjs NAME BILTEN_URL API_KEY COMMAND…
//
// Between the two stands a proxy that puts the first hold off, so that the client has to come back
// after the time it was told, with the same key.

import { spawn } from "node:child_process";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request as sendTo } from "node:http";
import { fileURLToPath } from "node:url";

const [name, server, key, ...command] = process.argv.slice(2);
const vectors = fileURLToPath(new URL("../webhooks.json", import.meta.url));
const PUT_OFF_SECONDS = 1;

const seen = [];
const proxy = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    const entry = { method, path: url.split("?")[0], url, key: headers["idempotency-key"], headers, at: Date.now() };
    seen.push(entry);
    const isFirstHold = entry.path.endsWith("/holds") && seen.filter((one) => one.path === entry.path).length === 1;
    if (isFirstHold) {
        entry.status = 503;
        response.writeHead(503, { "retry-after": `${PUT_OFF_SECONDS}`, "content-type": "application/problem+json" });
        response.end(JSON.stringify({ type: "/problems/busy", title: "Busy", status: 503, code: "busy" }));
        return;
    }
    // Bytes as they are, so that what is compressed stays so.
    const onward = sendTo(server + url, { method, headers: { ...headers, host: new URL(server).host } }, (answer) => {
        entry.status = answer.statusCode;
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    });
    onward.on("error", (error) => response.destroy(error));
    onward.end(Buffer.concat(chunks));
});

function example(env, ...more) {
    return new Promise((resolve, reject) => {
        const child = spawn(command[0], [...command.slice(1), ...more], {
            env: { ...process.env, ...env },
            stdio: ["ignore", "pipe", "inherit"],
            timeout: 120_000,
        });
        let said = "";
        child.stdout.on("data", (part) => (said += part));
        child.on("error", reject);
        child.on("close", (code) =>
            code === 0 ? resolve(said.trim().split("\n")) : reject(new Error(`the example ended with ${code}:\n${said}`)),
        );
    });
}

async function asked(path) {
    const answer = await fetch(server + path, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 200, path);
    return answer.json();
}

async function sells() {
    await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
    const said = await example({ BILTEN_URL: `http://127.0.0.1:${proxy.address().port}`, BILTEN_KEY: key });
    const take = (pattern) => {
        const line = said.shift() ?? "";
        const found = pattern.exec(line);
        assert.ok(found, `expected ${pattern}, not: ${line}`);
        return found.slice(1);
    };
    const [event] = take(/^event (evt_\w+) published$/);
    take(/^listed 2$/);
    const [order] = take(/^order (ord_\w+) pending declined$/);
    const [same] = take(/^order (ord_\w+) paid succeeded$/);
    assert.equal(same, order);
    const tickets = [take(/^ticket (tkt_\w+) BT1: PNG$/), take(/^ticket (tkt_\w+) BT1: PNG$/)].flat();
    assert.notEqual(tickets[0], tickets[1]);
    take(/^refused 409 sales\.sold_out$/);
    assert.deepEqual(said, []);

    // What the example said is what the server knows.
    const sold = (await asked(`/api/v1/events/${event}/orders`)).items;
    assert.deepEqual(
        sold.map((one) => [one.id, one.state, one.name]),
        [[order, "paid", `Ana ${name}`]],
    );
    for (const ticket of tickets) {
        const known = await asked(`/api/v1/tickets/${ticket}`);
        assert.deepEqual([known.order_id, known.holder_name], [order, `Ana ${name}`]);
    }

    // How it was asked.
    for (const { method, url, key } of seen) {
        if (method === "POST") assert.ok(key?.length > 15, `${method} ${url} has no Idempotency-Key`);
        else assert.equal(key, undefined, `${method} ${url} has an Idempotency-Key`);
    }
    const holds = seen.filter((one) => one.path === "/api/v1/shop/holds");
    assert.deepEqual(holds.map((one) => one.status), [503, 201, 409]);
    assert.equal(holds[0].key, holds[1].key, "a repeated request keeps its key");
    assert.ok(holds[1].at - holds[0].at >= PUT_OFF_SECONDS * 1_000, "it comes back when it was told to");
    const keys = seen.filter((one) => one.method === "POST" && one.status !== 503).map((one) => one.key);
    assert.equal(new Set(keys).size, keys.length, "another request has another key");
    const pages = seen.filter((one) => one.method === "GET" && one.path === "/api/v1/events");
    assert.ok(pages.length >= 2 && !pages[0].url.includes("cursor=") && pages[1].url.includes("cursor="));
    const isSignedIn = ({ path, headers }) => path === "/api/v1/events" && headers.authorization === `Bearer ${key}`;
    assert.ok(seen.some(isSignedIn) && seen.every(({ headers }) => !/Bearer (undefined|null|)$/.test(headers.authorization ?? "")));
}

async function verifies() {
    const known = JSON.parse(readFileSync(vectors, "utf8"));
    assert.deepEqual(
        await example({}, "webhooks", vectors),
        known.map(({ name, valid }) => `${valid} ${name}`),
    );
    return known.length;
}

try {
    await sells();
    const count = await verifies();
    console.log(`sdk: ${name}: ${seen.length} requests as they should be, ${count} signatures told apart`);
} catch (error) {
    console.error(`sdk: ${name}:`, error, seen.map(({ method, url, status }) => `${method} ${url} ${status}`));
    process.exitCode = 1;
} finally {
    proxy.closeAllConnections();
    proxy.close();
}
