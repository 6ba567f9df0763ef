//! What is not passed on, and by whom not.

use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{Bought, TRANSFERS, buy, check_in, evening, text, ticket};
use crate::access::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2
    async fn an_offer_is_declined_taken_back_or_over(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        bought.try_offer(0, "cene@example.com").await.refused(409, "tickets.offered_already");
        assert_eq!(bor.decline().await.expect(200)["state"], "declined");
        assert!(t.mail_to("ana@example.com").await.subject.starts_with("Your ticket was declined"));
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");
        bor.decline().await.refused(409, "tickets.transfer_state");

        let bor = bought.offer(&t, 0, "bor@example.com").await;
        let back = format!("{}/{}", bought.path_of(0, TRANSFERS), bor.id);
        for _ in 0..2 {
            assert_eq!(bought.buyer.delete(&back).await.status, 204, "doing it again changes nothing");
        }
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");

        // It is open until an hour before doors, when tickets are frozen.
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        t.clock.advance(Duration::from_hours(2));
        assert_eq!(bor.see().await["state"], "expired");
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");
        bought.try_offer(0, "bor@example.com").await.refused(409, "tickets.pass_on_frozen");
        let now = ticket(&t, &bought.tickets[0].0).await;
        assert_eq!((&now["version"], &now["state"]), (&json!(1), &json!("valid")));
        let list = bought.buyer.get(&format!("{}?limit=2", bought.path_of(0, TRANSFERS))).await.expect(200);
        let states: Vec<_> = list["items"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert_eq!(states, ["declined", "cancelled"]);
        let rest = format!("{}?limit=2&cursor={}", bought.path_of(0, TRANSFERS), text(&list["next"]));
        assert_eq!(bought.buyer.get(&rest).await.expect(200)["items"][0]["state"], "expired");
        t.stop().await;
    }

    /// covers: BE-2
    async fn the_policy_of_the_event_decides_when_it_is_offered_and_again_when_it_is_accepted(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        for (version, transfer, code) in [
            (None, json!({"allowed": false, "most": 5, "freeze_minutes": 0}), "tickets.pass_on_not_allowed"),
            (Some(1), json!({"allowed": true, "most": 5, "freeze_minutes": 180}), "tickets.pass_on_frozen"),
            (Some(2), json!({"allowed": true, "most": 0, "freeze_minutes": 0}), "tickets.pass_on_too_often"),
        ] {
            let mut policy = json!({
                "refund": {"windows": [], "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 0},
                "transfer": transfer,
                "resale": {"allowed": false, "cap_basis_points": 10_000, "fee_basis_points": 0, "freeze_minutes": 60},
            });
            if let Some(version) = version {
                policy["version"] = json!(version);
            }
            let path = format!("/api/v1/events/{}/policies/*", event.id);
            let request = t.organiser.request(reqwest::Method::PUT, &path).json(&policy);
            t.organiser.send(request).await.expect(200);
            bor.accept("Bor Kos").await.refused(409, code);
            bought.try_offer(0, "cene@example.com").await.refused(409, code);
        }
        assert_eq!(bor.see().await["state"], "pending");
        assert_eq!(ticket(&t, &bought.tickets[0].0).await["version"], 1);
        t.stop().await;
    }

    /// covers: BE-2
    async fn of_two_shows_a_day_each_has_its_own_doors(db: TestDb) {
        let t = TestApp::start(db).await;
        let now = t.clock.now().ms();
        let at = |minutes: i64| Timestamp::from_ms(now + minutes * 60_000).to_string();
        let body = json!({
            "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
            "occurrences": [
                {"doors_at": at(50), "starts_at": at(80), "ends_at": at(200)},
                {"doors_at": at(420), "starts_at": at(450), "ends_at": at(570)},
            ],
            "tiers": [
                {"name": "Standing", "price_minor": 2500, "capacity": 50, "per_date": true},
                {"name": "Both", "price_minor": 4000, "capacity": 5},
            ],
        });
        let made = t.organiser.post("/api/v1/events", body).await.expect(201);
        let path = format!("/api/v1/events/{}/publish", text(&made["id"]));
        t.organiser.post(&path, json!({})).await.expect(200);
        let bought_for = async |tier: usize, date: Value, key: &str| {
            let body = json!({
                "event": made["id"],
                "items": [{"tier": made["tiers"][tier]["id"], "quantity": 1, "occurrence": date}],
                "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
                "payment": {"method": "sandbox", "outcome": "succeed"},
            });
            let bought = t.stranger.post_once("/api/v1/shop/orders", key, &body).await;
            Bought::of(&t, &bought.expect(201))
        };
        let date = |at: usize| made["occurrences"][at]["id"].clone();
        let (afternoon, evening) = (bought_for(0, date(0), "k").await, bought_for(0, date(1), "k2").await);
        let both = bought_for(1, Value::Null, "k3").await;
        afternoon.try_offer(0, "bor@example.com").await.refused(409, "tickets.pass_on_frozen");
        evening.offer(&t, 0, "bor@example.com").await.accept("Bor Kos").await.expect(200);
        // For both it is the first that counts, unless that does not take place.
        both.try_offer(0, "cene@example.com").await.refused(409, "tickets.pass_on_frozen");
        let cancel = format!("/api/v1/events/{}/occurrences/{}/cancel", text(&made["id"]), text(&date(0)));
        t.organiser.post(&cancel, json!({})).await.expect(200);
        both.try_offer(0, "cene@example.com").await.expect(201);
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_let_somebody_in_stays_and_offers_have_a_limit(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let bought = buy(&t, &event, 2, "k").await;
        // Offered, then used: it cannot be accepted any more.
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        assert_eq!(check_in(&t, &event, &device, "1", &bought.tickets[0].1).await["admit"], true);
        bor.accept("Bor Kos").await.refused(409, "tickets.pass_on_used");
        assert_eq!(bor.see().await["state"], "pending", "what was refused changed nothing");
        let back = format!("{}/{}", bought.path_of(0, TRANSFERS), bor.id);
        assert_eq!(bought.buyer.delete(&back).await.status, 204);
        bought.try_offer(0, "bor@example.com").await.refused(409, "tickets.pass_on_used");

        for n in 0..20 {
            let offered = bought.try_offer(1, &format!("n{n}@example.com")).await.expect(201);
            let back = format!("{}/{}", bought.path_of(1, TRANSFERS), text(&offered["id"]));
            assert_eq!(bought.buyer.delete(&back).await.status, 204);
        }
        bought.try_offer(1, "bor@example.com").await.refused(409, "tickets.offered_too_often");
        t.stop().await;
    }

    /// covers: BE-6
    async fn nonsense_and_strangers_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let (mine, other) = (buy(&t, &event, 1, "k").await, buy(&t, &event, 1, "k2").await);
        for email in ["", "bor", "bor@", "bor@example", "bor@example.com\nbcc: x", "bor kos@example.com"] {
            let problem = mine.try_offer(0, email).await.refused(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], "email");
        }
        let foreign = format!("/api/v1/shop/orders/{}/tickets/{}/transfers", mine.order, other.tickets[0].0);
        mine.buyer.post(&foreign, json!({"email": "bor@example.com"})).await.refused(404, "tickets.not_found");
        mine.buyer.get(&foreign).await.refused(404, "tickets.not_found");
        other.buyer.post(&mine.path_of(0, TRANSFERS), json!({"email": "bor@example.com"})).await.refused(404, "sales.order_not_found");
        t.stranger.post(&mine.path_of(0, TRANSFERS), json!({"email": "bor@example.com"})).await.refused(401, "sales.token_required");

        let bor = mine.offer(&t, 0, "bor@example.com").await;
        let long = "W".repeat(201);
        for name in ["", "  ", "a\u{7}b", &long] {
            bor.accept(name).await.refused(422, "tickets.holder");
        }
        let theirs = format!("{}/{}", other.path_of(0, TRANSFERS), bor.id);
        other.buyer.delete(&theirs).await.refused(404, "tickets.transfer_not_found");
        for token in ["x", &"0".repeat(32)] {
            let stranger = t.stranger.with_token(token);
            for what in ["/accept", "/decline", "/onward"] {
                let body = json!({"name": "Eve", "email": "eve@example.com"});
                let body = match what {
                    "/accept" => json!({"name": body["name"]}),
                    "/onward" => json!({"email": body["email"]}),
                    _ => json!({}),
                };
                stranger.post(&bor.path(what), body).await.refused(404, "tickets.transfer_not_found");
            }
            stranger.get(&bor.path("")).await.refused(404, "tickets.transfer_not_found");
        }
        t.stranger.get(&bor.path("")).await.refused(401, "tickets.token_required");
        mine.buyer.get(&bor.path("")).await.refused(404, "tickets.transfer_not_found");
        bor.pass_on("cene@example.com").await.refused(409, "tickets.passed_on");
        t.stop().await;
    }
}
