//! The walk over all routes: every operation of the API's description is called as everybody who
//! must be refused, and as those who must not.
//!
//! Every answer must have a status that the operation's description names.
//!
//! A new route needs nothing here, unless its path names a kind of thing that no other route has
//! (`things.rs`), or its body cannot be made up from its schema (`bodies.rs`). What is malformed at every route is in `malformed.rs`. Routes that answer
//! without a credential of a person or program are listed in `tests/public_routes.txt`.

mod bodies;
mod callers;
mod malformed;
mod operations;
mod things;

use std::collections::BTreeSet;
use std::time::Duration;

use bilten_kernel::http::Edge;
use bilten_kernel::on_both_engines;
use bilten_server::identity::{Permission, Role};
use bilten_server::{api, router};
use serde_json::Value;

use self::callers::{Caller, Callers};
use self::operations::{Access, Operation, operations};
use self::things::Things;
use crate::access;
use crate::app::{Answer, TestApp};

/// What a test finds, told all at once.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, say: impl FnOnce() -> String) {
        if !holds {
            self.0.push(say());
        }
    }

    fn refused(&mut self, who: &str, answer: &Answer, allowed: &[(u16, &str)]) {
        let code = code(answer);
        let is_allowed = allowed.iter().any(|(status, wanted)| {
            *status == answer.status && (wanted.is_empty() || *wanted == code)
        });
        self.unless(is_allowed, || {
            format!(
                "{} as {who}: {} {code}, not one of {allowed:?}: {}",
                answer.what, answer.status, answer.text
            )
        });
    }

    #[track_caller]
    fn none(self) {
        assert!(
            self.0.is_empty(),
            "{} faults:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// covers: BE-1, AUTH-10
#[test]
fn public_routes_are_those_of_the_golden_file_and_no_others() {
    let found: Vec<String> = operations()
        .iter()
        .filter(|o| {
            !matches!(
                o.access,
                Access::Permission(_)
                    | Access::SignedIn
                    | Access::Recent
                    | Access::Admin
                    | Access::Authenticated
            )
        })
        .map(|o| format!("{:<6} {} {}", o.method, o.path, o.access.word()))
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/public_routes.txt");
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    let listed: Vec<String> = golden
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect();
    let (found, listed): (BTreeSet<_>, BTreeSet<_>) =
        (found.into_iter().collect(), listed.into_iter().collect());
    assert!(
        found == listed,
        "tests/public_routes.txt is not what the routes say.\nnot listed: {:#?}\nlisted, but gone: {:#?}",
        found.difference(&listed).collect::<Vec<_>>(),
        listed.difference(&found).collect::<Vec<_>>()
    );
}

/// covers: BE-6
#[test]
fn every_operation_says_what_it_needs_in_words_that_exist() {
    let mut faults = Faults::default();
    for operation in operations() {
        faults.unless(operation.contradiction.is_none(), || {
            format!(
                "{}: {}",
                operation.name(),
                operation.contradiction.clone().unwrap_or_default()
            )
        });
    }
    faults.none();
}

on_both_engines! {
    /// covers: BE-1, BE-6, AUTH-10
    async fn the_api_has_no_route_that_its_description_does_not_know(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut faults = Faults::default();
        let described = operations();
        let paths: BTreeSet<_> = described.iter().map(|o| o.path.clone()).collect();
        // axum prints the paths of a router, if nothing else.
        let printed = format!("{:?}", router::router(t.app.clone(), Edge::default()));
        let routed: BTreeSet<_> = printed
            .split('"')
            .filter(|text| text.starts_with("/api/") && !api::UNDESCRIBED.contains(text))
            .map(str::to_owned)
            .collect();
        let missing: Vec<_> = paths.iter().filter(|p| p.starts_with("/api/") && !routed.contains(*p)).collect();
        assert!(missing.is_empty() && !routed.is_empty(), "axum prints routers in another way now: {missing:?}");
        for path in routed.difference(&paths) {
            faults.0.push(format!("{path} is routed, but not described"));
        }
        for path in &paths {
            let known: Vec<_> = described.iter().filter(|o| o.path == *path).map(|o| o.method.as_str()).collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                if known.contains(&method) {
                    continue;
                }
                let request = t.stranger.request(method.parse().unwrap(), &path.replace(['{', '}'], ""));
                let answer = callers::send(&t, request).await;
                faults.unless(matches!(answer.status, 404 | 405), || {
                    format!("{method} {path} is not described, but answers {}", answer.status)
                });
            }
        }
        faults.none();
        t.stop().await;
    }

    /// covers: BE-1, AUTH-10, SYS-6
    async fn every_route_refuses_whom_it_must(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let mut things = Things::make(&t, &callers).await;
        things.make_copy(&t, &callers.owner).await;
        let mut faults = Faults::default();
        for operation in operations() {
            match operation.access.clone() {
                Access::Permission(permission) => {
                    refuses_as_organisers(&t, &callers, &things, &operation, permission, &mut faults).await;
                }
                Access::SignedIn | Access::Recent | Access::Admin => {
                    refuses_as_peoples(&t, &callers, &things, &operation, &mut faults).await;
                }
                Access::Authenticated => {
                    refuses_as_everybodys(&t, &callers, &things, &operation, &mut faults).await;
                }
                Access::Order => refuses_as_orders(&t, &things, &operation, &mut faults).await,
                Access::Device => refuses_as_devices(&t, &things, &operation, &mut faults).await,
                Access::Public | Access::Other(_) => {}
            }
        }
        things.all_described(&mut faults);
        faults.none();
        t.stop().await;
    }

    /// covers: BE-1, AUTH-10
    async fn every_route_serves_whom_it_may(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let mut things = Things::make(&t, &callers).await;
        things.make_copy(&t, &callers.owner).await;
        let mut faults = Faults::default();
        // What destroys things comes last.
        let mut operations = operations();
        operations.sort_by_key(|o| (o.comes_last(), o.method == "DELETE", o.method != "GET", o.path.len()));
        for operation in &operations {
            let caller = match &operation.access {
                Access::Permission(p) if p.is_for_programs() && !operation.is_for_people => callers.key_with_only(&t, *p).await,
                // What ends sessions ends those of nobody else.
                Access::Permission(_) | Access::SignedIn | Access::Recent | Access::Authenticated => {
                    callers.fresh_owner(&t).await
                }
                Access::Admin => callers.admin.clone(),
                Access::Order => Caller::bearer("the buyer", &things.order_token),
                Access::Device => Caller::bearer("the device", &things.device_session),
                Access::Public => Caller::stranger(),
                Access::Other(_) => continue,
            };
            let answer = caller.call(&t, operation, &things).await;
            let is_public = operation.access == Access::Public;
            faults.unless(answer.status < 500, || format!("{} as {}: {} {}", answer.what, caller.name, answer.status, answer.text));
            faults.unless(is_public || !matches!(answer.status, 401 | 403 | 405), || {
                format!("{} as {}: {} {}", answer.what, caller.name, answer.status, answer.text)
            });
            // Nothing is destroyed before everything was read: what is not found was never there.
            faults.unless(is_public || operation.method != "GET" || answer.status < 300, || {
                format!("{} as {} cannot be read: {} {}", answer.what, caller.name, answer.status, answer.text)
            });
        }
        things.all_described(&mut faults);
        faults.none();
        t.stop().await;
    }
}

const NOT_FOUND_OR_MAY_NOT: &[(u16, &str)] = &[(404, ""), (403, "")];

async fn refuses_as_organisers(
    t: &TestApp,
    callers: &Callers,
    things: &Things,
    operation: &Operation,
    permission: Permission,
    faults: &mut Faults,
) {
    nobody_gets_in(t, callers, things, operation, faults).await;
    let missing = &[(403, "identity.permission_missing")];
    let all_but = callers.key_with_all_but(t, permission).await;
    let answer = all_but.call(t, operation, things).await;
    faults.refused(all_but.name, &answer, missing);
    if let Some(role) = Role::ALL.iter().find(|role| !role.may(permission)) {
        let member = callers.member(t, *role).await;
        let answer = member.call(t, operation, things).await;
        faults.refused(member.name, &answer, missing);
    }
    if operation.is_recent {
        let answer = callers.owner_of_yesterday.call(t, operation, things).await;
        faults.refused(
            "an owner of long ago",
            &answer,
            &[(403, "identity.reauthentication_required")],
        );
    }
    // Other tenants see nothing, whether they name their own organisation or this one.
    for other in [&callers.other_key, &callers.other_owner] {
        let answer = other.call(t, operation, things).await;
        if operation.has_parameters() {
            faults.refused(other.name, &answer, NOT_FOUND_OR_MAY_NOT);
        }
        things.stay_hidden(operation, other, &answer, faults);
    }
    let intruder = callers.other_owner.naming(&things.organisation);
    let answer = intruder.call(t, operation, things).await;
    faults.refused(
        "another owner who names this organisation",
        &answer,
        &[(404, "identity.organisation_not_found")],
    );
    // Whoever holds the permission for another event only.
    if permission.is_for_events() && !operation.is_for_people {
        let elsewhere = callers
            .key_for_event(t, &things.other_event, permission)
            .await;
        let answer = elsewhere.call(t, operation, things).await;
        if operation.has_parameters() {
            faults.refused(elsewhere.name, &answer, NOT_FOUND_OR_MAY_NOT);
        }
        things.stay_hidden_but(&things.organisation, operation, &elsewhere, &answer, faults);
    }
}

async fn nobody_gets_in(
    t: &TestApp,
    callers: &Callers,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    let stranger = Caller::stranger().call(t, operation, things).await;
    faults.refused(
        "a stranger",
        &stranger,
        &[(401, "identity.unauthenticated")],
    );
    for ended in &callers.ended {
        let answer = ended.call(t, operation, things).await;
        faults.refused(ended.name, &answer, &[(401, "identity.token_unknown")]);
    }
    for misplaced in &callers.misplaced {
        let answer = misplaced.call(t, operation, things).await;
        faults.refused(
            misplaced.name,
            &answer,
            &[(401, "identity.unauthenticated")],
        );
    }
    for wrong in [&things.order_token, &things.device_session] {
        let answer = Caller::bearer("somebody with a token of another kind", wrong)
            .call(t, operation, things)
            .await;
        faults.refused(
            "somebody with a token of another kind",
            &answer,
            &[(401, "identity.token_unknown")],
        );
    }
    if operation.method != "GET" {
        let answer = callers.lured.call(t, operation, things).await;
        faults.refused(callers.lured.name, &answer, &[(403, "identity.other_site")]);
    }
}

/// Neither a sign-in of long ago nor an administrator in the person's place is enough.
async fn must_be_there_themselves(
    t: &TestApp,
    callers: &Callers,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    let answer = callers.owner_of_yesterday.call(t, operation, things).await;
    faults.refused(
        "an owner of long ago",
        &answer,
        &[(403, "identity.reauthentication_required")],
    );
    let answer = callers.impersonator.call(t, operation, things).await;
    faults.refused(
        callers.impersonator.name,
        &answer,
        &[(403, "identity.impersonated")],
    );
}

async fn refuses_as_peoples(
    t: &TestApp,
    callers: &Callers,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    nobody_gets_in(t, callers, things, operation, faults).await;
    let answer = callers.key.call(t, operation, things).await;
    faults.refused("an API key", &answer, &[(403, "identity.person_required")]);
    if operation.access == Access::Recent
        || (operation.is_recent && operation.access == Access::SignedIn)
    {
        must_be_there_themselves(t, callers, things, operation, faults).await;
    }
    if operation.access == Access::Admin {
        let answer = callers.owner.call(t, operation, things).await;
        faults.refused(
            "an owner who is no administrator",
            &answer,
            &[(404, "not_found")],
        );
        let answer = callers.admin_without_mfa.call(t, operation, things).await;
        faults.refused(
            "an administrator without a second factor",
            &answer,
            &[(403, "identity.mfa_required")],
        );
        if operation.is_recent {
            let caller = &callers.admin_of_yesterday;
            let answer = caller.call(t, operation, things).await;
            let allowed = &[(403, "identity.reauthentication_required")];
            faults.refused(caller.name, &answer, allowed);
        }
    } else if operation.has_parameters() || operation.method == "GET" {
        let answer = callers.other_owner.call(t, operation, things).await;
        if operation.has_parameters() {
            faults.refused("somebody else", &answer, NOT_FOUND_OR_MAY_NOT);
        }
        things.stay_hidden(operation, &callers.other_owner, &answer, faults);
    }
}

/// What each sees in a way of their own: nothing of another organisation.
async fn refuses_as_everybodys(
    t: &TestApp,
    callers: &Callers,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    nobody_gets_in(t, callers, things, operation, faults).await;
    for other in [&callers.other_key, &callers.other_owner] {
        let answer = other.call(t, operation, things).await;
        if operation.has_parameters() {
            faults.refused(other.name, &answer, NOT_FOUND_OR_MAY_NOT);
        }
        // What they asked for themselves names our things, since this walk does.
        for name in operation.parameters().into_iter().chain(["request"]) {
            let is_hidden = answer.status >= 300 || !answer.text.contains(things.get(name));
            faults.unless(is_hidden, || {
                format!("{} shows the {name} to {}", operation.name(), other.name)
            });
        }
    }
    let intruder = callers.other_owner.naming(&things.organisation);
    let answer = intruder.call(t, operation, things).await;
    let unknown = &[(404, "identity.organisation_not_found")];
    faults.refused(
        "another owner who names this organisation",
        &answer,
        unknown,
    );
}

async fn refuses_as_orders(
    t: &TestApp,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    let answer = Caller::stranger().call(t, operation, things).await;
    faults.refused("a stranger", &answer, &[(401, "sales.token_required")]);
    for (who, token) in [
        ("the buyer of another order", &things.other_order_token),
        ("a device", &things.device_session),
    ] {
        let answer = Caller::bearer(who, token).call(t, operation, things).await;
        faults.refused(who, &answer, &[(404, ""), (401, "")]);
    }
}

async fn refuses_as_devices(
    t: &TestApp,
    things: &Things,
    operation: &Operation,
    faults: &mut Faults,
) {
    let answer = Caller::stranger().call(t, operation, things).await;
    faults.refused("a stranger", &answer, &[(401, "access.session_expired")]);
    let answer = Caller::bearer("the buyer of an order", &things.order_token)
        .call(t, operation, things)
        .await;
    faults.refused(
        "the buyer of an order",
        &answer,
        &[(401, "access.session_expired")],
    );
    let revoked = Caller::bearer("a revoked device", &things.revoked_device_session);
    let answer = revoked.call(t, operation, things).await;
    faults.refused(revoked.name, &answer, &[(403, "access.device_revoked")]);
    let other = Caller::bearer("a device of another tenant", &things.other_device_session);
    let answer = other.call(t, operation, things).await;
    if operation.has_parameters() {
        faults.refused(other.name, &answer, NOT_FOUND_OR_MAY_NOT);
    }
    things.stay_hidden(operation, &other, &answer, faults);
}

on_both_engines! {
    /// covers: AUTH-10
    async fn a_device_session_ends_by_itself(db: TestDb) {
        let t = TestApp::start(db).await;
        let callers = Callers::gather(&t).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = access::Device::pair(&t, &event, 9).await;
        let things = Things::make(&t, &callers).await;
        t.clock.advance(Duration::from_hours(24));
        let mut faults = Faults::default();
        for operation in operations().iter().filter(|o| o.access == Access::Device) {
            let caller = Caller::bearer("a device of yesterday", &device.session.token);
            let answer = caller.call(&t, operation, &things).await;
            faults.refused(caller.name, &answer, &[(401, "access.session_expired")]);
        }
        faults.none();
        t.stop().await;
    }
}
