//! Tickets: their codes, their pictures, their ends.

use bilten_core::key::{EventKey, KeySet, PublicKey};
use bilten_core::ticket::UntrustedTicket;
use bilten_core::time::{Timestamp, Validity};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::sales;
use serde_json::json;

use crate::app::{TestApp, purchase};

/// The event's keys as a gate would trust them.
async fn keys(t: &TestApp, event: &str) -> KeySet {
    let event: bilten_server::catalog::EventId = event.parse().unwrap();
    let found = t
        .app
        .db
        .read(move |c| Box::pin(async move { bilten_server::tickets::keys_in(c, event).await }))
        .await
        .unwrap();
    let mut keys = KeySet::default();
    found.into_iter().for_each(|key| keys.put(key));
    keys
}

on_both_engines! {
    /// covers: SCAN-2, PAY-1
    async fn a_bought_code_is_verified_offline(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let code = bought["tickets"][0]["code"].as_str().unwrap();
        let at = Timestamp(t.app.now().ms());
        let trusted = UntrustedTicket::parse(code).unwrap().verify(&keys(&t, &event.id).await, at).unwrap();
        assert_eq!(trusted.event().as_str(), event.id);
        assert_eq!(trusted.payload().id.to_string(), bought["tickets"][0]["id"].as_str().unwrap());
        assert_eq!(trusted.payload().tier, 1);

        // Nobody else's key vouches for it.
        let mut foreign = KeySet::default();
        let stranger = bilten_core::ticket::Issuer::from_secret(&[9; 32]);
        let public_key = PublicKey::from_bytes(stranger.public_key().as_bytes()).unwrap();
        foreign.put(EventKey { event: trusted.event().clone(), public_key, validity: Validity::ALWAYS, revoked: false });
        UntrustedTicket::parse(code).unwrap().verify(&foreign, at).unwrap_err();
        t.stop().await;
    }

    /// covers: BE-8, AUTH-9
    async fn who_buys_is_stored_sealed_and_found_by_their_address(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut body = purchase(&event, 0, 2, "succeed");
        body["buyer"] = json!({"email": "Zdenka@Example.com", "name": "Zdenka Novljan"});
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        assert_eq!((&bought["order"]["name"], &bought["tickets"][1]["holder_name"]), (&json!("Zdenka Novljan"), &json!("Zdenka Novljan")));
        let rows: Vec<(Vec<u8>, Vec<u8>)> = t.app.db.all(
            sql!(
                "SELECT sealed_buyer AS sealed, email_lookup AS lookup FROM orders
                 UNION ALL SELECT sealed_holder, sealed_holder FROM tickets"
            ),
            vals![],
        ).await.unwrap();
        assert_eq!(rows.len(), 3);
        for bytes in rows.iter().flat_map(|(a, b)| [a, b]) {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            assert!(!text.contains("zdenka") && !text.contains("novljan"), "{text}");
        }
        let app = t.app.clone();
        let found = t.app.db.read(move |c| Box::pin(async move {
            let theirs = sales::orders_of_buyer_in(&app, c, "zdenka@example.com").await?;
            let others = sales::orders_of_buyer_in(&app, c, "ana@example.com").await?;
            Ok::<_, bilten_kernel::db::DbError>((theirs, others))
        })).await.unwrap();
        assert_eq!(found.0[0].order.email, "Zdenka@Example.com");
        assert_eq!((found.0.len(), found.1.len()), (1, 0));
        t.stop().await;
    }

    /// covers: SCAN-1, WEB-4
    async fn the_picture_of_a_ticket_is_read_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let (order, ticket) = (bought["order"]["id"].as_str().unwrap(), bought["tickets"][0]["id"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{order}/tickets/{ticket}/qr");
        let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
        let png = buyer.request(reqwest::Method::GET, &format!("{path}/png")).send().await.unwrap();
        assert_eq!(png.headers()["content-type"], "image/png");
        let reading = bilten_core::qr::read_image_bytes(&png.bytes().await.unwrap()).unwrap().unwrap();
        assert_eq!(reading.text(), bought["tickets"][0]["code"].as_str());
        let svg = buyer.get(&format!("{path}/svg")).await;
        assert!(svg.text.contains("<svg"), "{}", svg.text);
        t.stranger.with_token("0".repeat(32).as_str()).get(&format!("{path}/png")).await.refused(404, "sales.order_not_found");
        assert_eq!(buyer.get(&format!("{path}/gif")).await.status / 100, 4);
        t.stop().await;
    }

    /// covers: SCAN-2
    async fn a_reissued_ticket_has_a_higher_version_and_a_revoked_one_ends(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let path = format!("/api/v1/tickets/{}", bought["tickets"][0]["id"].as_str().unwrap());
        let body = json!({"version": 1, "holder_name": "Bor Kos"});
        let reissue = format!("{path}/reissue");
            let all = (0..10).map(|_| t.organiser.post(&reissue, body.clone()));
        let answers = futures_util::future::join_all(all).await;
        let won: Vec<_> = answers.iter().filter(|a| a.status == 200).collect();
        assert_eq!(won.len(), 1, "of ten at once one is first");
        let reissued = won[0].expect(200);
        assert_eq!((reissued["version"].as_i64(), reissued["holder_name"].as_str()), (Some(2), Some("Bor Kos")));
        assert_ne!(reissued["code"], bought["tickets"][0]["code"]);
        for answer in answers.iter().filter(|a| a.status != 200) {
            answer.refused(409, "tickets.version_conflict");
        }
        for _ in 0..2 {
            assert_eq!(t.organiser.post(&format!("{path}/revoke"), json!({})).await.expect(200)["state"], "revoked");
        }
        t.organiser.post(&format!("{path}/reissue"), json!({"version": 2})).await.refused(409, "tickets.state");
        t.stop().await;
    }

    /// covers: SCAN-2
    async fn a_new_key_signs_new_tickets_and_the_old_stay_valid(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let before = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let key = t.organiser.post(&format!("/api/v1/events/{}/keys", event.id), json!({})).await.expect(201);
        let after = t.stranger.buy(&event, 0, 1, "succeed", "k2").await.expect(201);
        assert_eq!(after["tickets"][0]["key_id"], key["key_id"]);
        assert_ne!(before["tickets"][0]["key_id"], key["key_id"]);
        let keys = keys(&t, &event.id).await;
        for bought in [before, after] {
            let code = bought["tickets"][0]["code"].as_str().unwrap().to_owned();
            UntrustedTicket::parse(&code).unwrap().verify(&keys, Timestamp(t.app.now().ms())).unwrap();
        }
        t.stop().await;
    }
}
