//! Dashboards: their figures, and which parts of them somebody gets.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{Permission, Role};
use serde_json::{Value, json};

use super::key;
use crate::access::Device;
use crate::app::{Event, TestApp};

async fn check_in(t: &TestApp, event: &Event, key: &str, code: &str) -> Value {
    let path = format!("/api/v1/events/{}", event.id);
    let lists = t.organiser.get(&format!("{path}/lists")).await.expect(200);
    let body = json!({"list": lists["items"][0]["id"], "code": code});
    let path = format!("{path}/check-in");
    t.organiser.post_once(&path, key, &body).await.expect(200)
}

on_both_engines! {
    /// covers: GW-1
    async fn an_event_is_seen_at_a_glance(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10), ("Seated", 2_500, 5)]).await;
        let first = t.stranger.buy(&event, 0, 2, "succeed", "k1").await.expect(201);
        let second = t.stranger.buy(&event, 1, 1, "succeed", "k2").await.expect(201);
        let third = t.stranger.buy(&event, 1, 2, "succeed", "k3").await.expect(201);
        let refund = format!("/api/v1/orders/{}/refund", second["order"]["id"].as_str().unwrap());
        t.organiser.post(&refund, json!({})).await.expect(200);
        let code = first["tickets"][0]["code"].as_str().unwrap();
        assert_eq!(check_in(&t, &event, "s1", code).await["admit"], true);
        assert_eq!(check_in(&t, &event, "s2", code).await["admit"], false);
        Device::pair(&t, &event, 1).await;

        let path = format!("/api/v1/events/{}/dashboard", event.id);
        let seen = t.organiser.get(&path).await;
        assert!(!seen.text.contains("Ana Novak") && !seen.text.contains("ana@example.com"));
        let seen = seen.expect(200);
        assert_eq!((&seen["event"]["id"], &seen["event"]["tiers"][1]["name"]), (&json!(event.id), &json!("Seated")));
        let stock: Vec<_> = seen["stock"].as_array().unwrap().iter()
            .map(|stock| (stock["tier_id"].as_str().unwrap(), stock["capacity"].as_i64(), stock["held"].as_i64(), stock["sold"].as_i64()))
            .collect();
        assert!(stock.contains(&(event.tiers[0].as_str(), Some(10), Some(0), Some(2))), "{stock:?}");
        assert!(stock.contains(&(event.tiers[1].as_str(), Some(5), Some(0), Some(2))), "{stock:?}");
        assert_eq!(seen["sales"]["totals"], json!([
            {"state": "paid", "currency": "EUR", "orders": 2, "total_minor": 7_000},
            {"state": "refunded", "currency": "EUR", "orders": 1, "total_minor": 2_500},
        ]));
        let days = seen["sales"]["days"].as_array().unwrap();
        assert_eq!(days.len(), 14);
        assert!(days.is_sorted_by_key(|day| day["date"].as_str().unwrap().to_owned()));
        let paid: i64 = days.iter().flat_map(|day| day["paid"].as_array().unwrap())
            .map(|paid| paid["total_minor"].as_i64().unwrap()).sum();
        assert_eq!(paid, 9_500, "what was paid, whatever became of it: {days:?}");
        let newest = seen["sales"]["newest"].as_array().unwrap();
        assert_eq!(newest.len(), 3);
        assert_eq!((&newest[0]["id"], &newest[0]["total_minor"]), (&third["order"]["id"], &json!(5_000)));
        let door = &seen["door"];
        let scans = json!({"entries": 1, "exits": 0, "inside": 1, "conflicts": 0, "refused": 1});
        assert_eq!((&door["scans"], &door["lists"][0]["scans"]), (&scans, &scans));
        assert_eq!((door["gates"].as_array().unwrap().len(), &door["gates"][0]["name"]), (1, &json!("Gate 1")));
        let devices = door["devices"].as_array().unwrap();
        assert_eq!((devices.len(), &devices[0]["name"], &devices[0]["is_silent"]), (1, &json!("Gate phone"), &json!(false)));
        assert!(devices[0]["seen_at"].is_string());
        let cut = t.organiser.get(&format!("{path}?fields=sales.totals.orders,door.scans.inside")).await.expect(200);
        assert_eq!(cut, json!({"sales": {"totals": [{"orders": 2}, {"orders": 1}]}, "door": {"scans": {"inside": 1}}}));
        t.stop().await;
    }

    /// covers: GW-1, AUTH-10
    async fn a_screen_has_the_parts_that_its_reader_may_see(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let other = t.event(&[("Standing", 1_000, 10)]).await;
        t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        t.stranger.buy(&other, 0, 2, "succeed", "k").await.expect(201);
        let path = format!("/api/v1/events/{}/dashboard", event.id);
        for (role, has_sales, has_door) in [
            (Role::Owner, true, true),
            (Role::BoxOffice, true, true),
            (Role::Finance, true, false),
            (Role::DoorStaff, false, true),
            (Role::Viewer, false, false),
        ] {
            let member = t.member(role).await;
            let seen = member.get(&path).await.expect(200);
            assert_eq!((seen.get("sales").is_some(), seen.get("door").is_some()), (has_sales, has_door), "{role}");
            assert_eq!(seen["stock"][0]["sold"], 1, "{role}");
            let all = member.get("/api/v1/dashboard").await.expect(200);
            assert_eq!(all["upcoming"].as_array().unwrap().len(), 2, "{role}");
            assert_eq!(all.get("sales").is_some(), has_sales, "{role}");
            assert_eq!(all["upcoming"][0].get("sales").is_some(), has_sales, "{role}");
            assert_eq!(all["attention"].get("silent_devices").is_some(), has_door, "{role}");
            for part in ["failing_webhooks", "pending_invitations", "ending_keys"] {
                assert_eq!(all["attention"].get(part).is_some(), role == Role::Owner, "{role} {part}");
            }
        }
        // A key for one event sees that one, and what it may of it.
        let narrow = key(&t, &[Permission::EventsRead, Permission::OrdersRead], Some(&event.id)).await;
        let seen = narrow.get(&path).await.expect(200);
        assert!(seen.get("sales").is_some() && seen.get("door").is_none());
        narrow.get(&path.replace(&event.id, &other.id)).await.refused(404, "catalog.not_found");
        let all = narrow.get("/api/v1/dashboard").await.expect(200);
        assert_eq!((all["upcoming"].as_array().unwrap().len(), &all["upcoming"][0]["id"]), (1, &json!(event.id)));
        assert_eq!(all["sales"], json!([{"currency": "EUR", "orders": 1, "total_minor": 1_000}]));
        assert_eq!(all["attention"], json!({}));
        let blind = key(&t, &[Permission::OrdersRead, Permission::CheckInRead], None).await;
        blind.get(&path).await.refused(403, "identity.permission_missing");
        blind.get("/api/v1/dashboard").await.refused(403, "identity.permission_missing");
        let stranger = t.other_organiser().await;
        stranger.get(&path).await.refused(404, "catalog.not_found");
        assert_eq!(stranger.get("/api/v1/dashboard").await.expect(200)["upcoming"], json!([]));
        t.stranger.get(&path).await.refused(401, "identity.unauthenticated");
        t.stranger.get("/api/v1/dashboard").await.refused(401, "identity.unauthenticated");
        t.organiser.get("/api/v1/events/evt_x/dashboard").await.refused(404, "not_found");
        t.stop().await;
    }

    /// covers: GW-1
    async fn an_organisation_sees_what_wants_attention(db: TestDb) {
        let t = TestApp::start(db).await;
        let owner = t.member(Role::Owner).await;
        let calm = owner.get("/api/v1/dashboard").await.expect(200);
        assert_eq!(calm["attention"], json!({"silent_devices": [], "failing_webhooks": [], "pending_invitations": 0, "ending_keys": 0}));
        assert_eq!((&calm["upcoming"], &calm["sales"]), (&json!([]), &json!([])));
        let event = t.event(&[("Standing", 1_000, 10), ("Free", 0, 3)]).await;
        t.stranger.buy(&event, 0, 2, "succeed", "k1").await.expect(201);
        t.stranger.buy(&event, 1, 1, "succeed", "k2").await.expect(201);
        let invitation = json!({"email": "bor@example.com", "role": "viewer"});
        owner.post("/api/v1/invitations", invitation).await.expect(201);
        let until = |days: i64| Timestamp::from_ms(t.app.now().ms() + days * 86_400_000).to_string();
        for days in [3, 30] {
            let body = json!({"name": "Till", "scopes": ["events.read"], "expires_at": until(days)});
            owner.post("/api/v1/keys", body).await.expect(201);
        }
        let hook = json!({"url": "http://127.0.0.1:9/", "description": "Ledger", "event_types": ["order.refunded"]});
        let hook = t.organiser.post("/api/v1/webhooks/endpoints", hook).await.expect(201);
        let id = hook["id"].as_str().unwrap().to_owned();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(
                sql!("UPDATE webhook_endpoints SET is_enabled = FALSE, disabled_reason = 'failing', disabled_at = 1 WHERE id = $1"),
                vals![id],
            ).await
        })).await.unwrap();
        // A phone comes half an hour before the doors open, and is never heard of again.
        t.clock.advance(Duration::from_mins(30));
        Device::pair(&t, &event, 1).await;
        t.clock.advance(Duration::from_mins(25));
        let early = owner.get("/api/v1/dashboard").await.expect(200);
        assert_eq!(early["attention"]["silent_devices"], json!([]), "the doors are closed");
        t.clock.advance(Duration::from_mins(15));
        let seen = owner.get("/api/v1/dashboard").await.expect(200);
        let attention = &seen["attention"];
        assert_eq!((&attention["pending_invitations"], &attention["ending_keys"]), (&json!(1), &json!(1)));
        assert_eq!(attention["failing_webhooks"][0]["endpoint_id"], hook["id"]);
        assert_eq!(attention["failing_webhooks"][0]["disabled_reason"], "failing");
        let silent = attention["silent_devices"].as_array().unwrap();
        assert_eq!((silent.len(), &silent[0]["name"], &silent[0]["event_id"]), (1, &json!("Gate phone"), &json!(event.id)));
        let upcoming = &seen["upcoming"][0];
        assert_eq!((&upcoming["capacity"], &upcoming["held"], &upcoming["sold"]), (&json!(13), &json!(0), &json!(3)));
        assert_eq!(seen["sales"], json!([{"currency": "EUR", "orders": 2, "total_minor": 2_000}]));
        let one = owner.get(&format!("/api/v1/events/{}/dashboard", event.id)).await.expect(200);
        assert_eq!(one["door"]["devices"][0]["is_silent"], true);
        // Another organisation hears of none of it.
        let other = t.other_organiser().await.get("/api/v1/dashboard").await.expect(200);
        assert_eq!((&other["attention"]["silent_devices"], &other["attention"]["failing_webhooks"]), (&json!([]), &json!([])));
        t.clock.advance(Duration::from_hours(5));
        assert_eq!(t.organiser.get("/api/v1/dashboard").await.expect(200)["upcoming"], json!([]), "it is over");
        t.stop().await;
    }
}
