/** No wait is longer, whatever the server asks for. */
const LONGEST_MS = 60_000;

/**
 * Sends POSTs with an `Idempotency-Key`, and sends again what the server has put off: the key stays
 * the same, so that it is done once.
 */
export function patient(send: typeof fetch, retries: number): typeof fetch {
    return async (input, init) => {
        const request = new Request(input, init);
        if (request.method === "POST" && !request.headers.has("idempotency-key")) {
            request.headers.set("idempotency-key", crypto.randomUUID());
        }
        for (let attempt = 0; ; attempt++) {
            // The body of a request can be read once, so each attempt has its own.
            const response = await send(request.clone());
            if ((response.status !== 429 && response.status !== 503) || attempt >= retries) return response;
            await response.body?.cancel();
            await pause(waitMs(response.headers.get("retry-after"), attempt), request.signal);
        }
    };
}

function waitMs(retryAfter: string | null, attempt: number): number {
    const seconds = Number(retryAfter ?? Number.NaN);
    const asked = Number.isNaN(seconds) ? Date.parse(retryAfter ?? "") - Date.now() : seconds * 1_000;
    const wait = Number.isNaN(asked) ? 500 * 2 ** attempt : asked;
    // A little more, so that not all who were put off come back at once.
    return Math.min(Math.max(wait, 0), LONGEST_MS) + Math.random() * 100;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const stop = () => {
            clearTimeout(timer);
            reject(signal.reason);
        };
        if (signal.aborted) return stop();
        timer = setTimeout(() => {
            signal.removeEventListener("abort", stop);
            resolve();
        }, ms);
        signal.addEventListener("abort", stop, { once: true });
    });
}
