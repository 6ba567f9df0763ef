//! Telling an organisation's people what concerns what they look after.

use bilten_kernel::db::Conn;

use super::mail::{self, MailTemplate};
use super::{IdentityError, open_user};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::members as store;

/// How many people are told.
const MOST_TOLD: i64 = 50;

/// Sends a mail to those who may do something in all of an organisation, if and only if this write
/// is committed.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn tell_those_who_may(
    app: &App,
    c: &mut Conn,
    organisation: OrganisationId,
    permission: Permission,
    template: MailTemplate,
) -> Result<(), IdentityError> {
    let roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| role.may(permission))
        .collect();
    for row in store::reachable(c, organisation, &roles, MOST_TOLD).await? {
        if let Some(profile) = open_user(app, row)?.profile {
            mail::send_in(app, c, &profile.email, template.clone()).await?;
        }
    }
    Ok(())
}
