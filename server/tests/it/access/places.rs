//! Check-in lists and gates, and what devices hear of them.

use bilten_core::checkin::Policy;
use bilten_core::sync::page::{Change, Removed};
use bilten_kernel::on_both_engines;
use serde_json::json;

use super::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-2
    async fn lists_and_gates_are_made_changed_and_removed(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10), ("VIP", 9000, 5)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let (_, cursor) = device.pull(&t, None).await;
        let lists = format!("/api/v1/events/{}/lists", event.id);
        let gates = format!("/api/v1/events/{}/gates", event.id);

        let list = json!({"name": "Backstage", "policy": "multiple", "max_entries": 3, "tiers": [2]});
        let list = t.organiser.post(&lists, list).await.expect(201);
        let gate = t.organiser.post(&gates, json!({"name": "Side door", "tiers": [2]})).await.expect(201);
        let (changes, cursor) = device.pull(&t, Some(&cursor)).await;
        let [Change::List(fed_list), Change::Gate(fed_gate)] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((fed_list.policy, &fed_list.tiers), (Policy::Multiple { max: 3 }, &Some(vec![2])));
        assert_eq!((fed_gate.name.as_str(), fed_gate.id.as_str()), ("Side door", gate["id"].as_str().unwrap()));

        let list_path = format!("{lists}/{}", list["id"].as_str().unwrap());
        let gate_path = format!("{gates}/{}", gate["id"].as_str().unwrap());
        let patch = json!({"name": "Backstage 2", "policy": "re_entry", "max_entries": null});
        t.organiser.patch(&list_path, patch.clone()).await.expect(200);
        // The same again is nothing new.
        t.organiser.patch(&list_path, patch).await.expect(200);
        t.organiser.delete(&gate_path).await.expect(204);
        t.organiser.delete(&gate_path).await.refused(404, "access.not_found");
        let (changes, cursor) = device.pull(&t, Some(&cursor)).await;
        assert!(matches!(
            &changes[..],
            [Change::List(list), Change::Removed(Removed::Gate(_))] if list.policy == Policy::ReEntry
        ), "{changes:?}");

        t.organiser.delete(&list_path).await.expect(204);
        let first = format!("{lists}/{}", device.list());
        t.organiser.delete(&first).await.refused(409, "access.last_list");
        let left = t.organiser.get(&lists).await.expect(200);
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        let (changes, _) = device.pull(&t, Some(&cursor)).await;
        assert!(matches!(&changes[..], [Change::Removed(Removed::List(_))]), "{changes:?}");
        t.stop().await;
    }

    async fn what_is_wrong_with_a_list_or_gate_is_said(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let lists = format!("/api/v1/events/{}/lists", event.id);
        let gates = format!("/api/v1/events/{}/gates", event.id);
        for (path, body, field) in [
            (&lists, json!({"name": ""}), "name"),
            (&lists, json!({"name": "x".repeat(101)}), "name"),
            (&lists, json!({"name": "A", "tiers": [2]}), "tiers"),
            (&lists, json!({"name": "A", "tiers": [70_000]}), "tiers[0]"),
            (&lists, json!({"name": "A", "policy": "twice"}), "policy"),
            (&lists, json!({"name": "A", "capacity": -1}), "capacity"),
            (&gates, json!({"name": "A\u{0}"}), "name"),
            (&gates, json!({"name": "A", "tiers": []}), "tiers"),
            (&gates, json!({"name": "A", "door": 1}), "door"),
        ] {
            let refused = t.organiser.post(path, body.clone()).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], field, "{body}");
        }
        t.stop().await;
    }

    /// covers: BE-6
    async fn another_organisation_finds_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let other = t.other_organiser().await;
        let at = |rest: &str| format!("/api/v1/events/{}/{rest}", event.id);
        let (list, gate) = (device.list(), device.paired.gates[0].id.clone());
        for path in ["lists", "gates", "devices", "door-report"] {
            other.get(&at(path)).await.refused(404, "access.not_found");
            t.stranger.get(&at(path)).await.refused(401, "identity.unauthenticated");
        }
        for path in ["lists", "gates"] {
            other.post(&at(path), json!({"name": "A"})).await.refused(404, "access.not_found");
        }
        other.post(&at("pairings"), json!({})).await.refused(404, "access.not_found");
        let body = json!({"list": list.as_str(), "code": "x"});
        other.post_once(&at("check-in"), "k", &body).await.refused(404, "access.not_found");
        for path in [format!("lists/{list}"), format!("gates/{gate}")] {
            other.patch(&at(&path), json!({"name": "A"})).await.refused(404, "access.not_found");
            other.delete(&at(&path)).await.refused(404, "access.not_found");
        }
        // Nor do the lists and gates of another event of one's own.
        let second = t.event(&[("Standing", 2500, 10)]).await;
        let at = |rest: &str| format!("/api/v1/events/{}/{rest}", second.id);
        t.organiser.delete(&at(&format!("lists/{list}"))).await.refused(404, "access.not_found");
        t.organiser.patch(&at(&format!("gates/{gate}")), json!({"name": "A"})).await.refused(404, "access.not_found");
        t.organiser.post(&at("pairings"), json!({"list": list.as_str()})).await.refused(404, "access.not_found");
        t.stop().await;
    }
}
