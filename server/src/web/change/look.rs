//! What a change would come to, line by line, and doing it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{IfMatch, Path, Query};
use bilten_kernel::money::Money;

use super::super::form::{self, Faults, Fields, Refusal};
use super::super::order::{self, Key};
use super::super::shell::{self, Privacy, Shell};
use super::super::text;
use super::super::view::{EventView, place};
use super::choice::{Act, Choice, with_seats};
use super::{Known, buyer, choose, choose_path, known, path, waiting, words};
use crate::app::App;
use crate::sales::changes::{
    self, ChangeError, ChangeRequest, ChangeStep, ChangeableUnit, LineReason, OrderChange,
    SeenMoney,
};
use crate::sales::{HOLD_MS, OrderId, SalesError};
use crate::tickets;

/// How long the steps may be that a form carries along.
const MAX_STEPS_TEXT: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "change_preview.html")]
struct PreviewPage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    reference: String,
    rows: Vec<Row>,
    before: String,
    after: String,
    /// What is to be paid.
    due: Option<String>,
    /// For how long that can be paid once it is confirmed.
    minutes: i64,
    /// What goes back, and why.
    refund: Option<String>,
    refund_why: &'static str,
    /// What is kept of what was paid, and why no more goes back.
    kept: Option<String>,
    kept_why: &'static str,
    has_new_codes: bool,
    action: String,
    hidden: Vec<(&'static str, String)>,
    choose: String,
    back: String,
}

/// A line of the order, before the change and after it.
struct Row {
    name: String,
    quantity: usize,
    place: String,
    what: String,
    is_changed: bool,
    before: String,
    after: String,
}

/// What becomes of units of the order that were ticked.
fn fate(choice: &Choice) -> String {
    match choice.act {
        Some(Act::Return) => "Given back".to_owned(),
        Some(Act::Name) => format!("In the name of {} from now on", choice.name),
        Some(Act::Date | Act::Tier) | None => "Exchanged".to_owned(),
    }
}

/// Every line: what is ticked, what comes for it, what stays.
fn rows(known: &Known, choice: &Choice, change: &OrderChange) -> Vec<Row> {
    let offer = &known.offer;
    let amount = |minor: i64| text::amount(Money::new(minor, change.currency));
    let goes = choice.act != Some(Act::Name);
    // Lines of the order in two parts: what is ticked of them, and the rest.
    let mut parts: Vec<(bool, Vec<&ChangeableUnit>)> = Vec::new();
    for is_ticked in [true, false] {
        for unit in &known.changeable.units {
            if choice.has(unit) != is_ticked {
                continue;
            }
            let of_line = parts.iter_mut().find(|(ticked, units)| {
                *ticked == is_ticked && units.first().is_some_and(|first| first.line == unit.line)
            });
            match of_line {
                Some((_, units)) => units.push(unit),
                None => parts.push((is_ticked, vec![unit])),
            }
        }
    }
    let (mut rows, mut stays) = (Vec::new(), Vec::new());
    for (is_ticked, units) in parts {
        let Some(first) = units.first() else {
            continue;
        };
        let seats: Vec<&str> = units
            .iter()
            .filter_map(|unit| unit.seat.as_ref())
            .map(|seat| seat.label.as_str())
            .collect();
        let paid: i64 = units.iter().map(|unit| unit.paid_minor).sum();
        let row = Row {
            name: first.label.clone(),
            quantity: units.len(),
            place: place(offer, first.occurrence_id, &seats),
            what: if is_ticked {
                fate(choice)
            } else {
                "Stays as it is".to_owned()
            },
            is_changed: is_ticked,
            before: amount(paid),
            after: amount(if is_ticked && goes { 0 } else { paid }),
        };
        if is_ticked {
            rows.push(row);
        } else {
            stays.push(row);
        }
    }
    for line in &change.after.lines {
        let what = match line.reason {
            LineReason::Changed => "You get this for it",
            LineReason::Added => "Comes in addition",
            LineReason::Kept | LineReason::Cancelled | LineReason::Moved => continue,
        };
        let seats: Vec<&str> = line
            .units
            .iter()
            .filter_map(|unit| unit.seat.as_ref())
            .map(|seat| seat.label.as_str())
            .collect();
        rows.push(Row {
            name: line.label.clone(),
            quantity: line.units.len(),
            place: place(offer, line.occurrence_id, &seats),
            what: what.to_owned(),
            is_changed: true,
            before: amount(0),
            after: amount(line.total_minor),
        });
    }
    rows.extend(stays);
    let lost_minor = change.money.lost_discount_minor;
    if lost_minor > 0 {
        rows.push(Row {
            name: "A discount that does not hold any more".to_owned(),
            quantity: 0,
            place: String::new(),
            what: "What is left is not what its code asks for".to_owned(),
            is_changed: true,
            before: amount(0),
            after: amount(lost_minor),
        });
    }
    rows
}

fn page(
    app: &App,
    known: &Known,
    choice: &Choice,
    steps: Vec<ChangeStep>,
    change: &OrderChange,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let money = &change.money;
    let amount = |minor: i64| text::amount(Money::new(minor, change.currency));
    let some = |minor: i64| (minor > 0).then(|| amount(minor));
    let steps = with_seats(steps, &known.changeable, change);
    let steps = serde_json::to_string(&steps).map_err(|error| Problem::fault(&error))?;
    let mut hidden = vec![
        ("key", form::new_key(&*app.random)),
        ("version", change.version.to_string()),
        ("steps", steps),
        ("due", money.due_minor.to_string()),
        ("refund", money.refund_minor.to_string()),
    ];
    hidden.extend(choice.fields());
    let faults = refusal.take_faults();
    let page = PreviewPage {
        shell: Shell::personal("Your change")
            .of_event(known.offer.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        event: EventView::of(&known.offer),
        reference: known.bought.purchased.order.order.reference.clone(),
        rows: rows(known, choice, change),
        before: amount(change.before.total_minor),
        after: amount(change.after.total_minor),
        due: some(money.due_minor),
        minutes: HOLD_MS / 60_000,
        refund: some(money.refund_minor),
        refund_why: money.refund_reason.map_or("", words::refund),
        kept: some(money.kept_minor),
        kept_why: money
            .refusal
            .map_or("That is the refund policy of this event.", words::no_refund),
        has_new_codes: choice.act != Some(Act::Return),
        action: order::address(app, known.id, "/change"),
        hidden,
        choose: choose_path(app, known.id),
        back: order::address(app, known.id, ""),
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// Shows what a choice comes to now, or what is wrong with it.
async fn look(
    app: &App,
    known: &Known,
    key: &Key,
    choice: &Choice,
    refusal: Refusal,
) -> Result<Response, Problem> {
    let steps = match choice.steps(&known.changeable) {
        Ok(steps) => steps,
        Err(faults) => {
            let refusal = Refusal::with(faults);
            return choose::page(app, known, key, "", choice, refusal).await;
        }
    };
    let request = ChangeRequest {
        version: choice.version,
        steps: steps.clone(),
        seen: None,
        beyond_policy: None,
    };
    match changes::preview(app, buyer(key), known.id, request, IfMatch::ANY).await {
        Ok(change) => page(app, known, choice, steps, &change, refusal),
        Err(error) => choose_again(app, known.id, key, choice, error).await,
    }
}

/// Lets them choose again, and says why.
async fn choose_again(
    app: &App,
    id: OrderId,
    key: &Key,
    choice: &Choice,
    error: ChangeError,
) -> Result<Response, Problem> {
    let mut choice = choice.clone();
    if matches!(error, ChangeError::VersionConflict | ChangeError::Stale(_)) {
        choice.forget_units();
    }
    // Whatever came in between: as the order is now.
    match known(app, id, key).await? {
        Ok(known) => {
            let refusal = words::refused(&choice, error)?;
            choose::page(app, &known, key, "", &choice, refusal).await
        }
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// `POST /orders/{order}/change/preview?token=`
pub(super) async fn preview(
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let known = match known(&app, id, &key).await? {
        Ok(known) => known,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let choice = Choice::of(&fields);
    look(&app, &known, &key, &choice, Refusal::default()).await
}

/// What a form confirms: exactly what a preview showed.
fn confirmed(fields: &Fields) -> Option<ChangeRequest> {
    let steps = fields.text("steps");
    if steps.len() > MAX_STEPS_TEXT {
        return None;
    }
    Some(ChangeRequest {
        version: Some(fields.text("version").parse().ok()?),
        steps: serde_json::from_str(steps).ok()?,
        seen: Some(SeenMoney {
            due_minor: fields.text("due").parse().ok()?,
            refund_minor: fields.text("refund").parse().ok()?,
        }),
        beyond_policy: None,
    })
}

/// `POST /orders/{order}/change?token=`
pub(super) async fn confirm(
    State(app): State<App>,
    Path(id): Path<OrderId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    // Before anything else: addresses that are given below hold the secret.
    tickets::bought(&app, id, &key.token).await?;
    let choice = Choice::of(&fields);
    let fresh = || form::new_key(&*app.random);
    let Some(request) = confirmed(&fields) else {
        // Nobody has seen what it comes to.
        return Ok(shell::see_other(&choose_path(&app, id)));
    };
    let once = fields.key().unwrap_or_else(fresh);
    let (by, any) = (buyer(&key), IfMatch::ANY);
    let made = match changes::change(&app, by, id, request.clone(), any, once).await {
        // The form was used before, for another choice.
        Err(ChangeError::Sales(SalesError::KeyReused)) => {
            changes::change(&app, buyer(&key), id, request, IfMatch::ANY, fresh()).await
        }
        other => other,
    };
    match made {
        Ok(change) => Ok(match change.id {
            Some(change) => shell::see_other(&path(&app, id, change, "")),
            None => order::go_to(&app, id),
        }),
        Err(ChangeError::Waiting) => Ok(waiting(&app, id)
            .await?
            .unwrap_or_else(|| order::go_to(&app, id))),
        Err(
            ChangeError::MoneyChanged
            | ChangeError::Sales(SalesError::SeatsTaken(_) | SalesError::Choice(_)),
        ) => {
            let known = match known(&app, id, &key).await? {
                Ok(known) => known,
                Err(elsewhere) => return Ok(elsewhere),
            };
            let refusal = words::refused(&choice, ChangeError::MoneyChanged)?;
            look(&app, &known, &key, &choice, refusal).await
        }
        Err(error) => choose_again(&app, id, &key, &choice, error).await,
    }
}
