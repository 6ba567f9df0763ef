//! Browsers and apps that are known from earlier sign-ins.
//!
//! Each holds a secret of its own, which carries a tag that only this installation can make: what
//! somebody made up and planted in another's browser is never taken on.

use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::random;

use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::attempts as store;
use crate::platform::{Vault, token_hash};

/// What the secret of a device starts with.
pub const DEVICE_PREFIX: &str = "biltendv_";
/// Characters of its random part.
const RANDOM: usize = 32;

fn tag(app: &App, random: &str) -> String {
    let mac = app.vault.mac("known device", &[random.as_bytes()]);
    mac[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn new_device(app: &App) -> String {
    let random = random::token(&*app.random, RANDOM);
    format!("{DEVICE_PREFIX}{random}{}", tag(app, &random))
}

/// The hash of the visitor's device, if its secret was made here.
pub(super) fn device_hash(app: &App, visitor: &Visitor) -> Option<[u8; 32]> {
    let token = visitor.device.as_deref()?;
    let (random, given) = token
        .strip_prefix(DEVICE_PREFIX)?
        .split_at_checked(RANDOM)?;
    Vault::equal(tag(app, random).as_bytes(), given.as_bytes()).then(|| token_hash(token))
}

/// The hash of the visitor's device, if this person signed in with it before.
pub(super) async fn known_device(
    app: &App,
    c: &mut Conn,
    user: Option<UserId>,
    visitor: &Visitor,
) -> Result<Option<[u8; 32]>, DbError> {
    let (Some(user), Some(device)) = (user, device_hash(app, visitor)) else {
        return Ok(None);
    };
    Ok(store::is_known_device(c, user, device)
        .await?
        .then_some(device))
}
