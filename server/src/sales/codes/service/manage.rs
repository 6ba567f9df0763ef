//! What organisers do with single codes.

use bilten_kernel::db::{AsJson, Conn, DbError, Violation};
use bilten_kernel::http::IfMatch;
use serde_json::json;

use super::{CodesError, checked_rule, event_for, may_touch, unknown_event};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::{OrganisationId, Tenant};
use crate::platform::{self, AuditRecord};
use crate::sales::codes::model::*;
use crate::sales::codes::store::codes as store;
use crate::sales::codes::store::codes::{CodeRow, Listed};
use crate::sales::codes::store::{batches, uses};

const MISSING: CodesError = CodesError::NotFound("promo code");

/// A code as its organiser sees it.
fn shown(row: CodeRow) -> PromoCodeDetail {
    let mut rule = row.rule.0;
    if row.batch_id.is_some() {
        rule.max_uses = Some(1);
    }
    PromoCodeDetail {
        id: row.id,
        organisation_id: row.organisation_id,
        event_id: row.event_id,
        batch_id: row.batch_id,
        code: row.shown,
        form: row.form,
        name: row.name,
        rule,
        uses: row.used,
        spent_minor: row.spent_minor,
        archived_at: row.archived_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Notes in the audit log, last in a write, who did what to a code or batch.
pub(super) async fn note(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    actor: &str,
    action: &'static str,
    subject: String,
    detail: serde_json::Value,
) -> Result<(), DbError> {
    let record = AuditRecord::new(actor, action, subject)
        .of(organisation)
        .detail(detail);
    platform::audit(app, c, record).await
}

/// Makes a code.
///
/// # Errors
/// [`CodesError::Invalid`], [`CodesError::Taken`], or a fault of the database.
pub async fn create_code(
    app: &App,
    tenant: &Tenant,
    actor: String,
    input: PromoCodeInput,
) -> Result<PromoCodeDetail, CodesError> {
    let mut faults = Faults::default();
    let form = faults.form(&input.code);
    if let Some(name) = &input.name {
        faults.text("name", name, 100);
    }
    faults.check().map_err(CodesError::Invalid)?;
    let event = event_for(app, tenant, input.event).await?;
    let rule = input
        .rule
        .checked(event.as_deref(), false)
        .map_err(CodesError::Invalid)?;
    let text = input.code.trim().to_owned();
    let now = app.now();
    let row = CodeRow {
        id: PromoCodeId::new(&*app.clock, &*app.random),
        organisation_id: tenant.organisation,
        event_id: input.event,
        batch_id: None,
        name: input
            .name
            .map_or_else(|| form.clone(), |name| name.trim().to_owned()),
        form,
        shown: text,
        rule: AsJson(rule),
        used: 0,
        spent_minor: 0,
        version: 1,
        archived_at: None,
        created_at: now,
        updated_at: now,
    };
    let (work, new) = (app.clone(), row.clone());
    let written: Result<(), CodesError> = app
        .db
        .write(move |c| {
            Box::pin(async move {
                store::insert(c, &new).await?;
                let detail = json!({"event": new.event_id, "effect": new.rule.0.effect});
                let (organisation, id) = (new.organisation_id, new.id.to_string());
                note(&work, c, organisation, &actor, "codes.created", id, detail).await?;
                Ok(())
            })
        })
        .await;
    match written {
        Ok(()) => Ok(shown(row)),
        Err(CodesError::Db(error)) if error.violates(Violation::Unique) => Err(CodesError::Taken),
        // The event was deleted in this very moment.
        Err(CodesError::Db(error)) if error.violates(Violation::ForeignKey) => Err(unknown_event()),
        Err(other) => Err(other),
    }
}

/// A code that the caller may see.
///
/// # Errors
/// [`CodesError::NotFound`], or a fault of the database.
pub async fn code(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeId,
) -> Result<PromoCodeDetail, CodesError> {
    Ok(shown(row(app, tenant, id).await?))
}

async fn row(app: &App, tenant: &Tenant, id: PromoCodeId) -> Result<CodeRow, CodesError> {
    let organisation = tenant.organisation;
    let found = app
        .db
        .read(move |c| Box::pin(async move { store::by_id(c, organisation, id).await }))
        .await?;
    found
        .filter(|row| may_touch(tenant, row.event_id))
        .ok_or(MISSING)
}

/// Which codes are listed.
#[derive(Clone, Debug, Default)]
pub struct CodeFilter {
    /// Those of this event.
    pub event: Option<EventId>,
    /// Those of this batch; otherwise those of none.
    pub batch: Option<PromoCodeBatchId>,
    /// The one that reads like this.
    pub text: Option<String>,
    /// Whether archived ones are among them.
    pub with_archived: bool,
}

/// An organisation's codes that the caller may see, newest first, before one of them.
///
/// # Errors
/// A fault of the database.
pub async fn codes(
    app: &App,
    tenant: &Tenant,
    filter: CodeFilter,
    before: Option<PromoCodeId>,
    limit: i64,
) -> Result<Vec<PromoCodeDetail>, CodesError> {
    let form = match &filter.text {
        None => None,
        Some(text) => match bilten_core::price::canonical(text) {
            Ok(form) => Some(form),
            // What can be no code is none of them.
            Err(_) => return Ok(Vec::new()),
        },
    };
    let organisation = tenant.organisation;
    let listed = Listed {
        organisation,
        event: filter.event,
        only: tenant.only().map(<[EventId]>::to_vec),
        form: form.clone(),
        with_archived: filter.with_archived,
        before,
        limit,
    };
    let batch = filter.batch;
    let rows = app
        .db
        .read(move |c| {
            Box::pin(async move {
                match (batch, form) {
                    // Whoever asks for a text wants to know whose it is, batch or not.
                    (batch, Some(form)) if before.is_none() => {
                        let found = store::by_form(c, organisation, &form).await?;
                        let found = found.filter(|row| batch.is_none() || row.batch_id == batch);
                        Ok(found.into_iter().collect())
                    }
                    (_, Some(_)) => Ok(Vec::new()),
                    (Some(batch), None) => match batches::by_id(c, batch).await? {
                        Some(found) if found.organisation_id == organisation => {
                            store::of_batch(c, batch, before, limit).await
                        }
                        Some(_) | None => Ok(Vec::new()),
                    },
                    (None, None) => store::list(c, listed).await,
                }
            })
        })
        .await
        .map_err(CodesError::Db)?;
    let is_listed = |row: &CodeRow| {
        may_touch(tenant, row.event_id)
            && (filter.event.is_none() || filter.event == row.event_id)
            && (filter.with_archived || filter.batch.is_some() || row.archived_at.is_none())
    };
    Ok(rows.into_iter().filter(is_listed).map(shown).collect())
}

/// Changes a code as it was seen.
///
/// # Errors
/// [`CodesError`] by why it was not changed.
pub async fn update_code(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeId,
    actor: String,
    seen: IfMatch,
    patch: PromoCodePatch,
) -> Result<PromoCodeDetail, CodesError> {
    let mut new = row(app, tenant, id).await?;
    let from = new.version;
    seen.allow(from)?;
    if patch.version.is_none() && !seen.is_said() {
        let detail = "Say which version this change starts from, here or by If-Match.";
        return Err(CodesError::field("version", "missing", detail));
    }
    if patch.version.is_some_and(|version| version != from) {
        return Err(CodesError::VersionConflict { current: from });
    }
    if new.batch_id.is_some() {
        return Err(CodesError::OfBatch);
    }
    if new.archived_at.is_some() {
        return Err(CodesError::Archived);
    }
    if let Some(name) = patch.name {
        let mut faults = Faults::default();
        faults.text("name", &name, 100);
        faults.check().map_err(CodesError::Invalid)?;
        new.name = name.trim().to_owned();
    }
    if let Some(rule) = patch.rule {
        new.rule = AsJson(checked_rule(app, tenant, new.event_id, rule).await?);
    }
    new.version = from + 1;
    new.updated_at = app.now();
    let (work, row) = (app.clone(), new.clone());
    let (used, spent_minor) = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let organisation = row.organisation_id;
                let is_written = store::update(c, &row, from).await?;
                let now = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                if !is_written && now.version == from {
                    return Err(CodesError::BelowUsed);
                }
                if !is_written {
                    // Somebody else was a moment earlier.
                    seen.allow(now.version)?;
                    return Err(CodesError::VersionConflict {
                        current: now.version,
                    });
                }
                let detail = json!({"version": now.version, "effect": row.rule.0.effect});
                let subject = id.to_string();
                note(
                    &work,
                    c,
                    organisation,
                    &actor,
                    "codes.changed",
                    subject,
                    detail,
                )
                .await?;
                Ok((now.used, now.spent_minor))
            })
        })
        .await?;
    (new.used, new.spent_minor) = (used, spent_minor);
    Ok(shown(new))
}

/// Archives a code, one of a batch too: nobody can use it any more, and what it was used for stays.
/// Doing it again changes nothing.
///
/// # Errors
/// [`CodesError::NotFound`], [`CodesError::Stale`], or a fault of the database.
pub async fn archive_code(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeId,
    actor: String,
    seen: IfMatch,
) -> Result<(), CodesError> {
    let row = row(app, tenant, id).await?;
    seen.allow(row.version)?;
    let (work, now) = (app.clone(), app.now());
    let only = seen.is_said().then_some(row.version);
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::archive(c, id, only, now).await? {
                    let organisation = row.organisation_id;
                    let current = store::by_id(c, organisation, id).await?.ok_or(MISSING)?;
                    // Archived it may be by now, but not changed in another way.
                    return if current.archived_at.is_some() {
                        Ok(())
                    } else {
                        Ok(seen.allow(current.version)?)
                    };
                }
                let (organisation, subject) = (row.organisation_id, id.to_string());
                let action = "codes.archived";
                note(&work, c, organisation, &actor, action, subject, json!({})).await?;
                Ok(())
            })
        })
        .await
}

/// How a code was used.
///
/// # Errors
/// [`CodesError::NotFound`], or a fault of the database.
pub async fn code_statistics(
    app: &App,
    tenant: &Tenant,
    id: PromoCodeId,
) -> Result<PromoCodeStatistics, CodesError> {
    row(app, tenant, id).await?;
    statistics(app, Some(id), None).await
}

/// How a code, or all codes of a batch, were used.
pub(super) async fn statistics(
    app: &App,
    code: Option<PromoCodeId>,
    batch: Option<PromoCodeBatchId>,
) -> Result<PromoCodeStatistics, CodesError> {
    let (states, by_event) = app
        .db
        .read_long(move |c| {
            Box::pin(async move {
                let states = uses::states(c, code, batch).await?;
                Ok::<_, DbError>((states, uses::by_event(c, code, batch).await?))
            })
        })
        .await?;
    let of = |state: &str| {
        let found = states.iter().find(|(one, _)| one == state);
        found.map_or(0, |(_, count)| *count)
    };
    Ok(PromoCodeStatistics {
        confirmed: of("confirmed"),
        reserved: of("reserved"),
        returned: of("returned"),
        by_event,
    })
}

/// Gives back what holds and orders of a sandbox have of a deleted event, and drops its codes.
pub(crate) async fn on_event_deleted(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    let holders = uses::holders_of_event(c, event).await?;
    if !holders.is_empty() {
        super::give_back_all(c, &holders).await?;
    }
    uses::delete_of_event(c, event, &holders).await
}

/// Forgets which codes somebody used, by the key that they were counted by.
///
/// # Errors
/// A fault of the database.
pub async fn forget_buyer(c: &mut Conn, buyer_key: [u8; 32]) -> Result<(), DbError> {
    uses::forget_buyer(c, buyer_key).await
}
