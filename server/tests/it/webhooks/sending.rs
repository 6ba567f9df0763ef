//! What is sent, and how it is signed.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::Role;
use bilten_server::webhooks;
use serde_json::json;

use super::hook::{Answer, Hook};
use super::*;
use crate::app::TestApp;

on_both_engines! {
    /// covers: GW-10, ORG-8, BE-7
    async fn what_happens_is_told_once_and_signed(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let types = all_types();
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let (id, secret) = endpoint(&t.organiser, &hook.url, &types).await;
        assert!(secret.starts_with("whsec_"));
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 2, "succeed", "a").await.expect(201);
        let order = bought["order"]["id"].as_str().unwrap();
        let ticket = bought["tickets"][0]["id"].as_str().unwrap();
        t.organiser.post(&format!("/api/v1/tickets/{ticket}/revoke"), json!({})).await.expect(200);
        let request = t.organiser.request(reqwest::Method::POST, &format!("/api/v1/orders/{order}/refund"));
        let refunded = t.organiser.send(request.header("idempotency-key", "r").json(&json!({}))).await;
        assert_eq!(refunded.status, 200, "{}", refunded.text);
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        let received = hook.wait_for(6).await;
        let mut kinds = hook.kinds();
        kinds.sort();
        assert_eq!(kinds, [
            "event.cancelled", "event.created", "event.published", "order.paid", "order.refunded", "ticket.revoked",
        ]);
        let organisation = bilten_server::identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let code = bought["tickets"][0]["code"].as_str().unwrap();
        for one in &received {
            assert_eq!(one.header("webhook-signature"), one.signatures(&[&secret]));
            assert_eq!(one.header("content-type"), "application/json");
            let body = one.json();
            assert_eq!(body["id"], one.id());
            assert_eq!((&body["version"], &body["organisation"]), (&json!(1), &json!(organisation)));
            let text = String::from_utf8(one.body.clone()).unwrap();
            for secret in ["ana@example.com", "Ana Novak", code, bought["token"].as_str().unwrap(), "whsec_"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        let paid = received.iter().find(|one| one.kind() == "order.paid").unwrap().json();
        assert_eq!(paid["data"], json!({
            "order": order, "event": event.id, "reference": bought["order"]["reference"], "currency": "EUR",
            "total_minor": 5000, "items": [{"tier": event.tiers[0], "quantity": 2, "unit_price_minor": 2500}],
            "paid_at": bought["order"]["paid_at"],
        }));
        let published = received.iter().find(|one| one.kind() == "event.published").unwrap().json();
        assert_eq!((&published["data"]["state"], &published["data"]["tiers"][0]["capacity"]), (&json!("published"), &json!(10)));

        // What was sent can be looked at.
        let list = deliveries(&t.organiser, &id).await;
        assert_eq!(list.len(), 6);
        for one in &list {
            let seen = settled(&t, one["id"].as_str().unwrap(), "delivered").await;
            assert_eq!((seen["attempts"].as_i64(), &seen["last_status"]), (Some(1), &json!(200)));
            let log = seen["log"].as_array().unwrap();
            assert_eq!((log.len(), &log[0]["outcome"], &log[0]["answer"]), (1, &json!("delivered"), &json!("thank you")));
            assert!(received.iter().any(|got| seen["payload"] == got.json() && seen["message_id"] == got.id()));
        }
        let paged = t.organiser.get(&format!("{ENDPOINTS}/{id}/deliveries?limit=4&state=delivered")).await.expect(200);
        let next = paged["next"].as_str().unwrap();
        let rest = t.organiser.get(&format!("{ENDPOINTS}/{id}/deliveries?limit=4&state=delivered&cursor={next}")).await.expect(200);
        assert_eq!((paged["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (4, 2));
        let orders = t.organiser.get(&format!("{ENDPOINTS}/{id}/deliveries?event_type=order.paid")).await.expect(200);
        assert_eq!(orders["items"].as_array().unwrap().len(), 1);
        let failed = t.organiser.get(&format!("{ENDPOINTS}/{id}/deliveries?state=failed")).await.expect(200);
        assert_eq!(failed["items"], json!([]));
        t.organiser.get(&format!("{ENDPOINTS}/{id}/deliveries?state=lost")).await.refused(422, "invalid");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hook.received().len(), 6, "nothing came twice");
        t.stop().await;
    }

    /// covers: GW-10, ORG-8
    async fn only_what_was_chosen_is_told_and_only_to_its_organisation(db: TestDb) {
        let t = TestApp::start(db).await;
        let (own, others, off) = (Hook::start().await, Hook::start().await, Hook::start().await);
        let other = t.other_organiser().await;
        let (first, _) = endpoint(&t.organiser, &own.url, &["order.paid"]).await;
        endpoint(&other, &others.url, &["order.paid", "event.created"]).await;
        let (quiet, _) = endpoint(&t.organiser, &off.url, &["order.paid"]).await;
        let path = format!("{ENDPOINTS}/{quiet}");
        let patched = t.organiser.patch(&path, json!({"is_enabled": false})).await.expect(200);
        assert!(patched["disabled_at"].is_string() && patched["disabled_reason"].is_null());
        let event = t.event(&[("Standing", 2500, 10)]).await;
        t.stranger.buy(&event, 0, 1, "succeed", "a").await.expect(201);
        own.wait_for(1).await;
        let foreign = t.event_of(&other, &[("Standing", 2500, 10)]).await;
        t.stranger.buy(&foreign, 0, 1, "succeed", "b").await.expect(201);
        let theirs = others.wait_for(2).await;
        assert!(theirs.iter().all(|one| one.json()["data"]["event"] == foreign.id.as_str()));
        assert_eq!((own.kinds(), off.kinds()), (vec!["order.paid".to_owned()], vec![]));
        // Nobody reads the log of others.
        other.get(&format!("{ENDPOINTS}/{first}/deliveries")).await.refused(404, "webhooks.not_found");
        let own_delivery = deliveries(&t.organiser, &first).await[0]["id"].as_str().unwrap().to_owned();
        other.get(&format!("/api/v1/webhooks/deliveries/{own_delivery}")).await.refused(404, "webhooks.not_found");
        other.post(&format!("/api/v1/webhooks/deliveries/{own_delivery}/resend"), json!({})).await.refused(404, "webhooks.not_found");

        // Whoever is switched on has what it missed sent when it asks; the same message as the others had.
        t.organiser.patch(&path, json!({"is_enabled": true})).await.expect(200);
        let span = json!({"from": t.app.now() + Duration::from_secs(60)});
        t.organiser.post(&format!("{path}/replay"), span).await.refused(422, "invalid");
        let hour_ago = bilten_kernel::clock::Timestamp::from_ms(t.app.now().ms() - 3_600_000).to_string();
        let begun = t.organiser.post(&format!("{path}/replay"), json!({"from": hour_ago})).await.expect(202);
        assert_eq!(begun["messages"], 1);
        let missed = off.wait_for(1).await;
        assert_eq!(missed[0].id(), own.received()[0].id());
        assert_eq!(missed[0].body, own.received()[0].body);
        // What was taken is sent again only if all is asked for.
        let again = format!("{ENDPOINTS}/{first}/replay");
        t.organiser.post(&again, json!({"from": hour_ago, "scope": "missed"})).await.expect(202);
        t.organiser.post(&again, json!({"from": hour_ago, "scope": "all"})).await.expect(202);
        let twice = own.wait_for(2).await;
        assert_eq!(twice[0].id(), twice[1].id());
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((own.received().len(), off.received().len()), (2, 1));
        t.stop().await;
    }

    /// covers: GW-10
    async fn a_secret_changes_while_both_sign(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let (id, first) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let (show, rotate) = (format!("{ENDPOINTS}/{id}/secret"), format!("{ENDPOINTS}/{id}/secret/rotate"));
        t.organiser.get(&show).await.refused(403, "identity.person_required");
        t.organiser.post(&rotate, json!({})).await.refused(403, "identity.person_required");
        let manager = t.member(Role::Manager).await;
        let shown = manager.get(&show).await;
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert_eq!(shown.expect(200)["secret"], first.as_str());
        let rotated = manager.post(&rotate, json!({})).await.expect(200);
        let second = rotated["secret"].as_str().unwrap().to_owned();
        assert!(second != first && rotated["previous_secret_until"].is_string());
        try_out(&t.organiser, &id).await;
        let one = hook.wait_for(1).await.remove(0);
        assert_eq!(one.header("webhook-signature"), one.signatures(&[&second, &first]));
        // Nobody sees it again by reading the endpoint.
        let seen = t.organiser.get(&format!("{ENDPOINTS}/{id}")).await.expect(200);
        assert!(!seen.to_string().contains("whsec_"), "{seen}");
        t.clock.advance(Duration::from_secs(11 * 60));
        manager.get(&show).await.refused(403, "identity.reauthentication_required");
        t.clock.advance(Duration::from_hours(24));
        try_out(&t.organiser, &id).await;
        let one = hook.wait_for(2).await.remove(1);
        assert_eq!(one.header("webhook-signature"), one.signatures(&[&second]));
        webhooks::tidy(&t.app).await.unwrap();
        let audit = t.member(Role::Owner).await.get("/api/v1/audit?action=webhooks.").await.expect(200);
        let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["webhooks.secret_rotated", "webhooks.secret_revealed", "webhooks.endpoint_created"]);
        assert!(!audit.to_string().contains("whsec_") && !audit.to_string().contains(&hook.url), "{audit}");
        t.stop().await;
    }

    /// covers: GW-10
    async fn a_delivery_is_sent_again_as_the_same_message(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let (id, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        hook.next([Answer::Status(500)]);
        let sent = try_out(&t.organiser, &id).await;
        let first = settled(&t, &sent, "failed").await;
        assert_eq!((&first["attempts"], &first["log"][0]["outcome"]), (&json!(1), &json!("refused")));
        let path = format!("/api/v1/webhooks/deliveries/{sent}/resend");
        assert_eq!(t.organiser.post(&path, json!({})).await.expect(202)["state"], "pending");
        let second = settled(&t, &sent, "delivered").await;
        assert_eq!((second["attempts"].as_i64(), second["log"].as_array().unwrap().len()), (Some(1), 2));
        let received = hook.wait_for(2).await;
        assert_eq!((received[0].id(), &received[0].body), (received[1].id(), &received[1].body));
        // A failed test switches nothing off.
        assert_eq!(t.organiser.get(&format!("{ENDPOINTS}/{id}")).await.expect(200)["is_enabled"], true);
        t.organiser.patch(&format!("{ENDPOINTS}/{id}"), json!({"is_enabled": false})).await.expect(200);
        t.organiser.post(&path, json!({})).await.refused(409, "webhooks.endpoint_off");
        t.organiser.post(&format!("{ENDPOINTS}/{id}/test"), json!({})).await.refused(409, "webhooks.endpoint_off");
        t.stop().await;
    }
}
