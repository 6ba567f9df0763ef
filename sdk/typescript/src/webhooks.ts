/** Headers as `fetch` or Node give them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
    /** How far the sender's clock and yours may be apart; 300 seconds if absent. */
    toleranceSeconds?: number;
    /** The time now, in seconds. */
    now?: number;
}

/** The request is not one that the holder of the secret has signed just now. */
export class WebhookRefused extends Error {
    override readonly name = "WebhookRefused";
}

/**
 * Verifies a message (Standard Webhooks) and gives its parsed body. `body` must be the text as it
 * came, not parsed and written again.
 *
 * @throws WebhookRefused if it is not signed by the secret, or too old
 */
export async function verifyWebhook(
    secret: string,
    headers: WebhookHeaders,
    body: string,
    { toleranceSeconds = 300, now = Date.now() / 1_000 }: VerifyOptions = {},
): Promise<unknown> {
    const id = header(headers, "webhook-id");
    const timestamp = header(headers, "webhook-timestamp");
    if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > toleranceSeconds) {
        throw new WebhookRefused("The message is not of now.");
    }
    const key = await crypto.subtle.importKey(
        "raw",
        bytes(secret.replace(/^whsec_/, "")),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["verify"],
    );
    const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
    // During a rotation there is a signature by each secret.
    for (const signature of header(headers, "webhook-signature").split(" ")) {
        if (!signature.startsWith("v1,")) continue;
        let given: Uint8Array<ArrayBuffer>;
        try {
            given = bytes(signature.slice(3));
        } catch {
            continue;
        }
        if (await crypto.subtle.verify("HMAC", key, given, signed)) return JSON.parse(body);
    }
    throw new WebhookRefused("No signature is by this secret.");
}

function header(headers: WebhookHeaders, name: string): string {
    const value = headers instanceof Headers ? headers.get(name) : headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? "";
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
