//! Choosing one of an event's dates on its page: by links alone, so that each date has an address.

use std::convert::Infallible;
use std::ops::Range;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::Problem;

use super::date_pages::{DatePages, FEW, Part};
use super::form::Fields;
use super::shelf::SCARCE;
use super::text::{self, Moment};
use crate::app::App;
use crate::catalog::state::Kept;
use crate::catalog::texts::Language;
use crate::catalog::{EventDetail, Occurrence, OccurrenceId, Tier};
use crate::sales::{self, StockLeft};

/// What the address of an event's page asks for besides the event. Like a language that is none, a date that is
/// none makes no page fail: the page says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The date that is bought for.
    pub(super) date: String,
    /// A date that is to be among those that are shown to choose from.
    from: String,
    /// The language that the event was asked for in.
    language: Option<Language>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let text = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map_or_else(String::new, |(_, value)| value.into_owned())
        };
        Ok(Self {
            date: text("date"),
            from: text("from"),
            language: text("lang").parse().ok(),
        })
    }
}

impl Asked {
    /// What a form asks for that was on the page.
    pub(super) fn of_form(fields: &Fields) -> Self {
        Self {
            date: fields.text("date").to_owned(),
            ..Self::default()
        }
    }

    /// What links to other dates add to their address, to stay in the language.
    pub(super) fn kept_language(&self) -> String {
        let tag = self.language.as_ref();
        tag.map_or_else(String::new, |tag| format!("&lang={tag}"))
    }
}

/// Whether a unit of a tier is for one date, or its seat is.
pub(super) const fn is_of_date(tier: &Tier) -> bool {
    tier.per_date || tier.seat_category.is_some()
}

/// Whether tickets for a date can be bought, apart from its stock.
pub(super) fn is_open(date: &Occurrence, now: Timestamp) -> bool {
    date.is_scheduled() && now < date.ends_at
}

/// What there is to say of a date that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// A sentence or two.
    pub(super) text: String,
    /// The status of a page that says it.
    pub(super) status: StatusCode,
}

impl Told {
    /// Why nothing is sold for this date, or for one that is not there.
    fn closed(offer: &EventDetail, date: Option<&Occurrence>, is_choice: bool) -> Self {
        let again = if is_choice {
            " Please choose another one."
        } else {
            ""
        };
        let Some(date) = date else {
            return Self {
                text: format!("This event has no such date.{again}"),
                status: StatusCode::NOT_FOUND,
            };
        };
        let why = if date.is_scheduled() {
            "this date is over."
        } else {
            "this date was cancelled, and nothing is sold for it any more."
        };
        Self {
            text: format!("{}: {why}{again}", when(offer, date)),
            status: StatusCode::OK,
        }
    }

    /// That nothing is left of a date; `is_held` if some of it is not sold yet.
    pub(super) fn sold_out(offer: &EventDetail, date: &Occurrence, is_held: bool) -> Self {
        let what = if is_held {
            "all tickets are taken just now; some may come back within minutes."
        } else {
            "this date is sold out. You can join its waitlist, or choose another date."
        };
        Self {
            text: format!("{}: {what}", when(offer, date)),
            status: StatusCode::OK,
        }
    }
}

fn when(offer: &EventDetail, date: &Occurrence) -> String {
    text::date_and_time(date.starts_at, &text::zone(&offer.event.time_zone)).text
}

/// Which of an event's dates is bought for.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'o> {
    /// The date that was chosen, or the only one that there is.
    pub(super) date: Option<&'o Occurrence>,
    /// Whether there are several to choose from.
    pub(super) is_choice: bool,
    /// Why it is not the one that was asked for.
    pub(super) told: Option<Told>,
}

impl<'o> Chosen<'o> {
    /// Which one it is when this one was asked for; none where nothing is sold by dates.
    pub(super) fn of(offer: &'o EventDetail, asked: &str, now: Timestamp) -> Self {
        let is_by_date = offer.visible_tiers(&[]).into_iter().any(is_of_date);
        if !is_by_date || offer.event.kept() != Kept::Published {
            return Self {
                date: None,
                is_choice: false,
                told: None,
            };
        }
        let mut open = offer.occurrences.iter().filter(|date| is_open(date, now));
        let first = open.next();
        let is_choice = open.next().is_some();
        let only = first.filter(|_| !is_choice);
        if asked.is_empty() {
            return Self {
                date: only,
                is_choice,
                told: None,
            };
        }
        let id = asked.parse::<OccurrenceId>().ok();
        let found = id.and_then(|id| offer.occurrence(id));
        match found.filter(|date| is_open(date, now)) {
            Some(date) => Self {
                date: Some(date),
                is_choice,
                told: None,
            },
            None => Self {
                date: only,
                is_choice,
                told: Some(Told::closed(offer, found, is_choice)),
            },
        }
    }
}

/// A date as it is chosen from.
pub(super) struct DateLine {
    pub(super) id: OccurrenceId,
    pub(super) starts: Moment,
    pub(super) state: &'static str,
    pub(super) is_scarce: bool,
    /// Whether it can be chosen: also if it is sold out, for its waitlist.
    pub(super) is_open: bool,
}

/// A link to the dates of a month or a year.
pub(super) struct PartLink {
    pub(super) name: String,
    pub(super) from: OccurrenceId,
    pub(super) is_shown: bool,
}

/// The dates to choose from.
pub(super) struct ChoiceView {
    /// The month that is shown, if there are many dates.
    pub(super) month: Option<String>,
    pub(super) dates: Vec<DateLine>,
    pub(super) months: Vec<PartLink>,
    pub(super) years: Vec<PartLink>,
    pub(super) earlier: Option<OccurrenceId>,
    pub(super) later: Option<OccurrenceId>,
}

impl ChoiceView {
    /// Those of an event that has some.
    ///
    /// # Errors
    /// A fault of the database.
    pub(super) async fn of(app: &App, offer: &EventDetail, asked: &Asked) -> Result<Self, Problem> {
        let (now, zone) = (app.now(), text::zone(&offer.event.time_zone));
        let all = &offer.occurrences;
        let first = all.iter().position(|date| is_open(date, now)).unwrap_or(0);
        let pages = DatePages::of(all, first, &zone);
        let dates = pages.dates();
        let place_of = |named: &str| {
            let id = named.parse::<OccurrenceId>().ok()?;
            dates.iter().position(|date| date.id == id)
        };
        let at = place_of(&asked.from)
            .or_else(|| place_of(&asked.date))
            .or_else(|| dates.iter().position(|date| is_open(date, now)))
            .unwrap_or(0);
        let page = pages.page_with(at);
        let shown = dates.get(page.clone()).unwrap_or_default();
        let open: Vec<OccurrenceId> = shown
            .iter()
            .filter(|date| is_open(date, now))
            .map(|date| date.id)
            .collect();
        let left = sales::stock_left_on(app, offer, &open).await?;
        let mut on_sale = offer.visible_tiers(&[]);
        on_sale.retain(|tier| is_of_date(tier) && offer.off_sale_if(tier, false, now).is_none());
        let lines = shown.iter().map(|date| {
            let (state, is_scarce) = state_of(date, left.get(&date.id), &on_sale, now);
            DateLine {
                id: date.id,
                starts: text::date_and_time(date.starts_at, &zone),
                state,
                is_scarce,
                is_open: is_open(date, now),
            }
        });
        let lines: Vec<DateLine> = lines.collect();
        let (id_at, is_long) = (
            |at: usize| dates.get(at).map(|date| date.id),
            pages.is_long(),
        );
        let earlier = page.start.checked_sub(1).and_then(id_at);
        let later = id_at(page.end);
        let (mut months, mut years, mut month) = (Vec::new(), Vec::new(), None);
        if is_long {
            let year = pages.part_with(Part::Year, at);
            let links = |part: Part, of: Range<usize>, format: &str| -> Vec<PartLink> {
                let is_shown = pages.part_with(part, at).start;
                let firsts = pages.firsts(part, of).into_iter();
                let link = |first: usize| {
                    let date = dates.get(first)?;
                    Some(PartLink {
                        name: text::moment(date.starts_at, &zone, format).text,
                        from: date.id,
                        is_shown: first == is_shown,
                    })
                };
                firsts.filter_map(link).collect()
            };
            months = links(Part::Month, year, "%B %Y");
            years = links(Part::Year, 0..dates.len(), "%Y");
            let date = dates.get(at);
            month = date.map(|date| text::moment(date.starts_at, &zone, "%B %Y").text);
        }
        Ok(Self {
            month,
            dates: lines,
            months,
            years,
            earlier,
            later,
        })
    }
}

/// How many dates there are still to choose from, and from when until when, if they are too many to be listed.
pub(super) fn spread(offer: &EventDetail, now: Timestamp) -> Option<String> {
    let zone = text::zone(&offer.event.time_zone);
    let day = |date: Option<&Occurrence>| {
        date.map_or_else(String::new, |date| text::day(date.starts_at, &zone).text)
    };
    let mut open = offer.occurrences.iter().filter(|date| is_open(date, now));
    let first = open.next();
    let last = open.next_back();
    // Without the first and the last one.
    let count = open.count() + usize::from(first.is_some()) + usize::from(last.is_some());
    (count > FEW).then(|| format!("{count} dates from {} to {}", day(first), day(last)))
}

/// How a date stands, and whether little is left of it.
fn state_of(
    date: &Occurrence,
    left: Option<&StockLeft>,
    on_sale: &[&Tier],
    now: Timestamp,
) -> (&'static str, bool) {
    if !date.is_scheduled() {
        return ("Cancelled", false);
    }
    if date.ends_at <= now {
        return ("Over", false);
    }
    let sold: Vec<&Tier> = on_sale
        .iter()
        .copied()
        .filter(|tier| has_place(tier, date))
        .collect();
    if sold.is_empty() {
        return ("Not on sale now", false);
    }
    let few = u64::try_from(SCARCE).unwrap_or_default();
    let is_held = left.is_some_and(|left| sold.iter().any(|tier| left.of(tier).unsold > 0));
    match left.map_or(0, |left| left.of_all(&sold)) {
        0 if is_held => ("All taken for now", false),
        0 => ("Sold out", false),
        free if free <= few => ("Few left", true),
        _ => ("Available", false),
    }
}

/// Whether a date has what a tier sells: seats are only those of a date with a map.
pub(super) const fn has_place(tier: &Tier, date: &Occurrence) -> bool {
    tier.seat_category.is_none() || date.seat_map.is_some()
}
