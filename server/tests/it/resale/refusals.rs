//! What is not listed, not sold, and not for sale any more.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::json;

use super::{LISTINGS, buy, check_in, evening, for_sale, hold, pay, state_of, text};
use crate::access::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2, BE-6
    async fn bad_input_is_refused_and_lists_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let bor = buy(&t, &event, 1, "k2").await;
        for price in [-1, i64::MIN, 1_000_000_001, i64::MAX] {
            let refused = ana.try_list(0, price).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], "price_minor");
        }
        for body in [json!({}), json!({"price_minor": 1.5}), json!({"price_minor": "1"}), json!({"price_minor": 1, "x": 1}), json!([])] {
            let answer = ana.buyer.post(&ana.path_of(0, LISTINGS), body).await;
            assert!(matches!(answer.status, 400 | 422), "{answer:?}");
        }
        // Of somebody else, or by nobody.
        bor.buyer.post(&ana.path_of(0, LISTINGS), json!({"price_minor": 1})).await.refused(404, "sales.order_not_found");
        t.stranger.post(&ana.path_of(0, LISTINGS), json!({"price_minor": 1})).await.refused(401, "sales.token_required");
        let others = format!("/api/v1/shop/orders/{}/tickets/{}/resale-listings", ana.order, bor.tickets[0].0);
        ana.buyer.post(&others, json!({"price_minor": 1})).await.refused(404, "tickets.not_found");
        ana.buyer.get(&others).await.refused(404, "tickets.not_found");
        assert!(for_sale(&t, &event).await.is_empty());

        let listing = ana.list(0, 2_500).await;
        ana.try_list(0, 2_500).await.refused(409, "sales.resale_listed");
        let path = format!("{}/{listing}", bor.path_of(0, LISTINGS));
        bor.buyer.delete(&path).await.refused(404, "sales.resale_not_found");
        let strange = format!("rsl_{}", &listing[4..].chars().rev().collect::<String>());
        let answer = hold(&t, &event, &strange, "h").await;
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
        let elsewhere = evening(&t).await;
        hold(&t, &elsewhere, &listing, "h").await.refused(404, "sales.resale_not_found");
        let nokey = format!("/api/v1/shop/events/{}/resale-listings/{listing}/holds", event.id);
        let answer = t.stranger.post(&nokey, json!({})).await;
        assert!(matches!(answer.status, 400 | 422), "{answer:?}");
        hold(&t, &event, &listing, "h").await.expect(201);
        // A key is of one listing.
        let second = bor.list(0, 2_500).await;
        hold(&t, &event, &second, "h").await.refused(422, "sales.idempotency_key_reused");
        for _ in 0..2 {
            assert_eq!(bor.withdraw(0, &second).await.status, 204, "twice is once");
        }
        t.stop().await;
    }

    /// covers: BE-2, SCAN-2
    async fn a_ticket_that_was_used_is_not_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let ana = buy(&t, &event, 2, "k").await;
        let listing = ana.list(0, 2_500).await;
        // It is valid until it is sold; used, it is not for sale any more.
        assert_eq!(check_in(&t, &event, &device, "1", &ana.tickets[0].1).await["admit"], true);
        assert_eq!(state_of(&t, &event, &listing).await, "ended");
        hold(&t, &event, &listing, "h").await.refused(409, "sales.resale_gone");
        ana.try_list(0, 2_500).await.refused(409, "sales.pass_on_used");
        // In the middle of a payment, too: the money goes back.
        let listing = ana.list(1, 2_500).await;
        let held = text(&hold(&t, &event, &listing, "h2").await.expect(201)["id"]);
        let pending = pay(&t, &event, &held, "call_back_late", "k2").await.expect(201);
        assert_eq!(check_in(&t, &event, &device, "2", &ana.tickets[1].1).await["admit"], true);
        t.clock.advance(Duration::from_secs(4));
        let buyer = t.stranger.with_token(&text(&pending["token"]));
        let path = format!("/api/v1/shop/orders/{}", text(&pending["order"]["id"]));
        for _ in 0..400 {
            if buyer.get(&path).await.expect(200)["payment"]["state"] == "refunded" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let seen = buyer.get(&path).await.expect(200);
        assert_eq!((&seen["order"]["state"], &seen["payment"]["state"]), (&json!("expired"), &json!("refunded")));
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_ends_or_changes_a_ticket_ends_its_listing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 4, "k").await;
        let listings = [ana.list(0, 1).await, ana.list(1, 1).await, ana.list(2, 1).await, ana.list(3, 1).await];
        let ticket = |n: usize| format!("/api/v1/tickets/{}", ana.tickets[n].0);
        t.organiser.post(&format!("{}/reissue", ticket(0)), json!({"version": 1})).await.expect(200);
        t.organiser.post(&format!("{}/revoke", ticket(1)), json!({})).await.expect(200);
        let held = text(&hold(&t, &event, &listings[2], "h").await.expect(201)["id"]);
        assert_eq!(for_sale(&t, &event).await.len(), 1);
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        for listing in &listings {
            assert_eq!(state_of(&t, &event, listing).await, "ended");
            hold(&t, &event, listing, listing).await.refused(409, "sales.resale_gone");
        }
        assert!(for_sale(&t, &event).await.is_empty());
        let late = pay(&t, &event, &held, "succeed", "k2").await;
        assert!(matches!(late.status, 409 | 410), "{late:?}");
        ana.try_list(3, 1).await.refused(409, "sales.pass_on_not_valid");
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn nobody_sells_while_the_sale_is_paused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let listing = ana.list(0, 2_500).await;
        let act = async |action: &str| {
            let path = format!("/api/v1/events/{}/{action}", event.id);
            t.organiser.post(&path, json!({})).await.expect(200)
        };
        for stop in ["pause", "postpone"] {
            let held = text(&hold(&t, &event, &listing, stop).await.expect(201)["id"]);
            act(stop).await;
            pay(&t, &event, &held, "succeed", stop).await.refused(410, "sales.hold_gone");
            assert!(for_sale(&t, &event).await.is_empty(), "{stop}");
            hold(&t, &event, &listing, &format!("{stop}-again")).await.refused(409, "sales.off_sale");
            assert_ne!(state_of(&t, &event, &listing).await, "ended", "{stop}");
            if stop == "pause" {
                act("resume").await;
                // What was held comes back with the next sweep.
                for _ in 0..400 {
                    if !for_sale(&t, &event).await.is_empty() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                assert_eq!(for_sale(&t, &event).await.len(), 1);
            }
        }
        t.stop().await;
    }

    /// covers: ORG-3, BE-2
    async fn a_tier_that_only_a_code_opens_is_not_sold_to_everybody(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 2, "k").await;
        let listing = ana.list(0, 2_500).await;
        assert_eq!(for_sale(&t, &event).await.len(), 1);
        let own = format!("/api/v1/events/{}", event.id);
        let version = t.organiser.get(&own).await.expect(200)["version"].clone();
        let patch = json!({"version": version, "hidden": true});
        t.organiser.patch(&format!("{own}/tiers/{}", event.tiers[0]), patch).await.expect(200);
        assert!(for_sale(&t, &event).await.is_empty());
        hold(&t, &event, &listing, "h").await.refused(409, "sales.pass_on_not_allowed");
        ana.try_list(1, 2_500).await.refused(409, "sales.pass_on_not_allowed");
        t.stop().await;
    }

    /// covers: BE-2
    async fn where_people_wait_their_turn_comes_first(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let listing = ana.list(0, 2_500).await;
        let opens_at = Timestamp::from_ms(t.app.now().ms() + 3_600_000).to_string();
        let room = format!("/api/v1/events/{}/waiting-room", event.id);
        let body = json!({"opens_at": opens_at, "most_inside": 10});
        let request = t.organiser.request(Method::PUT, &room).json(&body);
        t.organiser.send(request).await.expect(200);
        let refused = hold(&t, &event, &listing, "h").await;
        refused.refused(409, "sales.waiting_room");
        assert_eq!(state_of(&t, &event, &listing).await, "listed");
        t.stop().await;
    }

    /// covers: BE-2
    async fn nothing_is_resold_shortly_before_the_doors(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 2, "k").await;
        let listing = ana.list(0, 2_500).await;
        t.clock.advance(Duration::from_secs(2 * 3_600 + 1));
        assert!(for_sale(&t, &event).await.is_empty());
        hold(&t, &event, &listing, "h").await.refused(409, "sales.resale_gone");
        ana.try_list(1, 2_500).await.refused(409, "sales.pass_on_frozen");
        t.stop().await;
    }
}
