/** A part of a list, and where the next part begins. */
export interface Page<T> {
    items: T[];
    next?: string | null;
}

/**
 * All items of a list, page by page, as they are asked for:
 *
 *     for await (const event of items((cursor) => listEvents({ client, query: { cursor } }))) …
 */
export async function* items<T>(
    page: (cursor: string | undefined) => Promise<{ data: Page<T> | undefined }>,
): AsyncGenerator<T, void, undefined> {
    let cursor: string | undefined;
    do {
        const { data } = await page(cursor);
        yield* data?.items ?? [];
        cursor = data?.next ?? undefined;
    } while (cursor !== undefined);
}
