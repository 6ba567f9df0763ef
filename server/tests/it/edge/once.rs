//! POSTs with an `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use bilten_kernel::db::{DbError, Statement, guarded};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity;
use bilten_server::platform::{self, Begun, Claim, KeptAnswer, Once};
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

    /// What a node leaves behind that dies between doing something and keeping the answer, and
    /// between beginning and doing.
    /// covers: BE-6, DB-8
    async fn what_was_done_without_an_answer_is_not_done_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let path = format!("/api/v1/events/{}/gates", event.id);
        let (north, south) = (json!({"name": "North"}), json!({"name": "South"}));
        let forget = async |statement: &'static Statement| {
            t.app.db.write(move |c| Box::pin(async move { c.exec(statement, vals![]).await })).await
                .unwrap_or_else(|error: DbError| panic!("{error}"))
        };
        t.organiser.post_once(&path, "done", &north).await.expect(201);
        // That something was written is known by the write itself; only the answer is lost.
        assert_eq!(forget(sql!("UPDATE idempotent_answers SET is_answered = FALSE")).await, 1);
        let waits = t.organiser.post_once(&path, "done", &north).await;
        waits.refused(409, "edge.idempotency_under_way");
        assert_eq!(waits.headers["retry-after"], "1");
        t.clock.advance(Duration::from_secs(36));
        for _ in 0..2 {
            t.organiser.post_once(&path, "done", &north).await.refused(409, "edge.idempotency_unknown");
        }
        t.organiser.post_once(&path, "done", &south).await.refused(422, "edge.idempotency_key_reused");

        // Nothing was written: it is done by whoever asks when the time is over, and once.
        t.organiser.post_once(&path, "begun", &south).await.expect(201);
        let undone = sql!("DELETE FROM idempotent_answers WHERE is_answered = FALSE");
        assert_eq!(forget(undone).await, 1);
        forget(sql!("UPDATE idempotent_answers SET is_answered = FALSE, has_written = FALSE")).await;
        t.organiser.post_once(&path, "begun", &south).await.refused(409, "edge.idempotency_under_way");
        t.clock.advance(Duration::from_secs(36));
        let all = (0..8).map(|_| t.organiser.post_once(&path, "begun", &south));
        for one in &futures_util::future::join_all(all).await {
            if one.status == 409 {
                one.refused(409, "edge.idempotency_under_way");
            } else {
                one.expect(201);
            }
        }
        let list = t.organiser.get(&path).await.expect(200).to_string();
        assert_eq!((list.matches("North").count(), list.matches("South").count()), (1, 2), "{list}");
        t.stop().await;
    }

    /// A node that stood still for too long and goes on when another one has taken over.
    /// covers: BE-6, DB-8
    async fn whoever_lost_a_claim_writes_nothing_more(db: TestDb) {
        let t = TestApp::start(db).await;
        let once = Once { id: "0".repeat(64), request_hash: [1; 32] };
        let time = Duration::from_secs(10);
        let Begun::New(first) = platform::begin_once(&t.app, &once, time).await.unwrap() else { panic!("it is new") };
        assert_eq!(platform::begin_once(&t.app, &once, time).await.unwrap(), Begun::UnderWay);
        t.clock.advance(Duration::from_secs(11));
        let Begun::New(second) = platform::begin_once(&t.app, &once, time).await.unwrap() else { panic!("it is over") };
        let write = async |claim: &Arc<Claim>| {
            let claim = Arc::<Claim>::clone(claim);
            let made = identity::create_organisation(&t.app, "Twice");
            guarded(claim, made).await.map(|_| ())
        };
        let refused = write(&first).await.unwrap_err();
        assert!(refused.to_string().contains("another node"), "{refused}");
        write(&second).await.unwrap();
        // It wrote, so that nobody else may begin; and the first can say nothing any more.
        platform::failed_once(&t.app, &first).await.unwrap();
        platform::refused_once(&t.app, &first).await.unwrap();
        let lost = KeptAnswer { status: 200, headers: Vec::new(), body: b"lost".to_vec() };
        platform::answered_once(&t.app, &first, &lost).await.unwrap();
        assert_eq!(platform::begin_once(&t.app, &once, time).await.unwrap(), Begun::UnderWay);
        t.clock.advance(Duration::from_secs(11));
        assert_eq!(platform::begin_once(&t.app, &once, time).await.unwrap(), Begun::Unknown);
        // Late is better than never.
        let answer = KeptAnswer { status: 201, headers: Vec::new(), body: b"{}".to_vec() };
        platform::answered_once(&t.app, &second, &answer).await.unwrap();
        assert_eq!(platform::begin_once(&t.app, &once, time).await.unwrap(), Begun::Done(answer));
        let count: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM organisations WHERE name = 'Twice'"), vals![]).await.unwrap();
        assert_eq!(count, 1);
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
