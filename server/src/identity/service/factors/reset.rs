//! All second factors taken from somebody who lost them, by an administrator of the platform.

use serde_json::json;

use super::{manage, notices};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::admins::checked_reason;
use crate::identity::service::note::note;
use crate::identity::service::{IdentityError, end_sessions_in};
use crate::identity::store::{admins, factors as store, people};

/// Takes all second factors, passkeys and recovery codes from somebody who lost them, also where an
/// organisation asks for one: they set up new ones. All their sessions end, and they are told by mail.
///
/// # Errors
/// [`IdentityError::Invalid`] without a reason, [`IdentityError::NotFound`] if there is no such
/// account or it has no second factor, [`IdentityError::AdminProtected`], or a fault.
pub async fn reset_second_factors(
    app: &App,
    admin: &Person,
    user: UserId,
    reason: &str,
) -> Result<(), IdentityError> {
    let reason = checked_reason(reason)?;
    let (work, by) = (app.clone(), admin.user.to_string());
    app.db
        .write(move |c| {
            Box::pin(async move {
                let app = &work;
                manage::lock(c, user).await?;
                let row = people::by_id(c, user).await?;
                if row.is_none_or(|row| row.state == UserState::Erased) {
                    return Err(IdentityError::NotFound("account"));
                }
                if admins::is_admin(c, user).await? {
                    return Err(IdentityError::AdminProtected);
                }
                if !manage::has_any(c, user).await? {
                    return Err(IdentityError::NotFound("factor"));
                }
                store::delete_all(c, user).await?;
                let ended = end_sessions_in(app, c, user, None).await?;
                notices::reset(app, c, user).await?;
                let detail = json!({"reason": reason, "sessions_ended": ended});
                note(app, c, None, &by, "users.factors_reset", user, detail).await
            })
        })
        .await?;
    app.principals.clear();
    Ok(())
}
