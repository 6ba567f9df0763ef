import { createClient, createConfig, type Client } from "./generated/client/index.js";
import type { Problem } from "./generated/types.gen.js";
import { patient } from "./patience.js";

export interface BiltenOptions {
    /** Where the server is, such as `https://tickets.example`. */
    baseUrl: string;
    /** An API key, an access token, or the token of an order. */
    token?: string;
    /** How often a request that was put off (429, 503) is sent again; 3 if absent. */
    retries?: number;
    /** What sends requests; the platform's own if absent. */
    fetch?: typeof fetch;
}

/** A refusal by the server: its `code` is stable, its `message` is for people. */
export class BiltenError extends Error {
    override readonly name = "BiltenError";

    constructor(
        readonly status: number,
        readonly problem: Problem | undefined,
    ) {
        super(problem?.detail || problem?.title || `The server answered ${status}`);
    }

    /** The stable code, such as `catalog.not_found`; empty if the answer was no problem document. */
    get code(): string {
        return this.problem?.code ?? "";
    }
}

/**
 * A client to be given to the functions of the operations. What they answer is there; what the
 * server refuses is thrown as a {@link BiltenError}.
 */
export function bilten({ baseUrl, token, retries = 3, fetch = globalThis.fetch }: BiltenOptions): Client {
    const client = createClient(
        createConfig({ baseUrl, auth: () => token, fetch: patient(fetch, retries), throwOnError: true }),
    );
    client.interceptors.error.use((error, response) => {
        // Without an answer the network failed; that is passed on as it is.
        if (!response) return error;
        const isProblem = typeof error === "object" && error !== null && "code" in error;
        return new BiltenError(response.status, isProblem ? (error as Problem) : undefined);
    });
    return client;
}
