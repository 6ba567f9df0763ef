//! Addresses for which no provider vouches: a link is mailed, and it counts only in the browser
//! that began, so that nobody can lend their account elsewhere to the owner of an address.

use std::collections::HashMap;
use std::time::Duration;

use bilten_kernel::db::Conn;
use serde::{Deserialize, Serialize};

use super::accounts::{make, map_roles, sign_in_known};
use super::domains::is_spoken_for;
use super::flow::gone;
use super::{FederationError, Landing, connections};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::letters::{Letter, link, post};
use crate::identity::service::throttle::AccountThrottles;
use crate::identity::service::{
    IdentityError, MAIL, MAIL_NETWORK, OneTime, email_lookup, issue_one_time, peek_one_time,
    take_one_time, trail,
};
use crate::platform::{Vault, token_hash};

const PURPOSE: &str = "sso address";
const LASTS: Duration = Duration::from_secs(3_600);

/// An account that is to be made once its address is confirmed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AddressToConfirm {
    pub(super) connection: ConnectionId,
    pub(super) key: String,
    pub(super) profile: Profile,
    /// To what they agreed when they set out.
    pub(super) agreed: Vec<Agreed>,
    pub(super) browser: [u8; 32],
    pub(super) next: String,
    /// By which they get their roles.
    pub(super) attributes: HashMap<String, Vec<String>>,
}

/// Mails the link, as often as anybody may have mail sent to an address.
pub(super) async fn ask_to_confirm(
    app: &App,
    c: &mut Conn,
    slug: &str,
    address: AddressToConfirm,
    visitor: &Visitor,
) -> Result<(), FederationError> {
    let lookup = email_lookup(app, &address.profile.email);
    let throttles = AccountThrottles::new(app, (MAIL, MAIL_NETWORK), &lookup, visitor, None);
    if let Err(seconds) = throttles.pass(c, app.now()).await? {
        return Err(IdentityError::TooMany(seconds).into());
    }
    let what = OneTime {
        purpose: PURPOSE,
        user: None,
        subject: None,
        lasts: LASTS,
    };
    let (token, expires_at) = issue_one_time(app, c, what, &address).await?;
    let letter = Letter::VerifyEmail {
        link: link(app, &format!("/sso/{slug}/confirm"), &token),
        expires_at,
    };
    post(app, c, &address.profile, letter).await?;
    Ok(())
}

/// Makes the account whose address was confirmed by the mailed link, and signs its owner in.
///
/// # Errors
/// [`FederationError::StateUnknown`] if the link is not known, was used, or belongs to another
/// browser; [`FederationError::EmailInUse`] if somebody has an account with the address meanwhile,
/// [`FederationError::DomainUnclaimed`] if the organisation lost its domain; a fault of the vault or
/// the database.
pub async fn confirm_federated(
    app: &App,
    slug: &str,
    token: &str,
    browser: &str,
    visitor: &Visitor,
) -> Result<Landing, FederationError> {
    let connection = connections::enabled(app, slug).await?;
    let (token, visitor) = (token.to_owned(), visitor.clone());
    let browser_hash = token_hash(browser);
    let (writer, origin) = (app.clone(), visitor.origin.clone());
    let proof = Proof::single(&format!(
        "{}:{}",
        connection.settings.kind(),
        connection.slug
    ));
    let (user, next) = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let unknown = FederationError::StateUnknown;
                let address: Option<AddressToConfirm> =
                    peek_one_time(&writer, c, PURPOSE, &token).await?;
                let is_ours = address.is_some_and(|address| {
                    address.connection == connection.id
                        && Vault::equal(&address.browser, &browser_hash)
                });
                if !is_ours {
                    return Err(unknown);
                }
                let taken: Option<AddressToConfirm> =
                    take_one_time(&writer, c, PURPOSE, &token).await?;
                let address = taken.ok_or(unknown)?;
                let (key, profile, agreed) = (address.key, address.profile, address.agreed);
                if !is_spoken_for(c, &connection, &profile.email).await? {
                    return Err(FederationError::DomainUnclaimed);
                }
                let mut happened = Vec::new();
                let user = make(
                    &writer,
                    c,
                    &connection,
                    &key,
                    profile,
                    agreed,
                    &mut happened,
                )
                .await?;
                let mapped = connection.role_mapping.apply(&address.attributes);
                map_roles(&writer, c, &connection, user, mapped, &mut happened).await?;
                trail::tell(&writer, c, &user.to_string(), happened, Some(&origin)).await?;
                Ok((user, address.next))
            })
        })
        .await
        .map_err(gone)?;
    let arrived = sign_in_known(app, user, proof, visitor).await?;
    app.principals.clear();
    Ok(Landing { next, arrived })
}
