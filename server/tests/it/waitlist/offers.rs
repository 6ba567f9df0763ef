//! What comes back is offered to whoever is next.

use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::db::DbError;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::sales::waitlist;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Waiter, list, refund, sold_out, stock, text};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
    /// covers: BE-2, ORG-5
    async fn what_comes_back_is_held_for_whoever_is_next(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 2).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 2, 2).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        assert_eq!(bor.see().await["offer"], Value::Null);
        let waiting = list(&t, &event).await;
        assert_eq!(waiting.iter().map(|one| text(&one["email"])).collect::<Vec<_>>(), ["bor@example.com", "cene@example.com"]);

        refund(&t, &order).await;
        let checkout = bor.checkout(&t).await;
        let offered = bor.becomes("offered").await;
        assert_eq!((&offered["offer"]["quantity"], &offered["event_name"]), (&json!(2), &json!("Večer")));
        assert_eq!(checkout, format!("/checkout/{}", text(&offered["offer"]["hold"])));
        // Held for hours, and for nobody else.
        let until: Timestamp = text(&offered["offer"]["expires_at"]).parse().unwrap();
        assert!(until.ms() > t.clock.now().ms() + 11 * 3_600_000, "{offered}");
        assert_eq!(stock(&t, &event).await, (2, 0));
        // Whoever wants more time than buyers get by themselves loses none of it.
        let extend = format!("/api/v1/shop/holds/{}/extend", text(&offered["offer"]["hold"]));
        let extended = t.stranger.post(&extend, json!({})).await.expect(200);
        assert_eq!(extended["expires_at"], offered["offer"]["expires_at"]);
        t.stranger.buy(&event, 0, 1, "succeed", "other").await.refused(409, "sales.sold_out");
        assert_eq!(cene.see().await["state"], "waiting");

        let visitor = Visitor::new(&t);
        visitor.get(&bor.page).await.says(200, "Tickets for you").says(200, &checkout);
        visitor.pay(&checkout, "succeed").await;
        assert_eq!(stock(&t, &event).await, (0, 2));
        assert_eq!(bor.becomes("served").await["offer"], Value::Null);
        assert_eq!(t.mails_waiting("cene@example.com"), 0, "nothing is left for them");
        // Whoever was served can wait again.
        Waiter::join(&t, &event, "bor@example.com", 1, 1).await.becomes("waiting").await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn what_is_not_wanted_goes_to_the_next(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 1).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        let dana = Waiter::join(&t, &event, "dana@example.com", 1, 1).await;
        refund(&t, &order).await;
        let checkout = bor.checkout(&t).await;
        // By leaving: the hold is of no use any more.
        for _ in 0..2 {
            assert_eq!(bor.client.delete(&bor.path()).await.status, 204, "doing it again changes nothing");
        }
        assert_eq!(bor.see().await["state"], "ended");
        let visitor = Visitor::new(&t);
        let checkout = visitor.get(&checkout).await;
        assert!(matches!(checkout.status, 409 | 410), "{checkout:?}");

        // By letting it pass twice: the first time they keep their place.
        for _ in 0..2 {
            cene.checkout(&t).await;
            cene.becomes("offered").await;
            t.clock.advance(Duration::from_hours(12) + Duration::from_secs(1));
        }
        dana.checkout(&t).await;
        assert_eq!(cene.becomes("ended").await["offer"], Value::Null);
        // By giving the hold up.
        let hold = text(&dana.becomes("offered").await["offer"]["hold"]);
        assert_eq!(t.stranger.delete(&format!("/api/v1/shop/holds/{hold}")).await.status, 204);
        dana.checkout(&t).await;
        let states: Vec<_> = list(&t, &event).await.iter().map(|one| (text(&one["state"]), one["missed"].as_i64().unwrap())).collect();
        assert_eq!(states, [("ended".to_owned(), 0), ("ended".to_owned(), 2), ("offered".to_owned(), 1)]);
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn a_group_does_not_keep_those_waiting_who_fit(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 2).await;
        let group = Waiter::join(&t, &event, "group@example.com", 5, 5).await;
        let some = Waiter::join(&t, &event, "some@example.com", 5, 1).await;
        refund(&t, &order).await;
        some.checkout(&t).await;
        assert_eq!(some.becomes("offered").await["offer"]["quantity"], 2);
        assert_eq!(group.see().await["state"], "waiting");
        for _ in 0..200 {
            if list(&t, &event).await[0]["passed_over"] == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(list(&t, &event).await[0]["passed_over"], 1);
        t.stop().await;
    }

    /// covers: BE-2, DB-2
    async fn offers_made_at_once_hold_no_more_than_there_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 5).await;
        let mut waiters = Vec::new();
        for n in 0..8 {
            waiters.push(Waiter::join(&t, &event, &format!("w{n}@example.com"), 1, 1).await);
        }
        refund(&t, &order).await;
        let runs = join_all((0..6).map(|_| waitlist::offer_what_is_free(&t.app))).await;
        assert!(runs.iter().all(Result::is_ok), "{runs:?}");
        for waiter in &waiters[..5] {
            waiter.becomes("offered").await;
        }
        for waiter in &waiters[5..] {
            assert_eq!(waiter.see().await["state"], "waiting");
        }
        assert_eq!(stock(&t, &event).await, (5, 0));
        let offers: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM waitlist_offers"), vals![]).await.unwrap();
        assert_eq!(offers, 5);
        // Each of them once, by mail.
        for waiter in &waiters[..5] {
            waiter.checkout(&t).await;
            assert_eq!(t.mails_waiting(&waiter.email), 0);
        }
        t.stop().await;
    }

    /// covers: BE-2, ORG-5, MON-3
    async fn a_list_that_cannot_be_served_is_in_no_others_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let (first, first_order) = sold_out(&t, 3).await;
        let broken = Waiter::join(&t, &first, "broken@example.com", 1, 1).await;
        let (second, second_order) = sold_out(&t, 2).await;
        let next = Waiter::join(&t, &second, "next@example.com", 1, 1).await;
        assert!(first.id < second.id, "the one that fails is the first");
        // Whom to tell cannot be read any more.
        let id = broken.id.clone();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE waitlist_entries SET sealed_person = $2 WHERE id = $1"), vals![id, vec![7u8; 60]]).await
        })).await.unwrap();
        refund(&t, &first_order).await;
        refund(&t, &second_order).await;
        next.checkout(&t).await;
        next.becomes("offered").await;
        assert_eq!(broken.see().await["state"], "waiting");
        // It is told at the end, so that the job counts as failed.
        let run = waitlist::offer_what_is_free(&t.app).await;
        assert!(matches!(run, Err(waitlist::WaitlistError::Db(_))), "{run:?}");
        let mut jobs = Vec::new();
        for _ in 0..200 {
            jobs = t.jobs_as_text().await;
            if jobs.iter().any(|job| job.contains("sales.waitlist") && job.contains("Some(")) {
                t.stop().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no job says that it failed: {jobs:?}");
    }

    /// covers: BE-2, ORG-5
    async fn who_waits_for_what_never_comes_is_in_nobodys_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let (old, _) = sold_out(&t, 1).await;
        t.organiser.post(&format!("/api/v1/events/{}/pause", old.id), json!({})).await.expect(200);
        let (event, tier) = (old.id.clone(), old.tiers[0].clone());
        let many: Result<(), DbError> = t.app.db.write(move |c| Box::pin(async move {
            for i in 0..600_i64 {
                c.exec(
                    sql!(
                        "INSERT INTO waitlist_entries (id, event_id, tier_id, occurrence_id, sealed_person, person_hash, most, \
                         least, joined_at, state) VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, 'waiting')"
                    ),
                    vals![format!("wle_{i}"), &event, &tier, format!("occ_{i}"), Vec::<u8>::new(), i.to_be_bytes().to_vec(), i],
                ).await?;
            }
            Ok(())
        })).await;
        many.unwrap();
        // Newer events come behind older ones.
        t.clock.advance(Duration::from_secs(1));
        let (event, order) = sold_out(&t, 1).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        refund(&t, &order).await;
        bor.checkout(&t).await;
        t.stop().await;
    }
}
