//! What is told of the door, and the one id that leads from a request to what is told of it.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::hook::Hook;
use super::*;
use crate::access::{Device, buy};
use crate::app::{TestApp, purchase};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The scans that a message tells of.
fn scans(message: &Value) -> Vec<&str> {
    let redemptions = message["data"]["redemptions"].as_array().unwrap();
    let mut scans: Vec<_> = redemptions
        .iter()
        .map(|one| one["scan"].as_str().unwrap())
        .collect();
    scans.sort_unstable();
    scans
}

on_both_engines! {
    /// covers: BE-4, MON-3, GW-10
    async fn one_id_leads_from_a_request_to_its_webhook(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let (id, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        // Paid at once, by a lane; and later, by a job.
        for (number, outcome) in ["succeed", "call_back_late"].into_iter().enumerate() {
            let called = format!("00-{TRACE}-00f067aa0ba902b{number}-01");
            let request = t.stranger.request(reqwest::Method::POST, "/api/v1/shop/orders")
                .header("idempotency-key", format!("k{number}"))
                .header("x-request-id", format!("shop-{number}"))
                .header("traceparent", &called)
                .json(&purchase(&event, 0, 1, outcome));
            let answer = t.stranger.send(request).await;
            assert_eq!((answer.status, &answer.headers["x-request-id"]), (201, &format!("shop-{number}").parse().unwrap()));
            let told = hook.wait_for(number + 1).await.remove(number);
            let traceparent = told.header("traceparent");
            assert!(traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent != called, "{traceparent}");
            let list = deliveries(&t.organiser, &id).await;
            let seen = settled(&t, list[0]["id"].as_str().unwrap(), "delivered").await;
            assert_eq!(seen["request_id"], format!("shop-{number}"), "{seen}");
            assert_eq!(seen["message_id"], told.id());
        }
        t.stop().await;
    }

    /// covers: BE-7, GW-10, SCAN-4
    async fn the_door_tells_what_happens(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let types = ["redemption.recorded", "redemption.conflicted", "device.paired", "device.revoked"];
        endpoint(&t.organiser, &hook.url, &types).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (north, south) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &event, 2).await);
        let mut paired: Vec<_> = hook.wait_for(2).await.iter().map(|one| {
            assert_eq!(one.kind(), "device.paired");
            assert_eq!(one.json()["data"]["event"], event.id.as_str());
            one.json()["data"]["device"].as_str().unwrap().to_owned()
        }).collect();
        paired.sort();
        let mut devices = [north.paired.device.to_string(), south.paired.device.to_string()];
        devices.sort();
        assert_eq!(paired, devices);

        let tickets = buy(&t, &event, 2, "k").await;
        let late = [north.entry(&t, 1, tickets[0].0, 10_000), north.entry(&t, 2, tickets[1].0, 9_000)];
        north.push(&t, &late).await;
        let told = hook.wait_for(3).await.remove(2).json();
        assert_eq!((told["type"].as_str(), &told["data"]["event"]), (Some("redemption.recorded"), &json!(event.id)));
        assert_eq!(scans(&told), [late[0].id.to_string(), late[1].id.to_string()]);
        let first = told["data"]["redemptions"].as_array().unwrap().iter()
            .find(|one| one["scan"] == late[0].id.to_string()).unwrap();
        assert_eq!((&first["ticket"], &first["direction"]), (&json!(tickets[0].0.to_string()), &json!("entry")));
        assert_eq!(first["device"], north.paired.device.as_str());
        assert!(!told.to_string().contains("Ana") && !told.to_string().contains(&tickets[0].1), "{told}");
        // A refusal is no redemption, and what is repeated is told once.
        let mut refused = north.entry(&t, 3, tickets[0].0, 5_000);
        refused.refused = Some(bilten_core::checkin::DenyReason::AlreadyRedeemed);
        north.push(&t, &[late[0].clone(), refused]).await;

        // The other gate was earlier: its scan counts, and the first one does not any more.
        let early = south.entry(&t, 1, tickets[0].0, 20_000);
        south.push(&t, std::slice::from_ref(&early)).await;
        let both = hook.wait_for(5).await.split_off(3);
        let of = |kind: &str| both.iter().find(|one| one.kind() == kind).unwrap_or_else(|| panic!("no {kind}")).json();
        assert_eq!(scans(&of("redemption.recorded")), [early.id.to_string()]);
        assert_eq!(scans(&of("redemption.conflicted")), [late[0].id.to_string()]);
        // A check-in by the API is one as well; another policy lets count what did not.
        let door = format!("/api/v1/events/{}/check-in", event.id);
        let body = json!({"list": north.list().to_string(), "code": tickets[1].1, "direction": "entry"});
        t.organiser.post_once(&door, "late", &body).await.expect(200);
        let path = format!("/api/v1/events/{}/lists/{}", event.id, north.list());
        t.organiser.patch(&path, json!({"policy": "multiple"})).await.expect(200);
        let told = hook.wait_for(6).await.remove(5);
        assert_eq!((told.kind().as_str(), scans(&told.json())), ("redemption.recorded", vec![late[0].id.to_string().as_str()]));
        let again = t.organiser.post_once(&door, "later", &body).await.expect(200);
        let told = hook.wait_for(7).await.remove(6);
        assert_eq!(scans(&told.json()), [again["scan_id"].as_str().unwrap()]);

        for _ in 0..2 {
            t.organiser.delete(&format!("/api/v1/devices/{}", north.paired.device)).await.expect(204);
        }
        let told = hook.wait_for(8).await.remove(7);
        assert_eq!((told.kind().as_str(), &told.json()["data"]["device"]), ("device.revoked", &json!(north.paired.device.as_str())));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hook.received().len(), 8, "{:?}", hook.kinds());
        t.stop().await;
    }

    /// covers: BE-7, SCAN-4
    async fn a_full_push_is_a_few_messages_of_bounded_size(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        endpoint(&t.organiser, &hook.url, &["redemption.recorded"]).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let path = format!("/api/v1/events/{}/lists/{}", event.id, device.list());
        t.organiser.patch(&path, json!({"policy": "multiple"})).await.expect(200);
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let many: Vec<_> = (0..1_000).map(|n| device.entry(&t, n, ticket, 2_000 - i64::from(n))).collect();
        assert_eq!(device.push(&t, &many).await.accepted, 1_000);
        let told: Vec<_> = hook.wait_for(10).await.iter().map(|one| {
            assert!(one.body.len() < 40_000, "{}", one.body.len());
            one.json()
        }).collect();
        let mut all: Vec<_> = told.iter().flat_map(scans).collect();
        all.sort_unstable();
        let mut wanted: Vec<_> = many.iter().map(|scan| scan.id.to_string()).collect();
        wanted.sort();
        assert_eq!(all, wanted);
        t.stop().await;
    }
}
