//! What can be wrong with what an organiser says.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::error::FieldError;
use bilten_kernel::money::Currency;

use super::{
    EventInput, EventPatch, MAX_CAPACITY, MAX_OCCURRENCES, MAX_PRICE_MINOR, MAX_TIERS, TierInput,
    TierPatch, slugify,
};

/// Collects what is wrong with an input.
#[derive(Default)]
pub(in crate::catalog) struct Faults(Vec<FieldError>);

impl Faults {
    pub(in crate::catalog) fn add(
        &mut self,
        field: String,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        self.0.push(FieldError {
            field,
            code: code.into(),
            detail: detail.into(),
        });
    }

    pub(in crate::catalog) fn text(&mut self, field: String, text: &str, min: usize, max: usize) {
        let length = text.trim().chars().count();
        if length < min {
            self.add(field, "required", "must not be empty");
        } else if length > max {
            self.add(
                field,
                "too_long",
                format!("may have at most {max} characters"),
            );
        } else if text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
        {
            self.add(
                field,
                "control_characters",
                "must not contain control characters",
            );
        }
    }

    pub(in crate::catalog) fn range(&mut self, field: String, value: i64, min: i64, max: i64) {
        if !(min..=max).contains(&value) {
            self.add(
                field,
                "out_of_range",
                format!("must be between {min} and {max}"),
            );
        }
    }

    pub(in crate::catalog) fn order(
        &mut self,
        field: String,
        earlier: Option<Timestamp>,
        later: Option<Timestamp>,
    ) {
        if let (Some(earlier), Some(later)) = (earlier, later)
            && earlier >= later
        {
            self.add(field, "not_after", "must be later than the start");
        }
    }

    pub(in crate::catalog) fn tier(&mut self, at: &str, tier: &TierInput) {
        self.text(format!("{at}name"), &tier.name, 1, 100);
        self.text(format!("{at}description"), &tier.description, 0, 2_000);
        self.range(
            format!("{at}price_minor"),
            tier.price_minor,
            0,
            MAX_PRICE_MINOR,
        );
        self.range(format!("{at}capacity"), tier.capacity, 0, MAX_CAPACITY);
        self.range(format!("{at}max_per_order"), tier.max_per_order, 1, 100);
        self.order(
            format!("{at}sales_end_at"),
            tier.sales_start_at,
            tier.sales_end_at,
        );
        self.order(
            format!("{at}valid_until_at"),
            tier.valid_from_at,
            tier.valid_until_at,
        );
    }

    pub(in crate::catalog) fn tier_patch(&mut self, patch: &TierPatch) {
        if let Some(name) = &patch.name {
            self.text("name".into(), name, 1, 100);
        }
        if let Some(description) = &patch.description {
            self.text("description".into(), description, 0, 2_000);
        }
        if let Some(price) = patch.price_minor {
            self.range("price_minor".into(), price, 0, MAX_PRICE_MINOR);
        }
        if let Some(capacity) = patch.capacity {
            self.range("capacity".into(), capacity, 0, MAX_CAPACITY);
        }
        if let Some(max) = patch.max_per_order {
            self.range("max_per_order".into(), max, 1, 100);
        }
    }

    pub(in crate::catalog) fn pool(&mut self, name: Option<&str>, capacity: Option<i64>) {
        if let Some(name) = name {
            self.text("name".into(), name, 1, 100);
        }
        if let Some(capacity) = capacity {
            self.range("capacity".into(), capacity, 0, MAX_CAPACITY);
        }
    }

    /// An amount may say its currency; then it is that of what it is for.
    pub(in crate::catalog) fn currency(
        &mut self,
        field: String,
        said: Option<Currency>,
        expected: Currency,
    ) {
        if said.is_some_and(|said| said != expected) {
            self.add(
                field,
                "mixed_currency",
                format!("the currency is {expected} here"),
            );
        }
    }

    pub(in crate::catalog) fn event_patch(&mut self, patch: &EventPatch) {
        let texts = [
            ("name", &patch.name, 1, 200),
            ("description", &patch.description, 0, 20_000),
            ("venue_name", &patch.venue_name, 1, 200),
            ("venue_address", &patch.venue_address, 0, 500),
        ];
        for (field, text, min, max) in texts {
            if let Some(text) = text {
                self.text(field.into(), text, min, max);
            }
        }
    }

    pub(in crate::catalog) fn copy(&mut self, name: Option<&str>, slug: Option<&str>) {
        if let Some(name) = name {
            self.text("name".into(), name, 1, 200);
        }
        if let Some(slug) = slug {
            self.slug(slug);
        }
    }

    fn slug(&mut self, slug: &str) {
        if slug.is_empty() || slug != slugify(slug) {
            self.add(
                "slug".into(),
                "slug",
                "may have lower-case letters, digits and single hyphens, at most 80",
            );
        }
    }

    pub(in crate::catalog) fn event(&mut self, input: &EventInput) {
        self.text("name".into(), &input.name, 1, 200);
        self.text("description".into(), &input.description, 0, 20_000);
        self.text("venue_name".into(), &input.venue_name, 1, 200);
        self.text("venue_address".into(), &input.venue_address, 0, 500);
        if let Some(slug) = &input.slug {
            self.slug(slug);
        }
        if jiff::tz::TimeZone::get(&input.time_zone).is_err() {
            self.add(
                "time_zone".into(),
                "time_zone",
                "must be an IANA time zone such as Europe/Ljubljana",
            );
        }
        match input.occurrences.len() {
            0 => self.add(
                "occurrences".into(),
                "required",
                "an event has at least one date",
            ),
            1..=MAX_OCCURRENCES => {}
            _ => self.add(
                "occurrences".into(),
                "too_many",
                format!("at most {MAX_OCCURRENCES}"),
            ),
        }
        if input.tiers.len() > MAX_TIERS {
            self.add("tiers".into(), "too_many", format!("at most {MAX_TIERS}"));
        }
        for (i, date) in input.occurrences.iter().enumerate() {
            self.order(
                format!("occurrences[{i}].ends_at"),
                Some(date.starts_at),
                Some(date.ends_at),
            );
            if date.doors_at.is_some_and(|doors| doors > date.starts_at) {
                self.add(
                    format!("occurrences[{i}].doors_at"),
                    "after_start",
                    "must not be later than the start",
                );
            }
        }
        for (i, tier) in input.tiers.iter().enumerate() {
            self.tier(&format!("tiers[{i}]."), tier);
            let field = format!("tiers[{i}].currency");
            self.currency(field, tier.currency, input.currency);
        }
    }

    pub(in crate::catalog) fn check(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}
