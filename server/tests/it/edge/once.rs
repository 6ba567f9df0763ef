//! POSTs with an `Idempotency-Key`.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::json;

use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-6, GW-3
    async fn a_repeated_request_is_done_once_and_answered_the_same(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let path = format!("/api/v1/events/{}/gates", event.id);
        let body = json!({"name": "North"});
        let first = t.organiser.post_once(&path, "k1", &body).await;
        let made = first.expect(201);
        let again = t.organiser.post_once(&path, "k1", &body).await;
        assert_eq!(again.expect(201), made);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
        assert!(!first.headers.contains_key("idempotency-replayed"));
        let list = t.organiser.get(&path).await.expect(200).to_string();
        assert_eq!(list.matches("North").count(), 1, "{list}");

        // Another body, another route, another key, another tenant.
        t.organiser.post_once(&path, "k1", &json!({"name": "South"})).await.refused(422, "edge.idempotency_key_reused");
        let lists = format!("/api/v1/events/{}/lists", event.id);
        t.organiser.post_once(&lists, "k1", &json!({"name": "Friday"})).await.expect(201);
        t.organiser.post_once(&path, "k2", &json!({"name": "South"})).await.expect(201);
        let other = t.other_organiser().await;
        let theirs = other.post_once(&path, "k1", &body).await;
        assert!(theirs.status == 404 && !theirs.headers.contains_key("idempotency-replayed"), "{}", theirs.text);
        let stranger = t.stranger.post_once(&path, "k1", &body).await;
        assert!(stranger.status == 401 && !stranger.headers.contains_key("idempotency-replayed"));

        // A refusal is an answer too; after a day the key is new.
        let wrong = t.organiser.post_once(&path, "k3", &json!({"name": ""})).await;
        let same = t.organiser.post_once(&path, "k3", &json!({"name": ""})).await;
        assert_eq!((wrong.status, &wrong.text), (422, &same.text));
        t.clock.advance(Duration::from_secs(25 * 3_600));
        let later = t.organiser.post_once(&path, "k1", &json!({"name": "East"})).await;
        assert!(later.status == 201 && !later.headers.contains_key("idempotency-replayed"), "{}", later.text);
        let broken = t.organiser.request(reqwest::Method::POST, &path).header("idempotency-key", "").json(&body);
        t.organiser.send(broken).await.refused(400, "idempotency_key_invalid");
        t.stop().await;
    }

    /// covers: BE-6
    async fn the_same_request_many_times_at_once_is_done_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let path = format!("/api/v1/events/{}/gates", event.id);
        let body = json!({"name": "North"});
        let all = (0..20).map(|_| t.organiser.post_once(&path, "k", &body));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().any(|one| one.status == 201));
        for one in &all {
            if one.status == 409 {
                one.refused(409, "edge.idempotency_under_way");
                assert_eq!(one.headers["retry-after"], "1");
            } else {
                one.expect(201);
            }
        }
        let list = t.organiser.get(&path).await.expect(200).to_string();
        assert_eq!(list.matches("North").count(), 1, "{list}");
        t.stop().await;
    }

    /// covers: DB-5
    async fn a_secret_that_is_shown_once_is_not_kept_in_the_clear(db: TestDb) {
        let t = TestApp::start(db).await;
        let body = json!({"name": "Till", "scopes": ["events.read"]});
        let made = t.member(bilten_server::identity::Role::Owner).await.post_once("/api/v1/keys", "k", &body).await;
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_answer FROM idempotent_answers"), vals![]).await.unwrap();
        assert_eq!(sealed.len(), 1, "{}", made.text);
        let kept = String::from_utf8_lossy(&sealed[0]).into_owned();
        assert!(!kept.contains("Till") && sealed[0].len() > 40, "{kept}");
        t.stop().await;
    }
}
