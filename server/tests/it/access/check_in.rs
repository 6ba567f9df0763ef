//! Checking in through the API, by the same decision as at a gate.

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{Device, buy, report};
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-1, SCAN-10
    async fn programs_check_in_online(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 50)]).await;
        let other = t.event(&[("Standing", 2500, 50)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let sold = buy(&t, &event, 4, "k").await;
        let foreign = buy(&t, &other, 1, "k").await;
        t.organiser.post(&format!("/api/v1/tickets/{}/revoke", sold[3].0), json!({})).await.expect(200);
        let path = format!("/api/v1/events/{}/check-in", event.id);
        let list = device.list();
        let try_code = async |key: &str, code: &str| {
            let body = json!({"list": list.as_str(), "code": code});
            t.organiser.post_once(&path, key, &body).await.expect(200)
        };
        let first = try_code("1", &sold[0].1).await;
        assert_eq!((&first["admit"], &first["holder"]), (&json!(true), &json!("Ana Novak")));
        assert_eq!(try_code("1", &sold[0].1).await["scan_id"], first["scan_id"], "the same request");
        assert_eq!(try_code("1", &sold[0].1).await["admit"], true);
        for (key, code, reason) in [
            ("2", sold[0].1.as_str(), "already_redeemed"),
            ("3", foreign[0].1.as_str(), "wrong_event"),
            ("4", sold[3].1.as_str(), "revoked"),
            ("5", "https://example.com", "not_a_ticket"),
            ("6", &sold[1].1[..40], "malformed"),
        ] {
            let answer = try_code(key, code).await;
            assert_eq!((&answer["admit"], &answer["reason"]), (&json!(false), &json!(reason)), "{code}");
        }
        // A gate's scan from before counts here, and the other way round.
        device.push(&t, &[device.entry(&t, 1, sold[1].0, 1_000)]).await;
        let known = try_code("7", &sold[1].1).await;
        assert_eq!(known["reason"], "already_redeemed");
        assert!(known["earlier_at"].is_string());
        let receipt = device.push(&t, &[device.entry(&t, 2, sold[0].0, 0)]).await;
        assert_eq!(receipt.conflicts.len(), 1);

        // Found by name, and out again.
        let body = json!({"list": list.as_str(), "ticket": sold[2].0.to_string()});
        assert_eq!(t.organiser.post_once(&path, "8", &body).await.expect(200)["admit"], true);
        let body = json!({"list": list.as_str(), "ticket": sold[2].0.to_string(), "direction": "exit"});
        assert_eq!(t.organiser.post_once(&path, "9", &body).await.expect(200)["admit"], true);
        t.organiser.post_once(&path, "8", &body).await.refused(422, "access.idempotency_key_reused");
        t.organiser.post_once(&path, "10", &json!({"list": list.as_str()})).await.refused(422, "invalid");
        let nowhere = json!({"list": "lst_00000000000000000000000000", "code": "x"});
        t.organiser.post_once(&path, "11", &nowhere).await.refused(404, "access.not_found");
        assert_eq!(t.organiser.post(&path, body).await.status, 400, "a key is needed");

        let report = report(&t, &event).await;
        let counts = ["entries", "exits", "inside", "conflicts"].map(|name| report["lists"][0][name].as_i64().unwrap());
        assert_eq!(counts, [3, 1, 2, 1]);
        t.stop().await;
    }

    /// covers: SCAN-3
    async fn a_full_house_takes_nobody_until_somebody_leaves(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 50)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let sold = buy(&t, &event, 8, "k").await;
        let list = device.list();
        let lists = format!("/api/v1/events/{}/lists/{list}", event.id);
        t.organiser.patch(&lists, json!({"capacity": 3})).await.expect(200);
        let path = format!("/api/v1/events/{}/check-in", event.id);
        let go = async |n: usize, direction: &str| {
            let body = json!({"list": list.as_str(), "ticket": sold[n].0.to_string(), "direction": direction});
            t.organiser.post_once(&path, &format!("{n}{direction}"), &body).await.expect(200)
        };
        // Eight at once: three get in.
        let all = futures_util::future::join_all((0..8).map(|n| go(n, "entry"))).await;
        let admitted: Vec<_> = (0..8).filter(|n| all[*n]["admit"] == true).collect();
        assert_eq!(admitted.len(), 3, "{all:?}");
        assert!(all.iter().filter(|a| a["admit"] == false).all(|a| a["reason"] == "full"));
        assert_eq!(go(admitted[0], "exit").await["admit"], true);
        let waiting = (0..8).find(|n| !admitted.contains(n)).unwrap();
        let body = json!({"list": list.as_str(), "ticket": sold[waiting].0.to_string()});
        assert_eq!(t.organiser.post_once(&path, "again", &body).await.expect(200)["admit"], true);
        t.stop().await;
    }
}
