//! Codes: of an authenticator app, sent by e-mail or SMS, and those for the day when all else is
//! lost.

use std::net::IpAddr;
use std::time::Duration;

use bilten_kernel::db::Conn;
use totp_rs::{Algorithm, Builder, Totp};

use super::{Outcome, notices, open, seal};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::service::{IdentityError, Rule, Throttle};
use crate::identity::store::factors::FactorRow;
use crate::identity::store::{factors as store, one_time};
use crate::platform::Vault;

/// How long a code that was sent can be used.
const CODE_LASTS: Duration = Duration::from_secs(600);
/// How often a code that was sent can be guessed.
const CODE_TRIES: i64 = 5;
/// Guesses of somebody's codes, of whatever kind.
const GUESSES: Rule = Rule::new("second factor", 5, 30_000, 3_600_000, DAY);
/// Codes that are sent to somebody.
const SENDS: Rule = Rule::new("code", 4, 60_000, 3_600_000, HOUR);
/// Text messages that are sent because one network asks for them: they cost money.
const NETWORK_SENDS: Rule = Rule::new("sms network", 30, 10_000, 3_600_000, HOUR);
/// Codes that are sent to a number, whoever asks.
const NUMBERS: Rule = Rule::new("code by sms", 6, 60_000, 3_600_000, DAY);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const PURPOSE: &str = "mfa_code";
/// For what it is sealed, as everything is that waits to be used once.
const SEALED: &str = "one time mfa_code";
/// How many bytes the secret of an authenticator app has (RFC 4226, section 4: at least 16).
const TOTP_SECRET: usize = 20;
/// How many recovery codes there are.
const RECOVERY_CODES: usize = 10;

/// For what a code is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Context {
    /// A sign-in that waits for its second factor.
    Ticket([u8; 32]),
    /// A session that is to do something dangerous.
    Session(SessionId),
    /// A factor that is to be added.
    Factor(FactorId),
}

impl Context {
    /// Under which hash the code waits.
    fn key(self, app: &App, user: UserId, kind: FactorKind) -> [u8; 32] {
        let about = match self {
            Self::Ticket(hash) => hash.to_vec(),
            Self::Session(id) => id.to_string().into_bytes(),
            Self::Factor(id) => id.to_string().into_bytes(),
        };
        app.vault.mac(
            "mfa code",
            &[user.as_bytes(), kind.as_str().as_bytes(), &about],
        )
    }
}

/// Counts a try before it is looked at, or refuses it.
pub(super) async fn pass(app: &App, c: &mut Conn, throttle: Throttle) -> Outcome<()> {
    let passed = throttle.pass(c, app.now()).await?;
    Ok(passed.map(|_| ()).map_err(IdentityError::TooMany))
}

/// The counter for guesses of somebody's codes to end a sign-in: of a device that is known, or of
/// all that are not. Whoever learned the password must not keep the owner from their account.
pub(super) fn guesses_at(app: &App, user: UserId, known: Option<[u8; 32]>) -> Throttle {
    match known {
        Some(device) => Throttle::new(app, GUESSES, &[user.as_bytes(), &device]),
        None => Throttle::new(app, GUESSES, &[user.as_bytes()]),
    }
}

/// The counter for guesses of somebody's codes in a session.
pub(super) fn guesses_in(app: &App, person: &Person) -> Throttle {
    let session = person.session.to_string();
    Throttle::new(
        app,
        GUESSES,
        &[person.user.as_bytes(), b"session", session.as_bytes()],
    )
}

/// For what the secret of a factor is sealed.
pub(in crate::identity) fn factor_purpose(id: impl std::fmt::Display) -> String {
    format!("mfa:{id}")
}

/// The secret of a factor as it is stored.
///
/// # Errors
/// [`IdentityError::Vault`] if it cannot be sealed.
pub(super) fn seal_secret(
    app: &App,
    id: FactorId,
    secret: &[u8],
) -> Result<Vec<u8>, IdentityError> {
    Ok(app.vault.seal(&factor_purpose(id), secret, &*app.random)?)
}

/// The secret of a factor.
///
/// # Errors
/// [`IdentityError::Vault`] if it cannot be opened.
pub(super) fn open_secret(app: &App, row: &FactorRow) -> Result<Vec<u8>, IdentityError> {
    Ok(app
        .vault
        .open(&factor_purpose(row.id), &row.sealed_secret)?)
}

/// The number to which a factor's codes go.
///
/// # Errors
/// A fault of the vault.
pub(super) fn phone_of(app: &App, row: &FactorRow) -> Result<Phone, IdentityError> {
    let text = String::from_utf8(open_secret(app, row)?).unwrap_or_default();
    text.parse()
        .map_err(|_| IdentityError::Fault(factor_purpose(row.id)))
}

/// A new secret for an authenticator app.
pub(super) fn new_totp_secret(app: &App) -> Vec<u8> {
    let mut secret = vec![0; TOTP_SECRET];
    app.random.fill(&mut secret);
    secret
}

/// The codes of an authenticator app: SHA-1, six digits, 30 seconds, which is all that every app
/// knows; one step before and after is taken, for clocks that differ.
///
/// # Errors
/// [`IdentityError::Fault`] if the secret or the account's name cannot be used.
pub(super) fn totp(secret: Vec<u8>, account: &str) -> Result<Totp, IdentityError> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(secret)
        .with_issuer(Some("Bilten"))
        .with_account_name(account)
        .build()
        .map_err(|error| IdentityError::Fault(error.to_string()))
}

/// Whether a code is one of this factor that was not used before; if so, it is used now.
pub(super) async fn check_totp(
    app: &App,
    c: &mut Conn,
    row: &FactorRow,
    code: &str,
) -> Result<bool, IdentityError> {
    let totp = totp(open_secret(app, row)?, "")?;
    let seconds = u64::try_from(app.now().ms() / 1_000).unwrap_or(0);
    let Some(step) = totp.check(code, seconds) else {
        return Ok(false);
    };
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    Ok(store::take_step(c, row.id, step).await?)
}

/// Sends a new code, in place of the one before; by SMS to a number, for whoever asks from an
/// address.
pub(super) async fn send(
    app: &App,
    c: &mut Conn,
    user: &User,
    kind: FactorKind,
    context: Context,
    phone: Option<(&Phone, IpAddr)>,
) -> Outcome<()> {
    let passed = pass(app, c, Throttle::new(app, SENDS, &[user.id.as_bytes()])).await?;
    if passed.is_err() {
        return Ok(passed);
    }
    if let Some((phone, ip)) = phone {
        let passed = pass(app, c, Throttle::network(app, NETWORK_SENDS, ip)).await?;
        if passed.is_err() {
            return Ok(passed);
        }
        // Whoever has many accounts must not let them all ring one number.
        let number = phone.as_str().as_bytes();
        let passed = pass(app, c, Throttle::new(app, NUMBERS, &[number])).await?;
        if passed.is_err() {
            return Ok(passed);
        }
    }
    let (code, now) = (new_code(&*app.random), app.now());
    let expires_at = now + CODE_LASTS;
    let key = context.key(app, user.id, kind);
    let content = code_mac(app, &key, &code);
    store::forget_code(c, key).await?;
    let new = one_time::NewOneTime {
        token_hash: key,
        purpose: PURPOSE.to_owned(),
        user_id: Some(user.id),
        subject_hash: None,
        sealed_content: seal(app, SEALED, &content)?,
        created_at: now,
        expires_at,
    };
    one_time::insert(c, &new).await?;
    match phone {
        Some((phone, _)) => notices::code_by_sms(app, c, phone, code, expires_at).await?,
        None => notices::code_by_email(app, c, user, code, expires_at).await?,
    }
    Ok(Ok(()))
}

/// Six digits are guessed in no time from an ordinary hash.
fn code_mac(app: &App, key: &[u8; 32], code: &str) -> [u8; 32] {
    app.vault.mac("mfa code", &[key, code.as_bytes()])
}

/// Whether this is the code that was sent; if so, it is used now.
pub(super) async fn check_sent(
    app: &App,
    c: &mut Conn,
    user: UserId,
    kind: FactorKind,
    context: Context,
    code: &str,
) -> Result<bool, IdentityError> {
    let (key, now) = (context.key(app, user, kind), app.now());
    let Some(waiting) = one_time::attempt(c, PURPOSE, key, CODE_TRIES, now).await? else {
        return Ok(false);
    };
    let wanted: [u8; 32] = open(app, SEALED, &waiting.sealed_content)?;
    if !Vault::equal(&wanted, &code_mac(app, &key, code)) {
        return Ok(false);
    }
    let taken = one_time::take(c, PURPOSE, key, now).await?;
    Ok(taken.is_some())
}

fn recovery_hash(app: &App, user: UserId, code: &str) -> [u8; 32] {
    app.vault
        .mac("recovery code", &[user.as_bytes(), code.as_bytes()])
}

/// Gives somebody new recovery codes, in place of those before.
pub(super) async fn new_recovery_codes(
    app: &App,
    c: &mut Conn,
    user: UserId,
) -> Result<Vec<String>, IdentityError> {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| new_recovery_code(&*app.random))
        .collect();
    let hashes: Vec<[u8; 32]> = codes
        .iter()
        .map(|code| recovery_hash(app, user, &plain_code(code)))
        .collect();
    store::replace_recovery_codes(c, user, &hashes, app.now()).await?;
    Ok(codes)
}

/// Whether this is a recovery code that was not used before; if so, it is used now.
pub(super) async fn check_recovery(
    app: &App,
    c: &mut Conn,
    user: UserId,
    code: &str,
) -> Result<bool, IdentityError> {
    let hash = recovery_hash(app, user, code);
    Ok(store::use_recovery_code(c, user, hash, app.now()).await?)
}
