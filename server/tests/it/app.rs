//! The real server on port 0, and clients that act as somebody.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bilten_adapters::outgoing::Outside;
use bilten_kernel::clock::{Clock, SystemClock, Timestamp};
use bilten_kernel::db::Db;
use bilten_kernel::random::OsRandom;
use bilten_kernel::testing::TestDb;
use bilten_kernel::{config, http, jobs, outbox, random, sql, vals};
use bilten_server::app::{App, Post};
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::identity::{NewUser, Origin, Profile, Proof, Role, SessionKind, UserId};
use bilten_server::platform::{MasterKey, Masters, Vault};
use bilten_server::{MIGRATIONS, identity, server};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::post::{ReceivedMail, SmsSink, mail_about, newest_mail};

/// The real time plus what a test adds to it.
#[derive(Default)]
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(SystemClock.now().ms() + self.0.load(Ordering::SeqCst))
    }
}

impl TestClock {
    /// Lets time pass.
    pub(crate) fn advance(&self, time: Duration) {
        self.0
            .fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// The keys of a database, under the master key of all tests.
pub(crate) async fn vault(db: &Db, now: Timestamp) -> Vault {
    let master = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
    let masters = Masters::new(master, Vec::new());
    Vault::unlock(db, masters, server::sealed_columns(), &OsRandom, now)
        .await
        .unwrap()
}

/// A running server with an organisation.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) url: String,
    /// Acts for the organisation.
    pub(crate) organiser: Client,
    /// Acts for nobody.
    pub(crate) stranger: Client,
    mail: tempfile::TempDir,
    sms: SmsSink,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<()>,
    db: TestDb,
}

impl TestApp {
    /// Starts a server on this database.
    pub(crate) async fn start(db: TestDb) -> Self {
        Self::start_with(db, |_| {}).await
    }

    /// Starts a server that is set up in another way.
    pub(crate) async fn start_with(db: TestDb, set_up: impl FnOnce(&mut Config)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Arc::new(TestClock::default());
        db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], clock.now())
            .await
            .unwrap();
        let listener = http::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
        config.http.public_url.clone_from(&url);
        config.database = db.config().clone();
        let (mail, sms) = (tempfile::tempdir().unwrap(), SmsSink::start().await);
        config.mail.folder = mail.path().to_owned();
        config.sms.url.clone_from(&sms.url);
        config.sms.authorization = SmsSink::AUTHORIZATION.to_owned();
        // Identity providers of tests are on this machine.
        config.identity.sso_private_networks = true;
        // So are receivers of webhooks.
        config.webhooks.private_networks = true;
        // Cheap enough to sign in often, and apps that need not refresh while a test lets days pass.
        config.identity.argon2_memory_kib = 64;
        config.identity.access_token_s = config.identity.session_absolute_s;
        set_up(&mut config);
        let vault = vault(&db, clock.now()).await;
        let outside = Outside::new(config.outgoing, clock.clone(), Arc::new(OsRandom));
        let post = Post::new(&config, outside).unwrap();
        let app = App::new(
            db.db(),
            clock.clone(),
            Arc::new(OsRandom),
            config,
            vault,
            post,
        );
        let organisation = identity::create_organisation(&app, "Kino Šiška")
            .await
            .unwrap();
        let (_, key) = identity::create_api_key(&app, organisation.id, "tests")
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server::serve(app.clone(), listener, async {
            let _ = stopped.await;
        });
        let served = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            organiser: Client::new(&url, Some(&key)),
            stranger: Client::new(&url, None),
            app,
            clock,
            url,
            mail,
            sms,
            stop: Some(stop),
            served,
            db,
        }
    }

    /// A client of another organisation.
    pub(crate) async fn other_organiser(&self) -> Client {
        let organisation = identity::create_organisation(&self.app, "Somebody Else")
            .await
            .unwrap();
        let (_, key) = identity::create_api_key(&self.app, organisation.id, "tests")
            .await
            .unwrap();
        Client::new(&self.url, Some(&key))
    }

    /// A person who is a member of the tests' organisation with this role, signed in by an app.
    pub(crate) async fn member(&self, role: Role) -> Client {
        let organisation = identity::organisation_by_slug(&self.app, "kino-siska")
            .await
            .unwrap();
        let user = self.person(role.as_str()).await;
        identity::add_member(&self.app, organisation.id, user, Some(role))
            .await
            .unwrap();
        self.signed_in(user, false).await
    }

    /// Somebody with a verified address and no password.
    pub(crate) async fn person(&self, name: &str) -> UserId {
        let email = format!("{name}.{}@example.com", random::token(&*self.app.random, 8));
        let profile = Profile {
            email: email.parse().unwrap(),
            name: name.to_owned(),
            locale: None,
            phone: None,
        };
        let new = NewUser {
            profile,
            password_hash: None,
            is_verified: true,
        };
        identity::create_user(&self.app, new).await.unwrap()
    }

    /// Lets somebody administer the platform.
    pub(crate) async fn grant_platform(&self, user: UserId) {
        let now = self.app.now();
        self.app
            .db
            .write(move |c| {
                Box::pin(async move {
                    c.exec(
                        sql!("INSERT INTO platform_admins (user_id, granted_by, granted_at) VALUES ($1, 'tests', $2)"),
                        vals![user, now],
                    )
                    .await
                })
            })
            .await
            .unwrap();
    }

    /// An app in which somebody is signed in.
    pub(crate) async fn signed_in(&self, user: UserId, is_mfa: bool) -> Client {
        let app = self.app.clone();
        let session = self
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
                    identity::begin_session(&app, c, user, SessionKind::App, &proof, &origin, None)
                        .await
                })
            })
            .await
            .unwrap();
        Client::new(&self.url, Some(&session.token))
    }

    /// The newest mail to an address that this has not given before; waits for it.
    #[track_caller]
    pub(crate) fn mail_to(&self, email: &str) -> impl Future<Output = ReceivedMail> {
        newest_mail(self.mail.path().to_owned(), email.to_owned())
    }

    /// The mail to an address with this subject, however many others come; waits for it.
    pub(crate) async fn mail_about(&self, email: &str, subject: &str) -> ReceivedMail {
        mail_about(self.mail.path().to_owned(), email.to_owned(), subject).await
    }

    /// How many mails to an address have come and were not given by [`mail_to`](Self::mail_to).
    pub(crate) fn mails_waiting(&self, email: &str) -> usize {
        crate::post::waiting(self.mail.path(), email).len()
    }

    /// The newest text message to a number that this has not given before; waits for it.
    pub(crate) async fn sms_to(&self, number: &str) -> String {
        self.sms.newest(number).await
    }

    /// All jobs with all their columns, as text.
    pub(crate) async fn jobs_as_text(&self) -> Vec<String> {
        let rows: Vec<(String, String, Option<String>)> = self
            .app
            .db
            .all(
                sql!("SELECT kind, payload, last_error FROM jobs ORDER BY id"),
                vals![],
            )
            .await
            .unwrap();
        rows.iter().map(|row| format!("{row:?}")).collect()
    }

    /// The database, for what only tests do with one.
    pub(crate) const fn test_db(&self) -> &TestDb {
        &self.db
    }

    /// The gateway for text messages.
    pub(crate) const fn sms(&self) -> &SmsSink {
        &self.sms
    }

    /// Makes and publishes an event with these tiers: name, price in minor units, capacity.
    pub(crate) async fn event(&self, tiers: &[(&str, i64, i64)]) -> Event {
        self.event_of(&self.organiser, tiers).await
    }

    /// The same, for another organiser.
    pub(crate) async fn event_of(&self, organiser: &Client, tiers: &[(&str, i64, i64)]) -> Event {
        let now = self.clock.now().ms();
        let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
        let tiers: Vec<_> = tiers
            .iter()
            .map(|(name, price, capacity)| json!({"name": name, "price_minor": price, "capacity": capacity}))
            .collect();
        let body = json!({
            "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
            "occurrences": [{"doors_at": at(1), "starts_at": at(2), "ends_at": at(5)}], "tiers": tiers,
        });
        let made = organiser.post("/api/v1/events", body).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        let event = organiser
            .post(&format!("/api/v1/events/{id}/publish"), json!({}))
            .await
            .expect(200);
        let tiers = event["tiers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["id"].as_str().unwrap().to_owned())
            .collect();
        Event {
            id,
            slug: event["slug"].as_str().unwrap().to_owned(),
            tiers,
        }
    }

    /// Stops the server; fails if jobs or outbox entries were left to do or have died.
    pub(crate) async fn stop(mut self) {
        // What is due gets a moment: the outbox is cleared and sweeps run once a second.
        for _ in 0..100 {
            let waiting = outbox::waiting(&self.db).await.unwrap();
            if waiting == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(
            outbox::waiting(&self.db).await.unwrap(),
            0,
            "the outbox was not emptied"
        );
        let dead: Vec<_> = jobs::remaining(&self.db)
            .await
            .unwrap()
            .into_iter()
            .filter(|job| job.is_dead)
            .collect();
        assert!(dead.is_empty(), "jobs died: {dead:?}");
        self.stop.take().unwrap().send(()).unwrap();
        self.served.await.unwrap();
    }
}

/// A published event.
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) tiers: Vec<String>,
}

/// Somebody who talks HTTP.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) what: String,
}

impl Answer {
    /// The body, if the status is as expected.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&self.text).unwrap()
        }
    }

    /// Fails unless this is a problem with that status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.what
        );
        assert_eq!(body["code"], code, "{}: {}", self.what, self.text);
        assert!(body["request_id"].is_string(), "{}", self.text);
        body
    }
}

impl Client {
    /// Somebody with this token.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// The same, with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// A request to be changed before it is sent with [`send`](Self::send).
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.unwrap(),
            what,
        }
    }

    /// Sends a request and reads the answer, unless that is a stream without an end.
    pub(crate) async fn send_unless_streaming(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let what = format!("{} {}", request.method(), request.url());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_stream = headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let bytes = if is_stream {
            Vec::new()
        } else {
            response.bytes().await.unwrap().to_vec()
        };
        Answer {
            status,
            headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            what,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(reqwest::Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(reqwest::Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(reqwest::Method::POST, path).json(&body))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(reqwest::Method::PATCH, path).json(&body))
            .await
    }

    /// A POST that happens once for each key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self
            .request(reqwest::Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        self.send(request).await
    }

    /// Buys so many of a tier, paying as `outcome` says.
    pub(crate) async fn buy(
        &self,
        event: &Event,
        tier: usize,
        quantity: u32,
        outcome: &str,
        key: &str,
    ) -> Answer {
        let body = purchase(event, tier, quantity, outcome);
        self.post_once("/api/v1/shop/orders", key, &body).await
    }
}

/// The body of a purchase.
pub(crate) fn purchase(event: &Event, tier: usize, quantity: u32, outcome: &str) -> Value {
    json!({
        "event": event.id,
        "items": [{"tier": event.tiers[tier], "quantity": quantity}],
        "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
        "payment": {"method": "sandbox", "outcome": outcome},
    })
}
