//! Seats: chosen by hand or found, held together or not at all, and never sold twice.

use std::collections::BTreeSet;
use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::app::{App, Post};
use bilten_server::sales::{self, SalesError};
use bilten_server::waiting_room::PassShown;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{balance, buy, buying, hold, named, seated, seated_at, seated_on, seen, text};
use crate::app::{Answer, TestApp, vault};

fn seats_of(answer: &Value) -> Vec<String> {
    let tickets = answer["tickets"].as_array().unwrap().iter();
    tickets.map(|ticket| text(&ticket["seat_id"])).collect()
}

/// Whether rivals may be refused so.
#[track_caller]
fn is_lost(answer: &Answer) {
    let body = answer.expect(409);
    let code = body["code"].as_str().unwrap();
    let fair = [
        "sales.seats_taken",
        "sales.sold_out",
        "sales.too_few_seats",
        "sales.not_together",
    ];
    assert!(fair.contains(&code), "{}", answer.text);
}

on_both_engines! {
    /// 200 rivals want 800 of 500 seats, half of them by name: no seat is sold twice, and none is lost.
    ///
    /// covers: BE-2, DB-2
    async fn rivals_never_get_one_seat_twice(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 2, 10, 25).await;
        let rivals = (0..200usize).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let items = if i % 2 == 0 {
                    json!([{"tier": event.tiers[0], "quantity": 4}])
                } else {
                    // Neighbours by name: two rivals for each four of them, and across their borders.
                    let (row, from) = (i % 10 + 1, i % 22 + 1);
                    let seats: Vec<_> = (from..from + 4).map(|seat| format!("1-{row}-{seat}")).collect();
                    json!([{"tier": event.tiers[0], "seats": seats}])
                };
                buy(t, event, items, "succeed", &format!("rival-{i}")).await
            }
        });
        let mut sold = BTreeSet::new();
        let mut keep = |answer: &Value| {
            for seat in seats_of(answer) {
                assert!(sold.insert(seat.clone()), "{seat} was sold twice");
            }
        };
        for answer in join_all(rivals).await {
            if answer.status == 201 {
                keep(&answer.expect(201));
            } else {
                is_lost(&answer);
            }
        }
        // Whoever comes later gets what is left, one by one, until there is none.
        for i in 0..=500 {
            let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
            let answer = buy(&t, &event, items, "succeed", &format!("late-{i}")).await;
            if answer.status != 201 {
                is_lost(&answer);
                break;
            }
            keep(&answer.expect(201));
        }
        assert_eq!(sold.len(), 500);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn a_party_has_all_its_seats_or_none(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, date) = seated(&t, 1, 2, 5).await;
        let held = hold(&t, &event, named(&event, &["1-1-2", "1-1-3", "1-1-4"]), "h").await.expect(201);
        assert_eq!(held["items"][0]["quantity"], 3);
        assert_eq!(held["items"][0]["occurrence"], date.as_str());
        assert_eq!(held["items"][0]["seats"][0], json!({"id": "1-1-2", "label": "Block 1 · 1 · 2"}));
        assert_eq!(held["total_minor"], 7500);
        // Asked again with the same key, it is the same hold: not a rival of itself.
        assert_eq!(hold(&t, &event, named(&event, &["1-1-2", "1-1-3", "1-1-4"]), "h").await.expect(201), held);

        let lost = hold(&t, &event, named(&event, &["1-1-4", "1-1-5"]), "h2").await.refused(409, "sales.seats_taken");
        assert_eq!(lost["errors"], json!([{"field": "seats", "code": "taken", "detail": "1-1-4"}]));
        let one = buy(&t, &event, named(&event, &["1-1-5"]), "succeed", "k").await.expect(201);
        assert_eq!(seats_of(&one), ["1-1-5"]);

        // The hold becomes the order, with its seats and its price.
        let mut order = crate::selling::buying(&event, json!([]), "succeed");
        order["hold"] = held["id"].clone();
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k2", &order).await.expect(201);
        assert_eq!(seats_of(&bought).len(), 3);
        assert_eq!(bought["tickets"][0]["occurrence_id"], date.as_str());
        assert!(bought["tickets"][0]["seat_label"].as_str().unwrap().starts_with("Block 1 · 1 · "));
        balance(&t.app.db).await;

        // Paid back, they are for others.
        let path = format!("/api/v1/orders/{}/refund", text(&bought["order"]["id"]));
        t.organiser.post(&path, json!({})).await.expect(200);
        buy(&t, &event, named(&event, &["1-1-2", "1-1-3", "1-1-4"]), "succeed", "k3").await.expect(201);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// A tier whose seats are not counted by dates has one line in an order: seats of two dates in it would
    /// be sold on the first of them.
    ///
    /// covers: BE-6, BE-2
    async fn seats_of_two_dates_are_not_mixed(db: TestDb) {
        let t = TestApp::start(db).await;
        let map = serde_json::to_value(bilten_server::catalog::seating::templates::arena(1, 1, 5).unwrap()).unwrap();
        let (event, dates) = seated_at(&t, map, &[48, 72]).await;
        let on = |date: &str, seat: &str| json!({"tier": event.tiers[0], "occurrence": date, "seats": [seat]});
        let mixed = json!([on(&dates[0], "1-1-1"), on(&dates[1], "1-1-2")]);
        let refused = hold(&t, &event, mixed, "mixed").await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["code"], "several_dates");
        for (date, seat) in [(&dates[0], "1-1-1"), (&dates[1], "1-1-2")] {
            let bought = buy(&t, &event, json!([on(date, seat)]), "succeed", seat).await.expect(201);
            let ticket = &bought["tickets"][0];
            assert_eq!((&ticket["occurrence_id"], &ticket["seat_id"]), (&json!(date), &json!(seat)));
        }
        // Nor are two wishes: the second one was all that was looked for.
        let wish = |may_split: bool| json!({"tier": event.tiers[0], "occurrence": dates[0], "quantity": 1, "wish": {"may_split": may_split, "full_view": true}});
        let refused = hold(&t, &event, json!([wish(true), wish(false)]), "wishes").await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["field"], "items[1].wish");
        hold(&t, &event, json!([wish(true)]), "one").await.expect(201);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// An order that is refused keeps no seats back, not even from its own buyer, who may ask again with
    /// the same key or another one.
    ///
    /// covers: BE-2, BE-6
    async fn an_order_that_is_refused_keeps_no_seats(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 4).await;
        for (seat, first, second) in [("1-1-1", "same", "same"), ("1-1-2", "one", "other")] {
            let mut body = buying(&event, named(&event, &[seat]), "succeed");
            body["tickets"] = json!([{"name": "Bor", "email": "nowhere"}]);
            t.stranger.post_once("/api/v1/shop/orders", first, &body).await.refused(422, "invalid");
            let active: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM holds WHERE state = 'active'"), vals![]).await.unwrap();
            assert_eq!(active, 0, "nobody could give it up");
            body["tickets"] = json!([{"name": "Bor", "email": "bor@example.com"}]);
            let bought = t.stranger.post_once("/api/v1/shop/orders", second, &body).await.expect(201);
            assert_eq!(bought["tickets"][0]["seat_id"], seat);
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-6
    async fn strange_seats_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut map = serde_json::to_value(bilten_server::catalog::seating::templates::arena(2, 1, 5).unwrap()).unwrap();
        map["sections"][1]["category"] = json!("b");
        let (event, date) = seated_on(&t, map).await;
        let plain = t.event(&[("Standing", 2500, 10)]).await;
        let tier = event.tiers[0].as_str();
        for (items, code) in [
            (json!([{"tier": tier, "seats": ["9-9-9"]}]), "unknown_seat"),
            (json!([{"tier": tier, "seats": ["2-1-1"]}]), "wrong_category"),
            (json!([{"tier": tier, "seats": ["1-1-1", "1-1-1"]}]), "twice"),
            (json!([{"tier": tier, "seats": ["1-1-1"], "quantity": 2}]), "count"),
            (json!([{"tier": tier, "seats": ["1-1-1"], "occurrence": "occ_01kdvm6x00fazbzzr4pc4snbka"}]), "unknown"),
        ] {
            let refused = hold(&t, &event, items.clone(), &format!("h-{code}")).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["code"], code, "{items}");
        }
        let seats = json!([{"tier": plain.tiers[0], "seats": ["1-1-1"]}]);
        let refused = hold(&t, &plain, seats, "no-seats").await.refused(422, "invalid");
        assert_eq!(refused["errors"][0]["code"], "no_seats");
        // No seat id at all is no JSON of ours.
        let strange = hold(&t, &event, json!([{"tier": tier, "seats": ["Č"]}]), "strange").await;
        assert!([400, 422].contains(&strange.status), "{}", strange.text);
        // Nothing of it was taken.
        let bought = buy(&t, &event, json!([{"tier": tier, "occurrence": date, "quantity": 5}]), "succeed", "all").await;
        assert_eq!(bought.expect(201)["tickets"].as_array().unwrap().len(), 5);
        let wish = json!([{"tier": tier, "quantity": 1}]);
        hold(&t, &event, wish, "none-left").await.refused(409, "sales.too_few_seats");
        t.stop().await;
    }

    /// A hold that ran out is nobody's, also before anybody has swept it away.
    ///
    /// covers: BE-2, PAY-1
    async fn money_that_comes_too_late_buys_the_seat_only_if_it_is_free(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 5).await;
        for (seat, is_gone) in [("1-1-1", true), ("1-1-3", false)] {
            let pending = buy(&t, &event, named(&event, &[seat]), "time_out", seat).await.expect(201);
            assert_eq!(pending["order"]["state"], "pending");
            hold(&t, &event, named(&event, &[seat]), &format!("rival-{seat}")).await.refused(409, "sales.seats_taken");
            t.clock.advance(Duration::from_secs(16 * 60));
            if is_gone {
                buy(&t, &event, named(&event, &[seat]), "succeed", &format!("other-{seat}")).await.expect(201);
            }
            let payment = text(&pending["payment"]["id"]).parse().unwrap();
            for _ in 0..2 {
                bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
            }
            let order = seen(&t, &pending).await;
            if is_gone {
                assert_eq!((&order["order"]["state"], &order["payment"]["state"]), (&json!("expired"), &json!("refunded")));
                assert_eq!(order["tickets"], json!([]));
            } else {
                assert_eq!((&order["order"]["state"], &order["payment"]["state"]), (&json!("paid"), &json!("succeeded")));
                assert_eq!(seats_of(&order), [seat]);
            }
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// As many parties as fit, all at once: each has the seats found that the others have not.
    ///
    /// covers: BE-2, WEB-4
    async fn who_has_seats_looked_for_at_once_finds_different_ones(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 10, 10).await;
        let two = json!([{"tier": event.tiers[0], "quantity": 2}]);
        let parties = (0..50).map(|i| {
            let (t, event, two) = (&t, &event, two.clone());
            async move { hold(t, event, two, &format!("party-{i}")).await.expect(201) }
        });
        let held = join_all(parties).await;
        let mut seats = BTreeSet::new();
        for hold in &held {
            let found = hold["items"][0]["seats"].as_array().unwrap();
            assert_eq!(found.len(), 2);
            seats.extend(found.iter().map(|seat| text(&seat["id"])));
        }
        assert_eq!(seats.len(), 100);
        assert_eq!(hold(&t, &event, two.clone(), "late").await.status, 409);
        // What one gives up, the next one finds.
        let given_up = text(&held[7]["id"]);
        t.stranger.delete(&format!("/api/v1/shop/holds/{given_up}")).await.expect(204);
        let again = hold(&t, &event, two, "later").await.expect(201);
        assert_eq!(again["items"][0]["seats"], held[7]["items"][0]["seats"]);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// On two nodes at once parties name two seats each, one of which the next party wants as well: nobody
    /// waits in a circle, no seat is had twice, and whoever gets nothing keeps nothing.
    ///
    /// covers: BE-2, DB-2, BE-10
    async fn who_does_not_get_all_their_seats_at_once_keeps_none(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 21).await;
        let keys = vault(&t.app.db, t.app.now()).await;
        let post = Post::new(&t.app.config, t.app.outside.clone()).unwrap();
        let second = App::new(t.app.db.clone(), t.clock.clone(), t.app.random.clone(), t.app.config.clone(), keys, post);
        let id = event.id.parse().unwrap();
        let parties = (1..=20usize).map(|i| {
            let (app, event) = (if i % 2 == 0 { &t.app } else { &second }, &event);
            async move {
                let seats = [format!("1-1-{i}"), format!("1-1-{}", i + 1)];
                let items = serde_json::from_value(json!([{"tier": event.tiers[0], "seats": seats}])).unwrap();
                match sales::hold(app, id, items, Some(format!("party-{i}")), PassShown::default()).await {
                    Ok(_) => Vec::from(seats),
                    Err(SalesError::SeatsTaken(_) | SalesError::Choice(_)) => Vec::new(),
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        let mut had = BTreeSet::new();
        for seat in join_all(parties).await.into_iter().flatten() {
            assert!(had.insert(seat.clone()), "{seat} is had twice");
        }
        assert!(!had.is_empty());
        for i in 1..=21usize {
            let seat = format!("1-1-{i}");
            let answer = hold(&t, &event, named(&event, &[&seat]), &format!("alone-{i}")).await;
            if had.contains(&seat) {
                answer.refused(409, "sales.seats_taken");
            } else {
                answer.expect(201);
            }
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn what_is_given_up_is_free_at_once_and_what_is_extended_is_not(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = seated(&t, 1, 1, 5).await;
        let first = hold(&t, &event, named(&event, &["1-1-1", "1-1-2"]), "h").await.expect(201);
        let path = format!("/api/v1/shop/holds/{}", text(&first["id"]));
        t.clock.advance(Duration::from_secs(14 * 60));
        t.stranger.post(&format!("{path}/extend"), json!({})).await.expect(200);
        t.clock.advance(Duration::from_secs(5 * 60));
        hold(&t, &event, named(&event, &["1-1-1"]), "h2").await.refused(409, "sales.seats_taken");
        t.stranger.delete(&path).await.expect(204);
        hold(&t, &event, named(&event, &["1-1-1", "1-1-2"]), "h3").await.expect(201);
        // A pending order that is given up as well.
        let pending = buy(&t, &event, named(&event, &["1-1-3"]), "decline", "k").await.expect(201);
        let buyer = t.stranger.with_token(pending["token"].as_str().unwrap());
        buyer.delete(&format!("/api/v1/shop/orders/{}", text(&pending["order"]["id"]))).await.expect(204);
        buy(&t, &event, named(&event, &["1-1-3"]), "succeed", "k2").await.expect(201);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-2
    async fn an_organiser_keeps_seats_back_and_single_seats_away(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, date) = seated(&t, 1, 1, 5).await;
        let path = |what: &str| format!("/api/v1/events/{}/{what}", event.id);
        let keep = json!({"occurrence": date, "seats": ["1-1-5", "1-1-4"]});
        let kept = t.organiser.post(&path("seats/block"), keep.clone()).await.expect(200);
        assert_eq!(kept["taken"].as_array().unwrap().len(), 2);
        hold(&t, &event, named(&event, &["1-1-5"]), "h").await.refused(409, "sales.seats_taken");
        t.organiser.post(&path("seats/unblock"), keep).await.expect(200);
        hold(&t, &event, named(&event, &["1-1-5"]), "h2").await.expect(201);
        let taken = json!({"occurrence": date, "seats": ["1-1-4", "1-1-5"]});
        let refused = t.organiser.post(&path("seats/block"), taken).await.refused(409, "sales.seats_taken");
        // Only those that somebody has are named, not what could have been kept back, nor what is.
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
        assert_eq!(refused["errors"][0]["detail"], "1-1-5");
        let own = json!({"occurrence": date, "seats": ["1-1-3"]});
        t.organiser.post(&path("seats/block"), own.clone()).await.expect(200);
        let both = json!({"occurrence": date, "seats": ["1-1-3", "1-1-5"]});
        let refused = t.organiser.post(&path("seats/block"), both).await.refused(409, "sales.seats_taken");
        assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{refused}");
        t.organiser.post(&path("seats/unblock"), own).await.expect(200);
        let unknown = json!({"occurrence": date, "seats": ["9-9-9"]});
        t.organiser.post(&path("seats/block"), unknown).await.refused(422, "invalid");

        // 1 to 4 are free: taking 2 and 3 leaves two single ones behind.
        let mut rules = json!({"no_single_seats": true, "companions_with_their_place": true, "needs_approval": false});
        let put = t.organiser.request(Method::PUT, &path("sale-rules")).json(&rules);
        rules["version"] = json!(1);
        assert_eq!(t.organiser.send(put).await.expect(200), rules);
        assert_eq!(t.organiser.get(&path("sale-rules")).await.expect(200), rules);
        let single = hold(&t, &event, named(&event, &["1-1-2", "1-1-3"]), "h3").await.refused(409, "sales.leaves_single_seats");
        assert_eq!(single["errors"].as_array().unwrap().len(), 2);
        hold(&t, &event, named(&event, &["1-1-1", "1-1-2"]), "h4").await.expect(201);
        t.stop().await;
    }
}
