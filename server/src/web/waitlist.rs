//! Waiting for tickets: joining from the page of an event, and what came of it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use serde::Deserialize;

use super::event;
use super::form::{Faults, Fields, Refusal};
use super::order::{Key, Notice};
use super::shell::{self, Privacy, Shell};
use super::text;
use super::view::EventView;
use crate::app::App;
use crate::catalog::{self, EventDetail, OccurrenceId, OccurrenceState, TierId};
use crate::sales;
use crate::sales::waitlist::{
    self, OwnWaitlistEntry, WaitlistEntryId, WaitlistEntryState, WaitlistRequest,
};

#[derive(Template)]
#[template(path = "waitlist_join.html")]
struct JoinPage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    is_joined: bool,
    tiers: Vec<TierChoice>,
    /// The dates to choose from, if a tier is sold by dates.
    dates: Vec<DateChoice>,
    quantity: String,
    email: String,
}

struct DateChoice {
    value: OccurrenceId,
    name: String,
    is_chosen: bool,
}

struct TierChoice {
    value: TierId,
    name: String,
    is_chosen: bool,
}

/// What is chosen on the page before anything is written.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    tier: String,
    #[serde(default)]
    date: String,
}

/// The tiers that are sold, and of which nothing is left.
async fn sold_out(
    app: &App,
    offer: &EventDetail,
    chosen: &str,
) -> Result<Vec<TierChoice>, Problem> {
    let (all, now) = (sales::availability(app, offer, None).await?, app.now());
    let is_sold_out = |tier: TierId| {
        let of_tier = all.iter().find(|one| one.tier == tier);
        of_tier.is_some_and(|one| one.left <= 0)
    };
    // Of those that are sold by dates, one date may be sold out while others are not.
    Ok(offer
        .tiers
        .iter()
        .filter(|tier| !tier.hidden && offer.off_sale(tier, now).is_none())
        .filter(|tier| tier.per_date || is_sold_out(tier.id) || tier.id.to_string() == chosen)
        .map(|tier| TierChoice {
            value: tier.id,
            name: tier.name.clone(),
            is_chosen: tier.id.to_string() == chosen,
        })
        .collect())
}

/// The dates to come, if a tier is sold by dates.
fn dates(app: &App, offer: &EventDetail, chosen: &str) -> Vec<DateChoice> {
    if !offer.tiers.iter().any(|tier| tier.per_date) {
        return Vec::new();
    }
    let (zone, now) = (text::zone(&offer.event.time_zone), app.now());
    offer
        .occurrences
        .iter()
        .filter(|date| date.state == OccurrenceState::Scheduled && now < date.ends_at)
        .map(|date| DateChoice {
            value: date.id,
            name: text::date_and_time(date.starts_at, &zone).text,
            is_chosen: date.id.to_string() == chosen,
        })
        .collect()
}

async fn join_page(
    app: &App,
    offer: &EventDetail,
    fields: &Fields,
    is_joined: bool,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let faults = refusal.take_faults();
    let quantity = match fields.text("quantity") {
        "" => "1",
        text => text,
    };
    let page = JoinPage {
        shell: Shell::personal("Join the waitlist")
            .of_event(offer.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        event: EventView::of(offer),
        is_joined,
        tiers: sold_out(app, offer, fields.text("tier")).await?,
        dates: dates(app, offer, fields.text("occurrence")),
        quantity: quantity.to_owned(),
        email: fields.text("email").to_owned(),
    };
    refusal.page(&page, Privacy::Form)
}

/// `GET /e/{slug}/waitlist`
pub(super) async fn form(
    State(app): State<App>,
    Path(slug): Path<String>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    let offer = event::visible(&app, &slug).await?;
    let fields = Fields::of("tier", &wish.tier).and("occurrence", &wish.date);
    join_page(&app, &offer, &fields, false, Refusal::default()).await
}

/// `POST /e/{slug}/waitlist`
pub(super) async fn join(
    State(app): State<App>,
    Path(slug): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let offer = event::visible(&app, &slug).await?;
    let (tier, quantity) = (
        fields.text("tier").parse::<TierId>(),
        fields.text("quantity").parse::<u32>(),
    );
    let (Ok(tier), Ok(quantity)) = (&tier, &quantity) else {
        let mut faults = Faults::default();
        if tier.is_err() {
            faults.add("tier", "Please choose a ticket.");
        }
        if quantity.is_err() {
            faults.add("quantity", "Please give a whole number.");
        }
        return join_page(&app, &offer, &fields, false, Refusal::with(faults)).await;
    };
    // The form asks for a date as soon as one of the tiers has some.
    let is_by_date = offer.tier(*tier).is_some_and(|tier| tier.per_date);
    let date = fields.text("occurrence").parse::<OccurrenceId>().ok();
    let request = WaitlistRequest {
        tier: *tier,
        occurrence: date.filter(|_| is_by_date),
        quantity: *quantity,
        // Some are better than none.
        least: Some(1),
        email: fields.text("email").to_owned(),
    };
    match waitlist::join(&app, offer.event.id, request).await {
        Ok(()) => join_page(&app, &offer, &fields, true, Refusal::default()).await,
        Err(error) => {
            let refusal = Refusal::of(error, str::to_owned)?;
            join_page(&app, &offer, &fields, false, refusal).await
        }
    }
}

#[derive(Template)]
#[template(path = "waitlist.html")]
struct EntryPage {
    shell: Shell,
    heading: &'static str,
    notice: Notice,
    event: EventView,
    tier: String,
    quantity: u32,
    checkout: Option<String>,
    leave: Option<String>,
}

/// How an entry stands, in words.
fn in_words(entry: &OwnWaitlistEntry, offer: &EventDetail) -> (&'static str, Notice) {
    let notice = |kind: &'static str, text: String| Notice { kind, text };
    match (&entry.offer, entry.state) {
        (Some(open), _) => {
            let zone = text::zone(&offer.event.time_zone);
            let until = text::date_and_time(open.expires_at, &zone).text;
            let which = if open.quantity == 1 {
                "1 ticket is".to_owned()
            } else {
                format!("{} tickets are", open.quantity)
            };
            let text = format!("{which} held for you until {until}.");
            ("Tickets for you", notice("good", text))
        }
        (None, WaitlistEntryState::Waiting | WaitlistEntryState::Offered) => {
            let text = "When tickets come back and it is your turn, we hold them for you and write to you.";
            ("You are on the waitlist", notice("test", text.to_owned()))
        }
        (None, WaitlistEntryState::Served) => {
            let text = "You have bought the tickets that were held for you.";
            ("You have your tickets", notice("good", text.to_owned()))
        }
        (None, WaitlistEntryState::Ended) => {
            let text = "You have left it, or let its offers pass. You can join again from the event's page.";
            (
                "You are not on the waitlist",
                notice("bad", text.to_owned()),
            )
        }
    }
}

/// `GET /waitlist/{entry}?token=`
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<WaitlistEntryId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let entry = waitlist::own(&app, id, &key.token).await?;
    let offer = catalog::offer(&app, entry.event_id).await?;
    let (heading, notice) = in_words(&entry, &offer);
    let is_on = matches!(
        entry.state,
        WaitlistEntryState::Waiting | WaitlistEntryState::Offered
    );
    let page = EntryPage {
        shell: Shell::personal(heading).of_event(offer.event.sandbox),
        heading,
        notice,
        event: EventView::of(&offer),
        tier: entry.tier_name,
        quantity: entry.quantity,
        checkout: entry.offer.map(|open| format!("/checkout/{}", open.hold)),
        leave: is_on.then(|| waitlist::path(&app, id, "/leave")),
    };
    Refusal::default().page(&page, Privacy::SecretForm)
}

/// `POST /waitlist/{entry}/leave?token=`
pub(super) async fn leave(
    State(app): State<App>,
    Path(id): Path<WaitlistEntryId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    waitlist::leave(&app, id, &key.token).await?;
    Ok(shell::see_other(&waitlist::path(&app, id, "")))
}
