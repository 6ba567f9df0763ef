//! The last steps of every sign-in, whatever it began with: [`finish_sign_in`] after the first
//! proof, [`finish_second_factor`] after the second.

use std::time::Duration;

use bilten_kernel::db::Conn;

use super::devices::{device_hash, known_device, new_device};
use super::letters::{Letter, post};
use super::one_time::{OneTime, issue_one_time, peek_one_time, take_one_time, try_one_time};
use super::throttle::{AccountThrottles, NETWORK, PROOF};
use super::trail::{keep_attempt, tell};
use super::{IdentityError, begin_session, email_lookup, open_user, second_factors};
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::{attempts, people, sessions};

/// What tickets of unfinished sign-ins are for.
pub(super) const SECOND_FACTOR: &str = "second factor";
/// How long the second factor may take.
const SECOND_FACTOR_LASTS: Duration = Duration::from_secs(600);
/// How often it may be wrong.
pub const SECOND_FACTOR_TRIES: i64 = 5;
/// So many failures before make a sign-in with a new device suspicious.
pub(super) const SUSPICIOUS_AFTER: i64 = 10;

/// Somebody who can sign in, as they are within this write.
async fn active_user(
    app: &App,
    c: &mut Conn,
    user: UserId,
) -> Result<(User, Profile), IdentityError> {
    let row = people::by_id(c, user)
        .await?
        .ok_or(IdentityError::SignInRefused)?;
    let user = open_user(app, row)?;
    match &user.profile {
        Some(profile) if user.state == UserState::Active && user.email_verified_at.is_some() => {
            let profile = profile.clone();
            Ok((user, profile))
        }
        Some(_) | None => Err(IdentityError::SignInRefused),
    }
}

/// Goes on after somebody proved who they are, inside a write: begins a session, or asks for a
/// second factor if they have one and the proof held none. The caller writes nothing after it: it
/// ends with the audit log.
///
/// # Errors
/// [`IdentityError::SignInRefused`] if the account is not active or its address not verified; a
/// fault of the vault or the database.
pub async fn finish_sign_in(
    app: &App,
    c: &mut Conn,
    user: UserId,
    proof: Proof,
    visitor: &Visitor,
) -> Result<SignInStep, IdentityError> {
    let (user, profile) = active_user(app, c, user).await?;
    let methods = second_factors(app, c, user.id, &proof.methods).await?;
    if methods.is_empty() || proof.is_mfa {
        let begun = begin(app, c, &user, &profile, &proof, visitor).await?;
        return Ok(SignInStep::Done(Box::new(begun)));
    }
    keep_attempt(
        app,
        c,
        Some(user.id),
        &proof.methods,
        AttemptOutcome::SecondFactor,
        false,
        &visitor.origin,
    )
    .await?;
    let pending = Pending {
        user: user.id,
        methods: proof.methods,
        kind: visitor.kind,
        raises: None,
    };
    Ok(SignInStep::SecondFactor(
        ask_second_factor(app, c, pending, methods).await?,
    ))
}

/// Issues a ticket for what was shown already.
pub(super) async fn ask_second_factor(
    app: &App,
    c: &mut Conn,
    pending: Pending,
    methods: Vec<FactorKind>,
) -> Result<SecondFactor, IdentityError> {
    let what = OneTime {
        purpose: SECOND_FACTOR,
        user: Some(pending.user),
        subject: None,
        lasts: SECOND_FACTOR_LASTS,
    };
    let (ticket, expires_at) = issue_one_time(app, c, what, &pending).await?;
    Ok(SecondFactor {
        ticket,
        methods,
        expires_at,
    })
}

/// What a living ticket stands for.
///
/// # Errors
/// [`IdentityError::TicketUnknown`], or a fault of the vault or the database.
pub async fn pending_sign_in(
    app: &App,
    c: &mut Conn,
    ticket: &str,
) -> Result<Pending, IdentityError> {
    peek_one_time(app, c, SECOND_FACTOR, ticket)
        .await?
        .ok_or(IdentityError::TicketUnknown)
}

/// What a living ticket stands for; counts a try with it inside a write, which must be committed
/// also when the second factor turns out to be wrong. A ticket is good for five tries.
///
/// # Errors
/// [`IdentityError::TicketUnknown`], or a fault of the vault or the database.
pub async fn try_second_factor(
    app: &App,
    c: &mut Conn,
    ticket: &str,
) -> Result<Pending, IdentityError> {
    try_one_time(app, c, SECOND_FACTOR, ticket, SECOND_FACTOR_TRIES)
        .await?
        .ok_or(IdentityError::TicketUnknown)
}

/// Notes inside a write that a second factor was wrong; the caller writes nothing after it.
///
/// # Errors
/// A fault of the vault or the database.
pub async fn second_factor_failed(
    app: &App,
    c: &mut Conn,
    pending: &Pending,
    method: FactorKind,
    origin: &Origin,
) -> Result<(), IdentityError> {
    let user = Some(pending.user);
    keep_attempt(
        app,
        c,
        user,
        method.as_str(),
        AttemptOutcome::Failed,
        true,
        origin,
    )
    .await?;
    let happened = IdentityEvent::SignInFailed {
        user,
        method: method.as_str().to_owned(),
    };
    tell(
        app,
        c,
        &pending.user.to_string(),
        vec![happened],
        Some(origin),
    )
    .await
}

/// Ends a sign-in whose second factor was right, inside a write; the caller writes nothing after it,
/// and calls `app.principals.clear()` after its commit.
///
/// # Errors
/// [`IdentityError::TicketUnknown`] if the ticket was used meanwhile,
/// [`IdentityError::SignInRefused`], or a fault of the vault or the database.
pub async fn finish_second_factor(
    app: &App,
    c: &mut Conn,
    ticket: &str,
    method: FactorKind,
    visitor: &Visitor,
) -> Result<Finished, IdentityError> {
    let pending: Pending = take_one_time(app, c, SECOND_FACTOR, ticket)
        .await?
        .ok_or(IdentityError::TicketUnknown)?;
    let (user, profile) = active_user(app, c, pending.user).await?;
    let proof = Proof {
        methods: format!("{} {method}", pending.methods),
        is_mfa: true,
    };
    if let Some(session) = pending.raises {
        raise_session(app, c, user.id, session, &proof).await?;
        return Ok(Finished::Raised);
    }
    let visitor = Visitor {
        kind: pending.kind,
        ..visitor.clone()
    };
    let begun = begin(app, c, &user, &profile, &proof, &visitor).await?;
    Ok(Finished::Begun(Box::new(begun)))
}

/// Lets a session count as freshly authenticated, inside a write; the caller calls
/// `app.principals.clear()` after its commit.
///
/// # Errors
/// [`IdentityError::SignInRefused`] if the session has ended, or a fault of the database.
pub async fn raise_session(
    app: &App,
    c: &mut Conn,
    user: UserId,
    session: SessionId,
    proof: &Proof,
) -> Result<(), IdentityError> {
    let raised = sessions::raise(c, session, user, &proof.methods, proof.is_mfa, app.now()).await?;
    if raised {
        Ok(())
    } else {
        Err(IdentityError::SignInRefused)
    }
}

async fn begin(
    app: &App,
    c: &mut Conn,
    user: &User,
    profile: &Profile,
    proof: &Proof,
    visitor: &Visitor,
) -> Result<Begun, IdentityError> {
    let origin = &visitor.origin;
    let lookup = email_lookup(app, &profile.email);
    let known = known_device(app, c, Some(user.id), visitor).await?;
    let throttles = AccountThrottles::new(app, (PROOF, NETWORK), &lookup, visitor, known);
    let is_new = known.is_none();
    let is_suspicious = is_new && throttles.strangers.tries(c).await? > SUSPICIOUS_AFTER;
    throttles.succeeded(c).await?;

    let session = begin_session(app, c, user.id, visitor.kind, proof, origin, None).await?;
    let (device, issued) = match device_hash(app, visitor) {
        Some(hash) => (hash, None),
        None => {
            let token = new_device(app);
            (crate::platform::token_hash(&token), Some(token))
        }
    };
    let is_first = !attempts::has_known_devices(c, user.id).await?;
    let sealed = super::seal_origin(app, Some(user.id), origin)?;
    attempts::device_seen(c, user.id, device, &sealed, app.now()).await?;
    keep_attempt(
        app,
        c,
        Some(user.id),
        &proof.methods,
        AttemptOutcome::SignedIn,
        is_suspicious,
        origin,
    )
    .await?;

    let mut happened = vec![IdentityEvent::SignedIn {
        user: user.id,
        session: session.session,
        methods: proof.methods.clone(),
    }];
    if is_new && !is_first {
        happened.push(IdentityEvent::NewDevice {
            user: user.id,
            session: session.session,
        });
        let origin = origin.clone();
        let letter = if is_suspicious {
            Letter::SuspiciousSignIn {
                origin,
                was_let_in: true,
            }
        } else {
            Letter::NewDevice { origin }
        };
        post(app, c, profile, letter).await?;
    }
    if is_suspicious {
        happened.push(IdentityEvent::SuspiciousSignIn {
            user: user.id,
            session: Some(session.session),
        });
    }
    tell(app, c, &user.id.to_string(), happened, Some(origin)).await?;
    Ok(Begun {
        user: user.id,
        session,
        device: issued,
    })
}
