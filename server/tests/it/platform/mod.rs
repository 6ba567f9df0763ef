//! The platform: audit log, keys, settings, maintenance mode.

mod audit;
mod crash;
mod keys;
mod maintenance;
mod old_seals;
mod routes;
mod settings;
mod tampering;

use bilten_server::app::App;
use bilten_server::platform::{self, AuditRecord, Origin};

/// Records something, as the write of another domain does.
pub(super) async fn record(app: &App, record: AuditRecord) {
    let work = app.clone();
    app.db
        .write(move |c| Box::pin(async move { platform::audit(&work, c, record).await }))
        .await
        .unwrap();
}

/// Records something with where a person did it from.
pub(super) async fn record_from(app: &App, record: AuditRecord, person: &str) {
    let (work, person) = (app.clone(), person.to_owned());
    let origin = Origin::new("192.0.2.77".parse().unwrap(), "Some browser");
    app.db
        .write(move |c| {
            Box::pin(async move {
                platform::audit_with_origin(&work, c, record, &origin, &person).await
            })
        })
        .await
        .unwrap();
}

/// Makes the log forget somebody.
pub(super) async fn forget(app: &App, person: &str) -> bool {
    let (work, person) = (app.clone(), person.to_owned());
    app.db
        .write(move |c| Box::pin(async move { platform::forget_person(&work, c, &person).await }))
        .await
        .unwrap()
}

/// Fails unless the audit log holds; gives how many entries there are.
#[track_caller]
pub(super) fn holds(verdict: &platform::AuditVerdict) -> i64 {
    assert_eq!(verdict.broken, None);
    verdict.entries
}
