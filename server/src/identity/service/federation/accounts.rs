//! Whose account somebody's identity elsewhere opens: linked, found, made, or refused.

use bilten_kernel::db::Conn;

use super::confirm::{AddressToConfirm, ask_to_confirm};
use super::domains::is_spoken_for;
use super::{Arrived, FederationError};
use crate::app::App;
use crate::catalog::EventId;
use crate::identity::model::*;
use crate::identity::service::finish::ask_second_factor;
use crate::identity::service::letters::{Letter, post};
use crate::identity::service::members::take_out;
use crate::identity::service::{
    IdentityError, NewUser, consents_by_continuing, create_user_in, email_lookup, finish_sign_in,
    give_consents_in, open_user, raise_session, second_factors, trail,
};
use crate::identity::store::{factors, federation as store, invitations, members, people};

/// How long a name may be that a provider gives somebody.
const MAX_NAME: usize = 100;

/// What is known about a sign-in that came back.
#[derive(Clone)]
pub(super) struct Returned {
    pub(super) connection: Connection,
    pub(super) who: Federated,
    pub(super) intent: FederationIntent,
    pub(super) next: String,
    pub(super) visitor: Visitor,
    /// Who is signed in, in the browser that came back.
    pub(super) present: Option<(UserId, SessionId)>,
    pub(super) browser_hash: [u8; 32],
}

/// What an identity is stored as: providers use e-mail addresses and staff numbers as names.
pub(super) fn subject_key(app: &App, connection: ConnectionId, subject: &str) -> String {
    let id = connection.to_string();
    let mac = app
        .vault
        .mac("identity link", &[id.as_bytes(), subject.as_bytes()]);
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How far the write that settled an account has come.
pub(super) enum Settled {
    /// To the end.
    Arrived(Arrived),
    /// The account is known; the sign-in goes on as all do, in a write of its own: both end with
    /// the audit log, for which all others wait.
    Known(UserId, Proof),
}

/// Goes on with whoever came back, inside a write and at its end.
pub(super) async fn settle(
    app: &App,
    c: &mut Conn,
    returned: Returned,
) -> Result<Settled, FederationError> {
    let mut happened = Vec::new();
    let settled = go_on(app, c, &returned, &mut happened).await?;
    if !happened.is_empty() {
        let by = returned.connection.id.to_string();
        trail::tell(app, c, &by, happened, Some(&returned.visitor.origin)).await?;
    }
    Ok(settled)
}

/// Signs somebody in whose account is known by now.
pub(super) async fn sign_in_known(
    app: &App,
    user: UserId,
    proof: Proof,
    visitor: Visitor,
) -> Result<Arrived, FederationError> {
    let work = app.clone();
    let step = app
        .db
        .write_again(move |c| {
            let (work, proof, visitor) = (work.clone(), proof.clone(), visitor.clone());
            Box::pin(async move { finish_sign_in(&work, c, user, proof, &visitor).await })
        })
        .await;
    match step {
        Ok(SignInStep::Done(begun)) => Ok(Arrived::SignedIn(begun)),
        Ok(SignInStep::SecondFactor(ticket)) => Ok(Arrived::SecondFactor(ticket)),
        Err(IdentityError::SignInRefused) => Err(FederationError::AccountClosed),
        Err(error) => Err(error.into()),
    }
}

async fn go_on(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    happened: &mut Vec<IdentityEvent>,
) -> Result<Settled, FederationError> {
    let key = subject_key(app, returned.connection.id, &returned.who.subject);
    match returned.intent {
        FederationIntent::SignIn => sign_in(app, c, returned, &key, happened).await,
        FederationIntent::Link { user } => {
            if returned.present.map(|(present, _)| present) != Some(user) {
                return Err(FederationError::SignedOut);
            }
            link(app, c, returned, &key, user, happened).await?;
            Ok(Settled::Arrived(Arrived::Linked))
        }
        FederationIntent::Reauthenticate { user, session } => {
            if returned.present != Some((user, session)) {
                return Err(FederationError::SignedOut);
            }
            if store::linked(c, returned.connection.id, &key).await? != Some(user) {
                return Err(FederationError::OtherPerson);
            }
            domain_of(c, returned).await?;
            let raised = raise(app, c, returned, user, session).await?;
            Ok(Settled::Arrived(raised))
        }
    }
}

async fn proof(c: &mut Conn, returned: &Returned, user: UserId) -> Result<Proof, FederationError> {
    let connection = &returned.connection;
    // The platform's own people are not for an organisation to vouch for, nor does its word stand in
    // for the second factor that somebody set up here: they may belong to others as well.
    let is_believed = connection.organisation.is_none()
        || !(store::is_platform_admin(c, user).await? || factors::has_any(c, user).await?);
    Ok(Proof {
        methods: format!("{}:{}", connection.settings.kind(), connection.slug),
        is_mfa: returned.who.is_mfa && is_believed,
    })
}

async fn raise(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    user: UserId,
    session: SessionId,
) -> Result<Arrived, FederationError> {
    let proof = proof(c, returned, user).await?;
    let methods = second_factors(app, c, user, &proof.methods).await?;
    if !methods.is_empty() && !proof.is_mfa {
        let pending = Pending {
            user,
            methods: proof.methods,
            kind: SessionKind::Page,
            raises: Some(session),
        };
        let ticket = ask_second_factor(app, c, pending, methods).await?;
        return Ok(Arrived::SecondFactor(ticket));
    }
    raise_session(app, c, user, session, &proof).await?;
    Ok(Arrived::Raised)
}

async fn link(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    key: &str,
    user: UserId,
    happened: &mut Vec<IdentityEvent>,
) -> Result<(), FederationError> {
    let connection = &returned.connection;
    domain_of(c, returned).await?;
    if !store::link(c, connection.id, key, user, app.now()).await? {
        return match store::linked(c, connection.id, key).await? {
            Some(linked) if linked == user => Ok(()),
            Some(_) | None => Err(FederationError::LinkedElsewhere),
        };
    }
    let row = people::by_id(c, user)
        .await?
        .ok_or(FederationError::AccountClosed)?;
    let profile = open_user(app, row)?.profile;
    tell_of_link(app, c, returned, user, profile.as_ref(), happened).await
}

async fn tell_of_link(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    user: UserId,
    profile: Option<&Profile>,
    happened: &mut Vec<IdentityEvent>,
) -> Result<(), FederationError> {
    if let Some(profile) = profile {
        let letter = Letter::IdentityLinked {
            provider: returned.connection.name.clone(),
        };
        post(app, c, profile, letter).await?;
    }
    happened.push(IdentityEvent::IdentityLinked {
        user,
        connection: returned.connection.id,
    });
    Ok(())
}

/// The address that the provider names, which must be of a domain of the organisation's if it is
/// an organisation's provider.
async fn domain_of(c: &mut Conn, returned: &Returned) -> Result<Option<Email>, FederationError> {
    let email: Option<Email> = match &returned.who.email {
        Some(text) => text.parse().ok(),
        None => None,
    };
    if returned.connection.organisation.is_none() {
        return Ok(email);
    }
    let email = email.ok_or(FederationError::EmailMissing)?;
    if is_spoken_for(c, &returned.connection, &email).await? {
        Ok(Some(email))
    } else {
        Err(FederationError::DomainUnclaimed)
    }
}

async fn sign_in(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    key: &str,
    happened: &mut Vec<IdentityEvent>,
) -> Result<Settled, FederationError> {
    let connection = &returned.connection;
    let email = domain_of(c, returned).await?;
    let mapped = connection.role_mapping.apply(&returned.who.attributes);
    let linked = store::linked(c, connection.id, key).await?;
    if mapped == Mapped::Nothing {
        if let (Some(user), Some(organisation)) = (linked, connection.organisation) {
            unmap(app, c, connection, organisation, user, happened).await?;
        }
        return Ok(Settled::Arrived(Arrived::NoRole));
    }
    let user = match linked {
        Some(user) => {
            let row = people::by_id(c, user)
                .await?
                .ok_or(FederationError::AccountClosed)?;
            if row.state != UserState::Active {
                return Err(FederationError::AccountClosed);
            }
            store::link_used(c, connection.id, key, app.now()).await?;
            user
        }
        None => {
            let email = email.ok_or(FederationError::EmailMissing)?;
            match found(app, c, returned, key, email, happened).await? {
                Found::User(user) => user,
                Found::MustConfirm => return Ok(Settled::Arrived(Arrived::MustConfirm)),
            }
        }
    };
    map_roles(app, c, connection, user, mapped, happened).await?;
    let proof = proof(c, returned, user).await?;
    Ok(Settled::Known(user, proof))
}

enum Found {
    User(UserId),
    MustConfirm,
}

/// The account of whoever comes for the first time.
async fn found(
    app: &App,
    c: &mut Conn,
    returned: &Returned,
    key: &str,
    email: Email,
    happened: &mut Vec<IdentityEvent>,
) -> Result<Found, FederationError> {
    let connection = &returned.connection;
    // An organisation has the domain (that was seen before); of the others, some are to be trusted.
    let is_vouched = match (&connection.settings, connection.organisation) {
        // Its provider may serve others as well, whose addresses it has not seen to be theirs.
        (_, Some(_)) => returned.who.is_email_verified != Some(false),
        (ConnectionSettings::Oidc(oidc), None) => {
            oidc.preset.quirks().vouches && returned.who.is_email_verified == Some(true)
        }
        (ConnectionSettings::Saml(_), None) => false,
    };
    let row = people::by_email(c, email_lookup(app, &email)).await?;
    if let Some(row) = row {
        let user = open_user(app, row)?;
        // Whoever made the account without showing that the address is theirs may be somebody else.
        if !is_vouched || user.email_verified_at.is_none() {
            return Err(FederationError::EmailInUse);
        }
        if user.state != UserState::Active {
            return Err(FederationError::AccountClosed);
        }
        if !store::link(c, connection.id, key, user.id, app.now()).await? {
            return Err(FederationError::LinkedElsewhere);
        }
        tell_of_link(app, c, returned, user.id, user.profile.as_ref(), happened).await?;
        return Ok(Found::User(user.id));
    }
    let profile = Profile {
        name: name(returned.who.name.as_deref(), &email),
        email,
        locale: None,
        phone: None,
    };
    let agreed = consents_by_continuing(app);
    if !is_vouched {
        let address = AddressToConfirm {
            connection: connection.id,
            key: key.to_owned(),
            profile,
            agreed,
            browser: returned.browser_hash,
            next: returned.next.clone(),
            attributes: returned.who.attributes.clone(),
        };
        ask_to_confirm(app, c, &connection.slug, address, &returned.visitor).await?;
        return Ok(Found::MustConfirm);
    }
    let user = make(app, c, connection, key, profile, agreed, happened).await?;
    Ok(Found::User(user))
}

/// What somebody is called, or else how their address begins.
fn name(given: Option<&str>, email: &Email) -> String {
    let name: String = given
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect();
    let name = name.trim();
    if name.is_empty() {
        let local = email.as_str().split('@').next().unwrap_or_default();
        local.to_owned()
    } else {
        name.to_owned()
    }
}

/// Makes an account with a link, for whoever agreed to this.
pub(super) async fn make(
    app: &App,
    c: &mut Conn,
    connection: &Connection,
    key: &str,
    profile: Profile,
    agreed: Vec<Agreed>,
    happened: &mut Vec<IdentityEvent>,
) -> Result<UserId, FederationError> {
    let new = NewUser {
        profile,
        password_hash: None,
        is_verified: true,
    };
    let user = match create_user_in(app, c, new).await {
        Ok(user) => user,
        Err(IdentityError::EmailTaken) => return Err(FederationError::EmailInUse),
        Err(error) => return Err(error.into()),
    };
    if !store::link(c, connection.id, key, user, app.now()).await? {
        return Err(FederationError::LinkedElsewhere);
    }
    give_consents_in(app, c, user, agreed).await?;
    happened.push(IdentityEvent::Registered { user });
    happened.push(IdentityEvent::IdentityLinked {
        user,
        connection: connection.id,
    });
    Ok(user)
}

/// Takes somebody out of the organisation whose provider gives them no role any more; an owner stays.
async fn unmap(
    app: &App,
    c: &mut Conn,
    connection: &Connection,
    organisation: OrganisationId,
    user: UserId,
    happened: &mut Vec<IdentityEvent>,
) -> Result<(), FederationError> {
    members::one_at_a_time(c, organisation).await?;
    let member = match members::member_of(c, organisation, user).await? {
        None | Some((_, Some(Role::Owner))) => return Ok(()),
        Some((member, _)) => member,
    };
    let by = connection.id.to_string();
    take_out(app, c, organisation, member, user, &by).await?;
    happened.push(IdentityEvent::SsoRolesChanged {
        user,
        organisation,
        connection: connection.id,
    });
    Ok(())
}

/// Whether somebody has these roles and no others.
async fn has_roles(
    c: &mut Conn,
    before: Option<(MemberId, Option<Role>)>,
    role: Option<Role>,
    events: &[(EventId, Role)],
) -> Result<bool, FederationError> {
    let Some((member, _)) = before.filter(|(_, before)| *before == role) else {
        return Ok(false);
    };
    let known = members::event_roles(c, &[member]).await?;
    let is_wanted =
        |(_, event, role): &(MemberId, EventId, Role)| events.contains(&(*event, *role));
    Ok(known.len() == events.len() && known.iter().all(is_wanted))
}

/// Makes somebody what their organisation's provider says they are; an owner stays one.
pub(super) async fn map_roles(
    app: &App,
    c: &mut Conn,
    connection: &Connection,
    user: UserId,
    mapped: Mapped,
    happened: &mut Vec<IdentityEvent>,
) -> Result<(), FederationError> {
    let (Some(organisation), Mapped::Roles(role, mut events)) = (connection.organisation, mapped)
    else {
        return Ok(());
    };
    let named: Vec<_> = events.iter().map(|(event, _)| *event).collect();
    let own = store::own_events(c, organisation, &named).await?;
    events.retain(|(event, _)| own.contains(event));
    // Most sign-ins change nothing, and then nobody waits for anybody.
    let before = members::member_of(c, organisation, user).await?;
    if matches!(before, Some((_, Some(Role::Owner)))) || has_roles(c, before, role, &events).await?
    {
        return Ok(());
    }
    members::one_at_a_time(c, organisation).await?;
    let before = members::member_of(c, organisation, user).await?;
    let id = MemberId::new(&*app.clock, &*app.random);
    let member = store::map_member(c, id, organisation, user, role, app.now()).await?;
    let Some(member) = member else { return Ok(()) };
    store::map_events(c, organisation, member, &events).await?;
    let had = before.and_then(|(_, role)| role);
    if had.is_some_and(|old| !role.is_some_and(|new| new.may_grant(old))) {
        invitations::revoke_by(c, organisation, &user.to_string(), app.now()).await?;
    }
    happened.push(IdentityEvent::SsoRolesChanged {
        user,
        organisation,
        connection: connection.id,
    });
    Ok(())
}
