// Makes of the server's OpenAPI document the one that the generators read, and refuses a document
// that they would read wrongly or in part.
//
//   node prepare.mjs openapi.json prepared.json
//
// Nothing is added to the API or taken from it. What changes is how it is said:
// - each kind of a tagged union gets a schema with a name of its own (`PaymentMethodSandbox`) and
//   the union a discriminator, since generators would number them;
// - `Idempotency-Key` may be left out: the clients send one by themselves;
// - the ways to sign in that are all `Authorization: Bearer …` become one;
// - what is not JSON is bytes;
// - answers to a request that was refused are read as problems, whatever their status.

import { readFileSync, writeFileSync } from "node:fs";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const [from, to] = process.argv.slice(2);
const api = JSON.parse(readFileSync(from, "utf8"));
const schemas = api.components.schemas;
const faults = [];

const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
        name: `${method.toUpperCase()} ${path}`,
        parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
        ...{ operation: item[method] },
    })),
);

/** Calls `see` with every object of the document. */
function walk(value, see) {
    if (value === null || typeof value !== "object") return;
    if (!Array.isArray(value)) see(value);
    for (const inner of Object.values(value)) walk(inner, see);
}

function refuseWhatIsBroken() {
    const seen = new Map();
    for (const { name, operation } of operations) {
        const id = operation.operationId;
        if (!id) faults.push(`${name} has no operationId`);
        else if (seen.has(id)) faults.push(`${name} has the operationId ${id} of ${seen.get(id)}`);
        seen.set(id, name);
        if (operation.tags?.length !== 1) faults.push(`${name} needs one tag`);
    }
    walk(api, ({ $ref }) => {
        if (typeof $ref !== "string") return;
        const found = $ref
            .replace(/^#\//, "")
            .split("/")
            .reduce((value, key) => value?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
        if (!found) faults.push(`${$ref} is not in the document`);
    });
}

/** The property that tells the kinds of a union apart, if each has one with a single value. */
function tagOf(kinds) {
    const tags = (schema) => {
        const own = Object.entries(schema.properties ?? {}).filter(
            ([name, property]) => property.enum?.length === 1 && schema.required?.includes(name),
        );
        return [...own.map(([name, property]) => [name, property.enum[0]]), ...(schema.allOf ?? []).flatMap(tags)];
    };
    const first = kinds.map((kind) => new Map(tags(kind)));
    return [...(first[0]?.keys() ?? [])].find((name) => first.every((kind) => kind.has(name))) && {
        name: [...first[0].keys()].find((name) => first.every((kind) => kind.has(name))),
        values: first,
    };
}

function nameTheKindsOfUnions() {
    const pascal = (text) => text.replaceAll(/(?:^|[_-])([a-z0-9])/g, (_, letter) => letter.toUpperCase());
    for (const [name, schema] of Object.entries(schemas)) {
        const kinds = schema.oneOf;
        if (!kinds || kinds.some((kind) => kind.$ref || kind.type === "null")) continue;
        const tag = tagOf(kinds);
        if (!tag) {
            faults.push(`the kinds of ${name} are not told apart by one property`);
            continue;
        }
        const mapping = {};
        schema.oneOf = kinds.map((kind, place) => {
            const value = tag.values[place].get(tag.name);
            const own = name + pascal(value);
            if (schemas[own]) faults.push(`${own} is there already`);
            schemas[own] = kind;
            mapping[value] = `#/components/schemas/${own}`;
            return { $ref: mapping[value] };
        });
        schema.discriminator = { propertyName: tag.name, mapping };
    }
}

function leaveOutIdempotencyKeys() {
    for (const { parameters } of operations) {
        for (const parameter of parameters) {
            if (parameter.in === "header" && parameter.name?.toLowerCase() === "idempotency-key") {
                parameter.required = false;
            }
        }
    }
}

function joinBearers() {
    const schemes = api.components.securitySchemes ?? {};
    const isBearer = (name) =>
        schemes[name]?.type === "oauth2" || (schemes[name]?.type === "http" && schemes[name].scheme === "bearer");
    for (const { operation } of operations) {
        const wanted = operation.security ?? api.security ?? [];
        if (wanted.some((one) => Object.keys(one).some(isBearer))) operation.security = [{ bearer: [] }];
        else delete operation.security;
    }
    delete api.security;
    api.components.securitySchemes = {
        bearer: { type: "http", scheme: "bearer", description: "An API key, an access token or the token of an order." },
    };
}

function sayWhatIsBytes() {
    for (const { operation } of operations) {
        for (const [status, answer] of Object.entries(operation.responses)) {
            answer.description ||= `Answer ${status}`;
            for (const [type, content] of Object.entries(answer.content ?? {})) {
                const isText = type.startsWith("text/") || type.includes("json") || type.includes("xml");
                if (!isText) content.schema = { type: "string", format: "binary" };
                else if (!type.includes("json") || type.includes("ndjson")) content.schema = { type: "string" };
            }
        }
    }
}

refuseWhatIsBroken();
nameTheKindsOfUnions();
leaveOutIdempotencyKeys();
joinBearers();
sayWhatIsBytes();
if (faults.length > 0) {
    console.error(faults.map((fault) => `sdk: ${fault}`).join("\n"));
    process.exit(1);
}
writeFileSync(to, JSON.stringify(api, null, 1));
console.log(operations.length);
