//! Orders that staff makes: given away, or paid by cash or transfer. Their money moves elsewhere; their
//! stock is the same as everybody's.

use std::sync::Arc;

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
    self, Basis, Buyer, ItemRequest, NewOrder, OrderId, Pays, People, SalesError, StaffPayment,
    StaffSale,
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

/// The order of what staff sells; the one place that knows what such an order looks like.
pub(super) fn staff_sale(
    app: &App,
    offer: &EventDetail,
    buyer: Buyer,
    basis: Basis,
    (idempotency_key, request_hash): (String, [u8; 32]),
    staff: StaffSale,
) -> NewOrder {
    NewOrder {
        id: OrderId::new(&*app.clock, &*app.random),
        event: offer.event.id,
        buyer,
        people: Arc::new(People::default()),
        tickets: sales::ticket_count(offer, basis.tiers().into_iter()),
        basis,
        pays: Pays::Now,
        idempotency_key,
        request_hash,
        sandbox: offer.event.sandbox,
        origin: BuyerOrigin::default(),
        means: None,
        verdict: None,
        staff: Some(staff),
        at: app.now(),
        cause: Cause::current(),
    }
}

/// From where stock, seats and price of what staff sells come; it costs nothing if it is given away.
async fn basis(
    app: &App,
    offer: &Arc<EventDetail>,
    request: &StaffOrderRequest,
) -> Result<Basis, SalesError> {
    let cart = sales::staff_cart(app, offer, &request.items).await?;
    let cart = if request.payment == StaffPayment::Comp {
        cart.for_nothing(app.now())?
    } else {
        cart
    };
    Ok(Basis::Cart(Arc::new(cart)))
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
    let basis = basis(app, &detail, &request).await?;
    let staff = StaffSale {
        channel: sales::StaffChannel::Manual,
        method: request.payment,
        reason: request.reason.trim().to_owned(),
        actor,
    };
    let once = (key, request_hash);
    let order = staff_sale(app, &detail, request.buyer, basis, once, staff);
    let purchase = Purchase {
        order,
        payment: PaymentId::new(&*app.clock, &*app.random),
        method: PaymentMethod::Free,
        facts: OrderFacts::default(),
        policy: sales::fraud_policy(app).await,
    };
    app.purchases.submit(event, purchase).await
}
