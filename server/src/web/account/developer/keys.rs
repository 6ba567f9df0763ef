//! API keys that are made, replaced and ended. The text of a key is on the page once.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;

use super::overview::{address, overview};
use crate::app::App;
use crate::identity::{
    self, ApiKeyId, ApiKeyInput, EventScope, Membership, NewKey, OrganisationId, Permission,
};
use crate::web::account::organisations::{allowed, membership};
use crate::web::account::{Holder, Place, Proven};
use crate::web::form::{Faults, Fields, Refusal};
use crate::web::shell::{self, Privacy, Shell};

/// After how many days a key can be made to end.
const LIVES: [u64; 3] = [30, 90, 365];
/// How many hours a replaced key can be made to go on.
const OVERLAPS: [u32; 3] = [0, 24, 168];

#[derive(Template)]
#[template(path = "account/developer_key_new.html")]
struct NewKeyPage {
    shell: Shell,
    faults: Faults,
    organisation: String,
    slug: String,
    /// What was written into the form.
    name: String,
    lives: String,
    scopes: Vec<ScopeChoice>,
}

/// Something that a key may be let do.
struct ScopeChoice {
    value: &'static str,
    words: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "account/developer_key.html")]
struct KeyPage {
    shell: Shell,
    slug: String,
    name: String,
    token: String,
    url: String,
    /// Whether it replaces another one.
    is_instead: bool,
}

/// What somebody may let a key do: no more than they may themselves.
fn choices(holder: &Holder, organisation: OrganisationId, fields: &Fields) -> Vec<ScopeChoice> {
    let named = organisation.to_string();
    let chosen = fields.all("scopes");
    let own = |scope: Permission| {
        let tenant = holder.principal.tenant(scope, Some(&named));
        tenant.is_ok_and(|tenant| tenant.events == EventScope::All)
    };
    Permission::ALL
        .iter()
        .copied()
        .filter(|scope| scope.is_for_programs() && own(*scope))
        .map(|scope| ScopeChoice {
            value: scope.as_str(),
            words: identity::plain_words(scope),
            is_chosen: chosen.contains(&scope.as_str()),
        })
        .collect()
}

fn form(
    holder: &Holder,
    slug: &str,
    fields: &Fields,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let organisation = allowed(holder, Permission::KeysManage, slug)?;
    let mine = membership(holder, slug)?;
    let faults = refusal.take_faults();
    let page = NewKeyPage {
        shell: Shell::account("A new key", holder, Place::Developer)
            .with_faults(!faults.is_empty()),
        faults,
        organisation: mine.name.clone(),
        slug: mine.slug.clone(),
        name: fields.text("name").to_owned(),
        lives: fields.text("lives").to_owned(),
        scopes: choices(holder, organisation, fields),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /account/developer/{slug}/keys/new`
pub(super) async fn show_new(
    Proven(holder): Proven,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    form(&holder, &slug, &Fields::default(), Refusal::default())
}

/// What the form asks for.
fn input(fields: &Fields, now: Timestamp) -> Result<ApiKeyInput, Faults> {
    let scopes: Result<Vec<Permission>, _> = fields
        .all("scopes")
        .into_iter()
        .map(str::parse::<Permission>)
        .collect();
    let Ok(scopes) = scopes else {
        return Err(Faults::one("scopes", "Please choose from the list."));
    };
    let lives = fields.text("lives");
    let days = LIVES.into_iter().find(|days| days.to_string() == lives);
    if days.is_none() && !lives.is_empty() {
        return Err(Faults::one("lives", "Please choose from the list."));
    }
    Ok(ApiKeyInput {
        name: fields.text("name").to_owned(),
        scopes,
        event: None,
        expires_at: days.map(|days| now + Duration::from_secs(days * 86_400)),
    })
}

fn field_name(name: &str) -> String {
    let name = match name {
        "expires_at" => "lives",
        name if name.starts_with("scopes") => "scopes",
        name => name,
    };
    name.to_owned()
}

fn shown(
    app: &App,
    holder: &Holder,
    mine: &Membership,
    made: NewKey,
    is_instead: bool,
) -> Result<Response, Problem> {
    let page = KeyPage {
        shell: Shell::account("Your new key", holder, Place::Developer),
        slug: mine.slug.clone(),
        name: made.key.name,
        token: made.token,
        url: shell::public_url(app).to_owned(),
        is_instead,
    };
    Refusal::default().page(&page, Privacy::Form)
}

/// `POST /account/developer/{slug}/keys`
pub(super) async fn make(
    State(app): State<App>,
    Proven(holder): Proven,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::KeysManage, &slug)?;
    let input = match input(&fields, app.now()) {
        Ok(input) => input,
        Err(faults) => return form(&holder, &slug, &fields, Refusal::with(faults)),
    };
    match identity::make_api_key(&app, &holder.principal, organisation, input).await {
        Ok(made) => shown(&app, &holder, membership(&holder, &slug)?, made, false),
        Err(error) => form(&holder, &slug, &fields, Refusal::of(error, field_name)?),
    }
}

/// `POST /account/developer/{slug}/keys/{key}/rotate`
pub(super) async fn rotate(
    State(app): State<App>,
    Proven(holder): Proven,
    Path((slug, key)): Path<(String, ApiKeyId)>,
    fields: Fields,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::KeysManage, &slug)?;
    let wanted = fields.text("overlap");
    let overlap = OVERLAPS
        .into_iter()
        .find(|hours| hours.to_string() == wanted);
    let Some(overlap) = overlap else {
        let faults = Faults::one(
            "",
            "Please choose from the list how long the old key goes on.",
        );
        return overview(&app, &holder, &slug, None, Refusal::with(faults)).await;
    };
    match identity::rotate_api_key(&app, &holder.principal, organisation, key, overlap).await {
        Ok(made) => shown(&app, &holder, membership(&holder, &slug)?, made, true),
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            overview(&app, &holder, &slug, None, refusal).await
        }
    }
}

/// `POST /account/developer/{slug}/keys/{key}/end`
pub(super) async fn end(
    State(app): State<App>,
    holder: Holder,
    Path((slug, key)): Path<(String, ApiKeyId)>,
) -> Result<Response, Problem> {
    let organisation = allowed(&holder, Permission::KeysManage, &slug)?;
    identity::end_api_key(&app, &holder.principal, organisation, key).await?;
    Ok(shell::see_other(&address(&slug, "key-ended")))
}
