//! What happens to accounts is told to the outbox and to the audit log, and attempts are kept.

use bilten_kernel::db::Conn;
use bilten_kernel::metric;

use super::{IdentityError, flags};
use crate::app::App;
use crate::events::{self, DomainEvent};
use crate::identity::model::*;
use crate::identity::store::attempts as store;
use crate::platform::{self, AuditRecord};

/// Publishes what happened and writes it to the audit log, inside a write and at its end: the end
/// of the log is one row, for which all others wait.
pub(super) async fn tell(
    app: &App,
    c: &mut Conn,
    actor: &str,
    happened: Vec<IdentityEvent>,
    origin: Option<&Origin>,
) -> Result<(), IdentityError> {
    for event in &happened {
        if let IdentityEvent::SuspiciousSignIn { user, session } = event {
            flags::flag(app, c, *user, session.is_some()).await?;
        }
    }
    let records: Vec<_> = happened
        .iter()
        .map(|event| (event.user(), record(actor, event)))
        .collect();
    let happened = happened.into_iter().map(DomainEvent::Identity).collect();
    events::publish(app, c, happened).await?;
    for (user, record) in records {
        match (user, origin) {
            (Some(user), Some(origin)) => {
                platform::audit_with_origin(app, c, record, origin, &user.to_string()).await?;
            }
            (_, None) | (None, _) => platform::audit(app, c, record).await?,
        }
    }
    Ok(())
}

fn record(actor: &str, event: &IdentityEvent) -> AuditRecord {
    let subject = event
        .user()
        .map_or_else(|| "nobody".to_owned(), |user| user.to_string());
    // Ids and words only, as everywhere in the log.
    let detail = serde_json::to_value(event).unwrap_or_default();
    let record = AuditRecord::new(actor, event.kind(), subject).detail(detail);
    match event.organisation() {
        Some(organisation) => record.of(organisation),
        None => record,
    }
}

metric! {
    /// Attempts to sign in, by what was shown first and by what came of it.
    SIGN_INS: Counter = "bilten_sign_ins_total"
}

/// What was shown first, in few words: some methods name a connection.
fn method_word(methods: &str) -> &'static str {
    const KNOWN: [&str; 10] = [
        "password",
        "link",
        "passkey",
        "totp",
        "email",
        "sms",
        "recovery",
        "oidc",
        "saml",
        "impersonation",
    ];
    let first = methods
        .split(['+', ' ', ',', ':'])
        .next()
        .unwrap_or_default();
    KNOWN
        .into_iter()
        .find(|word| *word == first)
        .unwrap_or("other")
}

/// Keeps an attempt to sign in.
pub(super) async fn keep_attempt(
    app: &App,
    c: &mut Conn,
    user: Option<UserId>,
    method: &str,
    outcome: AttemptOutcome,
    is_suspicious: bool,
    origin: &Origin,
) -> Result<(), IdentityError> {
    let attempt = store::Attempt {
        id: AttemptId::new(&*app.clock, &*app.random),
        user_id: user,
        method: method.to_owned(),
        outcome,
        is_suspicious,
        sealed_origin: super::seal_origin(app, user, origin)?,
        at: app.now(),
    };
    let (method, outcome) = (method_word(method), outcome.as_str());
    c.after_commit(move || SIGN_INS.add(&[("method", method), ("outcome", outcome)], 1));
    Ok(store::insert(c, &attempt).await?)
}
