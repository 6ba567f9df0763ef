//! Price settings of organisations and events, and the taxes that an organisation charges.

use bilten_kernel::db::Conn;
use bilten_kernel::error::FieldError;
use bilten_kernel::http::{IfMatch, Stale};
use serde_json::{Value, json};

use super::{check, store};
use crate::app::App;
use crate::catalog::model::*;
use crate::catalog::service::{CatalogError, StartsFrom, detail_of, open_in, raise_in, record};
use crate::identity::{OrganisationId, Tenant};
use crate::platform::{self, AuditRecord};

/// Notes in the audit log, last in a write, who changed what of prices: what it was and what it is.
async fn note(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    (actor, action, subject): (&str, &'static str, String),
    change: Value,
) -> Result<(), CatalogError> {
    let record = AuditRecord::new(actor, action, subject)
        .of(organisation)
        .detail(change);
    Ok(platform::audit(app, c, record).await?)
}

/// What an organisation says of prices.
pub(super) async fn of_organisation(
    app: &App,
    organisation: OrganisationId,
) -> Result<OrganisationPrices, CatalogError> {
    let kept = app
        .db
        .read(move |c| Box::pin(async move { store::organisation_prices(c, organisation).await }))
        .await?;
    Ok(kept.unwrap_or_default())
}

/// Sets what an organisation says of prices; all of it.
pub(super) async fn set_of_organisation(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    seen: IfMatch,
    input: PriceSettingsInput,
) -> Result<OrganisationPrices, CatalogError> {
    let version = input.version;
    let from = StartsFrom { seen, version };
    let settings = input.settings();
    let mut faults = Faults::default();
    check::settings(&mut faults, &settings, None);
    check::rules(&mut faults, &settings);
    faults.check().map_err(CatalogError::Invalid)?;
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let kept = store::organisation_prices(c, organisation).await?;
                let current = kept.as_ref().map_or(0, |kept| kept.version);
                if current > 0 {
                    from.is_said()?;
                }
                from.allow(current)?;
                let version = current + 1;
                let is_written =
                    store::put_organisation_prices(c, organisation, version, &settings, now);
                if !is_written.await? {
                    // Somebody else was a moment earlier.
                    return Err(from.missed(version));
                }
                let before = kept.map(|kept| kept.settings);
                let change = json!({"version": version, "before": before, "after": settings});
                let what = (actor.as_str(), "prices.saved", organisation.to_string());
                note(&work, c, organisation, what, change).await?;
                Ok(OrganisationPrices { version, settings })
            })
        })
        .await
}

/// What an event says of prices, with the version of the event.
pub(super) async fn of_event(
    app: &App,
    tenant: &Tenant,
    id: EventId,
) -> Result<EventPrices, CatalogError> {
    let detail = detail_of(app, tenant, id).await?;
    Ok(EventPrices {
        version: detail.event.version,
        settings: detail.price_settings.clone().unwrap_or_default(),
    })
}

/// Sets what an event says of prices; all of it.
pub(super) async fn set_of_event(
    app: &App,
    tenant: &Tenant,
    id: EventId,
    actor: String,
    seen: IfMatch,
    input: PriceSettingsInput,
) -> Result<EventPrices, CatalogError> {
    let (work, tenant, now) = (app.clone(), tenant.clone(), app.now());
    let version = input.version;
    let from = StartsFrom { seen, version };
    let settings = input.settings();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let mut detail = open_in(c, &tenant, id, &from).await?;
                if detail.price_settings.is_some() {
                    from.is_said()?;
                }
                let before = detail.price_settings.replace(settings.clone());
                super::check(&detail, |tier| format!("{}.", tier.id))?;
                raise_in(c, &mut detail, &from, now).await?;
                store::put_event_prices(c, &detail.event, &settings).await?;
                record(&work, c, &detail, "prices_updated", &actor).await?;
                let version = detail.event.version;
                let change = json!({"version": version, "before": before, "after": settings});
                let what = (actor.as_str(), "events.prices_saved", id.to_string());
                note(&work, c, tenant.organisation, what, change).await?;
                Ok(EventPrices { version, settings })
            })
        })
        .await
}

/// An organisation's taxes.
pub(super) async fn taxes(
    app: &App,
    organisation: OrganisationId,
) -> Result<Vec<StoredTaxRule>, CatalogError> {
    Ok(app
        .db
        .read(move |c| Box::pin(async move { store::taxes(c, organisation).await }))
        .await?)
}

fn check_tax(input: &TaxRuleInput) -> Result<(), CatalogError> {
    let mut faults = Faults::default();
    faults.text("name".to_owned(), &input.name, 1, 100);
    check::place(&mut faults, "place", &input.place);
    if input.classes.is_empty() || input.classes.len() > 50 {
        let text = "names 1 to 50 classes";
        faults.add("classes".to_owned(), "out_of_range", text);
    }
    for (i, class) in input.classes.iter().take(50).enumerate() {
        check::tax_class(&mut faults, format!("classes[{i}]"), class);
    }
    faults.range("rate".to_owned(), i64::from(input.rate.0), 0, 1_000_000);
    faults.order("until_at".to_owned(), input.from_at, input.until_at);
    check_days(&mut faults, input);
    faults.check().map_err(CatalogError::Invalid)
}

/// Checks from when until when a tax is in force, if that is said by days.
fn check_days(faults: &mut Faults, input: &TaxRuleInput) {
    let days = [("first_day", input.first_day), ("last_day", input.last_day)];
    for (field, day) in days {
        if day.is_some_and(|day| !(1900..=2999).contains(&day.0.year())) {
            let text = "must be between 1900-01-01 and 2999-12-31";
            faults.add(field.to_owned(), "out_of_range", text);
        }
    }
    if input.last_day.is_some() && input.last_day < input.first_day {
        let text = "must not be before the first day";
        faults.add("last_day".to_owned(), "not_after", text);
    }
    let is_by_days = input.first_day.is_some() || input.last_day.is_some();
    for (field, moment) in [("from_at", input.from_at), ("until_at", input.until_at)] {
        if is_by_days && moment.is_some() {
            let text = "say days or moments, not both";
            faults.add(field.to_owned(), "contradiction", text);
        }
    }
}

/// Fails unless somebody who changes a tax says which revision they have seen.
fn allow_change(from: &StartsFrom, current: i64) -> Result<(), CatalogError> {
    if from.version.is_none() && !from.seen.is_said() {
        let detail = "Say which revision this change starts from, here or by If-Match.";
        return Err(CatalogError::Invalid(vec![FieldError {
            field: "revision".to_owned(),
            code: "missing".into(),
            detail: detail.to_owned(),
        }]));
    }
    from.allow(current)
}

/// Adds a tax.
pub(super) async fn add_tax(
    app: &App,
    organisation: OrganisationId,
    actor: String,
    input: TaxRuleInput,
) -> Result<StoredTaxRule, CatalogError> {
    check_tax(&input)?;
    if input.revision.is_some() {
        let mut faults = Faults::default();
        let text = "a new tax starts from no other";
        faults.add("revision".to_owned(), "not_here", text);
        faults.check().map_err(CatalogError::Invalid)?;
    }
    let rule = StoredTaxRule {
        id: TaxRuleId::new(&*app.clock, &*app.random),
        content: input.content(),
        revision: 1,
    };
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::taxes(c, organisation).await?.len() >= MAX_TAX_RULES {
                    return Err(CatalogError::from(OfferRefusal::TooManyTaxes));
                }
                store::insert_tax(c, organisation, &rule, now).await?;
                let change = json!({"revision": rule.revision, "after": rule.content});
                let what = (actor.as_str(), "tax_rules.created", rule.id.to_string());
                note(&work, c, organisation, what, change).await?;
                Ok(rule)
            })
        })
        .await
}

/// Changes a tax; orders keep the one by which they were priced.
pub(super) async fn set_tax(
    app: &App,
    organisation: OrganisationId,
    id: TaxRuleId,
    actor: String,
    seen: IfMatch,
    input: TaxRuleInput,
) -> Result<StoredTaxRule, CatalogError> {
    check_tax(&input)?;
    let (version, content) = (input.revision, input.content());
    let from = StartsFrom { seen, version };
    let (work, now) = (app.clone(), app.now());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let old = store::tax(c, organisation, id).await?;
                let mut rule = old.ok_or(CatalogError::NotFound)?;
                allow_change(&from, rule.revision)?;
                rule.revision += 1;
                let before = std::mem::replace(&mut rule.content, content);
                if !store::update_tax(c, &rule, now).await? {
                    return Err(from.missed(rule.revision));
                }
                let change =
                    json!({"revision": rule.revision, "before": before, "after": rule.content});
                let what = (actor.as_str(), "tax_rules.saved", id.to_string());
                note(&work, c, organisation, what, change).await?;
                Ok(rule)
            })
        })
        .await
}

/// Takes a tax away; orders keep it if they were priced by it.
pub(super) async fn remove_tax(
    app: &App,
    organisation: OrganisationId,
    id: TaxRuleId,
    actor: String,
    seen: IfMatch,
) -> Result<(), CatalogError> {
    let work = app.clone();
    app.db
        .write(move |c| {
            Box::pin(async move {
                let old = store::tax(c, organisation, id).await?;
                let rule = old.ok_or(CatalogError::NotFound)?;
                let revision = rule.revision;
                seen.allow(revision)?;
                let only = seen.is_said().then_some(revision);
                if store::delete_tax(c, id, only).await? {
                    let change = json!({"revision": revision, "before": rule.content});
                    let what = (actor.as_str(), "tax_rules.deleted", id.to_string());
                    return note(&work, c, organisation, what, change).await;
                }
                // Changed, or taken away, a moment earlier.
                Err(if seen.is_said() {
                    CatalogError::Stale(Stale)
                } else {
                    CatalogError::NotFound
                })
            })
        })
        .await
}
