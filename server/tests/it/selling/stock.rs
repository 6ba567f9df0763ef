//! Counters: shared by tiers, changed while they are sold from, and never below what is sold.

use bilten_kernel::db::{Db, DbError, Statement, Val};
use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use bilten_server::app::{App, Post};
use bilten_server::catalog;
use bilten_server::events::{self, DomainEvent};
use bilten_server::payments::{self, PaymentError, PurchaseRequest};
use bilten_server::sales::{self, SalesError};
use bilten_server::waiting_room::PassShown;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;

use super::{balance, buy, event_with, hold, text};
use crate::app::{Event, TestApp, vault};

/// An event whose two tiers share a pool of so many.
async fn pooled(t: &TestApp, capacity: i64) -> (Event, String) {
    let event = event_with(
        t,
        json!([
            {"name": "Standing", "price_minor": 1000, "capacity": 1000},
            {"name": "Reduced", "price_minor": 500, "capacity": 1000},
        ]),
        &[24],
    )
    .await;
    let path = format!("/api/v1/events/{}/pools", event.id);
    let made = t
        .organiser
        .post(&path, json!({"name": "Floor", "capacity": capacity}))
        .await
        .expect(201);
    let pool = text(&made["id"]);
    for tier in &event.tiers {
        let path = format!("/api/v1/events/{}/tiers/{tier}", event.id);
        let version = t
            .organiser
            .get(&format!("/api/v1/events/{}", event.id))
            .await
            .expect(200)["version"]
            .clone();
        t.organiser
            .patch(&path, json!({"version": version, "pool_id": pool}))
            .await
            .expect(200);
    }
    (event, pool)
}

async fn version(t: &TestApp, event: &Event) -> Value {
    let path = format!("/api/v1/events/{}", event.id);
    t.organiser.get(&path).await.expect(200)["version"].clone()
}

async fn counter(t: &TestApp, counter: &str) -> (i64, i64, i64) {
    let found: Option<(i64, i64, i64)> = t
        .app
        .db
        .opt(
            sql!("SELECT capacity, held, sold FROM stock WHERE counter = $1"),
            vals![counter],
        )
        .await
        .unwrap();
    found.unwrap()
}

/// A write of somebody who buys: one row, then after a while, in which others write, another one.
async fn two_steps(
    db: Db,
    [first, second]: [(&'static Statement, Vec<Val>); 2],
    begun: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
) -> Result<(), DbError> {
    let is_lite = db.engine() == "sqlite";
    db.write(move |c| {
        Box::pin(async move {
            assert_eq!(c.exec(first.0, first.1).await?, 1);
            begun.send(()).unwrap();
            // SQLite has one writer: nobody is in the middle of anything meanwhile.
            if !is_lite {
                let _ = go.await;
            }
            assert_eq!(c.exec(second.0, second.1).await?, 1);
            Ok(())
        })
    })
    .await
}

on_both_engines! {
    /// covers: BE-2, ORG-2
    async fn a_pause_takes_what_buyers_take_in_their_order(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([
            {"name": "Standing", "price_minor": 1000, "capacity": 100},
            {"name": "Reduced", "price_minor": 500, "capacity": 100},
        ]);
        let event = event_with(&t, tiers, &[24]).await;
        let (first, second) = (event.tiers.iter().min().unwrap(), event.tiers.iter().max().unwrap());
        let stock_of = |tier: &String| (sql!("UPDATE stock SET held = held WHERE counter = $1"), vals![tier]);
        for round in 0..2 {
            // It is written last, so that it lies behind the other one in the table.
            let items = json!([{"tier": first, "quantity": 1}]);
            let held = hold(&t, &event, items, &format!("h{round}")).await.expect(201);
            let steps = if round == 0 {
                // Whoever takes a hold over takes its stock after it.
                let the_hold = sql!("UPDATE holds SET expires_at = expires_at WHERE id = $1");
                [(the_hold, vals![text(&held["id"])]), stock_of(first)]
            } else {
                [stock_of(first), stock_of(second)]
            };
            let (begun, has_begun) = oneshot::channel();
            let (go, told_to_go) = oneshot::channel();
            let buying = tokio::spawn(two_steps(t.app.db.clone(), steps, begun, told_to_go));
            has_begun.await.unwrap();
            let (organiser, path) = (t.organiser.clone(), format!("/api/v1/events/{}/pause", event.id));
            let pausing = tokio::spawn(async move { organiser.post(&path, json!({})).await });
            // Longer than PostgreSQL waits before it looks whether somebody waits in a circle.
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let _ = go.send(());
            buying.await.unwrap().unwrap();
            pausing.await.unwrap().expect(200);
            t.organiser.post(&format!("/api/v1/events/{}/resume", event.id), json!({})).await.expect(200);
        }
        t.stop().await;
    }
}

on_both_engines! {
    /// 150 rivals on two tiers want more than the 100 that both have together, while the capacity and
    /// texts of the event are changed again and again: never one too many, and none is lost.
    ///
    /// covers: BE-2, DB-2, ORG-3
    async fn a_shared_pool_is_never_oversold(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, pool) = pooled(&t, 100).await;
        let rivals = (0..150usize).map(|i| {
            let (t, event) = (&t, &event);
            async move {
                let items = json!([{"tier": event.tiers[i % 2], "quantity": 1}, {"tier": event.tiers[(i + 1) % 2], "quantity": i % 3}]);
                let items: Vec<Value> = items.as_array().unwrap().iter().filter(|item| item["quantity"] != 0).cloned().collect();
                let key = format!("rival-{i}");
                let answer = if i % 5 == 0 {
                    let held = hold(t, event, json!(items), &key).await;
                    if held.status != 201 {
                        held
                    } else {
                        let mut body = crate::selling::buying(event, json!([]), "succeed");
                        body["hold"] = held.expect(201)["id"].clone();
                        t.stranger.post_once("/api/v1/shop/orders", &key, &body).await
                    }
                } else {
                    buy(t, event, json!(items), "succeed", &key).await
                };
                match answer.status {
                    201 => answer.expect(201)["tickets"].as_array().unwrap().len(),
                    _ => {
                        let refused = answer.expect(409);
                        let code = refused["code"].as_str().unwrap();
                        assert!(["sales.sold_out", "sales.offer_changed"].contains(&code), "{}", answer.text);
                        0
                    }
                }
            }
        });
        let edits = async {
            for i in 0..10 {
                let version = version(&t, &event).await;
                let (path, body) = if i % 2 == 0 {
                    (format!("/api/v1/events/{}/pools/{pool}", event.id), json!({"version": version, "capacity": 100 - i}))
                } else {
                    (format!("/api/v1/events/{}", event.id), json!({"version": version, "description": format!("No. {i}")}))
                };
                let answer = t.organiser.patch(&path, body).await;
                assert!([200, 409].contains(&answer.status), "{}", answer.text);
            }
        };
        let (sold, ()) = tokio::join!(join_all(rivals), edits);
        let mut sold: usize = sold.into_iter().sum();
        for i in 0..200 {
            let items = json!([{"tier": event.tiers[i % 2], "quantity": 1}]);
            let answer = buy(&t, &event, items, "succeed", &format!("late-{i}")).await;
            if answer.status != 201 {
                answer.refused(409, "sales.sold_out");
                break;
            }
            sold += 1;
        }
        let (capacity, held, of_pool) = counter(&t, &pool).await;
        assert_eq!((held, of_pool), (0, capacity), "the pool is sold out to the last");
        assert_eq!(usize::try_from(of_pool).unwrap(), sold, "every ticket was answered, and no other");
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn capacity_never_falls_below_what_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, pool) = pooled(&t, 10).await;
        buy(&t, &event, json!([{"tier": event.tiers[0], "quantity": 3}]), "succeed", "k").await.expect(201);
        hold(&t, &event, json!([{"tier": event.tiers[1], "quantity": 2}]), "h").await.expect(201);
        let path = format!("/api/v1/events/{}/pools/{pool}", event.id);
        for (capacity, status) in [(4, 409), (0, 409), (5, 200), (6, 200)] {
            let answer = t.organiser.patch(&path, json!({"version": version(&t, &event).await, "capacity": capacity})).await;
            assert_eq!(answer.status, status, "{capacity}: {}", answer.text);
        }
        assert_eq!(counter(&t, &pool).await, (6, 2, 3));
        let left = t.stranger.get(&format!("/api/v1/shop/events/{}", event.id)).await.expect(200);
        let left: Vec<_> = left["availability"].as_array().unwrap().iter().map(|one| one["left"].clone()).collect();
        assert_eq!(left, [json!(1), json!(1)], "no more than the pool has");
        let short = buy(&t, &event, json!([{"tier": event.tiers[1], "quantity": 2}]), "succeed", "k2").await.refused(409, "sales.sold_out");
        assert_eq!(short["errors"][0]["detail"].as_str().unwrap().split(' ').nth(2), Some("1"));
        t.stop().await;
    }

    /// A full pool shuts its tiers, whatever they have of their own: wherever it is asked.
    ///
    /// covers: BE-2, ORG-3
    async fn a_full_pool_is_sold_out(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = pooled(&t, 5).await;
        let (shop, page) = (format!("/api/v1/shop/events/{}", event.id), format!("/e/{}", event.slug));
        let dashboard = format!("/api/v1/events/{}/dashboard", event.id);
        buy(&t, &event, json!([{"tier": event.tiers[0], "quantity": 3}]), "succeed", "k").await.expect(201);
        let held = hold(&t, &event, json!([{"tier": event.tiers[0], "quantity": 2}]), "h").await.expect(201);
        // What is held may come back, of the other tier too.
        for client in [&t.organiser, &t.stranger] {
            assert_eq!(client.get(&shop).await.expect(200)["standing"], "on_sale");
        }
        assert_eq!(t.organiser.get(&dashboard).await.expect(200)["standing"], "on_sale");
        let seen = t.stranger.get(&page).await;
        assert_eq!(seen.text.matches("All taken; some may come back within minutes").count(), 2, "{}", seen.text);

        let mut body = crate::selling::buying(&event, json!([]), "succeed");
        body["hold"] = held["id"].clone();
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k2", &body).await.expect(201);
        let seen = t.stranger.get(&shop).await.expect(200);
        assert_eq!(seen["standing"], "sold_out");
        let left: Vec<_> = seen["availability"].as_array().unwrap().iter().map(|one| one["left"].clone()).collect();
        assert_eq!(left, [json!(0), json!(0)]);
        assert_eq!(t.organiser.get(&dashboard).await.expect(200)["standing"], "sold_out");
        let seen = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
        assert_eq!((&seen["left"], &seen["tiers"][0]["left"], &seen["sold"]), (&json!(0), &json!(0), &json!(5)));
        let seen = t.stranger.get(&format!("{shop}/availability")).await.expect(200);
        assert!(seen["tiers"].as_array().unwrap().iter().all(|tier| tier["level"] == "sold_out"), "{seen}");
        let seen = t.stranger.get(&page).await;
        assert!(seen.text.contains("https://schema.org/SoldOut") && !seen.text.contains("https://schema.org/InStock"), "{}", seen.text);

        // Stock that comes back opens both.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", text(&bought["order"]["id"])), json!({})).await.expect(200);
        assert_eq!(t.stranger.get(&shop).await.expect(200)["standing"], "on_sale");
        assert_eq!(t.organiser.get(&dashboard).await.expect(200)["standing"], "on_sale");
        t.stop().await;
    }

    /// On one date the tier has none left, on the other its pool: all dates together would say that one is.
    ///
    /// covers: BE-2, ORG-3
    async fn a_pool_by_dates_is_looked_at_by_dates(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers = json!([
            {"name": "Front", "price_minor": 1000, "capacity": 1, "per_date": true},
            {"name": "Floor", "price_minor": 500, "capacity": 3, "per_date": true},
        ]);
        let event = event_with(&t, tiers, &[24, 48]).await;
        let own = format!("/api/v1/events/{}", event.id);
        let pool = json!({"name": "House", "capacity": 3, "per_date": true});
        let made = t.organiser.post(&format!("{own}/pools"), pool).await.expect(201);
        for tier in &event.tiers {
            let body = json!({"version": version(&t, &event).await, "pool_id": made["id"]});
            t.organiser.patch(&format!("{own}/tiers/{tier}"), body).await.expect(200);
        }
        let dates = t.organiser.get(&own).await.expect(200)["occurrences"].clone();
        let buying = |tier: usize, date: usize, quantity: u32| {
            json!([{"tier": event.tiers[tier], "occurrence": dates[date]["id"], "quantity": quantity}])
        };
        buy(&t, &event, buying(1, 0, 3), "succeed", "k1").await.expect(201);
        buy(&t, &event, buying(0, 1, 1), "succeed", "k2").await.expect(201);
        let shop = format!("/api/v1/shop/events/{}", event.id);
        let seen = t.stranger.get(&shop).await.expect(200);
        let left: Vec<_> = seen["availability"].as_array().unwrap().iter().map(|one| one["left"].clone()).collect();
        assert_eq!((seen["standing"].as_str(), left), (Some("on_sale"), vec![json!(0), json!(2)]));
        buy(&t, &event, buying(1, 1, 2), "succeed", "k3").await.expect(201);
        assert_eq!(t.stranger.get(&shop).await.expect(200)["standing"], "sold_out");
        t.stop().await;
    }

    /// A pause works from the moment it is written; holds that nobody has paid for end with it, and what is
    /// being paid is finished.
    ///
    /// covers: BE-2, ORG-2
    async fn nobody_buys_while_the_sale_is_paused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let held = hold(&t, &event, items.clone(), "h").await.expect(201);
        let pending = buy(&t, &event, items.clone(), "decline", "k").await.expect(201);
        t.organiser.post(&format!("/api/v1/events/{}/pause", event.id), json!({})).await.expect(200);
        buy(&t, &event, items.clone(), "succeed", "k2").await.refused(409, "sales.off_sale");
        hold(&t, &event, items.clone(), "h2").await.refused(409, "sales.off_sale");
        let mut body = crate::selling::buying(&event, json!([]), "succeed");
        body["hold"] = held["id"].clone();
        t.stranger.post_once("/api/v1/shop/orders", "k3", &body).await.refused(410, "sales.hold_gone");
        let buyer = t.stranger.with_token(pending["token"].as_str().unwrap());
        let path = format!("/api/v1/shop/orders/{}/payments", text(&pending["order"]["id"]));
        let payment = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        let paid = buyer.post_once(&path, "p", &payment).await.expect(201);
        assert_eq!(paid["order"]["state"], "paid");
        t.organiser.post(&format!("/api/v1/events/{}/resume", event.id), json!({})).await.expect(200);
        buy(&t, &event, items, "succeed", "k4").await.expect(201);
        t.stop().await;
    }

    /// What tells of an event as it was before it was paused (a key that is added meanwhile) does not let it
    /// sell again.
    ///
    /// covers: BE-2, ORG-2
    async fn an_older_version_does_not_undo_a_pause(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let id = event.id.parse().unwrap();
        let older = t.app.db.read(move |c| Box::pin(async move { catalog::detail_in(c, id).await })).await.unwrap().unwrap();
        t.organiser.post(&format!("/api/v1/events/{}/pause", event.id), json!({})).await.expect(200);
        let saved = DomainEvent::EventSaved { detail: Box::new(older), change: "key_added".to_owned() };
        let app = t.app.clone();
        let told = t.app.db.write(move |c| Box::pin(async move { events::publish(&app, c, vec![saved]).await })).await;
        assert!(told.is_ok());
        let selling: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM stock WHERE selling"), vals![]).await.unwrap();
        assert_eq!(selling, 0);
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        hold(&t, &event, items.clone(), "h").await.refused(409, "sales.off_sale");
        t.organiser.post(&format!("/api/v1/events/{}/resume", event.id), json!({})).await.expect(200);
        buy(&t, &event, items, "succeed", "k").await.expect(201);
        t.stop().await;
    }

    /// On two nodes at once, holds of two tiers are made in either order, refused and given up, and so are
    /// orders: nobody waits in a circle, nobody hears of a fault, and in the end everything is back.
    ///
    /// covers: BE-2, DB-2, BE-10
    async fn what_is_held_and_given_up_at_once_comes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 40), ("Reduced", 1500, 40)]).await;
        let keys = vault(&t.app.db, t.app.now()).await;
        let post = Post::new(&t.app.config, t.app.outside.clone()).unwrap();
        let second = App::new(t.app.db.clone(), t.clock.clone(), t.app.random.clone(), t.app.config.clone(), keys, post);
        let id = event.id.parse().unwrap();
        let rivals = (0..120usize).map(|i| {
            let (app, event) = (if i % 2 == 0 { &t.app } else { &second }, &event);
            async move {
                let both = json!([{"tier": event.tiers[i % 2], "quantity": 1}, {"tier": event.tiers[(i + 1) % 2], "quantity": 1 + i % 3}]);
                let (mut had, mut refused) = (0, 0);
                for round in 0..3 {
                    let key = format!("rival-{i}-{round}");
                    let is_sold_out = |error: &SalesError| assert!(matches!(error, SalesError::SoldOut { .. }), "{error:?}");
                    if i % 3 == 0 {
                        let request: PurchaseRequest = serde_json::from_value(crate::selling::buying(event, both.clone(), "decline")).unwrap();
                        match payments::purchase(app, request, key).await {
                            Ok(bought) => {
                                had += 1;
                                sales::cancel_pending(app, bought.order.order.id).await.unwrap();
                                // Giving up twice changes nothing.
                                sales::cancel_pending(app, bought.order.order.id).await.unwrap();
                            }
                            Err(PaymentError::Sales(error)) => { refused += 1; is_sold_out(&error); }
                            Err(error) => panic!("{error:?}"),
                        }
                    } else {
                        let items = serde_json::from_value(both.clone()).unwrap();
                        match sales::hold(app, id, items, Some(key), PassShown::default()).await {
                            Ok(hold) => {
                                had += 1;
                                let (one, other) = tokio::join!(sales::release_hold(app, hold.id), sales::release_hold(app, hold.id));
                                one.unwrap();
                                other.unwrap();
                            }
                            Err(error) => { refused += 1; is_sold_out(&error); }
                        }
                    }
                }
                (had, refused)
            }
        });
        let all = join_all(rivals).await;
        // Nobody is refused before 38 of a tier are held, of which nobody has more than three.
        assert!(all.iter().map(|(had, _)| had).sum::<u32>() > 12, "{all:?}");
        for tier in &event.tiers {
            assert_eq!(counter(&t, tier).await, (40, 0, 0));
        }
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// One key makes one hold, however often and wherever it is used at once, and none of something else.
    ///
    /// covers: BE-2, BE-10
    async fn one_key_used_at_once_is_one_hold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let keys = vault(&t.app.db, t.app.now()).await;
        let post = Post::new(&t.app.config, t.app.outside.clone()).unwrap();
        let second = App::new(t.app.db.clone(), t.clock.clone(), t.app.random.clone(), t.app.config.clone(), keys, post);
        let id = event.id.parse().unwrap();
        let asked = (0..60usize).map(|i| {
            let (app, event) = (if i % 2 == 0 { &t.app } else { &second }, &event);
            async move {
                let quantity: i64 = if i % 10 == 9 { 2 } else { 1 };
                let items = serde_json::from_value(json!([{"tier": event.tiers[0], "quantity": quantity}])).unwrap();
                (quantity, sales::hold(app, id, items, Some("the-same".to_owned()), PassShown::default()).await)
            }
        });
        let mut made = std::collections::BTreeSet::new();
        for (quantity, answer) in join_all(asked).await {
            match answer {
                Ok(hold) => { made.insert((hold.id.to_string(), quantity)); }
                Err(error) => assert!(matches!(error, SalesError::KeyReused), "{error:?}"),
            }
        }
        let (_, quantity) = made.pop_first().unwrap();
        assert!(made.is_empty(), "{made:?}");
        assert_eq!(counter(&t, &event.tiers[0]).await, (100, quantity, 0));
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// What is plainly sold out is refused; but what was granted before is answered as before, and what has
    /// run out and was not swept away yet is there for who asks.
    ///
    /// covers: BE-2, PAY-1
    async fn what_is_sold_out_is_so_until_something_runs_out(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 3)]).await;
        let want = |quantity: i64| json!([{"tier": event.tiers[0], "quantity": quantity}]);
        let all = hold(&t, &event, want(3), "all").await.expect(201);
        let refused = hold(&t, &event, want(1), "one").await.refused(409, "sales.sold_out");
        assert_eq!(refused["code"], "sales.sold_out");
        assert_eq!(hold(&t, &event, want(3), "all").await.expect(201)["id"], all["id"]);
        hold(&t, &event, want(1), "all").await.refused(422, "sales.idempotency_key_reused");
        t.clock.advance(std::time::Duration::from_secs(16 * 60));
        hold(&t, &event, want(1), "one").await.expect(201);
        assert_eq!(counter(&t, &event.tiers[0]).await, (3, 1, 0));
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// The same request on two nodes at once makes one order, and both are told of it.
    ///
    /// covers: PAY-1, BE-10
    async fn one_key_on_two_nodes_is_one_order(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let keys = vault(&t.app.db, t.app.now()).await;
        let post = Post::new(&t.app.config, t.app.outside.clone()).unwrap();
        let second = App::new(t.app.db.clone(), t.clock.clone(), t.app.random.clone(), t.app.config.clone(), keys, post);
        let mut body = crate::selling::buying(&event, json!([{"tier": event.tiers[0], "quantity": 1}]), "succeed");
        for i in 0..10 {
            body["buyer"]["email"] = json!(format!("ana{i}@example.com"));
            let request: PurchaseRequest = serde_json::from_value(body.clone()).unwrap();
            let key = format!("k{i}");
            let (one, other) = tokio::join!(
                payments::purchase(&t.app, request.clone(), key.clone()),
                payments::purchase(&second, request, key),
            );
            assert_eq!(one.unwrap().order.order.id, other.unwrap().order.order.id);
        }
        assert_eq!(counter(&t, &event.tiers[0]).await, (100, 0, 10));
        t.stop().await;
    }

    /// Money for an event that was called off in the meantime goes back.
    ///
    /// covers: PAY-1
    async fn nobody_pays_for_what_was_called_off(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let pending = buy(&t, &event, items, "time_out", "k").await.expect(201);
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        let payment = text(&pending["payment"]["id"]).parse().unwrap();
        bilten_server::payments::provider_reports(&t.app, payment, true).await.unwrap();
        let seen = crate::selling::seen(&t, &pending).await;
        assert_eq!((&seen["order"]["state"], &seen["payment"]["state"]), (&json!("expired"), &json!("refunded")));
        assert_eq!(seen["tickets"], json!([]));
        balance(&t.app.db).await;
        t.stop().await;
    }
}
