//! Orders that staff makes: given away, or paid by cash or transfer. Their money moves elsewhere; their
//! stock is the same as everybody's.

use bilten_kernel::money::Money;
use bilten_kernel::telemetry::Cause;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::*;
use super::service::{self, PaymentError};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId};
use crate::identity::Tenant;
use crate::sales::fraud::OrderFacts;
use crate::sales::limits::BuyerOrigin;
use crate::sales::{
    self, Buyer, ItemRequest, NewOrder, OrderId, OrderItem, SalesError, StaffPayment, StaffSale,
};

/// An order that staff makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffOrderRequest {
    /// What is sold or given away.
    pub items: Vec<ItemRequest>,
    /// Who gets it.
    pub buyer: Buyer,
    /// How it was paid; `comp` is free.
    pub payment: StaffPayment,
    /// Why it was made so, in up to 500 characters; kept with the order.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// What is sold, and what it costs: nothing if it is given away.
pub(super) fn priced(
    app: &App,
    offer: &EventDetail,
    payment: StaffPayment,
    wanted: &[ItemRequest],
) -> Result<(Vec<OrderItem>, Money), SalesError> {
    match payment {
        StaffPayment::Comp => sales::comp(app, offer, wanted),
        StaffPayment::Cash | StaffPayment::Transfer => sales::price(app, offer, wanted),
    }
}

/// The order of what staff sells; the one place that knows what such an order looks like.
pub(super) fn staff_sale(
    app: &App,
    offer: &EventDetail,
    buyer: Buyer,
    (items, total): (Vec<OrderItem>, Money),
    (idempotency_key, request_hash): (String, [u8; 32]),
    staff: StaffSale,
) -> NewOrder {
    NewOrder {
        id: OrderId::new(&*app.clock, &*app.random),
        event: offer.event.id,
        event_version: offer.event.version,
        buyer,
        items,
        total,
        idempotency_key,
        request_hash,
        hold: None,
        sandbox: offer.event.sandbox,
        paid: true,
        origin: BuyerOrigin::default(),
        verdict: None,
        staff: Some(staff),
        at: app.now(),
        cause: Cause::current(),
    }
}

/// Makes an order that is paid by now, once for each key. Whoever asks must belong to the event's
/// organisation, which is looked at before anything that they say.
///
/// # Errors
/// [`PaymentError`] by what was refused.
pub async fn staff_order(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    request: StaffOrderRequest,
    actor: String,
    key: &str,
) -> Result<Purchased, PaymentError> {
    let detail = catalog::detail_of(app, tenant, event)
        .await
        .map_err(SalesError::from)?;
    let mut faults = request.buyer.faults("buyer.");
    faults.extend(sales::reason_fault("reason", &request.reason));
    if !faults.is_empty() {
        return Err(SalesError::Invalid(faults).into());
    }
    // No buyer's key has a blank in it.
    let key = format!("staff {key}");
    let request_hash = NewOrder::hash_of(&request);
    if let Some(order) = sales::order_by_key(app, event, &key, request_hash).await? {
        let payment = service::latest(app, order.order.id)
            .await?
            .ok_or(SalesError::OrderNotFound)?;
        return Ok(Purchased {
            order,
            payment,
            is_new: false,
        });
    }
    let bill = priced(app, &detail, request.payment, &request.items)?;
    let staff = StaffSale {
        channel: sales::StaffChannel::Manual,
        method: request.payment,
        reason: request.reason.trim().to_owned(),
        actor,
    };
    let order = staff_sale(
        app,
        &detail,
        request.buyer,
        bill,
        (key, request_hash),
        staff,
    );
    let purchase = Purchase {
        order,
        payment: PaymentId::new(&*app.clock, &*app.random),
        method: PaymentMethod::Free,
        facts: OrderFacts::default(),
        policy: sales::fraud_policy(app).await,
    };
    app.purchases.submit(event, purchase).await
}
