//! What is on offer: kinds of tier, pools, prices, taxes and fees, through the API.

use std::time::Duration;

use bilten_core::price::{
    self, PriceBuyer, PriceCart, PriceFacts, PriceLine, PriceModel, Rate, TaxMode,
};
use bilten_kernel::on_both_engines;
use bilten_server::catalog::{self, EventId, FEE_PLANS};
use bilten_server::platform;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};

/// The fields that are wrong, with their codes.
fn faults(problem: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (text(&error["field"]), text(&error["code"])))
        .collect()
}

/// Fails unless one field is wrong, in this way.
#[track_caller]
fn invalid(answer: &Answer, field: &str, code: &str) {
    let found = faults(&answer.refused(422, "invalid"));
    assert!(
        found.contains(&(field.to_owned(), code.to_owned())),
        "{field} {code} is not among {found:?}"
    );
}

pub(crate) async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    client
        .send(client.request(Method::PUT, path).json(body))
        .await
}

fn path(event: &Event, what: &str) -> String {
    format!("/api/v1/events/{}/{what}", event.id)
}

/// The newest tier of an event.
fn newest(event: &Value) -> Value {
    event["tiers"].as_array().unwrap().last().unwrap().clone()
}

/// The price book of an event.
async fn book(t: &TestApp, event: &Event) -> std::sync::Arc<price::PriceBook> {
    let id: EventId = event.id.parse().unwrap();
    let offer = catalog::offer(&t.app, id).await.unwrap();
    catalog::price_book(&t.app, &offer).await.unwrap()
}

fn cart(book: &price::PriceBook, lines: &[(&str, u32, Option<i64>)], t: &TestApp) -> PriceCart {
    PriceCart {
        currency: book.currency,
        at: bilten_core::time::Timestamp(t.app.now().ms()),
        cash: false,
        buyer: PriceBuyer::default(),
        lines: lines
            .iter()
            .map(|(item, quantity, amount_minor)| PriceLine {
                item: (*item).to_owned(),
                occurrence: None,
                quantity: *quantity,
                amount_minor: *amount_minor,
            })
            .collect(),
        codes: Vec::new(),
    }
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

    /// covers: ORG-3, BE-2
    async fn pools_are_shared_and_never_fall_below_what_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Front", 0, 10), ("Back", 0, 10)]).await;
        let pools = path(&event, "pools");
        for (input, field) in [
            (json!({"name": "", "capacity": 5}), "name"),
            (json!({"name": "Hall", "capacity": -1}), "capacity"),
            (json!({"name": "Hall", "capacity": 10_000_001}), "capacity"),
        ] {
            let problem = t.organiser.post(&pools, input).await.refused(422, "invalid");
            assert_eq!(faults(&problem)[0].0, field);
        }
        let pool = t.organiser.post(&pools, json!({"name": "Hall", "capacity": 5})).await.expect(201);
        let pool_path = format!("{pools}/{}", pool["id"].as_str().unwrap());
        let version = || async { t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200)["version"].clone() };
        for tier in &event.tiers {
            let tier = path(&event, &format!("tiers/{tier}"));
            t.organiser.patch(&tier, json!({"version": version().await, "pool_id": pool["id"]})).await.expect(200);
        }
        let listed = t.organiser.get(&pools).await.expect(200);
        assert_eq!(listed["items"][0]["name"], "Hall");
        t.organiser.delete(&pool_path).await.refused(409, "catalog.pool_in_use");

        t.stranger.buy(&event, 0, 2, "succeed", "a").await.expect(201);
        t.stranger.buy(&event, 1, 2, "succeed", "b").await.expect(201);
        t.stranger.buy(&event, 1, 2, "succeed", "c").await.refused(409, "sales.sold_out");
        t.organiser.patch(&pool_path, json!({"version": version().await, "capacity": 3})).await
            .refused(409, "catalog.capacity_below_sold");
        t.organiser.patch(&pool_path, json!({"capacity": 4})).await.refused(422, "invalid");
        t.organiser.patch(&pool_path, json!({"version": 2, "capacity": 4})).await.refused(409, "catalog.version_conflict");
        let stale = t.organiser.request(Method::PATCH, &pool_path).header("if-match", "\"2\"").json(&json!({"capacity": 4}));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        let changed = t.organiser.patch(&pool_path, json!({"version": version().await, "capacity": 6, "name": "Big hall"})).await.expect(200);
        assert_eq!((changed["capacity"].as_i64(), changed["name"].as_str()), (Some(6), Some("Big hall")));
        t.stranger.buy(&event, 1, 2, "succeed", "d").await.expect(201);

        // What is sold stays counted where it was.
        let tier = path(&event, &format!("tiers/{}", event.tiers[0]));
        for change in [json!({"pool_id": null}), json!({"per_date": true, "pool_id": null})] {
            let mut change = change;
            change["version"] = version().await;
            t.organiser.patch(&tier, change).await.refused(409, "catalog.tier_sold");
        }
        let other = t.other_organiser().await;
        for answer in [other.get(&pools).await, other.delete(&pool_path).await,
            other.patch(&pool_path, json!({"version": 1, "capacity": 1})).await] {
            assert_eq!(answer.status, 404, "{}", answer.text);
        }
        t.stop().await;
    }

    /// covers: ORG-3
    async fn a_pool_and_its_tiers_are_counted_alike(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Front", 0, 10)]).await;
        let pool = t.organiser.post(&path(&event, "pools"), json!({"name": "Day", "capacity": 5, "per_date": true})).await.expect(201);
        let tier = |per_date: bool, id: &Value| json!({"name": "T", "price_minor": 1, "capacity": 1, "per_date": per_date, "pool_id": id});
        let tiers = path(&event, "tiers");
        invalid(&t.organiser.post(&tiers, tier(false, &pool["id"])).await, "pool_id", "pool_per_date");
        invalid(&t.organiser.post(&tiers, tier(true, &json!("pol_01kdvm6x00fazbzzr4pc4snbka"))).await, "pool_id", "unknown");
        t.organiser.post(&tiers, tier(true, &pool["id"])).await.expect(201);
        let free = t.organiser.post(&path(&event, "pools"), json!({"name": "Spare", "capacity": 5})).await.expect(201);
        let spare = path(&event, &format!("pools/{}", free["id"].as_str().unwrap()));
        t.organiser.delete(&spare).await.expect(204);
        t.organiser.delete(&spare).await.refused(404, "catalog.not_found");
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

    /// covers: ORG-3, PAY-5
    async fn a_price_book_has_the_rules_of_platform_organisation_and_event(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 10_000, 100)]).await;
        let plain = book(&t, &event).await;
        let fee = &plain.fees[0];
        assert_eq!((plain.fees.len(), fee.rate, fee.fixed_minor, fee.passed_on), (1, Rate(29_000), 30, false));
        assert!(plain.taxes.is_empty());
        let again = book(&t, &event).await;
        assert!(std::sync::Arc::ptr_eq(&plain, &again), "a book is kept while nothing changes");

        // Taxes by the organisation, in force by the day of the event.
        let tax = |name: &str, rate: u32, from: Value, until: Value| json!({"name": name, "place": {"country": "SI"},
            "classes": ["admission"], "rate": rate, "mode": "inclusive", "from_at": from, "until_at": until});
        t.organiser.post("/api/v1/tax-rules", tax("DDV", 95_000, json!("2020-01-01T00:00:00Z"), Value::Null)).await.expect(201);
        t.organiser.post("/api/v1/tax-rules", tax("Old", 85_000, Value::Null, json!("2020-01-01T00:00:00Z"))).await.expect(201);
        let said = put(&t.organiser, "/api/v1/price-settings", &json!({"currency": "EUR", "place": {"country": "SI"},
            "fees": [{"id": "service", "name": "Service", "rate": 0, "fixed_minor": 100, "per": "unit", "passed_on": true}]})).await;
        assert_eq!(said.expect(200)["version"], 1);
        t.clock.advance(Duration::from_secs(2));
        let taxed = book(&t, &event).await;
        assert_eq!(taxed.taxes.iter().map(|tax| (tax.name.as_str(), tax.mode)).collect::<Vec<_>>(), [("DDV", TaxMode::Inclusive)]);
        let seat = event.tiers[0].as_str();
        let quote = price::price(&taxed, &cart(&taxed, &[(seat, 1, None)], &t), &PriceFacts::default()).unwrap();
        assert_eq!((quote.tax_minor, quote.fee_minor, quote.total_minor), (868, 100, 10_100));

        // An event says otherwise; whoever sells sees it at once, as its version is another one.
        put(&t.organiser, &path(&event, "price-settings"), &json!({"pass_platform_fee_on": true, "place": {"country": "AT"}})).await.expect(200);
        let own = book(&t, &event).await;
        assert!(own.fees[0].passed_on);
        let quote = price::price(&own, &cart(&own, &[(seat, 1, None)], &t), &PriceFacts::default()).unwrap();
        assert_eq!((quote.tax_minor, quote.total_minor), (0, 10_000 + 100 + 320));

        // A plan of its own for the organisation.
        let organisation = catalog::offer(&t.app, event.id.parse().unwrap()).await.unwrap().event.organisation_id.to_string();
        let plans = json!({"plans": {"big": {"rate": 10_000, "fixed_hundredths": 0}}, "organisations": {(organisation): "big"}});
        platform::set_setting(&t.app, FEE_PLANS.definition.key, Some(plans), 0, "usr_1", "a contract").await.unwrap();
        t.clock.advance(Duration::from_secs(6));
        assert_eq!(book(&t, &event).await.fees[0].rate, Rate(10_000));
        let wrong = json!({"organisations": {"org_x": "none"}});
        assert!(platform::set_setting(&t.app, FEE_PLANS.definition.key, Some(wrong), 1, "usr_1", "a slip").await.is_err());
        t.stop().await;
    }

    /// covers: ORG-3, BE-2
    async fn price_settings_and_taxes_are_checked_and_guarded(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 1000, 100)]).await;
        let of_event = path(&event, "price-settings");
        let fee = |fixed: Value, rate: Value| json!([{"id": "f", "name": "F", "rate": rate, "fixed_minor": fixed, "per": "unit", "passed_on": true}]);
        for (settings, field, code) in [
            (json!({"currency": "USD"}), "settings.currency", "mixed_currency"),
            (json!({"place": {"country": "Slovenia"}}), "settings.place.country", "country"),
            (json!({"fees": fee(json!(-1), json!(0))}), "settings.fees[0].fixed_minor", "out_of_range"),
            (json!({"fees": fee(json!(2_000_000_000_i64), json!(0))}), "settings.fees[0].fixed_minor", "out_of_range"),
            (json!({"fees": fee(json!(1), json!(1_000_001))}), "settings", "rate_out_of_range"),
            (json!({"groups": [{"id": "g", "items": ["tir_x"], "at_least": 2, "effect": {"kind": "price", "minor": 5}}]}),
                "settings.groups[0].items", "unknown"),
            (json!({"groups": [{"id": "g", "at_least": 0, "effect": {"kind": "price", "minor": 5}}]}),
                "settings.groups[0].at_least", "out_of_range"),
        ] {
            invalid(&put(&t.organiser, &of_event, &settings).await, field, code);
        }
        put(&t.organiser, &of_event, &json!({"fees": fee(json!(1.5), json!(0))})).await.refused(422, "invalid");
        put(&t.organiser, &of_event, &json!({"feees": []})).await.refused(422, "invalid");
        let good = json!({"groups": [{"id": "ten", "items": [event.tiers[0]], "at_least": 10, "effect": {"kind": "percentage", "rate": 100_000}}]});
        put(&t.organiser, &of_event, &good).await.expect(200);
        let read = t.organiser.get(&of_event).await;
        assert_eq!(read.expect(200), json!({"groups": [{"id": "ten", "items": [event.tiers[0]], "at_least": 10, "key": null,
            "effect": {"kind": "percentage", "rate": 100_000}}]}));
        let ten = book(&t, &event).await;
        let quote = price::price(&ten, &cart(&ten, &[(event.tiers[0].as_str(), 10, None)], &t), &PriceFacts::default()).unwrap();
        assert_eq!(quote.total_minor, 9_000);
        assert!(matches!(ten.items[0].price, PriceModel::Fixed { minor: 1000 }));

        let of_all = "/api/v1/price-settings";
        invalid(&put(&t.organiser, of_all, &json!({"fees": fee(json!(1), json!(0))})).await, "settings.currency", "required");
        invalid(&put(&t.organiser, of_all, &good).await, "settings.groups", "not_here");
        // What cannot be priced with is not stored, whether or not a currency is said.
        let coins = |step: i64| json!({"rounding": {"cash_step_minor": step}});
        for step in [0, -5, 100_000_000_001] {
            invalid(&put(&t.organiser, of_all, &coins(step)).await, "settings.rounding", "contradiction");
        }
        put(&t.organiser, of_all, &json!({"place": {"country": "SI"}})).await.expect(200);
        let stale = t.organiser.request(Method::PUT, of_all).header("if-match", "\"0\"").json(&json!({}));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        let seen = t.organiser.request(Method::PUT, of_all).header("if-match", "\"1\"").json(&json!({}));
        assert_eq!(t.organiser.send(seen).await.expect(200)["version"], 2);

        let tax = |rate: i64| json!({"name": "VAT", "place": {"country": "DE"}, "classes": ["admission"], "rate": rate, "mode": "exclusive"});
        invalid(&t.organiser.post("/api/v1/tax-rules", tax(1_000_001)).await, "rate", "out_of_range");
        t.organiser.post("/api/v1/tax-rules", tax(-1)).await.refused(422, "invalid");
        let made = t.organiser.post("/api/v1/tax-rules", tax(190_000)).await.expect(201);
        let one = format!("/api/v1/tax-rules/{}", made["id"].as_str().unwrap());
        assert_eq!(put(&t.organiser, &one, &tax(70_000)).await.expect(200)["revision"], 2);
        let stale = t.organiser.request(Method::PUT, &one).header("if-match", "\"1\"").json(&tax(1));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        assert_eq!(t.organiser.get("/api/v1/tax-rules").await.expect(200)["items"][0]["rate"], 70_000);
        let other = t.other_organiser().await;
        put(&other, &one, &tax(1)).await.refused(404, "catalog.not_found");
        assert_eq!(other.get("/api/v1/tax-rules").await.expect(200)["items"], json!([]));
        t.organiser.delete(&one).await.expect(204);
        t.organiser.delete(&one).await.refused(404, "catalog.not_found");
        t.stop().await;
    }
}
