//! The privacy centre: what somebody agreed to, a copy of all data, erasure.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::sign_in::Wish;
use super::{Holder, Place, Proven, done};
use crate::app::App;
use crate::identity::{self, ConsentKind, ExportId, ExportState, sign_out_cookie};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

#[derive(Template)]
#[template(path = "account/privacy.html")]
struct PrivacyPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    consents: Vec<ConsentView>,
    exports: Vec<ExportView>,
}

struct ConsentView {
    kind: ConsentKind,
    name: &'static str,
    note: &'static str,
    /// Where the text can be read; empty: nowhere.
    url: String,
    version: String,
    is_required: bool,
    is_given: bool,
    at: Option<Moment>,
}

struct ExportView {
    id: ExportId,
    is_ready: bool,
    size: String,
    made: Moment,
    until: Moment,
}

/// A consent, in words: what it is called, and what it is.
const fn words(kind: ConsentKind) -> (&'static str, &'static str) {
    match kind {
        ConsentKind::Terms => ("Terms of use", "There is no account without them."),
        ConsentKind::Privacy => (
            "How your data is used",
            "That you have seen it. There is no account without it.",
        ),
        ConsentKind::Marketing => ("Mail about events", "Events that you might like, by mail."),
        ConsentKind::Analytics => (
            "Making the service better",
            "What you do here is counted, to see what works.",
        ),
    }
}

/// Where the text can be read that somebody agrees to; empty: nowhere.
fn text_url(app: &App, kind: ConsentKind) -> &str {
    let texts = &app.config.identity.consents;
    match kind {
        ConsentKind::Terms => &texts.terms_url,
        ConsentKind::Privacy => &texts.privacy_url,
        ConsentKind::Marketing | ConsentKind::Analytics => "",
    }
}

/// A size, as people read it.
fn size(bytes: Option<i64>) -> String {
    match bytes.unwrap_or_default() {
        0..=1_023 => "less than 1 KB".to_owned(),
        bytes @ 1_024..=1_048_575 => format!("{} KB", bytes / 1_024),
        bytes => format!("{} MB", bytes / 1_048_576),
    }
}

async fn page(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    done: Option<&'static str>,
) -> Result<Response, Problem> {
    let (consents, _) = identity::consents_of(app, &holder.person).await?;
    let exports = identity::exports_of(app, &holder.person).await?;
    let faults = refusal.take_faults();
    let zone = TimeZone::UTC;
    let page = PrivacyPage {
        shell: Shell::account("Privacy", holder, Place::Privacy).with_faults(!faults.is_empty()),
        faults,
        done,
        consents: consents
            .into_iter()
            .map(|consent| {
                let (name, note) = words(consent.kind);
                ConsentView {
                    kind: consent.kind,
                    name,
                    note,
                    url: text_url(app, consent.kind).to_owned(),
                    version: consent.version,
                    is_required: consent.is_required,
                    is_given: consent.is_given,
                    at: consent.last.map(|last| text::day(last.at, &zone)),
                }
            })
            .collect(),
        exports: exports
            .into_iter()
            .map(|export| ExportView {
                id: export.id,
                is_ready: export.state == ExportState::Ready,
                size: size(export.size_bytes),
                made: text::date_and_time(export.created_at, &zone),
                until: text::day(export.expires_at, &zone),
            })
            .collect(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/privacy`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    page(&app, &holder, Refusal::default(), done(&wish.done)).await
}

/// `POST /account/privacy/consents`
pub(super) async fn consent(
    State(app): State<App>,
    holder: Holder,
    fields: Fields,
) -> Result<Response, Problem> {
    let Ok(kind) = fields.text("kind").parse::<ConsentKind>() else {
        let faults = Faults::one("", "Please choose what it is about.");
        return page(&app, &holder, Refusal::with(faults), None).await;
    };
    let (version, is_given) = (fields.text("version"), fields.text("given") == "yes");
    match identity::set_consent(&app, &holder.person, kind, version, is_given, "page").await {
        Ok(_) => Ok(shell::see_other("/account/privacy?done=consent")),
        Err(error) => {
            let refusal = Refusal::of(error, |_| String::new())?;
            page(&app, &holder, refusal, None).await
        }
    }
}

/// `POST /account/privacy/exports`
pub(super) async fn export(
    State(app): State<App>,
    Proven(holder): Proven,
) -> Result<Response, Problem> {
    match identity::ask_for_export(&app, &holder.person).await {
        Ok(_) => Ok(shell::see_other("/account/privacy?done=export")),
        Err(error) => {
            let refusal = Refusal::of(error, |_| String::new())?;
            page(&app, &holder, refusal, None).await
        }
    }
}

/// `GET /account/privacy/exports/{export}`
pub(super) async fn download(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(id): Path<ExportId>,
) -> Result<Response, Problem> {
    let bytes = identity::exported(&app, &holder.person, id).await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"bilten-data.zip\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// `POST /account/privacy/erase`
pub(super) async fn erase(
    State(app): State<App>,
    Proven(holder): Proven,
    fields: Fields,
) -> Result<Response, Problem> {
    match identity::erase(&app, &holder.person, fields.text("word")).await {
        Ok(()) => {
            let mut response = shell::see_other("/sign-in?done=erased");
            response
                .headers_mut()
                .append(header::SET_COOKIE, sign_out_cookie(&app));
            Ok(response)
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            page(&app, &holder, refusal, None).await
        }
    }
}
