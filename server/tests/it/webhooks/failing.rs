//! Receivers that are down, slow, elsewhere, endless, or talk nonsense.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, NewUser, Profile, Role};
use bilten_server::webhooks::{self, MOST_ATTEMPTS, SCHEDULE};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::hook::{Answer, Hook};
use super::*;
use crate::app::TestApp;

/// Somebody who speaks something else.
async fn nonsense() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1_024]).await;
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
    });
    url
}

/// Waits until a delivery was tried so often; gives it with its log.
async fn tried(t: &TestApp, id: &str, times: u32) -> serde_json::Value {
    let begin = Instant::now();
    loop {
        let seen = delivery(&t.organiser, id).await;
        if seen["attempts"] == times {
            return seen;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(40),
            "not tried {times} times: {seen}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An owner whose address is known.
async fn owner(t: &TestApp, email: &str) {
    let organisation = identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap();
    let profile = Profile {
        email: email.parse().unwrap(),
        name: "Ana".to_owned(),
        locale: None,
        phone: None,
    };
    let new = NewUser {
        profile,
        password_hash: None,
        is_verified: true,
    };
    let user = identity::create_user(&t.app, new).await.unwrap();
    identity::add_member(&t.app, organisation.id, user, Some(Role::Owner))
        .await
        .unwrap();
}

on_both_engines! {
    /// covers: GW-10, GW-6
    async fn a_receiver_that_misbehaves_is_told_apart_and_holds_up_nobody(db: TestDb) {
        let t = TestApp::start(db).await;
        let secret = Hook::start().await;
        let (slow, elsewhere, endless, good) = (Hook::start().await, Hook::start().await, Hook::start().await, Hook::start().await);
        slow.always(Answer::Slowly(Duration::from_secs(60)));
        elsewhere.always(Answer::Elsewhere(secret.url.clone()));
        endless.always(Answer::Endlessly);
        let wanted = [
            (slow.url.clone(), "failed", "too_slow"),
            (elsewhere.url.clone(), "failed", "redirected"),
            (endless.url.clone(), "delivered", "delivered"),
            (nonsense().await, "failed", "broken"),
            ("http://127.0.0.1:1/".to_owned(), "failed", "unreachable"),
        ];
        let mut sent = Vec::new();
        for (url, _, _) in &wanted {
            let (id, _) = endpoint(&t.organiser, url, &["order.paid"]).await;
            sent.push(try_out(&t.organiser, &id).await);
        }
        // While they are waited for, others are served.
        endpoint(&t.organiser, &good.url, &["event.created"]).await;
        let begin = Instant::now();
        t.event(&[("Standing", 2500, 10)]).await;
        good.wait_for(1).await;
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        for ((url, state, outcome), id) in wanted.iter().zip(&sent) {
            let seen = settled(&t, id, state).await;
            assert_eq!(seen["log"][0]["outcome"], *outcome, "{url}: {seen}");
            let answer = seen["log"][0]["answer"].as_str().unwrap();
            assert!(answer.len() <= 500, "{} bytes of {url}", answer.len());
        }
        assert!(secret.received().is_empty(), "somebody was followed elsewhere");
        t.stop().await;
    }

    /// covers: GW-10
    async fn what_fails_is_tried_again_as_the_same_message(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        hook.next([Answer::Status(503), Answer::Later(429, 7_200)]);
        let (id, secret) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        t.stranger.buy(&event, 0, 1, "succeed", "a").await.expect(201);
        hook.wait_for(1).await;
        let sent = deliveries(&t.organiser, &id).await[0]["id"].as_str().unwrap().to_owned();
        tried(&t, &sent, 1).await;
        t.clock.advance(Duration::from_secs(10));
        // The receiver asks for two hours, and gets them.
        let waiting = tried(&t, &sent, 2).await;
        assert_eq!((&waiting["state"], &waiting["last_status"]), (&json!("pending"), &json!(429)));
        t.clock.advance(Duration::from_secs(3_600));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(hook.received().len(), 2);
        t.clock.advance(Duration::from_secs(3_700));
        let taken = settled(&t, &sent, "delivered").await;
        let outcomes: Vec<_> = taken["log"].as_array().unwrap().iter().map(|one| one["status"].as_i64().unwrap()).collect();
        assert_eq!(outcomes, [200, 429, 503]);
        let received = hook.wait_for(3).await;
        for one in &received {
            assert_eq!((one.id(), &one.body), (received[0].id(), &received[0].body));
            assert_eq!(one.header("webhook-signature"), one.signatures(&[&secret]));
            // One id from the request to the job to the webhook.
            assert_eq!(one.header("traceparent").len(), 55);
        }
        assert!(received[0].header("webhook-timestamp") < received[2].header("webhook-timestamp"));
        t.stop().await;
    }

    /// covers: GW-10, ORG-8
    async fn an_endpoint_that_takes_nothing_for_days_is_switched_off_and_people_are_told(db: TestDb) {
        let t = TestApp::start(db).await;
        owner(&t, "owner@example.com").await;
        let hook = Hook::start().await;
        hook.always(Answer::Status(500));
        let (id, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let path = format!("{ENDPOINTS}/{id}");
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let began = t.app.now().to_string();
        t.stranger.buy(&event, 0, 1, "succeed", "a").await.expect(201);
        hook.wait_for(1).await;
        let sent = deliveries(&t.organiser, &id).await[0]["id"].as_str().unwrap().to_owned();
        for (done, pause) in (1..).zip(SCHEDULE) {
            let seen = tried(&t, &sent, done).await;
            assert_eq!(seen["state"], "pending", "{seen}");
            assert_eq!(t.organiser.get(&path).await.expect(200)["is_enabled"], true);
            t.clock.advance(pause.mul_f64(1.2) + Duration::from_secs(1));
        }
        let failed = settled(&t, &sent, "failed").await;
        assert_eq!(failed["attempts"], MOST_ATTEMPTS);
        let off = t.organiser.get(&path).await.expect(200);
        assert_eq!((&off["is_enabled"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
        let mail = t.mail_to("owner@example.com").await;
        assert_eq!(mail.subject, "A webhook was switched off");
        assert!(mail.text.contains(&id) && !mail.text.contains(&hook.url), "{}", mail.text);
        let count = hook.received().len();
        assert_eq!(count, usize::try_from(MOST_ATTEMPTS).unwrap());

        // What happens meanwhile is not sent, but kept: once it works again, all of it is sent.
        hook.always(Answer::Status(200));
        let later = t.event(&[("Standing", 2500, 10)]).await;
        t.stranger.buy(&later, 0, 1, "succeed", "b").await.expect(201);
        t.organiser.post(&format!("{path}/replay"), json!({"from": began})).await.refused(409, "webhooks.endpoint_off");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(hook.received().len(), count);
        let on = t.organiser.patch(&path, json!({"is_enabled": true})).await.expect(200);
        assert!(on["disabled_reason"].is_null());
        t.clock.advance(Duration::from_hours(2));
        t.organiser.post(&format!("{path}/replay"), json!({"from": began})).await.expect(202);
        let received = hook.wait_for(count + 2).await;
        let ids: std::collections::BTreeSet<_> = received[count..].iter().map(|one| one.id().to_owned()).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(received[0].id()));
        t.stop().await;
    }

    /// covers: GW-10
    async fn an_endpoint_that_is_gone_is_switched_off_at_once(db: TestDb) {
        let t = TestApp::start(db).await;
        owner(&t, "owner@example.com").await;
        let hook = Hook::start().await;
        hook.always(Answer::Status(410));
        let (id, _) = endpoint(&t.organiser, &hook.url, &["event.created"]).await;
        t.event(&[("Standing", 2500, 10)]).await;
        let mail = t.mail_to("owner@example.com").await;
        assert!(mail.text.contains("it is gone"), "{}", mail.text);
        let off = t.organiser.get(&format!("{ENDPOINTS}/{id}")).await.expect(200);
        assert_eq!((&off["is_enabled"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
        assert_eq!(hook.received().len(), 1);
        t.stop().await;
    }

    /// covers: GW-6, GW-10
    async fn a_receiver_that_fails_in_a_row_is_left_alone_for_a_while(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        hook.always(Answer::Status(500));
        let (id, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        for n in 0..20 {
            t.stranger.buy(&event, 0, 1, "succeed", &format!("k{n}")).await.expect(201);
        }
        hook.wait_for(5).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Four at once, and the fifth failure ends it: those under way are not called back.
        let came = hook.received().len();
        assert!((5..=8).contains(&came), "{came}");
        hook.always(Answer::Status(200));
        // Those that were tried wait for their own time; nothing counts against the others.
        t.clock.advance(Duration::from_secs(60));
        let begin = Instant::now();
        loop {
            let taken = deliveries(&t.organiser, &id).await;
            if taken.iter().all(|one| one["state"] == "delivered") && taken.len() == 20 {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(40), "{taken:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(hook.received().len(), came + 20);
        t.stop().await;
    }

    /// covers: GW-10
    async fn nothing_is_sent_into_private_networks(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.webhooks.private_networks = false).await;
        let hook = Hook::start().await;
        for url in ["https://127.0.0.1/", "https://[::1]:8443/", "https://169.254.169.254/latest", "https://10.0.0.7/", "https://2130706433/", "https://0x7f.1/"] {
            let body = json!({"url": url, "event_types": ["order.paid"]});
            let refused = t.organiser.post(ENDPOINTS, body).await;
            assert_eq!(refused.refused(422, "invalid")["errors"][0]["code"], "private", "{url}");
        }
        let body = json!({"url": hook.url, "event_types": ["order.paid"]});
        assert_eq!(t.organiser.post(ENDPOINTS, body).await.refused(422, "invalid")["errors"][0]["code"], "not_https");
        // A name says nothing of where it leads: that is looked at when the connection is made.
        let port = hook.url.rsplit(':').next().unwrap().split('/').next().unwrap();
        let (id, _) = endpoint(&t.organiser, &format!("https://localhost:{port}/"), &["order.paid"]).await;
        let sent = try_out(&t.organiser, &id).await;
        let seen = settled(&t, &sent, "failed").await;
        assert_eq!(seen["log"][0]["outcome"], "address_blocked");
        assert!(hook.received().is_empty());
        t.stop().await;
    }

    /// covers: GW-10, DB-6
    async fn what_has_had_its_time_is_deleted(db: TestDb) {
        let t = TestApp::start(db).await;
        let hook = Hook::start().await;
        let (id, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let (gone, _) = endpoint(&t.organiser, &hook.url, &["order.paid"]).await;
        let (sent, other) = (try_out(&t.organiser, &id).await, try_out(&t.organiser, &gone).await);
        settled(&t, &sent, "delivered").await;
        settled(&t, &other, "delivered").await;
        t.organiser.delete(&format!("{ENDPOINTS}/{gone}")).await.expect(204);
        t.organiser.delete(&format!("{ENDPOINTS}/{gone}")).await.refused(404, "webhooks.not_found");
        t.organiser.get(&format!("/api/v1/webhooks/deliveries/{other}")).await.refused(404, "webhooks.not_found");
        let left = async || -> (i64, i64) {
            t.app.db.one(
                bilten_kernel::sql!("SELECT (SELECT COUNT(*) FROM webhook_attempts) AS attempts, (SELECT COUNT(*) FROM webhook_endpoints) AS endpoints"),
                bilten_kernel::vals![],
            ).await.unwrap()
        };
        let secrets: i64 = t.app.db.scalar(
            bilten_kernel::sql!("SELECT COUNT(*) FROM webhook_endpoints WHERE deleted_at IS NOT NULL AND length(sealed_secret) + length(sealed_url) = 0"),
            bilten_kernel::vals![],
        ).await.unwrap();
        assert_eq!(secrets, 1, "address and secret go at once");
        webhooks::tidy(&t.app).await.unwrap();
        assert_eq!(left().await, (2, 2));
        t.clock.advance(Duration::from_hours(24 * 30 + 1));
        webhooks::tidy(&t.app).await.unwrap();
        assert_eq!(left().await, (0, 1));
        assert!(deliveries(&t.organiser, &id).await.is_empty());
        t.stop().await;
    }
}
