//! Fraud: each order that costs something is scored, and what looks suspicious waits for somebody.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use serde_json::json;

use super::super::fraud::{
    FraudDecision, FraudPolicy, FraudReason, FraudScore, OrderFacts, is_disposable,
};
use super::super::limits::mailbox_as_written;
use super::super::model::*;
use super::super::resale;
use super::super::store::{self, Take, review};
use super::buyers::opened;
use super::holds::Returned;
use super::seats::seats_of;
use super::{SalesError, end_pending, order_path};
use crate::app::App;
use crate::catalog::{self, EventDetail, EventId, TierId};
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, IdentityError, Tenant};
use crate::platform::{self, AuditRecord, SettingValue};
use crate::waiting_room::{self, AddressNetwork};

/// Over how long orders of one mailbox or network are counted.
const RECENT: Duration = Duration::from_secs(3_600);
/// Over how long orders by one means of payment are counted.
const RECENT_PAYMENTS: Duration = Duration::from_secs(86_400);
/// How old paid orders must be to speak for a buyer.
const GOOD_AFTER: Duration = Duration::from_secs(86_400);
/// Why an order waits that only waits since the event's organiser accepts each of them.
const NEEDS_APPROVAL: &str = "needs_approval";

crate::setting! {
    /// The rules that score orders which cost something, as {"review_from", "refuse_from", "rules"}: from which
    /// score on somebody looks at an order before it can be paid, and from which on it is refused. Orders that
    /// were placed keep what was decided.
    pub FRAUD_POLICY: FraudPolicy = "sales.fraud_policy", default: FraudPolicy::default
}

impl SettingValue for FraudPolicy {
    const KIND: &'static str = "fraud policy";

    fn check(&self) -> Result<(), String> {
        Self::check(self).map_err(|error| error.to_string())
    }
}

/// The rules that are in force.
#[derive(Debug)]
pub struct ActivePolicy {
    /// The rules.
    pub policy: FraudPolicy,
    /// The version of the setting; 0 is the default.
    pub version: i64,
}

/// The rules that are in force now.
pub async fn fraud_policy(app: &App) -> Arc<ActivePolicy> {
    static DEFAULT: LazyLock<Arc<ActivePolicy>> = LazyLock::new(|| {
        Arc::new(ActivePolicy {
            policy: FraudPolicy::default(),
            version: 0,
        })
    });
    let version = platform::setting_version(app, &FRAUD_POLICY).await;
    if version == 0 {
        return Arc::clone(&DEFAULT);
    }
    let policy = platform::setting(app, &FRAUD_POLICY).await;
    Arc::new(ActivePolicy { policy, version })
}

/// What is known of an order without asking the database.
pub fn known_facts(offer: &EventDetail, buyer: &Buyer, wanted: &[(TierId, u32)]) -> OrderFacts {
    let percent = wanted.iter().filter_map(|(tier, quantity)| {
        let most = offer.tier(*tier)?.max_per_order.max(1);
        Some(i64::from(*quantity).saturating_mul(100) / most)
    });
    let domain = buyer
        .email
        .trim()
        .rsplit_once('@')
        .map(|(_, domain)| domain);
    OrderFacts {
        quantity_percent: percent.max(),
        is_disposable_email: domain.map(|domain| is_disposable(domain, &[])),
        ..OrderFacts::default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a key is of: orders are counted among all that sell, those of a sandbox among those of their event.
/// Anybody makes sandboxes and pays nothing in them, so they speak neither for nor against anybody elsewhere.
fn among(new: &NewOrder, whose: &str) -> String {
    if new.sandbox {
        format!("{} {whose}", new.event)
    } else {
        whose.to_owned()
    }
}

fn email_key(app: &App, new: &NewOrder) -> String {
    let mailbox = among(new, &mailbox_as_written(&new.buyer.email));
    hex(&app.vault.blind_index("order score mailbox", &mailbox)[..16])
}

fn network_key(app: &App, new: &NewOrder) -> String {
    new.origin.network().map_or_else(String::new, |address| {
        let network = among(new, &AddressNetwork::of(address).to_string());
        hex(&app.vault.blind_index("order score network", &network)[..16])
    })
}

fn payment_key(app: &App, new: &NewOrder) -> String {
    let means = new.means.as_deref();
    means.map_or_else(String::new, |means| {
        let means = among(new, means);
        hex(&app.vault.blind_index("order score payment", &means)[..16])
    })
}

/// Scores the orders of a batch that cost something; what is to be looked at is not paid yet. Orders of
/// staff are theirs to answer for.
///
/// # Errors
/// A fault of the database.
pub async fn judge_in(
    app: &App,
    c: &mut Conn,
    orders: &mut [NewOrder],
    facts: &[OrderFacts],
    active: &ActivePolicy,
) -> Result<(), DbError> {
    let mut keys = Vec::with_capacity(orders.len());
    for (i, new) in orders.iter().enumerate() {
        if new.may_cost() && new.staff.is_none() {
            keys.push((i, email_key(app, new), network_key(app, new)));
        }
    }
    let Some(now) = orders
        .iter()
        .map(|new| new.at)
        .max()
        .filter(|_| !keys.is_empty())
    else {
        return Ok(());
    };
    let since = now - RECENT;
    let emails = Val::texts(keys.iter().map(|(_, email, _)| email));
    let rows = review::mailboxes(c, emails, since, now - GOOD_AFTER).await?;
    let mut of_email: HashMap<String, (i64, i64)> = rows
        .into_iter()
        .map(|row| (row.name, (row.recent, row.good)))
        .collect();
    let known: Vec<&String> = keys
        .iter()
        .map(|(_, _, network)| network)
        .filter(|network| !network.is_empty())
        .collect();
    let mut of_network: HashMap<String, i64> = HashMap::new();
    if !known.is_empty() {
        of_network.extend(review::networks(c, Val::texts(known), since).await?);
    }
    let by_payment: Vec<String> = orders.iter().map(|new| payment_key(app, new)).collect();
    let known: Vec<&String> = by_payment.iter().filter(|key| !key.is_empty()).collect();
    let mut of_payment: HashMap<String, i64> = HashMap::new();
    if !known.is_empty() {
        let since = now - RECENT_PAYMENTS;
        of_payment.extend(review::payments(c, Val::texts(known), since).await?);
    }
    for (i, email_key, network_key) in keys {
        let Some(new) = orders.get_mut(i) else {
            continue;
        };
        let payment_key = by_payment.get(i).cloned().unwrap_or_default();
        let mut facts = facts.get(i).copied().unwrap_or_default();
        let (recent, good) = of_email.entry(email_key.clone()).or_default();
        facts.orders_of_email = Some(*recent);
        facts.good_orders = Some(*good);
        *recent += 1;
        if !network_key.is_empty() {
            let recent = of_network.entry(network_key.clone()).or_default();
            facts.orders_of_network = Some(*recent);
            *recent += 1;
        }
        if !payment_key.is_empty() {
            let recent = of_payment.entry(payment_key.clone()).or_default();
            facts.orders_of_payment = Some(*recent);
            *recent += 1;
        }
        new.verdict = Some(Verdict {
            score: active.policy.score(&facts),
            policy_version: active.version,
            email_key,
            network_key,
            payment_key,
        });
        if new.is_to_review() {
            new.put_off_payment();
        }
    }
    Ok(())
}

/// Lets the orders of a batch wait for the organiser of an event who wants to accept each of them, or those
/// with some of its tiers, whether they cost something or not. One that is refused for how it looks stays refused; those of staff do not wait.
///
/// # Errors
/// A fault of the database.
pub async fn require_approval_in(
    app: &App,
    c: &mut Conn,
    event: EventId,
    orders: &mut [NewOrder],
) -> Result<(), DbError> {
    let rules = store::seats::rules(c, event).await?.unwrap_or_default();
    let tiers = catalog::tiers_to_approve_in(c, event).await?;
    if !rules.needs_approval && tiers.is_empty() {
        return Ok(());
    }
    for new in orders.iter_mut().filter(|new| new.staff.is_none()) {
        let wanted = new.basis.tiers();
        if !rules.needs_approval && !wanted.iter().any(|(tier, _)| tiers.contains(tier)) {
            continue;
        }
        let mut verdict = new.verdict.take().unwrap_or_else(|| Verdict {
            score: FraudScore {
                score: 0,
                decision: FraudDecision::Review,
                reasons: Vec::new(),
            },
            policy_version: 0,
            email_key: email_key(app, new),
            network_key: network_key(app, new),
            payment_key: payment_key(app, new),
        });
        if verdict.score.decision != FraudDecision::Refuse {
            verdict.score.decision = FraudDecision::Review;
            verdict.score.reasons.push(FraudReason {
                reason: NEEDS_APPROVAL.to_owned(),
                points: 0,
            });
            new.put_off_payment();
        }
        new.verdict = Some(verdict);
    }
    Ok(())
}

/// Keeps how suspicious the orders looked that were placed.
pub(super) async fn keep_in(c: &mut Conn, placed: &[&NewOrder]) -> Result<(), DbError> {
    let scored: Vec<_> = placed
        .iter()
        .filter_map(|new| Some((*new, new.verdict.as_ref()?)))
        .collect();
    review::insert(c, &scored).await
}

/// Whether an order may not be paid yet, since nobody has looked at it.
///
/// # Errors
/// A fault of the database.
pub async fn is_under_review_in(c: &mut Conn, order: OrderId) -> Result<bool, DbError> {
    let decided = review::decided(c, order).await?;
    Ok(decided.is_some_and(|row| row.decision == FraudDecision::Review && row.outcome.is_none()))
}

/// The same, outside of a read that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn is_under_review(app: &App, order: OrderId) -> Result<bool, SalesError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { is_under_review_in(c, order).await }))
        .await?)
}

/// The orders of an event that wait to be looked at, oldest first, after one of them.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn orders_to_review(
    app: &App,
    tenant: &Tenant,
    event: EventId,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderToReview>, SalesError> {
    catalog::event_of(app, tenant, event).await?;
    let work = app.clone();
    app.db
        .read(move |c| {
            Box::pin(async move {
                let mut found = Vec::new();
                for row in review::to_review(c, event, after, limit).await? {
                    // Its sandbox may have been emptied in this very moment.
                    let Some(order) = store::order(c, row.order_id).await? else {
                        continue;
                    };
                    found.push(OrderToReview {
                        order: opened(&work, order)?,
                        score: row.score,
                        reasons: row.reasons.0,
                        scored_at: row.scored_at,
                    });
                }
                Ok::<_, SalesError>(found)
            })
        })
        .await
}

/// Decides about an order that waits for it: it can be paid, which its buyer is told by mail (one that costs
/// nothing is done), or it is cancelled and its tickets are free. Deciding the same again changes nothing.
///
/// # Errors
/// [`SalesError::OrderNotFound`], [`SalesError::NotUnderReview`] if it does not wait or something else was
/// decided, or a fault of the database.
pub async fn review_order(
    app: &App,
    tenant: &Tenant,
    id: OrderId,
    outcome: ReviewOutcome,
    actor: String,
) -> Result<OrderDetail, SalesError> {
    super::order_of(app, tenant, id).await?;
    let (work, now, organisation) = (app.clone(), app.now(), tenant.organisation);
    app.db
        .write(move |c| {
            Box::pin(async move {
                // Locks the order first, as all do that change it.
                let pending = super::lock_pending(&work, c, id).await?;
                if !review::decide(c, id, outcome, &actor, now).await? {
                    let decided = review::decided(c, id).await?;
                    return match decided.and_then(|row| row.outcome) {
                        Some(before) if before == outcome => Ok(()),
                        Some(_) | None => Err(SalesError::NotUnderReview),
                    };
                }
                let Ok(order) = pending else {
                    return Err(SalesError::NotUnderReview);
                };
                match outcome {
                    // There is nothing to pay: its tickets are issued, and nobody has to come back for them.
                    ReviewOutcome::Accept if order.total_minor == 0 => {
                        super::mark_paid(&work, c, id).await?;
                    }
                    ReviewOutcome::Accept => accept(&work, c, &order, now).await?,
                    ReviewOutcome::Refuse => {
                        let mut returned = Returned::default();
                        end_pending(c, id, OrderState::Cancelled, &mut returned).await?;
                        returned.give_back(c, Take::Held, now).await?;
                        waiting_room::leave(c, &[id.to_string()], now).await?;
                    }
                }
                let record = AuditRecord::new(&actor, "orders.reviewed", id)
                    .of(organisation)
                    .detail(json!({"decision": outcome}));
                platform::audit(&work, c, record).await?;
                Ok::<_, SalesError>(())
            })
        })
        .await?;
    super::order(app, id).await
}

async fn accept(app: &App, c: &mut Conn, order: &Order, now: Timestamp) -> Result<(), SalesError> {
    let until = Timestamp::from_ms(now.ms().saturating_add(REVIEWED_MS));
    review::put_off(c, order.id, until).await?;
    let row = store::order(c, order.id)
        .await?
        .ok_or(SalesError::OrderNotFound)?;
    let seats = seats_of(&store::order_items(c, order.id).await?);
    let stock = store::order_stock(c, order.id).await?.unwrap_or_default();
    let listings = resale::listings_of(c, row.hold_id, &stock).await?;
    if let Some(hold) = row.hold_id.filter(|_| !listings.is_empty()) {
        resale::keep(c, &listings, hold, until).await?;
    } else if !seats.is_empty() {
        // Seats that are lost meanwhile are found out when it is paid.
        store::seats::extend(c, row.event_id, &row.seat_holder(), &seats, until, now).await?;
    }
    // An order's address is taken more leniently than one that mail can be sent to; and a sandbox writes
    // to no buyer.
    let email = order.email.parse::<Email>().ok();
    let Some(email) = email.filter(|_| !order.sandbox) else {
        return Ok(());
    };
    let template = MailTemplate::OrderAccepted {
        reference: order.reference.clone(),
        link: mail::link(app, &order_path(app, order.id, "")),
        expires_at: until,
    };
    send(app, c, &email, template).await
}

/// Sends a mail with a write.
pub(super) async fn send(
    app: &App,
    c: &mut Conn,
    to: &Email,
    template: MailTemplate,
) -> Result<(), SalesError> {
    mail::send_in(app, c, to, template).await.map_err(|error| {
        let detail = error.to_string();
        if let IdentityError::Db(error) = error {
            SalesError::Db(error)
        } else {
            let at = "sales::mail";
            SalesError::Db(DbError::Fault { at, detail })
        }
    })
}
