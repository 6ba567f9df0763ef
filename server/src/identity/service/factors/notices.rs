//! What is sent to somebody about their factors: codes, and what changed.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::Conn;

use super::manage::Change;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::mail::{self, MailTemplate};
use crate::identity::service::sms::{self, SmsText};
use crate::identity::service::{IdentityError, Rule, Throttle, open_user};
use crate::identity::store::{factors as store, passkeys, people};

/// The page where factors are listed.
const SECURITY: &str = "/account/factors";
/// The page where passkeys are listed.
const PASSKEYS: &str = "/account/passkeys";
const HOUR_MS: i64 = 3_600_000;
/// Mail about copies of somebody's passkeys, so that whoever has one floods nobody.
const COPIES: Rule = Rule::new(
    "passkey copy",
    1,
    HOUR_MS,
    HOUR_MS,
    Duration::from_secs(86_400),
);

/// Whether this server can send SMS.
pub(super) fn has_sms(app: &App) -> bool {
    sms::is_offered(app)
}

/// Sends a code to somebody's address.
pub(super) async fn code_by_email(
    app: &App,
    c: &mut Conn,
    user: &User,
    code: String,
    expires_at: Timestamp,
) -> Result<(), IdentityError> {
    let Some(profile) = &user.profile else {
        return Ok(());
    };
    let template = MailTemplate::SignInCode { code, expires_at };
    mail::send_in(app, c, &profile.email, template).await
}

/// Sends a code to a number.
pub(super) async fn code_by_sms(
    app: &App,
    c: &mut Conn,
    phone: &Phone,
    code: String,
    expires_at: Timestamp,
) -> Result<(), IdentityError> {
    sms::send_in(app, c, phone, SmsText::Code { code, expires_at }).await
}

async fn tell(
    app: &App,
    c: &mut Conn,
    user: UserId,
    template: MailTemplate,
) -> Result<(), IdentityError> {
    let Some(row) = people::by_id(c, user).await? else {
        return Ok(());
    };
    match open_user(app, row)?.profile {
        Some(profile) => mail::send_in(app, c, &profile.email, template).await,
        None => Ok(()),
    }
}

/// Tells somebody that their factors changed.
pub(super) async fn changed(
    app: &App,
    c: &mut Conn,
    user: UserId,
    change: &Change,
) -> Result<(), IdentityError> {
    let name = |kind: &FactorKind| match kind {
        FactorKind::Totp => "An authenticator app",
        FactorKind::Email => "Codes by e-mail",
        FactorKind::Sms => "Codes by SMS",
        FactorKind::Recovery => "Recovery codes",
        FactorKind::Passkey => "A passkey",
    };
    let verb = |kind: &FactorKind| match kind {
        FactorKind::Totp | FactorKind::Passkey => "was",
        FactorKind::Email | FactorKind::Sms | FactorKind::Recovery => "were",
    };
    let change = match change {
        Change::Added(kind, _) => format!("{} {} added.", name(kind), verb(kind)),
        Change::Removed(kind, _) => format!("{} {} removed.", name(kind), verb(kind)),
        Change::RecoveryCodes => "There are new recovery codes; the old ones are void.".to_owned(),
    };
    let template = MailTemplate::MfaChanged {
        at: app.now(),
        change,
        security: mail::link(app, SECURITY),
    };
    tell(app, c, user, template).await
}

/// Tells somebody that an administrator took all their factors away.
pub(super) async fn reset(app: &App, c: &mut Conn, user: UserId) -> Result<(), IdentityError> {
    let change = "An administrator of this site removed all your second factors and passkeys, because \
                  they were said to be lost. You were signed out everywhere.";
    let template = MailTemplate::MfaChanged {
        at: app.now(),
        change: change.to_owned(),
        security: mail::link(app, SECURITY),
    };
    tell(app, c, user, template).await
}

/// Tells somebody that a recovery code of theirs was used, and how many are left.
pub(super) async fn recovery_code_used(
    app: &App,
    c: &mut Conn,
    user: UserId,
) -> Result<(), IdentityError> {
    let left = store::recovery_codes_left(c, user).await?;
    let template = MailTemplate::RecoveryCodeUsed {
        at: app.now(),
        left: u32::try_from(left).unwrap_or(0),
        security: mail::link(app, SECURITY),
    };
    tell(app, c, user, template).await
}

/// Tells somebody that a copy of a passkey of theirs was refused, unless they were told within the
/// hour.
pub(super) async fn passkey_copied(
    app: &App,
    c: &mut Conn,
    user: UserId,
    passkey: PasskeyId,
) -> Result<(), IdentityError> {
    let throttle = Throttle::new(app, COPIES, &[user.as_bytes()]);
    if throttle.pass(c, app.now()).await?.is_err() {
        return Ok(());
    }
    let known = passkeys::of_user(c, user).await?;
    let Some(row) = known.into_iter().find(|row| row.id == passkey) else {
        return Ok(());
    };
    let template = MailTemplate::PasskeyCopied {
        at: app.now(),
        passkey: row.name,
        passkeys: mail::link(app, PASSKEYS),
    };
    tell(app, c, user, template).await
}
