//! People with passwords, for the tests of signing in.

use bilten_kernel::db::DbError;
use bilten_kernel::{sql, vals};
use bilten_server::identity::{self, NewUser, Password, Profile, UserId, UserState};
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp};

/// A password that is good enough.
pub(super) const PASSWORD: &str = "lantern orbit 42 teapot";
/// Another one.
pub(super) const OTHER_PASSWORD: &str = "gravel yonder 7 whistle";

/// Somebody with a verified address and the password above.
pub(super) async fn person(t: &TestApp, email: &str) -> UserId {
    person_with(t, email, true).await
}

pub(super) async fn person_with(t: &TestApp, email: &str, is_verified: bool) -> UserId {
    let password = Password::from(PASSWORD.to_owned());
    let hash = t
        .app
        .passwords
        .hash(&*t.app.random, password)
        .await
        .unwrap();
    let profile = Profile {
        email: email.parse().unwrap(),
        name: "Ana Novak".to_owned(),
        locale: None,
        phone: None,
    };
    let new = NewUser {
        profile,
        password_hash: Some(hash),
        is_verified,
    };
    identity::create_user(&t.app, new).await.unwrap()
}

/// An app on a phone.
#[derive(Clone)]
pub(super) struct Phone {
    client: Client,
    agent: &'static str,
    device: Option<String>,
}

/// What an app is answered when somebody has signed in.
pub(super) struct SignedInApp {
    pub(super) client: Client,
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) session: String,
    pub(super) device: Option<String>,
}

impl Phone {
    pub(super) fn new(t: &TestApp, agent: &'static str) -> Self {
        Self {
            client: t.stranger.clone(),
            agent,
            device: None,
        }
    }

    /// The same phone, known by this secret.
    pub(super) fn known(&self, device: Option<String>) -> Self {
        Self {
            device,
            ..self.clone()
        }
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        let mut request = self
            .client
            .request(reqwest::Method::POST, path)
            .header("user-agent", self.agent)
            .json(&body);
        if let Some(device) = &self.device {
            request = request.header("bilten-device", device);
        }
        self.client.send(request).await
    }

    pub(super) async fn try_password(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/api/v1/auth/tokens", body).await
    }

    pub(super) async fn refresh(&self, token: &str) -> Answer {
        let body = json!({"refresh_token": token});
        self.post("/api/v1/auth/tokens/refresh", body).await
    }

    #[track_caller]
    pub(super) fn signed_in(&self, answer: &Answer) -> SignedInApp {
        let body = answer.expect(200);
        assert_eq!(body["step"], "signed_in", "{body}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        SignedInApp {
            client: self.client.with_token(&text("access_token")),
            access: text("access_token"),
            refresh: text("refresh_token"),
            session: text("session"),
            device: body["device_token"].as_str().map(str::to_owned),
        }
    }

    pub(super) async fn sign_in(&self, email: &str) -> SignedInApp {
        self.signed_in(&self.try_password(email, PASSWORD).await)
    }
}

/// When an answer says to come again.
pub(super) fn seconds(answer: &Answer) -> u64 {
    answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// Changes whether somebody can sign in, as an administrator or an erasure does.
pub(super) async fn set_state(t: &TestApp, user: UserId, state: UserState) {
    let changed = t.app.db.write(move |c| {
        Box::pin(async move {
            let statement = sql!("UPDATE users SET state = $2 WHERE id = $1");
            c.exec(statement, vals![user, state]).await?;
            Ok::<_, DbError>(())
        })
    });
    changed.await.unwrap();
    t.app.principals.clear();
}
