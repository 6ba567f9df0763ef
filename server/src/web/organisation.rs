//! An organisation: who it is, and what it has on sale, in its own colours.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::Path;
use bilten_kernel::money::Money;

use super::details::TextView;
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use crate::app::App;
use crate::catalog::brand::{Brand, TEXT_CONTRAST};
use crate::catalog::texts::Language;
use crate::catalog::{self, ListedEvent, Wanted};
use crate::identity;

/// The most events on the page.
const LIMIT: i64 = 100;

#[derive(Template)]
#[template(path = "organisation.html")]
struct OrganisationPage {
    shell: Shell,
    name: String,
    about: Option<TextView>,
    address: Vec<String>,
    email: String,
    phone: String,
    links: Vec<String>,
    /// The address of its colours, which change with its version.
    colours: Option<String>,
    events: Vec<EventLine>,
}

struct EventLine {
    slug: String,
    name: TextView,
    venue: TextView,
    starts: Moment,
    price: String,
}

impl EventLine {
    fn of(event: &ListedEvent, wanted: &[Language]) -> Self {
        let zone = text::zone(&event.time_zone);
        let price = |minor| format!("From {}", text::price(Money::new(minor, event.currency)));
        Self {
            slug: event.slug.clone(),
            name: event.name_in(wanted).into(),
            venue: event.venue_name_in(wanted).into(),
            starts: text::date_and_time(event.starts_at, &zone),
            price: event.from_price_minor.map_or_else(String::new, price),
        }
    }
}

/// `GET /o/{slug}`
pub(super) async fn show(
    State(app): State<App>,
    Wanted(wanted): Wanted,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let organisation = identity::organisation_named(&app, &slug).await?;
    let said = catalog::profile_of(&app, organisation.id).await?;
    let events = catalog::on_sale(&app, organisation.id, None, LIMIT).await?;
    let profile = said.profile;
    let own = profile.language.unwrap_or_default();
    let about = profile.about.pick(&wanted, &own);
    let about = about.map(|about| TextView {
        text: about.text.to_owned(),
        lang: about.language.to_string(),
        dir: about.language.direction().as_str(),
    });
    let preview = about.as_ref().map_or_else(
        || format!("Events of {}.", organisation.name),
        |about| text::beginning(&about.text, 200),
    );
    let path = format!("/o/{}", organisation.slug);
    let page = OrganisationPage {
        shell: Shell::public(&app, &organisation.name, preview, &path)
            .of_event(organisation.mode.is_sandbox()),
        about,
        address: text::paragraphs(&profile.contact_address),
        email: profile.contact_email,
        phone: profile.contact_phone,
        links: profile.links,
        colours: said
            .brand
            .map(|_| format!("{path}/colours.css?v={}", said.version)),
        events: events
            .iter()
            .map(|event| EventLine::of(event, &wanted))
            .collect(),
        name: organisation.name,
    };
    let page = shell::page(StatusCode::OK, &page, Privacy::Open)?;
    Ok((Wanted::varies(), page).into_response())
}

/// `GET /o/{slug}/colours.css`
pub(super) async fn colours(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Response, Problem> {
    let organisation = identity::organisation_named(&app, &slug).await?;
    let said = catalog::profile_of(&app, organisation.id).await?;
    let brand = said
        .brand
        .ok_or_else(|| Problem::not_found("not_found", "There is nothing at this address."))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, style(&brand)).into_response())
}

/// The variables of the style in the colours of a brand, the same by day and by night. Its checks say
/// what can be read on what; links are read as text, so they need as much as text does.
fn style(brand: &Brand) -> String {
    let (paper, ink, primary) = (brand.background, brand.text, brand.primary);
    let on_primary = brand.on_primary.unwrap_or_else(|| primary.readable());
    let link = if primary.contrast(paper) >= TEXT_CONTRAST {
        primary
    } else {
        ink
    };
    format!(
        ":root {{ --paper: {paper}; --card: {paper}; --ink: {ink}; --quiet: {ink}; --line: {ink}; \
         --field: {ink}; --focus: {ink}; --accent: {primary}; --accent-strong: {primary}; \
         --on-accent: {on_primary}; }}\na, a:hover {{ color: {link}; }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::texts::Texts;

    /// covers: WEB-7
    #[test]
    fn links_can_be_read_also_where_buttons_are_light() {
        let brand = |primary: &str| Brand {
            background: "#ffffff".parse().unwrap(),
            text: "#222222".parse().unwrap(),
            primary: primary.parse().unwrap(),
            on_primary: None,
            logo: None,
            logo_text: Texts::default(),
        };
        // Enough for a button (3.0), not for text (4.5).
        let light = brand("#8a8a8a");
        assert_eq!(light.check(), Ok(()));
        assert!(style(&light).contains("a, a:hover { color: #222222; }"));
        assert!(
            style(&light)
                .contains("--accent: #8a8a8a; --accent-strong: #8a8a8a; --on-accent: #000000;")
        );
        assert!(style(&brand("#0055aa")).contains("a, a:hover { color: #0055aa; }"));
    }
}
