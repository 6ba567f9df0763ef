"""From a new event to a ticket in a buyer's hands.

    BILTEN_URL=https://… BILTEN_KEY=… python main.py
    python main.py webhooks ../webhooks.json
"""

import json
import os
import sys
from datetime import datetime, timedelta, timezone

from bilten import (
    Buyer,
    CatalogApi,
    EventInput,
    HoldRequest,
    ItemRequest,
    OccurrenceInput,
    PaymentMethod,
    PaymentMethodSandbox,
    PaymentRequest,
    PurchaseRequest,
    SandboxOutcome,
    ShopApi,
    TierInput,
)
from bilten.client import Bilten, problem
from bilten.exceptions import ApiException
from bilten.models.qr_format import QrFormat
from bilten.paging import items
from bilten.webhooks import WebhookRefused, verify_webhook


def draft(name: str) -> EventInput:
    now = datetime.now(timezone.utc)
    return EventInput(
        name=name,
        time_zone="Europe/Ljubljana",
        currency="EUR",
        venue_name="Kino Center",
        occurrences=[OccurrenceInput(starts_at=now + timedelta(hours=24), ends_at=now + timedelta(hours=28))],
    )


def sandbox(outcome: SandboxOutcome) -> PaymentMethod:
    return PaymentMethod(PaymentMethodSandbox(method="sandbox", outcome=outcome))


def sell(url: str, key: str) -> None:
    client = Bilten(url, key)
    catalog, shop = CatalogApi(client), ShopApi(client)

    # The organiser: an event with a tier, on sale.
    event = catalog.create_event(draft("Polka Night by Python"))
    drafted = catalog.create_event_tier(event.id, TierInput(name="Standing", price_minor=2400, capacity=5))
    tier = drafted.tiers[0].id
    published = catalog.publish_event(event.id)
    print(f"event {published.id} {published.state.value}")
    catalog.create_event(draft("Polka Night by Python, the day after"))

    # All events, two pages at least.
    print("listed", sum("by Python" in one.name for one in items(catalog.list_events, limit=1)))

    # The buyer: two tickets are held, the first card is declined, the second is not.
    hold = shop.create_shop_hold(HoldRequest(event=event.id, items=[ItemRequest(tier=tier, quantity=2)]))
    pending = shop.create_shop_order(
        PurchaseRequest(
            event=event.id,
            hold=hold.id,
            buyer=Buyer(name="Ana Python", email="ana@example.com"),
            payment=sandbox(SandboxOutcome.DECLINE),
        )
    )
    print(f"order {pending.order.id} {pending.order.state.value} {pending.payment.state.value}")

    own = ShopApi(Bilten(url, pending.token))
    own.create_shop_order_payment(pending.order.id, PaymentRequest(payment=sandbox(SandboxOutcome.SUCCEED)))
    paid = own.get_shop_order(pending.order.id)
    print(f"order {paid.order.id} {paid.order.state.value} {paid.payment.state.value}")
    for ticket in paid.tickets:
        picture = own.get_shop_order_ticket_qr(paid.order.id, ticket.id, QrFormat.PNG)
        print(f"ticket {ticket.id} {ticket.code[:4]} {picture[1:4].decode()}")

    # What the server refuses has a code.
    try:
        shop.create_shop_hold(HoldRequest(event=event.id, items=[ItemRequest(tier=tier, quantity=4)]))
    except ApiException as error:
        refusal = problem(error)
        assert refusal is not None
        print(f"refused {error.status} {refusal.code}")


def webhooks(file: str) -> None:
    with open(file, encoding="utf-8") as vectors:
        for one in json.load(vectors):
            headers = {f"webhook-{name}": one[name] for name in ("id", "timestamp", "signature")}
            try:
                verify_webhook(one["secret"], headers, one["body"].encode(), now=one["now"])
                print("true", one["name"])
            except WebhookRefused:
                print("false", one["name"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["webhooks"]:
        webhooks(sys.argv[2])
    else:
        sell(os.environ["BILTEN_URL"], os.environ["BILTEN_KEY"])
