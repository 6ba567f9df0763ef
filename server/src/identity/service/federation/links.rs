//! A person's own links.

use super::{FederationError, connections};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::trail;
use crate::identity::store::federation as store;

/// The accounts elsewhere by which somebody signs in.
///
/// # Errors
/// A fault of the database.
pub async fn identities_of(
    app: &App,
    user: UserId,
) -> Result<Vec<LinkedIdentity>, FederationError> {
    let rows = app
        .db
        .read(move |c| Box::pin(async move { store::links_of(c, user).await }))
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| LinkedIdentity {
            connection: row.connection_id,
            slug: row.slug,
            name: row.name,
            created_at: row.created_at,
            used_at: row.used_at,
        })
        .collect())
}

/// Those of somebody's links by which they can prove once more who they are.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn identities_that_ask_again(
    app: &App,
    user: UserId,
) -> Result<Vec<LinkedIdentity>, FederationError> {
    let mut able = Vec::new();
    for link in identities_of(app, user).await? {
        match connections::enabled(app, &link.slug).await {
            Ok(connection) if connection.settings.asks_again() => able.push(link),
            Ok(_) | Err(FederationError::Unknown) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(able)
}

/// Ends somebody's links with a connection.
///
/// # Errors
/// [`FederationError::NotLinked`], [`FederationError::LastWayIn`], or a fault of the database.
pub async fn unlink_identity(
    app: &App,
    user: UserId,
    connection: ConnectionId,
    origin: &Origin,
) -> Result<(), FederationError> {
    let (work, origin) = (app.clone(), origin.clone());
    app.db
        .write(move |c| {
            Box::pin(async move {
                if store::unlink(c, user, connection).await? == 0 {
                    let links = store::links_of(c, user).await?;
                    let is_linked = links.iter().any(|link| link.connection_id == connection);
                    return Err(if is_linked {
                        FederationError::LastWayIn
                    } else {
                        FederationError::NotLinked
                    });
                }
                let happened = IdentityEvent::IdentityUnlinked { user, connection };
                trail::tell(&work, c, &user.to_string(), vec![happened], Some(&origin)).await?;
                Ok(())
            })
        })
        .await
}
