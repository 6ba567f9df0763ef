//! Passkeys of somebody: listed, added, renamed, removed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use jiff::tz::TimeZone;

use super::factors::codes_page;
use super::sign_in::Wish;
use super::{Holder, Place, Proven, done};
use crate::app::App;
use crate::identity::{self, IdentityError, PasskeyId};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};
use crate::web::text::{self, Moment};

#[derive(Template)]
#[template(path = "account/passkeys.html")]
struct PasskeysPage {
    shell: Shell,
    faults: Faults,
    done: Option<&'static str>,
    passkeys: Vec<PasskeyRow>,
    has_passkeys: bool,
}

struct PasskeyRow {
    id: PasskeyId,
    name: String,
    created: Moment,
    used: Option<Moment>,
    /// What its field holds: its name, or what was written there.
    written: String,
    /// What is wrong with that.
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "account/passkey_new.html")]
struct NewPasskeyPage {
    shell: Shell,
    faults: Faults,
    name: String,
}

async fn list(
    app: &App,
    holder: &Holder,
    mut refusal: Refusal,
    done: Option<&'static str>,
    renamed: Option<(PasskeyId, &str)>,
) -> Result<Response, Problem> {
    let all = identity::factors(app, holder.person.user).await?;
    let faults = refusal.take_faults();
    let written = |id: PasskeyId, name: &str| {
        renamed
            .filter(|(one, _)| *one == id)
            .map_or(name, |(_, typed)| typed)
            .to_owned()
    };
    let fault = |id: PasskeyId| faults.of(&format!("name-{id}")).map(str::to_owned);
    let page = PasskeysPage {
        shell: Shell::account("Passkeys", holder, Place::Passkeys).with_faults(!faults.is_empty()),
        passkeys: all
            .passkeys
            .into_iter()
            .map(|passkey| PasskeyRow {
                id: passkey.id,
                written: written(passkey.id, &passkey.name),
                fault: fault(passkey.id),
                name: passkey.name,
                created: text::day(passkey.created_at, &TimeZone::UTC),
                used: passkey.used_at.map(|at| text::day(at, &TimeZone::UTC)),
            })
            .collect(),
        faults,
        done,
        has_passkeys: all.has_passkeys,
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/passkeys`
pub(super) async fn show(
    State(app): State<App>,
    holder: Holder,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    list(&app, &holder, Refusal::default(), done(&wish.done), None).await
}

fn new_page(holder: &Holder, mut refusal: Refusal, name: &str) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let page = NewPasskeyPage {
        shell: Shell::account("Add a passkey", holder, Place::Passkeys)
            .with_faults(!faults.is_empty()),
        faults,
        name: name.to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/passkeys/new`
pub(super) async fn show_new(Proven(holder): Proven) -> Result<Response, Problem> {
    new_page(&holder, Refusal::default(), "")
}

/// `POST /account/passkeys`
pub(super) async fn add(
    State(app): State<App>,
    Proven(holder): Proven,
    fields: Fields,
) -> Result<Response, Problem> {
    let name = fields.text("name");
    let Ok(response) = serde_json::from_str(fields.text("credential")) else {
        let faults = Faults::one("", "No passkey was made. Please try again.");
        return new_page(&holder, Refusal::with(faults), name);
    };
    let ceremony = fields.text("ceremony");
    match identity::finish_passkey(&app, &holder.person, ceremony, name, &response).await {
        Ok((_, Some(codes))) => codes_page(&holder, done("passkey"), codes),
        Ok((_, None)) => Ok(shell::see_other("/account/passkeys?done=passkey")),
        Err(error) => new_page(&holder, Refusal::of(error, str::to_owned)?, name),
    }
}

/// `POST /account/passkeys/{passkey}`
pub(super) async fn rename(
    State(app): State<App>,
    holder: Holder,
    Path(passkey): Path<PasskeyId>,
    fields: Fields,
) -> Result<Response, Problem> {
    let name = fields.text("name");
    match identity::rename_passkey(&app, &holder.person, passkey, name).await {
        Ok(()) => Ok(shell::see_other("/account/passkeys?done=profile")),
        Err(IdentityError::NotFound(_)) => Ok(shell::see_other("/account/passkeys")),
        Err(error) => {
            let refusal = Refusal::of(error, |field| format!("{field}-{passkey}"))?;
            list(&app, &holder, refusal, None, Some((passkey, name))).await
        }
    }
}

/// `POST /account/passkeys/{passkey}/remove`
pub(super) async fn remove(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(passkey): Path<PasskeyId>,
) -> Result<Response, Problem> {
    match identity::remove_passkey(&app, &holder.person, passkey).await {
        Ok(()) | Err(IdentityError::NotFound(_)) => {
            Ok(shell::see_other("/account/passkeys?done=passkey-removed"))
        }
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            list(&app, &holder, refusal, None, None).await
        }
    }
}
