//! The page on which somebody chooses tickets of their order and what shall happen to them.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use bilten_kernel::money::Money;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::form::{Faults, Refusal};
use super::super::order::{self, Key, state_in_words};
use super::super::shell::{self, Privacy, Shell};
use super::super::text;
use super::super::view::{EventView, place};
use super::choice::{Act, Choice, value_of};
use super::{Known, choose_path, known, words};
use crate::app::App;
use crate::catalog::{EventDetail, Occurrence, Tier, TierKind, TierPrice};
use crate::sales::changes::ChangeableUnit;
use crate::sales::{self, OrderId};
use crate::tickets::{self, Ticket, TicketId};

/// How many dates there are to choose from at once.
const DATES: usize = 100;

/// The secret, and from which day on dates are shown.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    token: String,
    #[serde(default)]
    from: String,
}

#[derive(Template)]
#[template(path = "change_choose.html")]
struct ChoosePage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    reference: String,
    action: String,
    version: i64,
    units: Vec<UnitView>,
    acts: Vec<ActView>,
    /// What cannot be done, and why.
    refusals: Vec<String>,
    dates: Vec<OptionView>,
    tiers: Vec<OptionView>,
    name: String,
    email: String,
    /// Where later dates are looked for, if there are more.
    later: Option<LaterView>,
    back: String,
}

struct UnitView {
    value: String,
    name: String,
    holders: String,
    place: String,
    price: String,
    is_chosen: bool,
    /// Why it cannot be changed; empty if it can.
    closed: String,
}

struct ActView {
    value: &'static str,
    name: &'static str,
    note: &'static str,
    is_chosen: bool,
}

struct OptionView {
    value: String,
    name: String,
    is_chosen: bool,
}

struct LaterView {
    action: String,
    token: String,
    from: String,
}

/// What can be done with at least one of the tickets, and why the rest cannot.
struct Possible {
    acts: Vec<Act>,
    refusals: Vec<String>,
}

fn unit_view(
    offer: &EventDetail,
    unit: &ChangeableUnit,
    own: &HashMap<TicketId, &Ticket>,
    choice: &Choice,
) -> UnitView {
    let (mut holders, mut closed) = (Vec::<&str>::new(), String::new());
    for ticket in &unit.tickets {
        match own.get(&tickets::of_unit(ticket)) {
            Some(found) => {
                let (is_valid, state) = state_in_words(found.state);
                if !is_valid {
                    closed = format!("{state}: it cannot be changed.");
                }
                if !holders.contains(&found.holder_name.as_str()) {
                    holders.push(&found.holder_name);
                }
            }
            None => "Passed on to somebody: it cannot be changed.".clone_into(&mut closed),
        }
    }
    let seat: Vec<&str> = unit.seat.iter().map(|seat| seat.label.as_str()).collect();
    UnitView {
        value: value_of(unit),
        name: unit.label.clone(),
        holders: holders.join(", "),
        place: place(offer, unit.occurrence_id, &seat),
        price: text::price(Money::new(unit.paid_minor, offer.event.currency)),
        is_chosen: closed.is_empty() && choice.has(unit),
        closed,
    }
}

/// The dates to come from a moment on, and whether there are more.
fn dates_from(offer: &EventDetail, from: Timestamp) -> (Vec<&Occurrence>, bool) {
    let mut to_come = offer.scheduled().filter(|date| date.starts_at > from);
    let dates: Vec<&Occurrence> = to_come.by_ref().take(DATES).collect();
    (dates, to_come.next().is_some())
}

/// Whether somebody can have this tier instead of another one without being asked anything.
fn is_choosable(offer: &EventDetail, tier: &Tier, now: Timestamp) -> bool {
    let price = tier
        .pricing
        .as_ref()
        .and_then(|pricing| pricing.price.as_ref());
    !tier.hidden
        && tier.kind == TierKind::Ticket
        && !matches!(price, Some(TierPrice::PayWhatYouWant { .. }))
        && offer.off_sale(tier, now).is_none()
}

/// What all units have in common; none if they differ.
fn only<T: PartialEq>(units: &[&ChangeableUnit], of: impl Fn(&ChangeableUnit) -> T) -> Option<T> {
    let (&first, rest) = units.split_first()?;
    let first = of(first);
    rest.iter().all(|&unit| of(unit) == first).then_some(first)
}

fn possible(open: &[&ChangeableUnit], all: usize, has_dates: bool, has_tiers: bool) -> Possible {
    let (mut acts, mut refusals) = (Vec::new(), Vec::new());
    let is_running = open.iter().any(|unit| !unit.has_begun);
    let is_dated = open
        .iter()
        .any(|unit| !unit.has_begun && unit.occurrence_id.is_some());
    if is_dated && has_dates {
        acts.push(Act::Date);
    }
    if is_running && has_tiers {
        acts.push(Act::Tier);
    }
    if !is_running && !open.is_empty() {
        refusals.push("It has begun, so nothing is exchanged any more.".to_owned());
    }
    let with_names = open.iter().filter(|unit| !unit.tickets.is_empty());
    let named: Vec<_> = with_names.map(|unit| unit.no_other_name).collect();
    if named.contains(&None) {
        acts.push(Act::Name);
    } else if let Some(why) = named.into_iter().flatten().next() {
        refusals.push(words::no_other_name(why));
    }
    let refunds: Vec<_> = open.iter().map(|unit| unit.no_refund).collect();
    if let Some(why) = refunds.iter().flatten().next()
        && !refunds.contains(&None)
    {
        refusals.push(words::no_refund(*why).to_owned());
    } else if all > 1 && !refunds.is_empty() {
        acts.push(Act::Return);
    } else if !refunds.is_empty() {
        let text = "To give back the only ticket of an order, please ask the organiser.";
        refusals.push(text.to_owned());
    }
    Possible { acts, refusals }
}

const fn act_in_words(act: Act) -> (&'static str, &'static str) {
    match act {
        Act::Date => ("Another date", "The same kind of ticket on another day."),
        Act::Tier => (
            "Another kind of ticket",
            "Dearer or cheaper, if it is left.",
        ),
        Act::Name => ("Another name", "Somebody else comes with it."),
        Act::Return => (
            "Give back",
            "You get back what the refund policy of the event says.",
        ),
    }
}

/// The page, with what was chosen and what is wrong with it.
pub(super) async fn page(
    app: &App,
    known: &Known,
    key: &Key,
    from: &str,
    choice: &Choice,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let (offer, now) = (&known.offer, app.now());
    let zone = text::zone(&offer.event.time_zone);
    let wanted = from.parse::<Date>().ok();
    let wanted = wanted.and_then(|day| day.to_zoned(zone.clone()).ok());
    let wanted = wanted.map(|day| Timestamp::from_ms(day.timestamp().as_millisecond()));
    let own: HashMap<TicketId, &Ticket> = known
        .bought
        .tickets
        .iter()
        .map(|signed| (signed.ticket.id, &signed.ticket))
        .collect();
    let mut units: Vec<UnitView> = known
        .changeable
        .units
        .iter()
        .map(|unit| unit_view(offer, unit, &own, choice))
        .collect();
    let of_units = known.changeable.units.iter().zip(&units);
    let open: Vec<&ChangeableUnit> = of_units
        .filter(|(_, view)| view.closed.is_empty())
        .map(|(unit, _)| unit)
        .collect();

    let (dates, has_more) = dates_from(offer, wanted.unwrap_or(now).max(now));
    let only_date = only(&open, |unit| unit.occurrence_id).flatten();
    let dates: Vec<OptionView> = dates
        .into_iter()
        .filter(|date| Some(date.id) != only_date)
        .map(|date| {
            let value = date.id.to_string();
            OptionView {
                is_chosen: value == choice.date,
                name: text::date_and_time(date.starts_at, &zone).text,
                value,
            }
        })
        .collect();
    let left = sales::availability(app, offer, None).await?;
    let only_tier = only(&open, |unit| unit.tier_id);
    let tiers: Vec<OptionView> = offer
        .tiers
        .iter()
        .filter(|tier| is_choosable(offer, tier, now) && Some(tier.id) != only_tier)
        .map(|tier| {
            let of_tier = left.iter().find(|one| one.tier == tier.id);
            let is_left = of_tier.is_some_and(|one| one.left > 0);
            let price = text::price(offer.price(tier));
            let end = if is_left { "" } else { ", sold out" };
            let value = tier.id.to_string();
            OptionView {
                is_chosen: value == choice.tier,
                name: format!("{}, {price}{end}", tier.name),
                value,
            }
        })
        .collect();
    // On some later day there may be none, and on an earlier one some.
    let has_dates = !dates.is_empty() || wanted.is_some();
    let all = known.changeable.units.len();
    let Possible { acts, refusals } = possible(&open, all, has_dates, !tiers.is_empty());
    let mut of_open = units.iter_mut().filter(|one| one.closed.is_empty());
    if let (Some(single), None) = (of_open.next(), of_open.next()) {
        single.is_chosen = true;
    }
    let is_only = acts.len() == 1;
    let faults = refusal.take_faults();
    let page = ChoosePage {
        shell: Shell::personal("Change or return tickets")
            .of_event(offer.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        event: EventView::of(offer),
        reference: known.bought.purchased.order.order.reference.clone(),
        action: order::address(app, known.id, "/change/preview"),
        version: known.changeable.version,
        units,
        acts: acts
            .into_iter()
            .map(|act| {
                let (name, note) = act_in_words(act);
                ActView {
                    value: act.value(),
                    name,
                    note,
                    is_chosen: is_only || choice.act == Some(act),
                }
            })
            .collect(),
        refusals,
        dates,
        tiers,
        name: choice.name.clone(),
        email: choice.email.clone(),
        later: (has_more || wanted.is_some()).then(|| LaterView {
            action: format!("/orders/{}/change", known.id),
            token: key.token.clone(),
            from: wanted.map_or_else(String::new, |_| from.to_owned()),
        }),
        back: order::address(app, known.id, ""),
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// `GET /orders/{order}/change?token=`
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let key = Key { token: asked.token };
    match known(&app, id, &key).await? {
        Ok(known) => {
            let choice = Choice::default();
            let refusal = Refusal::default();
            page(&app, &known, &key, &asked.from, &choice, refusal).await
        }
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// `GET /orders/{order}/change/preview?token=`
///
/// A preview is asked for by a form; its address alone leads to that form.
pub(super) async fn again(
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    tickets::bought(&app, id, &key.token).await?;
    Ok(shell::see_other(&choose_path(&app, id)))
}
