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

/// Counts that somebody tries codes; take it back with [`was_right`] if they are known.
///
/// # Errors
/// [`CodesError::TooOften`], or a fault of the database.
pub async fn may_try(app: &App, c: &mut Conn, ip: IpAddr) -> Result<(), CodesError> {
    let throttle = Throttle::network(app, TRIES, ip);
    match throttle.pass(c, app.now()).await? {
        Ok(_) => Ok(()),
        Err(seconds) => Err(CodesError::TooOften(seconds)),
    }
}

/// The codes were known, so they were not guessed.
///
/// # Errors
/// A fault of the database.
pub async fn was_right(app: &App, c: &mut Conn, ip: IpAddr) -> Result<(), CodesError> {
    Ok(Throttle::network(app, TRIES, ip).take_back(c).await?)
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
    app.db
        .write(move |c| {
            Box::pin(async move {
                may_try(&work, c, ip).await?;
                let found = match facts(c, organisation, event.id, &[typed], None).await {
                    Ok(found) => found.into_iter().next(),
                    Err(CodesError::Unknown { .. }) => None,
                    Err(other) => return Err(other),
                };
                let Some((_, code, _)) = found.filter(|(_, code, fact)| {
                    let is_same = code.currency.is_none_or(|own| own == event.currency);
                    is_same && is_open(code, fact, now)
                }) else {
                    return Ok(CodeCheck::default());
                };
                was_right(&work, c, ip).await?;
                Ok(CodeCheck::of(&code.effect))
            })
        })
        .await
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
