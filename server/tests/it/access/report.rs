//! The door report adds up.

use bilten_core::checkin::{DenyReason, Direction};
use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{Device, buy, report};
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-3
    async fn the_report_adds_up(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 50), ("VIP", 9000, 5)]).await;
        let path = format!("/api/v1/events/{}/lists", event.id);
        let side = t.organiser.post(&path, json!({"name": "Side", "tiers": [2]})).await;
        let side = side.expect(201)["id"].as_str().unwrap().to_owned();
        let (north, south) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &event, 2).await);
        let sold = buy(&t, &event, 8, "k").await;
        t.stranger.buy(&event, 1, 2, "succeed", "v").await.expect(201);
        t.organiser.post(&format!("/api/v1/tickets/{}/revoke", sold[7].0), json!({})).await.expect(200);

        // Five go in at the north, one of them leaves; two of the five also show up at the south.
        let mut scans: Vec<_> = (0..5).map(|n| north.entry(&t, n, sold[usize::from(n)].0, 50_000)).collect();
        let mut exit = north.entry(&t, 5, sold[0].0, 40_000);
        exit.direction = Direction::Exit;
        scans.push(exit);
        let mut refused = north.entry(&t, 6, sold[7].0, 30_000);
        refused.refused = Some(DenyReason::Revoked);
        scans.push(refused);
        north.push(&t, &scans).await;
        let mut scans: Vec<_> = (0..2).map(|n| south.entry(&t, n, sold[usize::from(n)].0, 45_000)).collect();
        scans.iter_mut().for_each(|scan| scan.gate = None);
        assert_eq!(south.push(&t, &scans).await.conflicts.len(), 2);

        let report = report(&t, &event).await;
        assert_eq!((&report["event_name"], &report["unplaced_count"]), (&json!("Večer"), &json!(0)));
        let lists = report["lists"].as_array().unwrap();
        let entry = lists.iter().find(|list| list["name"] == "Entry").unwrap();
        let other = lists.iter().find(|list| list["list_id"] == side).unwrap();
        assert_eq!((&entry["expected"], &other["expected"]), (&json!(9), &json!(2)));
        let counts = ["entries", "exits", "inside", "conflicts"].map(|name| entry[name].as_i64().unwrap());
        assert_eq!(counts, [5, 1, 4, 2]);
        assert_eq!(entry["refused"], json!([{"reason": "revoked", "count": 1}]));
        let places = entry["places"].as_array().unwrap();
        assert_eq!(places.len(), 2);
        let at_north = places.iter().find(|p| p["device_id"] == north.paired.device.as_str()).unwrap();
        assert_eq!((&at_north["gate_name"], &at_north["entries"], &at_north["refused"]), (&json!("Gate 1"), &json!(5), &json!(1)));
        let at_south = places.iter().find(|p| p["device_id"] == south.paired.device.as_str()).unwrap();
        assert_eq!((&at_south["gate_name"], &at_south["conflicts"]), (&json!(null), &json!(2)));

        let conflicts = report["conflicts"].as_array().unwrap();
        assert_eq!(conflicts.len(), 2);
        for conflict in conflicts {
            assert_eq!(conflict["lost"]["device_id"], south.paired.device.as_str());
            assert_eq!(conflict["counted"]["device_name"], "Gate phone");
            assert!(conflict["lost"]["at"].as_str() > conflict["counted"]["at"].as_str());
        }
        t.stop().await;
    }
}
