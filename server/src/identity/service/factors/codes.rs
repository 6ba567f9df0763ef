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
/// Codes that are sent to somebody, whoever asks; strangers alone do not come that far.
const ACCOUNT_SENDS: Rule = Rule::new("code of account", 60, 60_000, 600_000, DAY);
/// Text messages that are sent because one network asks for them: they cost money.
const NETWORK_SENDS: Rule = Rule::new("sms network", 30, 10_000, 3_600_000, HOUR);
/// Codes that are sent to a number, as long as it is not sure that whoever asks has it.
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

/// Who guesses codes of an account or has them sent. Each has counters of their own: whoever learned
/// the password must not keep the owner out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// Somebody who signs in, with a device that is known or with any other.
    SigningIn(UserId, Option<[u8; 32]>),
    /// Somebody in a session, who has a factor.
    Session(UserId, SessionId),
    /// Somebody who adds a factor, in any session: perhaps their first, so that they can begin
    /// sessions without end.
    Adding(UserId),
}

impl Asker {
    fn throttle(self, app: &App, rule: Rule) -> Throttle {
        match self {
            Self::SigningIn(user, None) => Throttle::new(app, rule, &[user.as_bytes()]),
            Self::SigningIn(user, Some(device)) => {
                Throttle::new(app, rule, &[user.as_bytes(), &device])
            }
            Self::Session(user, session) => {
                let session = session.to_string();
                Throttle::new(
                    app,
                    rule,
                    &[user.as_bytes(), b"session", session.as_bytes()],
                )
            }
            Self::Adding(user) => Throttle::new(app, rule, &[user.as_bytes(), b"adding"]),
        }
    }

    /// The counter for guesses.
    pub(super) fn guesses(self, app: &App) -> Throttle {
        self.throttle(app, GUESSES)
    }

    /// Whether they showed a factor of the account before.
    const fn is_known(self) -> bool {
        matches!(self, Self::SigningIn(_, Some(_)) | Self::Session(..))
    }
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
    (context, asker): (Context, Asker),
    phone: Option<(&Phone, IpAddr)>,
) -> Outcome<()> {
    let mut throttles = vec![
        asker.throttle(app, SENDS),
        Throttle::new(app, ACCOUNT_SENDS, &[user.id.as_bytes()]),
    ];
    if let Some((phone, ip)) = phone {
        throttles.push(Throttle::network(app, NETWORK_SENDS, ip));
        // Whoever has many accounts must not let them all ring one number.
        if !asker.is_known() {
            let number = phone.as_str().as_bytes();
            throttles.push(Throttle::new(app, NUMBERS, &[number]));
        }
    }
    for throttle in throttles {
        let passed = pass(app, c, throttle).await?;
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
