//! Addresses that are shut out for a while: written down by the node that noticed, known to all.

use bilten_kernel::db::DbError;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{NewBlock, Page, PageQuery, Quota};
use std::collections::BTreeMap;

use super::super::model::*;
use super::super::store;
use super::{PlatformError, audit, fault};
use crate::app::App;

/// How many blocks are told to a node at most.
const MOST: i64 = 50_000;
/// Who blocks, in the audit log.
const ACTOR: &str = "system";

crate::setting! {
    /// How many requests of each kind single organisations may make, as {"org_…": "60000/60"}; all others as the
    /// configuration says.
    pub ORGANISATION_QUOTAS: OrganisationQuotas = "limits.organisations", default: OrganisationQuotas::default
}

/// Quotas of single organisations.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct OrganisationQuotas(pub BTreeMap<String, Quota>);

impl SettingValue for OrganisationQuotas {
    const KIND: &'static str = "quotas of organisations";

    fn check(&self) -> Result<(), String> {
        if self.0.len() > 10_000 {
            return Err("at most 10,000 organisations".to_owned());
        }
        match self.0.keys().find(|key| !key.starts_with("org_")) {
            Some(key) => Err(format!("{key} is not the id of an organisation")),
            None => Ok(()),
        }
    }
}

fn view(row: BlockRow) -> Result<AddressBlock, DbError> {
    let address = row.address.parse();
    Ok(AddressBlock {
        id: row.id,
        address: address.map_err(|error| fault("platform::blocks", error))?,
        at: row.blocked_at,
        until: row.until_at,
    })
}

/// Writes down that an address was blocked, unless another node did.
///
/// # Errors
/// A fault of the database.
pub async fn record_block(app: &App, new: NewBlock) -> Result<(), DbError> {
    let (work, now) = (app.clone(), app.now());
    let row = BlockRow {
        id: BlockId::new(&*app.clock, &*app.random),
        address: new.address.to_string(),
        blocked_at: new.at,
        until_at: new.until,
    };
    app.db
        .write(move |c| {
            Box::pin(async move {
                // What is over must not keep the same address from being blocked again.
                store::blocks::delete_over(c, now).await?;
                if !store::blocks::insert(c, &row).await? {
                    return Ok(());
                }
                let detail = serde_json::json!({"until": row.until_at});
                let record = AuditRecord::new(ACTOR, "edge.address_blocked", row.id).detail(detail);
                audit(&work, c, record).await
            })
        })
        .await
}

/// All addresses that are blocked now.
///
/// # Errors
/// A fault of the database.
pub async fn current_blocks(app: &App) -> Result<Vec<AddressBlock>, DbError> {
    let now = app.now();
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::blocks::current(c, now, MOST).await }))
        .await?;
    rows.into_iter().map(view).collect()
}

/// Forgets the addresses of blocks that are over.
///
/// # Errors
/// A fault of the database.
pub async fn forget_old_blocks(app: &App) -> Result<(), DbError> {
    let now = app.now();
    app.db
        .write(move |c| Box::pin(async move { store::blocks::delete_over(c, now).await }))
        .await
        .map(|_| ())
}

/// The addresses that are blocked now, page by page, the newest first.
///
/// # Errors
/// A problem 400 for a strange cursor, or a fault of the database.
pub async fn blocks_page(app: &App, page: &PageQuery) -> Result<Page<AddressBlock>, Problem> {
    let now = app.now();
    // Behind all ids.
    let before = page.after()?.unwrap_or_else(|| "~".to_owned());
    let limit = page.limit_and_one();
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::blocks::page(c, now, &before, limit).await }))
        .await?;
    let page = page.page(rows, |row| row.id.to_string());
    let items = page.items.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Page {
        items,
        next: page.next,
    })
}

/// Lets a blocked address in again; every node knows within seconds.
///
/// # Errors
/// [`PlatformError::BlockUnknown`], or a fault of the database.
pub async fn lift_block(app: &App, id: BlockId, actor: &str) -> Result<(), PlatformError> {
    let (work, actor) = (app.clone(), actor.to_owned());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if !store::blocks::delete(c, id).await? {
                    return Err(PlatformError::BlockUnknown);
                }
                let record = AuditRecord::new(actor, "edge.block_lifted", id);
                Ok(audit(&work, c, record).await?)
            })
        })
        .await
}
