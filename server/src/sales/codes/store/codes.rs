//! Codes themselves.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{AsJson, Conn, DbError, Val};
use bilten_kernel::{record, sql, vals};

use crate::catalog::EventId;
use crate::identity::OrganisationId;
use crate::sales::codes::model::*;

record! {
    /// A code as it is stored, with the rule of its batch if it has none.
    #[derive(Clone, Debug)]
    pub(in crate::sales::codes) struct CodeRow {
        pub(in crate::sales::codes) id: PromoCodeId,
        pub(in crate::sales::codes) organisation_id: OrganisationId,
        pub(in crate::sales::codes) event_id: Option<EventId>,
        pub(in crate::sales::codes) batch_id: Option<PromoCodeBatchId>,
        pub(in crate::sales::codes) form: String,
        pub(in crate::sales::codes) shown: String,
        pub(in crate::sales::codes) name: String,
        pub(in crate::sales::codes) rule: AsJson<PromoCodeRule>,
        pub(in crate::sales::codes) used: i64,
        pub(in crate::sales::codes) spent_minor: i64,
        pub(in crate::sales::codes) version: i64,
        pub(in crate::sales::codes) archived_at: Option<Timestamp>,
        pub(in crate::sales::codes) created_at: Timestamp,
        pub(in crate::sales::codes) updated_at: Timestamp,
    }
}

/// A statement that reads codes with the rules of their batches.
macro_rules! read {
    ($where_and_order:literal) => {
        sql!(concat!(
            "SELECT c.id AS id, c.organisation_id AS organisation_id, c.event_id AS event_id, c.batch_id AS batch_id, \
             c.form AS form, c.shown AS shown, c.name AS name, COALESCE(c.rule, b.rule) AS rule, c.used AS used, \
             c.spent_minor AS spent_minor, c.version AS version, COALESCE(c.archived_at, b.archived_at) AS archived_at, \
             c.created_at AS created_at, c.updated_at AS updated_at \
             FROM promo_codes c LEFT JOIN promo_code_batches b ON b.id = c.batch_id WHERE ",
            $where_and_order
        ))
    };
}

pub(in crate::sales::codes) async fn insert(c: &mut Conn, row: &CodeRow) -> Result<(), DbError> {
    let rule = &row.rule.0;
    c.exec(
        sql!(
            "INSERT INTO promo_codes (id, organisation_id, event_id, form, shown, name, rule, max_uses, \
             max_uses_per_buyer, budget_minor, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"
        ),
        vals![
            row.id,
            row.organisation_id,
            row.event_id,
            &row.form,
            &row.shown,
            &row.name,
            Val::json(rule)?,
            rule.max_uses,
            rule.max_uses_per_buyer,
            rule.budget_minor,
            row.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(in crate::sales::codes) async fn by_id(
    c: &mut Conn,
    organisation: OrganisationId,
    id: PromoCodeId,
) -> Result<Option<CodeRow>, DbError> {
    c.opt(
        read!("c.id = $1 AND c.organisation_id = $2"),
        vals![id, organisation],
    )
    .await
}

/// Which codes of an organisation are listed.
#[derive(Clone, Debug)]
pub(in crate::sales::codes) struct Listed {
    pub(in crate::sales::codes) organisation: OrganisationId,
    /// Those of this event; all otherwise.
    pub(in crate::sales::codes) event: Option<EventId>,
    /// The events whose codes may be seen, if not all.
    pub(in crate::sales::codes) only: Option<Vec<EventId>>,
    /// The one of this form; all otherwise.
    pub(in crate::sales::codes) form: Option<String>,
    /// Whether those that were archived are among them.
    pub(in crate::sales::codes) with_archived: bool,
    /// Before this one.
    pub(in crate::sales::codes) before: Option<PromoCodeId>,
    pub(in crate::sales::codes) limit: i64,
}

/// Codes that belong to no batch, newest first.
pub(in crate::sales::codes) async fn list(
    c: &mut Conn,
    listed: Listed,
) -> Result<Vec<CodeRow>, DbError> {
    c.all(
        read!(
            "c.organisation_id = $1 AND c.batch_id IS NULL AND ($2 OR c.event_id = $3) \
             AND ($4 OR c.event_id IN (SELECT value FROM list($5))) AND ($6 OR c.form = $7) \
             AND ($8 OR c.archived_at IS NULL) AND c.id < $9 ORDER BY c.id DESC LIMIT $10"
        ),
        vals![
            listed.organisation,
            listed.event.is_none(),
            listed.event,
            listed.only.is_none(),
            Val::texts(listed.only.unwrap_or_default()),
            listed.form.is_none(),
            listed.form,
            listed.with_archived,
            before(listed.before),
            listed.limit
        ],
    )
    .await
}

/// The codes that these orders have and paid for, by id.
pub(in crate::sales::codes) async fn had(
    c: &mut Conn,
    holders: &[String],
) -> Result<Vec<CodeRow>, DbError> {
    c.all(
        read!(
            "c.id IN (SELECT u.code_id FROM promo_code_uses u WHERE u.state = 'confirmed' \
             AND u.holder IN (SELECT value FROM list($1))) ORDER BY c.id LIMIT 1000"
        ),
        vals![Val::texts(holders)],
    )
    .await
}

/// Locks the codes that these orders have and paid for.
pub(in crate::sales::codes) async fn lock_had(
    c: &mut Conn,
    holders: &[String],
) -> Result<(), DbError> {
    let _locked: Vec<PromoCodeId> = c
        .scalars(
            sql!(
                "SELECT id FROM promo_codes WHERE id IN (SELECT u.code_id FROM promo_code_uses u \
                 WHERE u.state = 'confirmed' AND u.holder IN (SELECT value FROM list($1))) \
                 ORDER BY id FOR NO KEY UPDATE"
            ),
            vals![Val::texts(holders)],
        )
        .await?;
    Ok(())
}

/// The codes of a batch, newest first, before one of them.
pub(in crate::sales::codes) async fn of_batch(
    c: &mut Conn,
    batch: PromoCodeBatchId,
    before_this: Option<PromoCodeId>,
    limit: i64,
) -> Result<Vec<CodeRow>, DbError> {
    c.all(
        read!("c.batch_id = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3"),
        vals![batch, before(before_this), limit],
    )
    .await
}

/// The code of this form, of a batch or not.
pub(in crate::sales::codes) async fn by_form(
    c: &mut Conn,
    organisation: OrganisationId,
    form: &str,
) -> Result<Option<CodeRow>, DbError> {
    c.opt(
        read!("c.organisation_id = $1 AND c.form = $2"),
        vals![organisation, form],
    )
    .await
}

/// `~` sorts after every id.
fn before(id: Option<PromoCodeId>) -> String {
    id.map_or_else(|| "~".to_owned(), |id| id.to_string())
}

/// Writes down what was changed, if the code still has version `from` and was used no more than it
/// may be now.
pub(in crate::sales::codes) async fn update(
    c: &mut Conn,
    row: &CodeRow,
    from: i64,
) -> Result<bool, DbError> {
    let rule = &row.rule.0;
    let touched = c
        .exec(
            sql!(
                "UPDATE promo_codes SET name = $3, rule = $4, max_uses = $5, max_uses_per_buyer = $6, \
                 budget_minor = $7, version = version + 1, updated_at = $8 \
                 WHERE id = $1 AND version = $2 AND archived_at IS NULL \
                 AND used <= COALESCE($5, used) AND spent_minor <= COALESCE($7, spent_minor)"
            ),
            vals![
                row.id,
                from,
                &row.name,
                Val::json(rule)?,
                rule.max_uses,
                rule.max_uses_per_buyer,
                rule.budget_minor,
                row.updated_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// Archives a code, at that version if one is given; says whether it was not before.
pub(in crate::sales::codes) async fn archive(
    c: &mut Conn,
    id: PromoCodeId,
    only: Option<i64>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE promo_codes SET archived_at = $2, updated_at = $2, version = version + 1 \
                 WHERE id = $1 AND version = COALESCE($3, version) AND archived_at IS NULL"
            ),
            vals![id, now, only],
        )
        .await?;
    Ok(touched == 1)
}

/// Locks the codes of these forms for the rest of the write.
pub(in crate::sales::codes) async fn lock(
    c: &mut Conn,
    organisation: OrganisationId,
    forms: &[String],
) -> Result<(), DbError> {
    let _locked: Vec<PromoCodeId> = c
        .scalars(
            sql!(
                "SELECT id FROM promo_codes WHERE organisation_id = $1 AND form IN (SELECT value FROM list($2)) \
                 ORDER BY id FOR NO KEY UPDATE"
            ),
            vals![organisation, Val::texts(forms)],
        )
        .await?;
    Ok(())
}

/// Locks the codes of these forms, and those that these holders have, for the rest of the write.
pub(in crate::sales::codes) async fn lock_with_had(
    c: &mut Conn,
    organisation: OrganisationId,
    forms: &[String],
    holders: &[String],
) -> Result<(), DbError> {
    let _locked: Vec<PromoCodeId> = c
        .scalars(
            sql!(
                "SELECT id FROM promo_codes WHERE id IN (SELECT p.id FROM promo_codes p \
                 WHERE p.organisation_id = $1 AND p.form IN (SELECT value FROM list($2)) \
                 UNION SELECT u.code_id FROM promo_code_uses u \
                 WHERE u.holder IN (SELECT value FROM list($3)) AND u.state <> 'returned') \
                 ORDER BY id FOR NO KEY UPDATE"
            ),
            vals![organisation, Val::texts(forms), Val::texts(holders)],
        )
        .await?;
    Ok(())
}

record! {
    /// What prices need to know of a code.
    #[derive(Clone, Debug)]
    pub(in crate::sales::codes) struct FactRow {
        pub(in crate::sales::codes) id: PromoCodeId,
        pub(in crate::sales::codes) form: String,
        pub(in crate::sales::codes) is_of_batch: bool,
        pub(in crate::sales::codes) rule: AsJson<PromoCodeRule>,
        pub(in crate::sales::codes) used: i64,
        pub(in crate::sales::codes) spent_minor: i64,
        pub(in crate::sales::codes) used_by_buyer: i64,
    }
}

/// The codes of these forms that can be used for an event.
pub(in crate::sales::codes) async fn facts(
    c: &mut Conn,
    organisation: OrganisationId,
    event: EventId,
    forms: &[String],
    buyer: Option<[u8; 32]>,
) -> Result<Vec<FactRow>, DbError> {
    c.all(
        sql!(
            "SELECT c.id AS id, c.form AS form, c.batch_id IS NOT NULL AS is_of_batch, \
             COALESCE(c.rule, b.rule) AS rule, c.used AS used, c.spent_minor AS spent_minor, \
             COALESCE(u.used, 0) AS used_by_buyer FROM promo_codes c \
             LEFT JOIN promo_code_batches b ON b.id = c.batch_id \
             LEFT JOIN promo_code_buyers u ON u.code_id = c.id AND u.buyer = $4 \
             WHERE c.organisation_id = $1 AND (c.event_id IS NULL OR c.event_id = $2) \
             AND c.form IN (SELECT value FROM list($3)) AND c.archived_at IS NULL AND b.archived_at IS NULL"
        ),
        vals![organisation, event, Val::texts(forms), buyer],
    )
    .await
}
