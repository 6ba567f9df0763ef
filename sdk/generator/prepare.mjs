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
// - `fields` and `If-None-Match` are left out: answers have the type of the whole thing;
// - what is not JSON is bytes.

import { readFileSync, writeFileSync } from "node:fs";

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const [from, to] = process.argv.slice(2);
const api = JSON.parse(readFileSync(from, "utf8"));
const schemas = api.components.schemas;
const faults = [];

const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation: item[method],
    })),
);

/** What a reference stands for; anything else stands for itself. */
function resolved(value) {
    if (typeof value?.$ref !== "string") return value;
    return value.$ref
        .replace(/^#\//, "")
        .split("/")
        .reduce((inner, key) => inner?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
}

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
    walk(api, (value) => {
        if (typeof value.$ref === "string" && !resolved(value)) faults.push(`${value.$ref} is not in the document`);
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
    const values = kinds.map((kind) => new Map(tags(kind)));
    const name = [...values[0].keys()].find((tag) => values.every((one) => one.has(tag)));
    return name && { name, values };
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

/** Changes what is said of the parameters, also of those that operations share. */
function changeParameters() {
    const isLeftOut = (parameter) =>
        (parameter.in === "query" && parameter.name === "fields") ||
        (parameter.in === "header" && parameter.name.toLowerCase() === "if-none-match");
    for (const { operation } of operations) {
        operation.parameters = operation.parameters?.filter((parameter) => !isLeftOut(resolved(parameter) ?? {}));
        for (const parameter of (operation.parameters ?? []).map(resolved)) {
            if (parameter?.in === "header" && parameter.name.toLowerCase() === "idempotency-key") {
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
    const isJson = (type) => /^application\/([a-z-]+\+)?json$/.test(type.split(";")[0]);
    const change = (content) => {
        for (const type of Object.keys(content ?? {})) {
            const isForm = type === "application/x-www-form-urlencoded";
            if (type === "text/event-stream") {
                // Here a stream is the text that it is; its schema says what each event is.
                content[type].schema = { type: "string" };
            } else if (!isJson(type) && !isForm) {
                content[type].schema = { type: "string", format: "binary" };
            }
        }
    };
    for (const { operation } of operations) {
        change(operation.requestBody?.content);
        for (const answer of Object.values(operation.responses).map(resolved)) {
            // Without a text the generators refuse the document.
            answer.description ||= "An answer";
            change(answer.content);
        }
    }
}

refuseWhatIsBroken();
nameTheKindsOfUnions();
changeParameters();
joinBearers();
sayWhatIsBytes();
if (faults.length > 0) {
    console.error(faults.map((fault) => `sdk: ${fault}`).join("\n"));
    process.exit(1);
}
writeFileSync(to, JSON.stringify(api, null, 1));
console.log(operations.length);
