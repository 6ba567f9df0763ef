//! How a device proves that it is the same device, and what its token allows.

use bilten_core::key::PublicKey;
use bilten_core::sync::pairing::{Challenge, ChallengeRequest, Session, SessionRequest, WipeOrder};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::random;

use super::AccessError;
use crate::access::model::*;
use crate::access::store::devices;
use crate::app::App;
use crate::identity::Permission;
use crate::tickets;

fn core_time(at: Timestamp) -> bilten_core::time::Timestamp {
    bilten_core::time::Timestamp(at.ms())
}

/// Gives a device something to sign. It says nothing of whether there is such a device.
pub fn give_challenge(app: &App, request: &ChallengeRequest) -> Challenge {
    let salt = random::token(&*app.random, 13);
    Challenge {
        nonce: challenge(&app.vault, request.device.as_str(), app.now(), &salt),
        server_time: core_time(app.now()),
    }
}

/// Opens a session for a device that signed its challenge. One that was revoked gets the order to
/// wipe itself, and a session for one last push.
///
/// # Errors
/// [`AccessError::ChallengeExpired`], [`AccessError::DeviceUnknown`],
/// [`AccessError::SessionSignature`], or a fault of the database.
pub async fn open_session(app: &App, request: SessionRequest) -> Result<Session, AccessError> {
    let now = app.now();
    if !is_fresh_challenge(&app.vault, request.device.as_str(), &request.nonce, now) {
        return Err(AccessError::ChallengeExpired);
    }
    let id: DeviceId = request
        .device
        .as_str()
        .parse()
        .map_err(|_| AccessError::DeviceUnknown)?;
    let work = app.clone();
    let (device, key, issuer) = app
        .db
        .read(move |c| {
            Box::pin(async move {
                let device = devices::device(c, id)
                    .await?
                    .ok_or(AccessError::DeviceUnknown)?;
                let key = devices::public_key(c, id)
                    .await?
                    .ok_or(AccessError::DeviceUnknown)?;
                let issuer = match device.revoked_at {
                    Some(_) => Some(tickets::feed_issuer_in(&work, c, device.event_id).await?),
                    None => None,
                };
                Ok::<_, AccessError>((device, key, issuer))
            })
        })
        .await?;
    let key = PublicKey::from_bytes(&key).map_err(|_| AccessError::DeviceUnknown)?;
    if !request.is_genuine(&key) {
        return Err(AccessError::SessionSignature);
    }
    let wipe = match (device.revoked_at, issuer) {
        (Some(revoked_at), Some(issuer)) => Some(WipeOrder::sign(
            opaque(device.id)?,
            core_time(revoked_at),
            &issuer,
        )),
        (Some(_) | None, _) => None,
    };
    let scope = if wipe.is_some() {
        Scope::LastPush
    } else {
        Scope::Sync
    };
    let until = Timestamp::from_ms(now.ms().saturating_add(SESSION_MS));
    Ok(Session {
        token: session_token(&app.vault, device.id, until, scope),
        expires_at: core_time(until),
        wipe,
    })
}

/// The device that a token is for, whatever it may do; nothing if the token is none of ours or over.
pub fn device_of_token(app: &App, token: &str) -> Option<DeviceId> {
    read_session_token(&app.vault, token, app.now()).map(|(device, _)| device)
}

/// The device that a token is for, if that lets it do what is needed.
///
/// # Errors
/// [`AccessError::SessionExpired`], [`AccessError::DeviceRevoked`] if it may not any more, or a
/// fault of the database.
pub async fn authenticate(
    app: &App,
    token: &str,
    needed: Permission,
) -> Result<Device, AccessError> {
    let (id, scope) =
        read_session_token(&app.vault, token, app.now()).ok_or(AccessError::SessionExpired)?;
    let found = app
        .db
        .read(move |c| Box::pin(async move { devices::device(c, id).await }))
        .await?;
    let device = found.ok_or(AccessError::SessionExpired)?;
    let is_on = scope == Scope::LastPush || device.revoked_at.is_none();
    if is_on && scope.permissions().contains(&needed) {
        Ok(device)
    } else {
        Err(AccessError::DeviceRevoked)
    }
}
