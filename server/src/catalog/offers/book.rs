//! The price book of an event: all rules by which its carts are priced, put together.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bilten_core::price::{
    BundlePart, DatePrice, ItemKind, PriceBook, PriceItem, PriceModel, Rate, TaxPlace, TaxRule,
};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::DbError;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::store;
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::CatalogError;
use crate::platform::{self, SettingValue};

/// What the platform charges whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeePlans {
    /// What organisations pay that have no plan of their own.
    pub usual: FeePlan,
    /// Other plans, by name.
    pub plans: BTreeMap<String, FeePlan>,
    /// Which organisations have which of them, by id.
    pub organisations: BTreeMap<String, String>,
}

impl SettingValue for FeePlans {
    const KIND: &'static str = "fee plans";

    fn check(&self) -> Result<(), String> {
        let all = std::iter::once(&self.usual).chain(self.plans.values());
        for plan in all {
            if plan.rate > Rate::ONE {
                return Err("a rate is at most 1,000,000, which is all of it".to_owned());
            }
            if !(0..=1_000_000).contains(&plan.fixed_hundredths) {
                return Err("fixed_hundredths is between 0 and 1,000,000".to_owned());
            }
        }
        match self
            .organisations
            .values()
            .find(|plan| !self.plans.contains_key(*plan))
        {
            Some(plan) => Err(format!("there is no plan {plan}")),
            None => Ok(()),
        }
    }
}

impl FeePlans {
    fn of(&self, organisation: &str) -> FeePlan {
        self.organisations
            .get(organisation)
            .and_then(|plan| self.plans.get(plan))
            .unwrap_or(&self.usual)
            .clone()
    }
}

crate::setting! {
    /// What the platform charges: a share in millionths and a fixed part, by plan; 2.9 % and 0.30 if nobody says otherwise.
    pub FEE_PLANS: FeePlans = "fees.plans", default: FeePlans::default
}

/// All that prices of an event depend on besides the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    pub(super) settings: PriceSettings,
    pub(super) taxes: Vec<StoredTaxRule>,
    pub(super) plan: FeePlan,
}

/// Price books as they were a moment ago: an event's is made anew when its version or what is around
/// it has changed, and whether that has is asked once a second.
#[derive(Default)]
pub struct Books(Mutex<HashMap<EventId, Kept>>);

struct Kept {
    version: i64,
    asked_at: Timestamp,
    around: Around,
    book: Arc<PriceBook>,
}

/// For how long nobody asks whether a book still holds, in milliseconds.
const BOOK_MS: i64 = 1_000;
/// How many books are kept.
const MOST_BOOKS: usize = 500;

impl Books {
    fn kept(
        &self,
        event: &Event,
        is_good: impl FnOnce(&Kept) -> bool,
        asked_at: Option<Timestamp>,
    ) -> Option<Arc<PriceBook>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = kept.get_mut(&event.id)?;
        if one.version != event.version || !is_good(&*one) {
            return None;
        }
        if let Some(at) = asked_at {
            one.asked_at = at;
        }
        Some(Arc::clone(&one.book))
    }

    fn put(&self, event: EventId, new: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_BOOKS {
            let now = new.asked_at.ms();
            kept.retain(|_, one| now - one.asked_at.ms() < BOOK_MS);
        }
        if kept.len() < MOST_BOOKS {
            kept.insert(event, new);
        }
    }
}

/// The rules by which an event is priced. Its items are the tiers, by id; lines for a tier that is
/// sold by date name the date's id as their occurrence.
///
/// # Errors
/// A fault of the database.
pub async fn price_book(app: &App, detail: &EventDetail) -> Result<Arc<PriceBook>, CatalogError> {
    let now = app.now();
    let event = &detail.event;
    let is_fresh = |kept: &Kept| (now.ms() - kept.asked_at.ms()).abs() < BOOK_MS;
    if let Some(book) = app.books.kept(event, is_fresh, None) {
        return Ok(book);
    }
    let organisation = event.organisation_id;
    let (settings, taxes) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let settings = store::organisation_prices(c, organisation).await?;
                let taxes = store::taxes(c, organisation).await?;
                Ok::<_, DbError>((settings.unwrap_or_default().settings, taxes))
            })
        })
        .await?;
    let plan = platform::setting(app, &FEE_PLANS)
        .await
        .of(&organisation.to_string());
    let around = Around {
        settings,
        taxes,
        plan,
    };
    if let Some(book) = app
        .books
        .kept(event, |kept| kept.around == around, Some(now))
    {
        return Ok(book);
    }
    let book = Arc::new(book_of(detail, &around));
    let new = Kept {
        version: event.version,
        asked_at: now,
        around,
        book: Arc::clone(&book),
    };
    app.books.put(event.id, new);
    Ok(book)
}

/// The book of an event, by what is around it.
pub(super) fn book_of(detail: &EventDetail, around: &Around) -> PriceBook {
    let event = &detail.event;
    let nothing = PriceSettings::default();
    let own = detail.price_settings.as_ref().unwrap_or(&nothing);
    let above = &around.settings;
    // Amounts that an organisation says are in one currency; elsewhere they would be wrong.
    let is_same_currency = above.currency == Some(event.currency);
    let place = own.place.as_ref().or(above.place.as_ref());
    let place = place.cloned().unwrap_or_else(|| TaxPlace {
        country: String::new(),
        region: None,
        city: None,
    });
    let passed_on = own.pass_platform_fee_on.or(above.pass_platform_fee_on);
    let mut fees = vec![around.plan.rule(event.currency, passed_on.unwrap_or(false))];
    fees.extend(above.fees.iter().filter(|_| is_same_currency).cloned());
    fees.extend(own.fees.iter().cloned());
    let Supplied {
        first_at,
        dates,
        taxes,
    } = supplied(detail, &place, &around.taxes);
    PriceBook {
        currency: event.currency,
        place,
        supplied_at: first_at,
        dates,
        items: detail.tiers.iter().map(|tier| item(detail, tier)).collect(),
        groups: own.groups.clone(),
        taxes,
        fees,
        rounding: own.rounding.or(above.rounding).unwrap_or_default(),
    }
}

/// When an event is supplied, and which taxes hold then.
#[derive(Default)]
struct Supplied {
    first_at: Option<bilten_core::time::Timestamp>,
    dates: BTreeMap<String, bilten_core::time::Timestamp>,
    taxes: Vec<TaxRule>,
}

/// The taxes of a place that are in force on some date that takes place, each once; and when the dates are, if not
/// all of these taxes are in force on all of them. Most events have one law: nothing is said of time then.
fn supplied(detail: &EventDetail, place: &TaxPlace, taxes: &[StoredTaxRule]) -> Supplied {
    let event = &detail.event;
    let zone = TimeZone::get(&event.time_zone).unwrap_or(TimeZone::UTC);
    let in_core = |at: Timestamp| bilten_core::time::Timestamp(at.ms());
    let all: Vec<&Occurrence> = detail.scheduled().collect();
    let first_at = in_core(all.first().map_or(event.created_at, |date| date.starts_at));
    let moments: Vec<_> = std::iter::once(first_at)
        .chain(all.iter().map(|date| in_core(date.starts_at)))
        .collect();
    let mut taxes: Vec<TaxRule> = taxes
        .iter()
        .filter(|tax| tax.content.place.covers(place))
        .map(|tax| tax.rule(&zone))
        .filter(|rule| moments.iter().any(|at| rule.is_in_force(*at)))
        .collect();
    let is_one_law = taxes
        .iter()
        .all(|rule| moments.iter().all(|at| rule.is_in_force(*at)));
    if is_one_law {
        for rule in &mut taxes {
            (rule.from_at, rule.until_at) = (None, None);
        }
        return Supplied {
            taxes,
            ..Supplied::default()
        };
    }
    Supplied {
        first_at: Some(first_at),
        dates: all
            .iter()
            .map(|date| (date.id.to_string(), in_core(date.starts_at)))
            .collect(),
        taxes,
    }
}

fn item(detail: &EventDetail, tier: &Tier) -> PriceItem {
    let pricing = tier.pricing.clone().unwrap_or_default();
    let price = pricing.price.as_ref().map_or_else(
        || unsaid_price(tier, pricing.dynamic.is_some()),
        TierPrice::model,
    );
    let dated = detail.occurrences.iter().filter(|_| tier.per_date);
    let dates = dated
        .filter_map(|date| {
            let minor = *date.offer.prices.get(&tier.number)?;
            let occurrence = date.id.to_string();
            Some(DatePrice {
                id: occurrence.clone(),
                occurrence,
                price: PriceModel::Fixed { minor },
            })
        })
        .collect();
    let parts = pricing
        .parts
        .iter()
        .filter_map(|part| {
            let of = detail.tier(part.tier)?;
            Some(BundlePart {
                item: of.id.to_string(),
                quantity: part.quantity,
                alone_minor: of.price_minor.saturating_mul(i64::from(part.quantity)),
                tax_class: tax_class(of),
            })
        })
        .collect();
    PriceItem {
        id: tier.id.to_string(),
        kind: kind(tier.kind),
        price,
        hidden: tier.hidden,
        dates,
        tax_class: tax_class(tier),
        dynamic: pricing.dynamic,
        place: None,
        added_to: pricing.added_to.iter().map(ToString::to_string).collect(),
        most_per_ticket: pricing.most_per_ticket,
        parts,
    }
}

/// What a tier costs that says no more than an amount.
const fn unsaid_price(tier: &Tier, is_dynamic: bool) -> PriceModel {
    let minor = tier.price_minor;
    match tier.kind {
        TierKind::Donation => PriceModel::PayWhatYouWant {
            floor_minor: 0,
            suggestion_minor: minor,
            ceiling_minor: None,
        },
        TierKind::Ticket | TierKind::AddOn | TierKind::Bundle | TierKind::Merchandise => {
            if minor == 0 && !is_dynamic {
                PriceModel::Free
            } else {
                PriceModel::Fixed { minor }
            }
        }
    }
}

const fn kind(kind: TierKind) -> ItemKind {
    match kind {
        TierKind::Ticket => ItemKind::Ticket,
        TierKind::AddOn => ItemKind::AddOn,
        TierKind::Bundle => ItemKind::Bundle,
        TierKind::Donation => ItemKind::Donation,
        TierKind::Merchandise => ItemKind::Merchandise,
    }
}

/// What taxes know a tier as.
fn tax_class(tier: &Tier) -> Option<String> {
    let said = tier
        .pricing
        .as_ref()
        .and_then(|pricing| pricing.tax_class.clone());
    said.or_else(|| match tier.kind {
        TierKind::Ticket | TierKind::AddOn | TierKind::Bundle => Some("admission".to_owned()),
        TierKind::Merchandise => Some("merchandise".to_owned()),
        TierKind::Donation => None,
    })
}
