//! Members of organisations.

use bilten_kernel::db::Conn;

use super::IdentityError;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::organisations as store;

/// Makes somebody a member inside a write; the caller calls `app.principals.clear()` after its
/// commit. Says whether they were none before.
///
/// # Errors
/// A fault of the database.
pub async fn add_member_in(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
) -> Result<bool, IdentityError> {
    let id = MemberId::new(&*app.clock, &*app.random);
    Ok(store::insert_member(c, id, organisation, user, role, app.now()).await?)
}

/// Makes somebody a member; says whether they were none before.
///
/// # Errors
/// A fault of the database.
pub async fn add_member(
    app: &App,
    organisation: OrganisationId,
    user: UserId,
    role: Option<Role>,
) -> Result<bool, IdentityError> {
    let work = app.clone();
    let added = app
        .db
        .write(move |c| {
            Box::pin(async move { add_member_in(&work, c, organisation, user, role).await })
        })
        .await?;
    app.principals.clear();
    Ok(added)
}
