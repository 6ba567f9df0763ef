//! Everybody who calls.

use std::collections::HashMap;
use std::time::Duration;

use bilten_server::identity::{
    self, NewApiKey, NewToken, OrganisationId, Origin, Permission, Proof, Role, SessionKind, UserId,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::bodies::body;
use super::operations::Operation;
use super::things::Things;
use crate::app::{Answer, TestApp};

/// Somebody who calls, with what they send.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    headers: Vec<(&'static str, String)>,
}

/// Sends a request; a stream is not read to its end, which never comes.
pub(super) async fn send(t: &TestApp, request: RequestBuilder) -> Answer {
    t.stranger.send_unless_streaming(request).await
}

impl Caller {
    pub(super) const fn stranger() -> Self {
        Self {
            name: "a stranger",
            headers: Vec::new(),
        }
    }

    pub(super) fn bearer(name: &'static str, token: &str) -> Self {
        Self {
            name,
            headers: vec![("authorization", format!("Bearer {token}"))],
        }
    }

    fn cookie(name: &'static str, token: &str) -> Self {
        Self {
            name,
            headers: vec![("cookie", format!("bilten_session={token}"))],
        }
    }

    /// The same, for this organisation.
    pub(super) fn naming(&self, organisation: &str) -> Self {
        let mut named = self.clone();
        named
            .headers
            .retain(|(name, _)| *name != "bilten-organisation");
        named
            .headers
            .push(("bilten-organisation", organisation.to_owned()));
        named
    }

    async fn post(&self, t: &TestApp, path: &str, body: &Value) -> Answer {
        let mut request = t.stranger.request(Method::POST, path).json(body);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        send(t, request).await
    }

    /// A request to be changed before it is sent with [`send`].
    pub(super) fn request(&self, t: &TestApp, method: Method, path: &str) -> RequestBuilder {
        let request = t.stranger.request(method, path);
        self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        })
    }

    /// A request without a body.
    pub(super) async fn send(&self, t: &TestApp, method: &str, path: &str) -> Answer {
        send(t, self.request(t, method.parse().unwrap(), path)).await
    }

    pub(super) async fn call(&self, t: &TestApp, operation: &Operation, things: &Things) -> Answer {
        let path = things.fill(operation);
        let mut request = t.stranger.request(operation.method.parse().unwrap(), &path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if operation.method != "GET" {
            request = request.header(
                "idempotency-key",
                bilten_kernel::random::token(&*t.app.random, 16),
            );
        }
        if let Some(body) = body(operation, things) {
            request = request.json(&body);
        }
        let answer = send(t, request).await;
        things.note(operation, &answer);
        answer
    }
}

/// Those who call every route.
pub(super) struct Callers {
    organisation: OrganisationId,
    owner_id: UserId,
    /// An administrator of the platform, with and without a second factor.
    pub(super) admin: Caller,
    pub(super) admin_without_mfa: Caller,
    /// The same administrator, signed in long ago.
    pub(super) admin_of_yesterday: Caller,
    /// An administrator who acts as the owner.
    pub(super) impersonator: Caller,
    /// A person who may do everything.
    pub(super) owner: Caller,
    /// The same person, signed in long ago.
    pub(super) owner_of_yesterday: Caller,
    /// A key of the organisation that may do all that programs may.
    pub(super) key: Caller,
    /// The owner of another organisation, and its key.
    pub(super) other_owner: Caller,
    pub(super) other_key: Caller,
    /// Credentials that expired or were revoked.
    pub(super) ended: Vec<Caller>,
    /// Credentials that are sent in the place of others.
    pub(super) misplaced: Vec<Caller>,
    /// Somebody with a good cookie whose browser sends what another site makes it send.
    pub(super) lured: Caller,
    made: Mutex<HashMap<String, Caller>>,
}

pub(super) async fn session(
    t: &TestApp,
    user: UserId,
    kind: SessionKind,
    is_mfa: bool,
) -> NewToken {
    let app = t.app.clone();
    let begun = t.app.db.write(move |c| {
        Box::pin(async move {
            let proof = Proof {
                methods: "test".to_owned(),
                is_mfa,
            };
            let origin = Origin {
                ip: [127, 0, 0, 1].into(),
                user_agent: "walk".to_owned(),
            };
            identity::begin_session(&app, c, user, kind, &proof, &origin, None).await
        })
    });
    begun.await.unwrap()
}

async fn key(
    t: &TestApp,
    organisation: OrganisationId,
    scopes: Option<Vec<Permission>>,
    event: Option<&str>,
    lives: Option<Duration>,
) -> (identity::ApiKeyId, String) {
    let new = NewApiKey {
        organisation,
        name: "walk".to_owned(),
        scopes,
        event: event.map(|event| event.parse().unwrap()),
        expires_at: lives.map(|lives| t.app.now() + lives),
        created_by: "tests".to_owned(),
    };
    identity::issue_api_key(&t.app, new).await.unwrap()
}

impl Callers {
    /// Makes everybody; lets a month pass, so that some credentials have expired.
    pub(super) async fn gather(t: &TestApp) -> Self {
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap()
            .id;
        let owner = t.person("owner").await;
        identity::add_member(&t.app, organisation, owner, Some(Role::Owner))
            .await
            .unwrap();
        let other = identity::create_organisation(&t.app, "Walk Elsewhere")
            .await
            .unwrap()
            .id;
        let other_owner = t.person("other-owner").await;
        identity::add_member(&t.app, other, other_owner, Some(Role::Owner))
            .await
            .unwrap();

        let old = session(t, owner, SessionKind::App, true).await;
        let old_page = session(t, owner, SessionKind::Page, true).await;
        let (_, expired_key) =
            key(t, organisation, None, None, Some(Duration::from_hours(1))).await;
        t.clock.advance(Duration::from_secs(
            t.app.config.identity.session_absolute_s + 1,
        ));

        let (revoked_key_id, revoked_key) = key(t, organisation, None, None, None).await;
        identity::revoke_api_key(&t.app, revoked_key_id)
            .await
            .unwrap();
        let revoked = session(t, owner, SessionKind::App, true).await;
        identity::end_session(&t.app, owner, revoked.session)
            .await
            .unwrap();

        let admin = t.person("admin").await;
        identity::grant_admin(&t.app, admin, "tests").await.unwrap();
        let stale = session(t, owner, SessionKind::App, true).await;
        let stale_admin = session(t, admin, SessionKind::App, true).await;
        t.clock.advance(Duration::from_millis(
            identity::RECENT_MS.unsigned_abs() + 1,
        ));
        let app_session = session(t, owner, SessionKind::App, true).await;
        let page_session = session(t, owner, SessionKind::Page, true).await;
        let others_session = session(t, other_owner, SessionKind::App, true).await;
        let (_, whole_key) = key(t, organisation, None, None, None).await;
        let (_, other_key) = key(t, other, None, None, None).await;

        let admin_session = session(t, admin, SessionKind::App, true).await;
        let admin_without_mfa = session(t, admin, SessionKind::App, false).await;
        let acts = json!({"user": owner, "reason": "a walk over all routes", "minutes": 60});
        let acts = t
            .stranger
            .with_token(&admin_session.token)
            .post("/api/v1/platform/impersonations", acts)
            .await;
        let acts = acts.expect(201);

        let (own, others) = (organisation.to_string(), other.to_string());
        let mut lured = Caller::cookie("somebody on another site", &page_session.token);
        lured
            .headers
            .push(("sec-fetch-site", "cross-site".to_owned()));
        Self {
            organisation,
            owner_id: owner,
            admin: Caller::bearer("an administrator", &admin_session.token),
            admin_without_mfa: Caller::bearer(
                "an administrator without second factor",
                &admin_without_mfa.token,
            ),
            admin_of_yesterday: Caller::bearer("an administrator of long ago", &stale_admin.token),
            impersonator: Caller::bearer(
                "an administrator as an owner",
                acts["token"].as_str().unwrap(),
            )
            .naming(&own),
            owner: Caller::bearer("an owner", &app_session.token).naming(&own),
            owner_of_yesterday: Caller::bearer("an owner of long ago", &stale.token).naming(&own),
            key: Caller::bearer("an API key", &whole_key),
            other_owner: Caller::bearer("another organisation's owner", &others_session.token)
                .naming(&others),
            other_key: Caller::bearer("another organisation's key", &other_key),
            ended: vec![
                Caller::bearer("an expired session", &old.token),
                Caller::cookie("an expired cookie", &old_page.token),
                Caller::bearer("an expired key", &expired_key),
                Caller::bearer("a revoked session", &revoked.token),
                Caller::bearer("a revoked key", &revoked_key),
                Caller::bearer(
                    "a forged session",
                    "biltense_0000000000000000000000000000000000000000",
                ),
                Caller::bearer(
                    "a forged key",
                    "bilten_0000000000000000000000000000000000000000",
                ),
            ],
            misplaced: vec![
                Caller::bearer("a cookie's token as bearer", &page_session.token),
                Caller::cookie("an app's token as cookie", &app_session.token),
                Caller::cookie("a key as cookie", &whole_key),
            ],
            lured,
            made: Mutex::default(),
        }
    }

    /// An invitation that the owner sent.
    pub(super) async fn invitation(&self, t: &TestApp) -> String {
        let wish = json!({"email": "walked@example.com", "role": "viewer"});
        let sent = self
            .owner
            .post(t, "/api/v1/invitations", &wish)
            .await
            .expect(201);
        sent["id"].as_str().unwrap().to_owned()
    }

    /// A time in which the administrator acts as somebody.
    pub(super) async fn impersonation(&self, t: &TestApp, user: UserId) -> String {
        let wish = json!({"user": user, "reason": "a walk over all routes", "minutes": 60});
        let begun = self
            .admin
            .post(t, "/api/v1/platform/impersonations", &wish)
            .await
            .expect(201);
        begun["id"].as_str().unwrap().to_owned()
    }

    /// The owner, in an app that nobody else uses.
    pub(super) async fn fresh_owner(&self, t: &TestApp) -> Caller {
        let begun = session(t, self.owner_id, SessionKind::App, true).await;
        Caller::bearer("an owner", &begun.token).naming(&self.organisation.to_string())
    }

    /// Another session of the owner, which nobody calls with.
    pub(super) async fn another_session(&self, t: &TestApp) -> String {
        session(t, self.owner_id, SessionKind::App, true)
            .await
            .session
            .to_string()
    }

    async fn remembered(&self, name: String, make: impl Future<Output = Caller>) -> Caller {
        let mut made = self.made.lock().await;
        if let Some(caller) = made.get(&name) {
            return caller.clone();
        }
        let caller = make.await;
        made.insert(name, caller.clone());
        caller
    }

    /// A key that may do one thing.
    pub(super) async fn key_with_only(&self, t: &TestApp, permission: Permission) -> Caller {
        let make = async {
            let (_, token) = key(t, self.organisation, Some(vec![permission]), None, None).await;
            Caller::bearer("a key with only that permission", &token)
        };
        self.remembered(format!("only {permission}"), make).await
    }

    /// A key that may do all that programs may but one thing.
    pub(super) async fn key_with_all_but(&self, t: &TestApp, permission: Permission) -> Caller {
        let make = async {
            let others = Permission::ALL
                .iter()
                .copied()
                .filter(|p| *p != permission)
                .collect();
            let (_, token) = key(t, self.organisation, Some(others), None, None).await;
            Caller::bearer("a key with every other permission", &token)
        };
        self.remembered(format!("but {permission}"), make).await
    }

    /// A key that holds a permission for one event.
    pub(super) async fn key_for_event(
        &self,
        t: &TestApp,
        event: &str,
        permission: Permission,
    ) -> Caller {
        let make = async {
            let (_, token) = key(
                t,
                self.organisation,
                Some(vec![permission]),
                Some(event),
                None,
            )
            .await;
            Caller::bearer("a key for another event", &token)
        };
        self.remembered(format!("{event} {permission}"), make).await
    }

    /// A member with this role.
    pub(super) async fn member(&self, t: &TestApp, role: Role) -> Caller {
        let make = async {
            let user = t.person(role.as_str()).await;
            identity::add_member(&t.app, self.organisation, user, Some(role))
                .await
                .unwrap();
            let begun = session(t, user, SessionKind::App, true).await;
            Caller::bearer("a member without the permission", &begun.token)
                .naming(&self.organisation.to_string())
        };
        self.remembered(role.as_str().to_owned(), make).await
    }
}
