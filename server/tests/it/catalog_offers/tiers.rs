//! Kinds of tier, and what is wrong with them.

use bilten_core::price::{self, PriceFacts, Rate};
use bilten_kernel::on_both_engines;
use bilten_server::catalog::{self, EventId};
use serde_json::{Value, json};

use super::{book, cart, invalid, path, put};
use crate::app::TestApp;

/// The newest tier of an event.
fn newest(event: &Value) -> Value {
    event["tiers"].as_array().unwrap().last().unwrap().clone()
}

on_both_engines! {
    /// covers: ORG-3, PAY-5
    async fn tiers_of_all_kinds_are_kept_and_priced(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2000, 100)]).await;
        let tiers = path(&event, "tiers");
        let seat = event.tiers[0].clone();
        let add = |body: Value| { let (t, tiers) = (&t, tiers.clone()); async move { t.organiser.post(&tiers, body).await } };
        let parking = add(json!({"name": "Parking", "price_minor": 500, "capacity": 20, "kind": "add_on",
            "pricing": {"added_to": [seat], "most_per_ticket": 1}})).await.expect(201);
        let parking = newest(&parking);
        assert_eq!(parking["kind"], "add_on");
        let gift = newest(&add(json!({"name": "Gift", "price_minor": 1000, "capacity": 1000, "kind": "donation"})).await.expect(201));
        let wish = newest(&add(json!({"name": "Wish", "price_minor": 1000, "capacity": 10, "pricing":
            {"price": {"kind": "pay_what_you_want", "floor_minor": 300, "suggestion_minor": 1000, "ceiling_minor": 5000}}})).await.expect(201));
        let shirt = newest(&add(json!({"name": "Shirt", "price_minor": 1500, "capacity": 10, "kind": "merchandise"})).await.expect(201));
        let pair = newest(&add(json!({"name": "Two with shirt", "price_minor": 4800, "capacity": 10, "kind": "bundle",
            "pricing": {"parts": [{"tier": seat, "quantity": 2}, {"tier": shirt["id"], "quantity": 1}]}})).await.expect(201));
        let read = t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200);
        assert_eq!(read["tiers"].as_array().unwrap().len(), 6);
        assert_eq!(newest(&read)["pricing"]["parts"][0]["quantity"], 2);

        let id = |tier: &Value| tier["id"].as_str().unwrap().to_owned();
        // One bundle takes one of its own stock, and all that is in it.
        let offer = catalog::offer(&t.app, event.id.parse::<EventId>().unwrap()).await.unwrap();
        let bundle = offer.tiers.iter().find(|tier| tier.id.to_string() == id(&pair)).unwrap();
        let mut taken: Vec<String> = offer.counters(bundle, None).into_iter().map(|key| key.of).collect();
        let mut expected = vec![id(&pair), seat.clone(), seat.clone(), id(&shirt)];
        taken.sort_unstable();
        expected.sort_unstable();
        assert_eq!(taken, expected);
        let book = book(&t, &event).await;
        let total = |lines: &[(&str, u32, Option<i64>)]| {
            price::price(&book, &cart(&book, lines, &t), &PriceFacts::default()).map(|quote| quote.total_minor)
        };
        let (parking, gift, wish, pair) = (id(&parking), id(&gift), id(&wish), id(&pair));
        assert_eq!(total(&[(&seat, 2, None), (&parking, 1, None)]).unwrap(), 4500);
        assert_eq!(total(&[(&parking, 1, None)]).unwrap_err().code(), "add_on_alone");
        assert_eq!(total(&[(&seat, 1, None), (&parking, 2, None)]).unwrap_err().code(), "add_on_too_many");
        assert_eq!(total(&[(&gift, 1, Some(1))]).unwrap(), 1);
        assert_eq!(total(&[(&gift, 1, None)]).unwrap(), 1000);
        assert_eq!(total(&[(&wish, 1, Some(299))]).unwrap_err().code(), "below_floor");
        assert_eq!(total(&[(&wish, 1, Some(5001))]).unwrap_err().code(), "above_ceiling");
        assert_eq!(total(&[(&wish, 1, Some(-1))]).unwrap_err().code(), "negative");
        assert_eq!(total(&[(&pair, 1, None)]).unwrap(), 4800);
        t.stop().await;
    }

    /// covers: ORG-3, PAY-5
    async fn phases_and_dynamic_rules_decide_the_price(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Plain", 1000, 10)]).await;
        let phases = json!({"kind": "phased", "phases": [
            {"id": "early", "name": "early_bird", "minor": 1000, "until_sold": 2},
            {"id": "late", "name": "last_minute", "minor": 3000, "from_at": "2199-01-01T00:00:00Z"},
            {"id": "usual", "name": "regular", "minor": 2000},
        ]});
        let dynamic = json!({"id": "fill", "fill": [{"from": 500_000, "change_ppm": 100_000}],
            "floor_minor": 500, "ceiling_minor": 2100, "step_minor": 1});
        let made = t.organiser.post(&path(&event, "tiers"), json!({"name": "Phased", "price_minor": 1000, "capacity": 10,
            "pricing": {"price": phases, "dynamic": dynamic}})).await.expect(201);
        let tier = newest(&made)["id"].as_str().unwrap().to_owned();
        let book = book(&t, &event).await;
        let stock = |sold: u64| PriceFacts {
            stock: vec![price::StockFact { item: tier.clone(), occurrence: None, sold, capacity: 10, pace: Rate::ONE }],
            codes: Vec::new(),
        };
        let total = |sold: u64, quantity: u32| {
            price::price(&book, &cart(&book, &[(&tier, quantity, None)], &t), &stock(sold)).unwrap().total_minor
        };
        assert_eq!(total(0, 1), 1000);
        // The third one is the first of the regular price.
        assert_eq!(total(0, 3), 4000);
        // From half full it is a tenth more, but never above the ceiling.
        assert_eq!(total(5, 1), 2100);
        t.stop().await;
    }

    /// covers: ORG-3, BE-2
    async fn amounts_that_are_wrong_are_refused_by_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2000, 100)]).await;
        let tiers = path(&event, "tiers");
        let tier = |price: Value| json!({"name": "T", "price_minor": price, "capacity": 1});
        invalid(&t.organiser.post(&tiers, tier(json!(-1))).await, "price_minor", "out_of_range");
        invalid(&t.organiser.post(&tiers, tier(json!(1_000_000_001_i64))).await, "price_minor", "out_of_range");
        for odd in [json!(1.5), json!("10"), json!(1e30), json!(null)] {
            invalid(&t.organiser.post(&tiers, tier(odd)).await, "price_minor", "invalid");
        }
        let mut other = tier(json!(1));
        other["currency"] = json!("USD");
        invalid(&t.organiser.post(&tiers, other.clone()).await, "currency", "mixed_currency");
        other["currency"] = json!("EUR");
        t.organiser.post(&tiers, other).await.expect(201);
        let draft = json!({
            "name": "Draft", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Hall",
            "occurrences": [{"starts_at": "2030-01-01T19:00:00Z", "ends_at": "2030-01-01T22:00:00Z"}],
            "tiers": [{"name": "Any", "price_minor": 100, "capacity": 5, "currency": "USD"}],
        });
        invalid(&t.organiser.post("/api/v1/events", draft).await, "tiers[0].currency", "mixed_currency");

        let priced = |pricing: Value, kind: &str| json!({"name": "T", "price_minor": 1, "capacity": 1, "kind": kind, "pricing": pricing});
        let pay = |floor: i64, suggestion: i64, ceiling: i64| json!({"price": {"kind": "pay_what_you_want",
            "floor_minor": floor, "suggestion_minor": suggestion, "ceiling_minor": ceiling}});
        let phase = |id: &str, minor: Value| json!({"id": id, "name": "regular", "minor": minor});
        let dynamic = |floor: i64, ceiling: i64, step: i64| json!({"dynamic": {"id": "d",
            "floor_minor": floor, "ceiling_minor": ceiling, "step_minor": step}});
        for (pricing, kind, field, code) in [
            (json!({"price": {"kind": "fixed", "minor": -5}}), "ticket", "pricing.price.minor", "out_of_range"),
            (pay(-1, 5, 9), "ticket", "pricing.price.floor_minor", "out_of_range"),
            (pay(6, 5, 9), "ticket", "pricing", "contradiction"),
            (pay(1, 10, 9), "ticket", "pricing", "contradiction"),
            (json!({"price": {"kind": "phased", "phases": []}}), "ticket", "pricing.price.phases", "required"),
            (json!({"price": {"kind": "phased", "phases": [phase("a", json!(1)), phase("a", json!(2))]}}), "ticket",
                "pricing.price.phases[1].id", "same_id"),
            (json!({"price": {"kind": "phased", "phases": [phase("a", json!(2_000_000_000_i64))]}}), "ticket",
                "pricing.price.phases[0].minor", "out_of_range"),
            (dynamic(9, 5, 1), "ticket", "pricing", "contradiction"),
            (dynamic(1, 5, 0), "ticket", "pricing", "contradiction"),
            (json!({"price": {"kind": "free"}, "dynamic": dynamic(1, 5, 1)["dynamic"]}), "ticket", "pricing", "not_dynamic"),
            (json!({"tax_class": "No Class"}), "ticket", "pricing.tax_class", "tax_class"),
            (json!({}), "bundle", "pricing.parts", "required"),
            (json!({"parts": [{"tier": event.tiers[0], "quantity": 0}]}), "bundle", "pricing.parts[0].quantity", "out_of_range"),
            (json!({"parts": [{"tier": event.tiers[0], "quantity": 21}]}), "bundle", "pricing.parts[0].quantity", "out_of_range"),
            (json!({"parts": [{"tier": event.tiers[0], "quantity": 1}]}), "ticket", "pricing.parts", "not_a_bundle"),
            (json!({"parts": [{"tier": "tir_01kdvm6x00fazbzzr4pc4snbka", "quantity": 1}]}), "bundle", "pricing.parts[0].tier", "unknown"),
            (json!({"added_to": [event.tiers[0]]}), "ticket", "pricing.added_to", "not_an_add_on"),
            (json!({"added_to": ["tir_01kdvm6x00fazbzzr4pc4snbka"]}), "add_on", "pricing.added_to[0]", "unknown"),
        ] {
            let answer = t.organiser.post(&tiers, priced(pricing.clone(), kind)).await;
            assert_eq!(answer.status, 422, "{pricing}: {}", answer.text);
            invalid(&answer, field, code);
        }
        let fraction = json!({"price": {"kind": "fixed", "minor": 1.5}});
        t.organiser.post(&tiers, priced(fraction, "ticket")).await.refused(422, "invalid");
        let seats = json!({"name": "T", "price_minor": 1, "capacity": 1, "seat_category": "No!"});
        invalid(&t.organiser.post(&tiers, seats).await, "seat_category", "seat_category");
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn a_copy_has_pools_and_rules_of_its_own(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 2000, 100)]).await;
        let seat = event.tiers[0].clone();
        let pool = t.organiser.post(&path(&event, "pools"), json!({"name": "Hall", "capacity": 5})).await.expect(201);
        let pair = json!({"name": "Pair", "price_minor": 3500, "capacity": 9, "kind": "bundle", "pool_id": pool["id"],
            "pricing": {"parts": [{"tier": seat, "quantity": 2}]}});
        t.organiser.post(&path(&event, "tiers"), pair).await.expect(201);
        let groups = json!({"groups": [{"id": "ten", "items": [seat], "at_least": 10, "effect": {"kind": "price", "minor": 1500}}]});
        put(&t.organiser, &path(&event, "price-settings"), &groups).await.expect(200);
        let copy = t.organiser.post(&path(&event, "duplicate"), json!({"starts_at": "2032-05-01T18:00:00Z"})).await.expect(201);
        let (own_seat, own_pair) = (&copy["tiers"][0], &copy["tiers"][1]);
        assert_ne!(own_seat["id"], json!(seat));
        assert_eq!(own_pair["pricing"]["parts"][0]["tier"], own_seat["id"]);
        assert_ne!(copy["pools"][0]["id"], pool["id"]);
        assert_eq!(own_pair["pool_id"], copy["pools"][0]["id"]);
        assert_eq!(copy["price_settings"]["groups"][0]["items"], json!([own_seat["id"]]));
        let read = t.organiser.get(&format!("/api/v1/events/{}", copy["id"].as_str().unwrap())).await.expect(200);
        for part in ["tiers", "pools", "price_settings", "occurrences"] {
            assert_eq!(read[part], copy[part], "{part}");
        }
        t.stop().await;
    }

    /// covers: ORG-3
    async fn hidden_tiers_are_shown_to_nobody_without_a_code(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Open", 1000, 10)]).await;
        let made = t.organiser.post(&path(&event, "tiers"), json!({"name": "Secret club", "price_minor": 1, "capacity": 5,
            "hidden": true})).await.expect(201);
        let secret = newest(&made)["id"].as_str().unwrap().to_owned();
        t.organiser.post(&path(&event, "pools"), json!({"name": "Inner pool", "capacity": 5})).await.expect(201);
        let groups = json!({"groups": [{"id": "acme", "at_least": 1, "key": "acme-corp", "effect": {"kind": "percentage", "rate": 100_000}}]});
        put(&t.organiser, &path(&event, "price-settings"), &groups).await.expect(200);
        let shop = t.stranger.get(&format!("/api/v1/shop/events/{}", event.id)).await;
        let page = t.stranger.get(&format!("/e/{}", event.slug)).await;
        for answer in [&shop, &page] {
            assert_eq!(answer.status, 200);
            for hidden in [secret.as_str(), "Secret club", "acme-corp", "Inner pool"] {
                assert!(!answer.text.contains(hidden), "{hidden} is in {}", answer.text);
            }
        }
        assert_eq!(shop.expect(200)["tiers"].as_array().unwrap().len(), 1);
        assert_eq!(t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200)["tiers"].as_array().unwrap().len(), 2);
        t.stop().await;
    }
}
