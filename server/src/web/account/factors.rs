//! Second factors of somebody: listed, added, confirmed, removed; recovery codes.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::sign_in::Wish;
use super::{Holder, Place, Proven, done};
use crate::app::App;
use crate::identity::{self, FactorId, FactorKind, IdentityError, PageVisitor, TotpEnrolment};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

#[derive(Template)]
#[template(path = "account/factors.html")]
struct FactorsPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    factors: Vec<FactorRow>,
    passkeys: usize,
    recovery_codes: i64,
    is_empty: bool,
    is_required: bool,
    has_sms: bool,
    has_passkeys: bool,
    phone: String,
}

struct FactorRow {
    id: FactorId,
    name: &'static str,
    target: Option<String>,
    created: Moment,
}

#[derive(Template)]
#[template(path = "account/factor_new.html")]
struct FactorPage {
    shell: Shell,
    faults: Faults,
    heading: &'static str,
    factor: FactorId,
    app: Option<TotpEnrolment>,
    target: Option<String>,
}

#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct CodesPage {
    shell: Shell,
    done: Option<&'static str>,
    codes: Vec<String>,
}

const fn name(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "Authenticator app",
        FactorKind::Email => "Codes by e-mail",
        FactorKind::Sms => "Codes by text message",
        FactorKind::Recovery => "Recovery codes",
        FactorKind::Passkey => "Passkey",
    }
}

async fn list(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    done: Option<&'static str>,
    phone: &str,
) -> Result<Response, Problem> {
    let all = identity::factors(app, holder.person.user).await?;
    let faults = refusal.take_faults();
    let page = FactorsPage {
        shell: Shell::account("Second step", holder, Place::Factors)
            .with_faults(!faults.is_empty()),
        faults,
        done,
        is_empty: all.factors.is_empty() && all.passkeys.is_empty(),
        factors: all
            .factors
            .into_iter()
            .map(|factor| FactorRow {
                id: factor.id,
                name: name(factor.kind),
                target: factor.target,
                created: text::day(factor.created_at, &TimeZone::UTC),
            })
            .collect(),
        passkeys: all.passkeys.len(),
        recovery_codes: all.recovery_codes,
        is_required: all.is_required,
        has_sms: all.has_sms,
        has_passkeys: all.has_passkeys,
        phone: phone.to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/factors`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    list(&app, &holder, Refusal::default(), done(&wish.done), "").await
}

fn to_factor(factor: FactorId) -> Response {
    shell::see_other(&format!("/account/factors/{factor}"))
}

/// `POST /account/factors/totp`
pub(super) async fn add_app(
    State(app): State<App>,
    Proven(holder): Proven,
) -> Result<Response, Problem> {
    let begun = identity::begin_totp(&app, &holder.person).await?;
    Ok(to_factor(begun.factor))
}

/// `POST /account/factors/email`
pub(super) async fn add_email(
    State(app): State<App>,
    Proven(holder): Proven,
) -> Result<Response, Problem> {
    match identity::begin_email_factor(&app, &holder.person).await {
        Ok(factor) => Ok(to_factor(factor)),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            list(&app, &holder, refusal, None, "").await
        }
    }
}

/// `POST /account/factors/sms`
pub(super) async fn add_sms(
    State(app): State<App>,
    Proven(holder): Proven,
    PageVisitor(visitor): PageVisitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let phone = fields.text("phone");
    match identity::begin_sms_factor(&app, &holder.person, phone, &visitor.origin).await {
        Ok(factor) => Ok(to_factor(factor)),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            list(&app, &holder, refusal, None, phone).await
        }
    }
}

async fn factor_page(
    app: &App,
    holder: &Holder,
    factor: FactorId,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let pending = match identity::pending_factor(app, &holder.person, factor).await {
        // It counts by now, or another one was begun.
        Err(IdentityError::NotFound(_)) => return Ok(shell::see_other("/account/factors")),
        pending => pending?,
    };
    let faults = refusal.take_faults();
    let heading = name(pending.kind);
    let page = FactorPage {
        shell: Shell::account(heading, holder, Place::Factors).with_faults(!faults.is_empty()),
        faults,
        heading,
        factor,
        app: pending.enrolment,
        target: pending.target,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/factors/{factor}`
pub(super) async fn show_new(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(factor): Path<FactorId>,
) -> Result<Response, Problem> {
    factor_page(&app, &holder, factor, Refusal::default()).await
}

/// The recovery codes, which no other answer shows again.
pub(super) fn codes_page(
    holder: &Holder,
    done: Option<&'static str>,
    codes: Vec<String>,
) -> Result<Response, Problem> {
    let page = CodesPage {
        shell: Shell::account("Your recovery codes", holder, Place::Factors),
        done,
        codes,
    };
    Refusal::default().page(&page, Privacy::Form)
}

/// `POST /account/factors/{factor}`
pub(super) async fn confirm(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(factor): Path<FactorId>,
    fields: Fields,
) -> Result<Response, Problem> {
    let code = fields.text("code");
    if code.is_empty() {
        let faults = Faults::one("code", "Please write the code.");
        return factor_page(&app, &holder, factor, Refusal::with(faults)).await;
    }
    match identity::confirm_factor(&app, &holder.person, factor, code).await {
        Ok(Some(codes)) => codes_page(&holder, done("factor"), codes),
        Ok(None) => Ok(shell::see_other("/account/factors?done=factor")),
        Err(IdentityError::NotFound(_)) => Ok(shell::see_other("/account/factors")),
        Err(error @ IdentityError::WrongCode) => {
            let faults = Faults::one("code", error.to_string());
            factor_page(&app, &holder, factor, Refusal::with(faults)).await
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            factor_page(&app, &holder, factor, refusal).await
        }
    }
}

/// `POST /account/factors/{factor}/remove`
pub(super) async fn remove(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(factor): Path<FactorId>,
) -> Result<Response, Problem> {
    match identity::remove_factor(&app, &holder.person, factor).await {
        Ok(()) | Err(IdentityError::NotFound(_)) => {
            Ok(shell::see_other("/account/factors?done=factor-removed"))
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            list(&app, &holder, refusal, None, "").await
        }
    }
}

/// `POST /account/recovery-codes`
pub(super) async fn renew_codes(
    State(app): State<App>,
    Proven(holder): Proven,
) -> Result<Response, Problem> {
    match identity::renew_recovery_codes(&app, &holder.person).await {
        Ok(codes) => codes_page(&holder, None, codes),
        Err(IdentityError::NotFound(_)) => Ok(shell::see_other("/account/factors")),
        Err(error) => Err(error.into()),
    }
}
