//! Reading screens.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;

use super::model::*;
use crate::access;
use crate::app::App;
use crate::catalog::{self, CatalogError, EventId};
use crate::identity::{self, Permission, Principal, Tenant};
use crate::sales;
use crate::webhooks;

/// What the reader of a screen may see.
#[derive(Clone, Debug)]
pub struct Reader {
    tenant: Tenant,
    orders: Option<Tenant>,
    check_in: Option<Tenant>,
    may_see_webhooks: bool,
    may_see_invitations: bool,
    may_see_keys: bool,
}

impl Reader {
    /// Somebody who reads events of this tenant, with whatever else they may do there.
    pub fn new(principal: &Principal, tenant: &Tenant) -> Self {
        let named = tenant.organisation.to_string();
        let part = |permission| principal.tenant(permission, Some(&named)).ok();
        Self {
            orders: part(Permission::OrdersRead),
            check_in: part(Permission::CheckInRead),
            may_see_webhooks: part(Permission::WebhooksManage).is_some(),
            may_see_invitations: part(Permission::MembersRead).is_some(),
            may_see_keys: part(Permission::KeysManage).is_some(),
            tenant: tenant.clone(),
        }
    }
}

fn includes(tenant: Option<&Tenant>, event: EventId) -> bool {
    tenant.is_some_and(|tenant| tenant.includes(event))
}

/// An event's dashboard.
///
/// # Errors
/// [`CatalogError::NotFound`], or a fault of the database.
pub async fn event_dashboard(
    app: &App,
    reader: Reader,
    id: EventId,
) -> Result<EventDashboard, CatalogError> {
    let (work, now) = (app.clone(), app.now());
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let event = catalog::kept_detail_in(&work, c, id).await?;
                let event = event.filter(|event| event.event.is_of(&reader.tenant));
                let event = event.ok_or(CatalogError::NotFound)?;
                let stock = sales::stock_in(c, id).await?;
                let left = sales::stock_left_in(c, &event, now).await?;
                let sales = if includes(reader.orders.as_ref(), id) {
                    let days = Days::until(now, &event.event.time_zone);
                    let paid = sales::paid_since_in(c, id, days.since).await?;
                    Some(SalesPart {
                        totals: sales::totals_in(c, id).await?,
                        days: days.sales(&paid),
                        newest: sales::newest_orders_in(c, id, NEWEST_ORDERS).await?,
                    })
                } else {
                    None
                };
                let door = if includes(reader.check_in.as_ref(), id) {
                    let is_open = event.is_open(now);
                    Some(access::door_now_in(c, id, is_open, now).await?)
                } else {
                    None
                };
                Ok(EventDashboard {
                    at: now,
                    standing: sales::standing(&event, &left, now),
                    event: event.for_answer(),
                    stock,
                    sales,
                    door,
                })
            })
        })
        .await
}

/// An organisation's dashboard.
///
/// # Errors
/// A fault of the database.
pub async fn dashboard(app: &App, reader: Reader) -> Result<Dashboard, DbError> {
    let now = app.now();
    app.db
        .read_long(move |c| {
            Box::pin(async move {
                let organisation = reader.tenant.organisation;
                let events = catalog::upcoming_of_in(c, &reader.tenant, now, MOST_EVENTS).await?;
                let ids: Vec<EventId> = events.iter().map(|event| event.event.id).collect();
                let of = |tenant: Option<&Tenant>| -> Vec<EventId> {
                    ids.iter()
                        .copied()
                        .filter(|id| includes(tenant, *id))
                        .collect()
                };
                let with_orders = of(reader.orders.as_ref());
                let with_door = of(reader.check_in.as_ref());
                let stock = sales::stock_of_in(c, &ids).await?;
                let sold = if reader.orders.is_some() {
                    Some(sales::sales_of_in(c, &with_orders).await?)
                } else {
                    None
                };
                let mut attention = Attention::default();
                if reader.check_in.is_some() {
                    let silent = access::silent_devices_in(c, &with_door, now).await?;
                    attention.silent_devices = Some(silent);
                }
                if reader.may_see_webhooks {
                    let failing = webhooks::failing_endpoints_in(c, organisation).await?;
                    attention.failing_webhooks = Some(failing);
                }
                if reader.may_see_invitations {
                    let waiting = identity::waiting_invitations_in(c, organisation, now).await?;
                    attention.pending_invitations = Some(waiting);
                }
                if reader.may_see_keys {
                    let until = soon(now);
                    let ending = identity::ending_keys_in(c, organisation, now, until).await?;
                    attention.ending_keys = Some(ending);
                }
                let may_see_sales = |id| with_orders.contains(&id);
                let (upcoming, sales) = upcoming(events, &stock, sold.as_deref(), may_see_sales);
                Ok(Dashboard {
                    at: now,
                    upcoming,
                    sales,
                    attention,
                })
            })
        })
        .await
}

fn soon(now: Timestamp) -> Timestamp {
    now + Duration::from_millis(KEY_ENDS_SOON_MS.unsigned_abs())
}
