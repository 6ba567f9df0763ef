// From a new event to a ticket in a buyer's hands. covers: GW-7
//
//   BILTEN_URL=https://… BILTEN_KEY=… java -cp … MainKt
//   java -cp … MainKt webhooks ../webhooks.json

import bilten.sdk.Bilten
import bilten.sdk.WebhookRefused
import bilten.sdk.apis.CatalogApi
import bilten.sdk.apis.ShopApi
import bilten.sdk.items
import bilten.sdk.models.Buyer
import bilten.sdk.models.EventInput
import bilten.sdk.models.HoldRequest
import bilten.sdk.models.ItemRequest
import bilten.sdk.models.OccurrenceInput
import bilten.sdk.models.PaymentMethod
import bilten.sdk.models.PaymentMethodSandbox
import bilten.sdk.models.PaymentRequest
import bilten.sdk.models.PurchaseRequest
import bilten.sdk.models.QrFormat
import bilten.sdk.models.SandboxOutcome
import bilten.sdk.models.TierInput
import bilten.sdk.problem
import bilten.sdk.verifyWebhook
import java.io.File
import java.time.Instant
import java.time.OffsetDateTime
import kotlin.system.exitProcess
import kotlinx.coroutines.flow.count
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import retrofit2.HttpException

fun draft(name: String): EventInput {
    val now = OffsetDateTime.now()
    return EventInput(
        name = name,
        timeZone = "Europe/Ljubljana",
        currency = "EUR",
        venueName = "Kino Center",
        occurrences = listOf(OccurrenceInput(startsAt = now.plusHours(24), endsAt = now.plusHours(28))),
    )
}

fun sandbox(outcome: SandboxOutcome): PaymentMethod =
    PaymentMethod.SandboxWrapper(PaymentMethodSandbox(PaymentMethodSandbox.Method.SANDBOX, outcome))

suspend fun sell(url: String, key: String) {
    val client = Bilten(url, key)
    val catalog = client.api<CatalogApi>()
    val shop = client.api<ShopApi>()

    // The organiser: an event with a tier, on sale.
    val event = catalog.createEvent(draft("Polka Night by Kotlin"))
    val standing = TierInput(name = "Standing", priceMinor = 2400, capacity = 5)
    val tier = catalog.createEventTier(event.id, standing).tiers.first().id
    val published = catalog.publishEvent(event.id)
    println("event ${published.id} ${published.state}")
    catalog.createEvent(draft("Polka Night by Kotlin, the day after"))

    // All events, two pages at least.
    val all = items({ catalog.listEvents(limit = 1, cursor = it) }, { it.items to it.next })
    println("listed ${all.count { "by Kotlin" in it.name }}")

    // The buyer: two tickets are held, the first card is declined, the second is not.
    val hold = shop.createShopHold(HoldRequest(event.id, listOf(ItemRequest(tier = tier, quantity = 2))))
    val pending = shop.createShopOrder(
        PurchaseRequest(
            event = event.id,
            hold = hold.id,
            buyer = Buyer(name = "Ana Kotlin", email = "ana@example.com"),
            payment = sandbox(SandboxOutcome.DECLINE),
        ),
    )
    println("order ${pending.order.id} ${pending.order.state} ${pending.payment.state}")

    val own = Bilten(url, pending.token).api<ShopApi>()
    own.createShopOrderPayment(pending.order.id, PaymentRequest(sandbox(SandboxOutcome.SUCCEED)))
    val paid = own.getShopOrder(pending.order.id)
    println("order ${paid.order.id} ${paid.order.state} ${paid.payment.state}")
    for (ticket in paid.tickets) {
        val picture = own.getShopOrderTicketQr(paid.order.id, ticket.id, QrFormat.PNG).bytes()
        println("ticket ${ticket.id} ${ticket.code.take(4)} ${String(picture, 1, 3)}")
    }

    // What the server refuses has a code.
    try {
        shop.createShopHold(HoldRequest(event.id, listOf(ItemRequest(tier = tier, quantity = 4))))
    } catch (refused: HttpException) {
        println("refused ${refused.code()} ${refused.problem()?.code}")
    }
}

fun webhooks(file: String) {
    for (vector in Json.parseToJsonElement(File(file).readText()).jsonArray) {
        val one = vector.jsonObject
        fun text(name: String) = one.getValue(name).jsonPrimitive.content
        val header = { name: String -> text(name.removePrefix("webhook-")) }
        val now = Instant.ofEpochSecond(one.getValue("now").jsonPrimitive.long)
        val isValid = try {
            verifyWebhook(text("secret"), header, text("body").toByteArray(), now = now)
            true
        } catch (_: WebhookRefused) {
            false
        }
        println("$isValid ${text("name")}")
    }
}

fun main(arguments: Array<String>) {
    if (arguments.firstOrNull() == "webhooks") {
        webhooks(arguments[1])
    } else {
        runBlocking { sell(System.getenv("BILTEN_URL"), System.getenv("BILTEN_KEY")) }
    }
    // Idle connections would keep the program waiting.
    exitProcess(0)
}
