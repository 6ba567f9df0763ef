//! Whoever types a code: told what it is worth, and slowed down when they guess.

use std::net::IpAddr;
use std::time::Duration;

use bilten_core::price::{CodeFact, PromoCode};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;

use super::{CodesError, facts};
use crate::app::App;
use crate::catalog::EventDetail;
use crate::identity::{Rule, Throttle};
use crate::sales::codes::model::*;

/// Wrong codes from one network, whatever the events.
const TRIES: Rule = Rule::new(
    "promo code",
    30,
    10_000,
    300_000,
    Duration::from_secs(3_600),
);

/// Whether somebody may try codes now. Nothing is counted: many who are right share a network, and only
/// [`was_wrong`] is held against it. Tries that are under way together may all be looked at.
///
/// # Errors
/// [`CodesError::TooOften`], or a fault of the database.
pub async fn may_try(app: &App, c: &mut Conn, ip: IpAddr) -> Result<(), CodesError> {
    let throttle = Throttle::network(app, TRIES, ip);
    match throttle.wait(c, app.now()).await? {
        Some(seconds) => Err(CodesError::TooOften(seconds)),
        None => Ok(()),
    }
}

/// What was tried is no code that could be used: a guess, as far as one can tell.
///
/// # Errors
/// A fault of the database.
pub async fn was_wrong(app: &App, c: &mut Conn, ip: IpAddr) -> Result<(), CodesError> {
    let throttle = Throttle::network(app, TRIES, ip);
    Ok(throttle.failed(c, app.now()).await?)
}

/// What a typed text is worth for an event.
///
/// # Errors
/// [`CodesError::TooOften`], or a fault of the database.
pub async fn check(
    app: &App,
    ip: IpAddr,
    event: &EventDetail,
    typed: String,
) -> Result<CodeCheck, CodesError> {
    let (work, now) = (app.clone(), app.now());
    let (event, organisation) = (event.event.clone(), event.event.organisation_id);
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                may_try(&work, c, ip).await?;
                let found = match facts(c, organisation, event.id, &[typed], None).await {
                    Ok(found) => found.into_iter().next(),
                    Err(CodesError::Unknown { .. }) => None,
                    Err(other) => return Err(other),
                };
                let usable = found.filter(|(_, code, fact)| {
                    let is_same = code.currency.is_none_or(|own| own == event.currency);
                    is_same && is_open(code, fact, now)
                });
                Ok::<_, CodesError>(usable.map(|(_, code, _)| CodeCheck::of(&code.effect)))
            })
        })
        .await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { was_wrong(&work, c, ip).await }))
        .await?;
    Ok(CodeCheck::default())
}

/// Whether a code can be used by somebody at this time.
fn is_open(code: &PromoCode, fact: &CodeFact, now: Timestamp) -> bool {
    let now = bilten_core::time::Timestamp(now.ms());
    code.from_at.is_none_or(|from| from <= now)
        && code.until_at.is_none_or(|until| now < until)
        && code.max_uses.is_none_or(|most| fact.used < most)
        && code
            .budget_minor
            .is_none_or(|budget| fact.spent_minor < budget)
}
