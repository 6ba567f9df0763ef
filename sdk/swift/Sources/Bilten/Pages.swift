/// All items of a list, page by page, as they are asked for:
///
///     for try await event in items({ cursor in
///         let page = try await catalog.listEvents(cursor: cursor)
///         return (page.items, page.next)
///     }) { … }
public func items<Item: Sendable>(
    _ page: @escaping @Sendable (_ cursor: String?) async throws -> (items: [Item], next: String?)
) -> Items<Item> {
    Items(page: page)
}

/// A list that is read page by page.
public struct Items<Item: Sendable>: AsyncSequence, Sendable {
    public typealias Element = Item

    let page: @Sendable (String?) async throws -> (items: [Item], next: String?)

    public func makeAsyncIterator() -> Iterator {
        Iterator(page: page)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let page: @Sendable (String?) async throws -> (items: [Item], next: String?)
        var rest: ArraySlice<Item> = []
        var cursor: String?
        var isLast = false

        init(page: @escaping @Sendable (String?) async throws -> (items: [Item], next: String?)) {
            self.page = page
        }

        public mutating func next() async throws -> Item? {
            while rest.isEmpty {
                if isLast { return nil }
                let found = try await page(cursor)
                rest = found.items[...]
                cursor = found.next
                isLast = cursor == nil
            }
            return rest.popFirst()
        }
    }
}
