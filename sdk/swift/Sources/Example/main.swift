// From a new event to a ticket in a buyer's hands. covers: GW-7
//
//   BILTEN_URL=https://… BILTEN_KEY=… Example
//   Example webhooks ../webhooks.json

import Bilten
import Foundation

func draft(_ name: String) -> EventInput {
    let at = { (hours: Double) in Date().addingTimeInterval(hours * 3_600) }
    return EventInput(
        currency: "EUR",
        name: name,
        occurrences: [OccurrenceInput(endsAt: at(28), startsAt: at(24))],
        timeZone: "Europe/Ljubljana",
        venueName: "Kino Center"
    )
}

func sandbox(_ outcome: SandboxOutcome) -> PaymentMethod {
    .typePaymentMethodSandbox(PaymentMethodSandbox(method: .sandbox, outcome: outcome))
}

func sell(_ url: String, _ key: String) async throws {
    let client = BiltenAPIConfiguration.of(url, token: key)
    let catalog = CatalogAPI(apiConfiguration: client)
    let shop = ShopAPI(apiConfiguration: client)

    // The organiser: an event with a tier, on sale.
    let event = try await catalog.createEvent(eventInput: draft("Polka Night by Swift"))
    let standing = TierInput(capacity: 5, name: "Standing", priceMinor: 2400)
    let tier = try await catalog.createEventTier(event: event.id, tierInput: standing).tiers[0].id
    let published = try await catalog.publishEvent(event: event.id)
    print("event \(published.id) \(published.state.rawValue)")
    _ = try await catalog.createEvent(eventInput: draft("Polka Night by Swift, the day after"))

    // All events, two pages at least.
    let all = items { cursor in
        let page = try await CatalogAPI(apiConfiguration: client).listEvents(limit: 1, cursor: cursor)
        return (page.items, page.next)
    }
    var listed = 0
    for try await one in all where one.name.contains("by Swift") { listed += 1 }
    print("listed \(listed)")

    // The buyer: two tickets are held, the first card is declined, the second is not.
    let wanted = { (quantity: Int) in HoldRequest(event: event.id, items: [ItemRequest(quantity: quantity, tier: tier)]) }
    let hold = try await shop.createShopHold(holdRequest: wanted(2))
    let pending = try await shop.createShopOrder(
        purchaseRequest: PurchaseRequest(
            buyer: Buyer(email: "ana@example.com", name: "Ana Swift"),
            event: event.id,
            hold: hold.id,
            payment: sandbox(.decline)
        )
    )
    print("order \(pending.order.id) \(pending.order.state.rawValue) \(pending.payment.state.rawValue)")

    let own = ShopAPI(apiConfiguration: .of(url, token: pending.token))
    _ = try await own.createShopOrderPayment(order: pending.order.id, paymentRequest: PaymentRequest(payment: sandbox(.succeed)))
    let paid = try await own.getShopOrder(order: pending.order.id)
    print("order \(paid.order.id) \(paid.order.state.rawValue) \(paid.payment.state.rawValue)")
    for ticket in paid.tickets {
        let picture = try await own.getShopOrderTicketQr(order: paid.order.id, ticket: ticket.id, format: .png)
        print("ticket \(ticket.id) \(ticket.code.prefix(4)) \(String(decoding: picture.dropFirst().prefix(3), as: UTF8.self))")
    }

    // What the server refuses has a code.
    do {
        _ = try await shop.createShopHold(holdRequest: wanted(4))
    } catch {
        print("refused \(error.status) \(error.problem?.code ?? "")")
    }
}

struct Vector: Decodable {
    let name, secret, id, timestamp, signature, body: String
    let now: Double
}

func webhooks(_ file: String) throws {
    for one in try JSONDecoder().decode([Vector].self, from: Data(contentsOf: URL(fileURLWithPath: file))) {
        let headers = ["webhook-id": one.id, "webhook-timestamp": one.timestamp, "webhook-signature": one.signature]
        let now = Date(timeIntervalSince1970: one.now)
        let answer: Void? = try? verifyWebhook(
            secret: one.secret, header: { headers[$0] }, body: Data(one.body.utf8), now: now)
        print("\(answer != nil) \(one.name)")
    }
}

let arguments = CommandLine.arguments
let environment = ProcessInfo.processInfo.environment
if arguments.count > 2, arguments[1] == "webhooks" {
    try webhooks(arguments[2])
} else {
    try await sell(environment["BILTEN_URL"] ?? "", environment["BILTEN_KEY"] ?? "")
}
