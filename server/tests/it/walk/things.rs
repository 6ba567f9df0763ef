//! Things of the first tenant, of every kind that a path can name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::NewBlock;
use bilten_server::identity::{self, FactorId, MemberFilter, PasskeyId, Role};
use bilten_server::platform;
use bilten_server::sales::resale::ListingId;
use bilten_server::tickets::transfers::TransferId;
use serde_json::{Value, json};

use super::callers::{Caller, Callers};
use super::operations::Operation;
use super::{Faults, bodies};
use crate::access::Device;
use crate::app::{Answer, Event, TestApp, purchase};

/// One thing of every kind, by the names that paths give them.
pub(super) struct Things {
    by_name: BTreeMap<&'static str, String>,
    pub(super) organisation: String,
    /// Another event of the same organisation.
    pub(super) other_event: String,
    pub(super) order_token: String,
    pub(super) other_order_token: String,
    pub(super) device_session: String,
    pub(super) revoked_device_session: String,
    pub(super) other_device_session: String,
    pub(super) made_at: Timestamp,
    /// Answers with statuses of which the description says nothing.
    undescribed: Mutex<BTreeSet<String>>,
}

/// Names that mean something else in some paths: a part of the path, the name, and the thing.
const SPECIAL: [(&str, &str, &str); 2] = [
    ("/settings/", "key", "maintenance"),
    // Of an event; a number.
    ("/versions/", "version", "1"),
];

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Things {
    /// Makes them; what is destroyed by one route is still there for the routes that are walked
    /// before it.
    pub(super) async fn make(t: &TestApp, callers: &Callers) -> Self {
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let other_event = t.event(&[("Seated", 2500, 100)]).await;
        let (question, file) = Self::file(t, &event).await;
        let mut body = purchase(&event, 0, 1, "succeed");
        body["answers"] = json!({&question: file});
        let bought = t
            .stranger
            .post_once("/api/v1/shop/orders", &fresh(t), &body)
            .await
            .expect(201);
        let other = t
            .stranger
            .buy(&event, 0, 1, "succeed", &fresh(t))
            .await
            .expect(201);
        let hold = json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]});
        let hold = t
            .stranger
            .post_once("/api/v1/shop/holds", &fresh(t), &hold)
            .await
            .expect(201);
        let note = t
            .organiser
            .post(
                &format!("/api/v1/orders/{}/notes", text(&bought["order"]["id"])),
                json!({"text": "Walk"}),
            )
            .await
            .expect(201);
        let at = |what: &str| format!("/api/v1/events/{}/{what}", event.id);
        let list = t
            .organiser
            .post(&at("lists"), json!({"name": "Walk"}))
            .await
            .expect(201);
        let gate = t
            .organiser
            .post(&at("gates"), json!({"name": "Walk"}))
            .await
            .expect(201);
        let pool = json!({"name": "Walk", "capacity": 10});
        let pool = t.organiser.post(&at("pools"), pool).await.expect(201);
        let dates = t.organiser.get(&at("occurrences")).await.expect(200);
        let tax = json!({"name": "Walk", "place": {"country": "SI"}, "classes": ["walk"], "rate": 1, "mode": "inclusive"});
        let tax = t.organiser.post("/api/v1/tax-rules", tax).await.expect(201);
        let device = Device::pair(t, &event, 1).await;
        let revoked = Device::pair(t, &event, 2).await;
        t.organiser
            .delete(&format!("/api/v1/devices/{}", revoked.paired.device))
            .await
            .expect(204);
        let elsewhere = Self::another_tenant(t).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap();
        let input = json!({
            "slug": "kino-siska", "name": "Walk", "domains": ["kino.example"],
            "oidc": {"preset": "generic", "issuer": "https://idp.invalid", "client_id": "walk"},
        });
        let input = serde_json::from_value(input).unwrap();
        let owner = Some(organisation.id);
        let connection =
            bilten_server::identity::save_sso_connection(&t.app, owner, None, input, "walk")
                .await
                .unwrap();

        let (client, grant) = crate::identity::oauth::grant(t).await;
        let organisation = organisation.id;
        let user = t.person("walked").await;
        identity::add_member(&t.app, organisation, user, Some(Role::Viewer))
            .await
            .unwrap();
        let members = identity::members(&t.app, organisation, MemberFilter::default(), None, 1_000)
            .await
            .unwrap();
        let member = members
            .iter()
            .find(|member| member.user == user)
            .unwrap()
            .id;
        let (key, _) = identity::create_api_key(&t.app, organisation, "walked")
            .await
            .unwrap();
        let invitation = callers.invitation(t).await;
        let impersonation = callers.impersonation(t, user).await;
        let session = callers.another_session(t).await;
        let (endpoint, delivery) = Self::webhook(t).await;
        Self::waiting_room(t, &event).await;
        let (promo_code, batch) = Self::codes(t, &event.id).await;
        let (venue, map) = Self::house(t).await;
        let entry = Self::waiting(t).await;

        let by_name = BTreeMap::from([
            ("client", client),
            ("grant", grant),
            ("user", user.to_string()),
            ("member", member.to_string()),
            ("key", key.to_string()),
            ("invitation", invitation),
            ("impersonation", impersonation),
            ("session", session),
            ("organisation", organisation.to_string()),
            ("event", event.id.clone()),
            ("tier", event.tiers[0].clone()),
            ("venue", venue),
            ("map", map),
            ("country", "SI".to_owned()),
            ("order", text(&bought["order"]["id"])),
            ("note", text(&note["id"])),
            ("question", question),
            ("file", file),
            ("ticket", text(&bought["tickets"][0]["id"])),
            ("format", "svg".to_owned()),
            ("region", region(t, callers, &event.id).await),
            ("hold", text(&hold["id"])),
            ("list", text(&list["id"])),
            ("gate", text(&gate["id"])),
            ("pool", text(&pool["id"])),
            ("occurrence", text(&dates["items"][0]["id"])),
            ("tax_rule", text(&tax["id"])),
            ("device", device.paired.device.to_string()),
            // Of nobody: whoever walks has none.
            (
                "factor",
                FactorId::new(&*t.app.clock, &*t.app.random).to_string(),
            ),
            (
                "passkey",
                PasskeyId::new(&*t.app.clock, &*t.app.random).to_string(),
            ),
            (
                "transfer",
                TransferId::new(&*t.app.clock, &*t.app.random).to_string(),
            ),
            (
                "listing",
                ListingId::new(&*t.app.clock, &*t.app.random).to_string(),
            ),
            ("entry", entry),
            ("block", block(t).await),
            ("connection", connection.id.to_string()),
            ("slug", connection.slug),
            ("domain", "kino.example".to_owned()),
            ("endpoint", endpoint),
            ("delivery", delivery),
            ("promo_code", promo_code),
            ("batch", batch),
            ("request", crate::inspect::first(t).await),
        ]);
        Self {
            by_name,
            organisation: organisation.to_string(),
            other_event: other_event.id,
            order_token: text(&bought["token"]),
            other_order_token: text(&other["token"]),
            device_session: device.session.token,
            revoked_device_session: revoked.session.token,
            other_device_session: elsewhere.session.token,
            made_at: t.app.now(),
            undescribed: Mutex::default(),
        }
    }

    /// Notes an answer of an operation whose status its description does not name.
    pub(super) fn note(&self, operation: &Operation, answer: &Answer) {
        if !operation.statuses.contains(&answer.status.to_string()) {
            let text = format!(
                "{} answers {}: {}",
                operation.name(),
                answer.status,
                answer.text
            );
            self.undescribed.lock().unwrap().insert(text);
        }
    }

    /// All that was noted is a fault.
    pub(super) fn all_described(&self, faults: &mut Faults) {
        faults
            .0
            .extend(self.undescribed.lock().unwrap().iter().cloned());
    }

    /// A copy of a person's data that can be downloaded.
    pub(super) async fn make_copy(&mut self, t: &TestApp, person: &Caller) {
        let asked = person.send(t, "POST", "/api/v1/me/exports").await;
        let id = text(&asked.expect(202)["id"]);
        for _ in 0..400 {
            let copies = person.send(t, "GET", "/api/v1/me/exports").await;
            if copies.expect(200)[0]["state"] == "ready" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        self.by_name.insert("export", id);
    }

    /// A question of an event that a file answers, and a file that was sent for it.
    async fn file(t: &TestApp, event: &Event) -> (String, String) {
        let path = format!("/api/v1/events/{}", event.id);
        let version = t.organiser.get(&path).await.expect(200)["version"].clone();
        let question = json!({"label": {"en": "Walk"}, "asks": {"kind": "file"}, "per": "order", "stage": "purchase"});
        let path = format!("{path}/questions");
        let put = t.organiser.request(reqwest::Method::PUT, &path);
        let put = put.json(&json!({"version": version, "questions": [question]}));
        let form = t.organiser.send(put).await.expect(200);
        let question = text(&form["questions"][0]["id"]);
        let path = format!(
            "/api/v1/shop/events/{}/questions/{question}/files",
            event.id
        );
        let sent = t.stranger.request(reqwest::Method::POST, &path);
        let sent = t
            .stranger
            .send(sent.body("%PDF-1.7 walk"))
            .await
            .expect(201);
        (question, text(&sent["id"]))
    }

    /// An endpoint of webhooks that nobody listens at, and what was sent there.
    async fn webhook(t: &TestApp) -> (String, String) {
        let path = "/api/v1/webhooks/endpoints";
        let body = json!({"url": "http://127.0.0.1:1/", "event_types": ["event.deleted"]});
        let endpoint = text(&t.organiser.post(path, body).await.expect(201)["id"]);
        let path = format!("{path}/{endpoint}/test");
        let sent = t.organiser.post(&path, json!({})).await.expect(202);
        (endpoint, text(&sent["id"]))
    }

    /// A waiting room of an event that opens in an hour.
    async fn waiting_room(t: &TestApp, event: &Event) {
        let opens_at = Timestamp::from_ms(t.app.now().ms() + 3_600_000).to_string();
        let path = format!("/api/v1/events/{}/waiting-room", event.id);
        let request = t
            .organiser
            .request(reqwest::Method::PUT, &path)
            .json(&json!({"opens_at": opens_at, "most_inside": 10}));
        t.organiser.send(request).await.expect(200);
    }

    /// A promo code of an event, and a batch of others.
    async fn codes(t: &TestApp, event: &str) -> (String, String) {
        let path = "/api/v1/promo-codes";
        let rule = json!({"effect": {"kind": "percentage", "rate": 100_000}});
        let code = json!({"code": "WALK-TEN", "event": event, "rule": rule});
        let code = t.organiser.post(path, code).await.expect(201);
        let batch = json!({"name": "Walk", "event": event, "size": 3, "rule": rule});
        let path = format!("{path}/batches");
        let batch = t.organiser.post(&path, batch).await.expect(201);
        (text(&code["id"]), text(&batch["id"]))
    }

    /// A venue and a map of its hall.
    async fn house(t: &TestApp) -> (String, String) {
        let body = json!({
            "name": "Walk", "time_zone": "Europe/Ljubljana",
            "address": {"country": "SI", "street": ["Trg 1"], "postal_code": "1000", "city": "Ljubljana"},
        });
        let venue = t.organiser.post("/api/v1/venues", body).await.expect(201);
        let body = json!({"venue": venue["id"], "template": {"template": "club"}});
        let map = t
            .organiser
            .post("/api/v1/seat-maps", body)
            .await
            .expect(201);
        (text(&venue["id"]), text(&map["id"]))
    }

    /// Somebody who waits for tickets of an event that is sold out.
    async fn waiting(t: &TestApp) -> String {
        let event = t.event(&[("Standing", 2500, 1)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", &fresh(t)).await;
        bought.expect(201);
        let path = format!("/api/v1/shop/events/{}/waitlist-entries", event.id);
        let body = json!({"tier": event.tiers[0], "quantity": 1, "email": "walk@example.com"});
        t.stranger.post(&path, body).await.expect(202);
        let path = format!("/api/v1/events/{}/waitlist-entries", event.id);
        text(&t.organiser.get(&path).await.expect(200)["items"][0]["id"])
    }

    /// A device of an event of somebody else.
    async fn another_tenant(t: &TestApp) -> Device {
        let organiser = t.other_organiser().await;
        let event = t.event_of(&organiser, &[("Standing", 2500, 10)]).await;
        Device::pair_by(t, &organiser, &event, 3).await
    }

    /// The thing that paths call this.
    pub(super) fn get(&self, name: &str) -> &str {
        &self.by_name[name]
    }

    /// The thing that paths call this, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// An operation's path with real things in it.
    pub(super) fn fill(&self, operation: &Operation) -> String {
        let mut path = operation.path.clone();
        for name in operation.parameters() {
            let special = SPECIAL
                .iter()
                .find(|(part, called, _)| operation.path.contains(part) && *called == name);
            let special = special.map(|(_, _, thing)| (*thing).to_owned());
            let thing = special.or_else(|| self.by_name.get(name).cloned()).unwrap_or_else(|| {
                panic!(
                    "{} names a kind of thing that the walk does not know: make one in {} and call it \"{name}\"",
                    operation.name(),
                    file!()
                )
            });
            path = path.replace(&format!("{{{name}}}"), &thing);
        }
        let query = bodies::query(operation, self);
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    }

    /// Nothing of this tenant is in what somebody else was answered.
    pub(super) fn stay_hidden(
        &self,
        operation: &Operation,
        who: &Caller,
        answer: &Answer,
        faults: &mut Faults,
    ) {
        self.stay_hidden_but("", operation, who, answer, faults);
    }

    /// The same, but for one thing that they may know.
    pub(super) fn stay_hidden_but(
        &self,
        known: &str,
        operation: &Operation,
        who: &Caller,
        answer: &Answer,
        faults: &mut Faults,
    ) {
        if answer.status >= 300 {
            return;
        }
        let ids = self.by_name.values().filter(|thing| thing.contains('_'));
        for id in ids.filter(|id| *id != known) {
            faults.unless(!answer.text.contains(id.as_str()), || {
                format!("{} shows {id} to {}", operation.name(), who.name)
            });
        }
    }
}

fn fresh(t: &TestApp) -> String {
    bilten_kernel::random::token(&*t.app.random, 20)
}

/// A region for which the organisation and an event have policies.
async fn region(t: &TestApp, callers: &Callers, event: &str) -> String {
    let body = json!({
        "refund": {"windows": [], "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 0},
        "transfer": {"allowed": true, "most": 1, "freeze_minutes": 0},
        "resale": {"allowed": false, "cap_basis_points": 10_000, "fee_basis_points": 0, "freeze_minutes": 0},
    });
    for path in [
        "/api/v1/policies/SI".to_owned(),
        format!("/api/v1/events/{event}/policies/SI"),
    ] {
        let request = callers.owner.request(t, reqwest::Method::PUT, &path);
        super::callers::send(t, request.json(&body))
            .await
            .expect(200);
    }
    "SI".to_owned()
}

/// A block of an address.
async fn block(t: &TestApp) -> String {
    let at = t.app.now();
    let new = NewBlock {
        address: [203, 0, 113, 99].into(),
        at,
        until: at + std::time::Duration::from_secs(3_600),
    };
    platform::record_block(&t.app, new).await.unwrap();
    platform::current_blocks(&t.app).await.unwrap()[0]
        .id
        .to_string()
}
