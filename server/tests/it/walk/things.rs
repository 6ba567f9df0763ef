//! Things of the first tenant, of every kind that a path can name.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_server::identity::SessionKind;
use serde_json::{Value, json};

use super::Faults;
use super::callers::Caller;
use super::operations::Operation;
use crate::access::Device;
use crate::app::{Answer, TestApp};

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
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Things {
    /// Makes them; what is destroyed by one route is still there for the routes that are walked
    /// before it.
    pub(super) async fn make(t: &TestApp) -> Self {
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let other_event = t.event(&[("Seated", 2500, 100)]).await;
        let bought = t
            .stranger
            .buy(&event, 0, 1, "succeed", &fresh(t))
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
        let device = Device::pair(t, &event, 1).await;
        let revoked = Device::pair(t, &event, 2).await;
        t.organiser
            .delete(&format!("/api/v1/devices/{}", revoked.paired.device))
            .await
            .expect(204);
        let somebody = t.person("somebody").await;
        let session = super::callers::session(t, somebody, SessionKind::App, false).await;
        let elsewhere = Self::another_tenant(t).await;
        let organisation = bilten_server::identity::organisation_by_slug(&t.app, "kino-siska")
            .await
            .unwrap();

        let (client, grant) = crate::identity::oauth::grant(t).await;

        let by_name = BTreeMap::from([
            ("client", client),
            ("grant", grant),
            ("event", event.id.clone()),
            ("tier", event.tiers[0].clone()),
            ("order", text(&bought["order"]["id"])),
            ("ticket", text(&bought["tickets"][0]["id"])),
            ("format", "svg".to_owned()),
            ("hold", text(&hold["id"])),
            ("list", text(&list["id"])),
            ("gate", text(&gate["id"])),
            ("device", device.paired.device.to_string()),
            ("key", "maintenance".to_owned()),
            ("session", session.session.to_string()),
        ]);
        Self {
            by_name,
            organisation: organisation.id.to_string(),
            other_event: other_event.id,
            order_token: text(&bought["token"]),
            other_order_token: text(&other["token"]),
            device_session: device.session.token,
            revoked_device_session: revoked.session.token,
            other_device_session: elsewhere.session.token,
            made_at: t.app.now(),
        }
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

    /// An operation's path with real things in it.
    pub(super) fn fill(&self, operation: &Operation) -> String {
        let mut path = operation.path.clone();
        for name in operation.parameters() {
            let thing = self.by_name.get(name).unwrap_or_else(|| {
                panic!(
                    "{} names a kind of thing that the walk does not know: make one in {} and call it \"{name}\"",
                    operation.name(),
                    file!()
                )
            });
            path = path.replace(&format!("{{{name}}}"), thing);
        }
        path
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
        for id in ids.chain([&self.organisation]).filter(|id| *id != known) {
            faults.unless(!answer.text.contains(id.as_str()), || {
                format!("{} shows {id} to {}", operation.name(), who.name)
            });
        }
    }
}

fn fresh(t: &TestApp) -> String {
    bilten_kernel::random::token(&*t.app.random, 20)
}
