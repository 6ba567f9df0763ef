//! OAuth, as browsers and programs see it.

mod asking;
mod clients;
mod flow;
mod grants;
mod introspection;
mod tokens;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bilten_kernel::{sql, vals};
use bilten_server::identity::{
    self, OrganisationId, Origin, Proof, Role, SessionKind, UserId, challenge_of,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp};

/// Where the tests' confidential client is called back.
const CALLBACK: &str = "https://tool.example/callback";
/// Where its public client is, on any port.
const LOOPBACK: &str = "http://127.0.0.1/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-0123456789";

/// A client, as the API made it.
#[derive(Clone)]
struct Tool {
    id: String,
    secret: Option<String>,
}

/// A server with an organisation, its owner, and a manager who uses a browser.
struct Place {
    t: TestApp,
    organisation: OrganisationId,
    owner: Client,
    manager: UserId,
    browser: Browser,
}

impl Place {
    async fn start(db: bilten_kernel::testing::TestDb) -> Self {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap()
            .id;
        let owner = t.member(Role::Owner).await;
        let manager = t.person("manager").await;
        identity::add_member(&t.app, organisation, manager, Some(Role::Manager))
            .await
            .unwrap();
        let browser = Browser::signed_in(&t, manager, false).await;
        Self {
            t,
            organisation,
            owner,
            manager,
            browser,
        }
    }

    /// Makes a client of this kind; its scopes are words with spaces between.
    async fn tool(&self, kind: &str, scopes: &str) -> Tool {
        let uris = match kind {
            "public" => json!([LOOPBACK, "com.example.tool:/callback"]),
            "confidential" => json!([CALLBACK]),
            _ => json!([]),
        };
        self.tool_with(
            json!({"name": "Tool & <b>Co</b>", "kind": kind, "redirect_uris": uris,
            "scopes": scopes.split(' ').collect::<Vec<_>>()}),
        )
        .await
    }

    async fn tool_with(&self, body: Value) -> Tool {
        tool_of(&self.owner, body).await
    }

    /// Lets somebody agree in their browser; gives the code.
    async fn code(&self, browser: &Browser, tool: &Tool, uri: &str, scope: &str) -> String {
        let ask = Ask::of(tool, uri).with("scope", scope);
        let answer = browser.allow(&ask, self.organisation).await;
        let back = answer.back(uri);
        back.value("code")
            .unwrap_or_else(|| panic!("no code in {:?}", back.0))
    }

    /// Lets somebody agree and fetches the tokens.
    async fn tokens(&self, browser: &Browser, tool: &Tool, uri: &str, scope: &str) -> Value {
        let code = self.code(browser, tool, uri, scope).await;
        self.exchange(tool, uri, &code).await.expect(200)
    }

    async fn exchange(&self, tool: &Tool, uri: &str, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", uri),
            ("code_verifier", VERIFIER),
        ];
        tool.call(&self.t.stranger, "/oauth/token", &form).await
    }

    async fn refresh(&self, tool: &Tool, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        tool.call(&self.t.stranger, "/oauth/token", &form).await
    }

    /// A program with this answer's access token.
    fn program(&self, tokens: &Value) -> Client {
        self.t
            .stranger
            .with_token(tokens["access_token"].as_str().unwrap())
    }

    /// Takes the manager out of the organisation.
    async fn remove_manager(&self) {
        let member: String = self
            .t
            .app
            .db
            .scalar(
                sql!("SELECT id FROM members WHERE user_id = $1 AND organisation_id = $2"),
                vals![self.manager, self.organisation],
            )
            .await
            .unwrap();
        self.owner
            .delete(&format!("/api/v1/members/{member}"))
            .await
            .expect(204);
    }
}

/// A client and a grant of the tests' organisation.
pub(crate) async fn grant(t: &TestApp) -> (String, String) {
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap()
        .id;
    let owner = t.member(Role::Owner).await;
    let body = json!({"name": "Tool", "kind": "confidential", "redirect_uris": [CALLBACK], "scopes": ["events.read"]});
    let tool = tool_of(&owner, body).await;
    let user = t.person("granter").await;
    identity::add_member(&t.app, organisation, user, Some(Role::Viewer))
        .await
        .unwrap();
    let browser = Browser::signed_in(t, user, false).await;
    browser
        .allow(&Ask::of(&tool, CALLBACK), organisation)
        .await
        .back(CALLBACK);
    let grants = owner.get("/api/v1/oauth/grants").await.expect(200);
    (
        tool.id,
        grants["items"][0]["id"].as_str().unwrap().to_owned(),
    )
}

async fn tool_of(owner: &Client, body: Value) -> Tool {
    let made = owner.post("/api/v1/oauth/clients", body).await.expect(201);
    Tool {
        id: made["client"]["id"].as_str().unwrap().to_owned(),
        secret: made["secret"].as_str().map(str::to_owned),
    }
}

impl Tool {
    /// Calls an endpoint of OAuth, by the header if the client has a secret.
    async fn call(&self, http: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        let basic = self.secret.as_ref().map(|secret| basic(&self.id, secret));
        if basic.is_none() {
            form.push(("client_id", &self.id));
        }
        post_form(http, path, &form, basic.as_deref()).await
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

async fn post_form(
    http: &Client,
    path: &str,
    form: &[(&str, &str)],
    authorization: Option<&str>,
) -> Answer {
    post_raw(http, path, encoded(form), authorization).await
}

async fn post_raw(
    http: &Client,
    path: &str,
    body: impl Into<reqwest::Body>,
    authorization: Option<&str>,
) -> Answer {
    let mut request = http
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    http.send(request).await
}

/// Fails unless the answer is a refusal of OAuth with that status and word.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    let body = answer.expect(status);
    assert_eq!(answer.headers["content-type"], "application/json", "{body}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{body}");
    assert_eq!(body["error"], error, "{body}");
    let description = body["error_description"].as_str().unwrap();
    assert!(
        description.is_ascii() && !description.contains(['"', '\\']),
        "{description}"
    );
    assert_eq!(
        answer.headers.contains_key("www-authenticate"),
        status == 401,
        "{body}"
    );
}

/// What a program asks a browser to ask.
#[derive(Clone)]
struct Ask(Vec<(String, String)>);

impl Ask {
    fn of(tool: &Tool, uri: &str) -> Self {
        let challenge = challenge_of(VERIFIER).unwrap();
        let pairs = [
            ("client_id", tool.id.as_str()),
            ("redirect_uri", uri),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", "a state & more"),
        ];
        Self(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// The same, with a parameter that replaces the one of that name.
    fn with(&self, name: &str, value: &str) -> Self {
        let mut ask = self.without(name);
        ask.0.push((name.to_owned(), value.to_owned()));
        ask
    }

    fn without(&self, name: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(known, _)| known != name)
                .cloned()
                .collect(),
        )
    }

    fn twice(&self, name: &str) -> Self {
        let mut ask = self.clone();
        let first = ask.0.iter().find(|(known, _)| known == name).cloned();
        ask.0
            .push(first.unwrap_or((name.to_owned(), "x".to_owned())));
        ask.0.push((name.to_owned(), "y".to_owned()));
        ask
    }

    fn path(&self) -> String {
        let pairs: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        format!("/oauth/authorize?{}", encoded(&pairs))
    }
}

/// Somebody with a browser.
#[derive(Clone)]
struct Browser {
    http: Client,
    cookie: Option<String>,
}

impl Browser {
    fn stranger(t: &TestApp) -> Self {
        Self {
            http: t.stranger.clone(),
            cookie: None,
        }
    }

    async fn signed_in(t: &TestApp, user: UserId, is_mfa: bool) -> Self {
        Self::with_session(t, user, is_mfa, None).await
    }

    async fn with_session(
        t: &TestApp,
        user: UserId,
        is_mfa: bool,
        impersonation: Option<(identity::ImpersonationId, bilten_kernel::clock::Timestamp)>,
    ) -> Self {
        let app = t.app.clone();
        let session = t
            .app
            .db
            .write(move |c| {
                Box::pin(async move {
                    let proof = Proof {
                        methods: "test".to_owned(),
                        is_mfa,
                    };
                    let origin = Origin {
                        ip: [127, 0, 0, 1].into(),
                        user_agent: "tests".to_owned(),
                    };
                    identity::begin_session(
                        &app,
                        c,
                        user,
                        SessionKind::Page,
                        &proof,
                        &origin,
                        impersonation,
                    )
                    .await
                })
            })
            .await
            .unwrap();
        Self {
            http: t.stranger.clone(),
            cookie: Some(format!("bilten_session={}", session.token)),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, path)
            .header("accept", "text/html");
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    async fn see(&self, ask: &Ask) -> Answer {
        self.http.send(self.request(Method::GET, &ask.path())).await
    }

    async fn answer(&self, ask: &Ask, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .request(Method::POST, &ask.path())
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(fields));
        self.http.send(request).await
    }

    async fn allow(&self, ask: &Ask, organisation: OrganisationId) -> Answer {
        self.answer(
            ask,
            &[
                ("decision", "allow"),
                ("organisation", &organisation.to_string()),
            ],
        )
        .await
    }
}

/// The parameters with which a browser comes back to a client.
struct Back(Vec<(String, String)>);

impl Back {
    fn value(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }
}

impl Answer {
    /// Fails unless the browser is sent back to this address; gives what it takes along.
    #[track_caller]
    fn back(&self, uri: &str) -> Back {
        assert_eq!(self.status, 303, "{}", self.text);
        let location = self.headers["location"].to_str().unwrap();
        let query = location
            .strip_prefix(uri)
            .and_then(|rest| rest.strip_prefix('?'))
            .unwrap_or_else(|| panic!("sent to {location}"));
        assert_eq!(self.headers["referrer-policy"], "no-referrer");
        assert_eq!(self.headers["cache-control"], "no-store");
        Back(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Fails unless this is a page with that status that sends nobody anywhere.
    #[track_caller]
    fn stays(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(!self.headers.contains_key("location"), "{:?}", self.headers);
        assert!(
            self.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html"),
            "{:?}",
            self.headers
        );
        let policy = self.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
