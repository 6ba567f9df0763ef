//! What is on offer, through the API: kinds of tier and pools in a file each; prices, taxes and fees here.

mod pools;
pub(crate) mod taxes;
mod tiers;
mod versions;

use std::time::Duration;

use bilten_core::price::{
    self, PriceBuyer, PriceCart, PriceFacts, PriceLine, PriceModel, Rate, TaxMode,
};
use bilten_kernel::on_both_engines;
use bilten_server::catalog::{self, EventId, FEE_PLANS};
use bilten_server::identity::Role;
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

/// The same with one field more.
fn with(mut body: Value, field: &str, value: &Value) -> Value {
    body[field] = value.clone();
    body
}

fn path(event: &Event, what: &str) -> String {
    format!("/api/v1/events/{}/{what}", event.id)
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
                supplied_on: None,
                quantity: *quantity,
                amount_minor: *amount_minor,
            })
            .collect(),
        codes: Vec::new(),
    }
}

on_both_engines! {
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

    /// covers: ORG-3, DB-6
    async fn the_audit_log_says_who_changed_prices_from_what_to_what(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Seat", 1000, 100)]).await;
        let owner = t.member(Role::Owner).await;
        let fee = |minor: i64| json!({"currency": "EUR", "fees": [{"id": "f", "name": "F", "rate": 0, "fixed_minor": minor, "per": "unit", "passed_on": true}]});
        put(&owner, "/api/v1/price-settings", &fee(100)).await.expect(200);
        put(&owner, "/api/v1/price-settings", &with(fee(150), "version", &json!(1))).await.expect(200);
        put(&owner, "/api/v1/price-settings", &fee(-1)).await.refused(422, "invalid");
        let said = put(&owner, &path(&event, "price-settings"), &fee(30)).await.expect(200);
        put(&owner, &path(&event, "price-settings"), &with(fee(20), "version", &said["version"])).await.expect(200);
        let tax = |rate: i64| json!({"name": "VAT", "place": {"country": "DE"}, "classes": ["admission"], "rate": rate, "mode": "exclusive"});
        let made = owner.post("/api/v1/tax-rules", tax(190_000)).await.expect(201);
        let one = format!("/api/v1/tax-rules/{}", made["id"].as_str().unwrap());
        put(&owner, &one, &with(tax(70_000), "revision", &json!(1))).await.expect(200);
        let stale = owner.request(Method::PUT, &one).header("if-match", "\"1\"").json(&tax(1));
        owner.send(stale).await.refused(412, "precondition_failed");
        owner.delete(&one).await.expect(204);
        owner.delete(&one).await.refused(404, "catalog.not_found");

        let minor = |said: &Value| said["fees"][0]["fixed_minor"].as_i64();
        for (action, wanted) in [
            ("prices.saved", vec![(Some(100), Some(150)), (None, Some(100))]),
            ("events.prices_saved", vec![(Some(30), Some(20)), (None, Some(30))]),
        ] {
            let log = owner.get(&format!("/api/v1/audit?action={action}")).await.expect(200);
            let entries = log["items"].as_array().unwrap();
            let found: Vec<_> = entries.iter().map(|one| (minor(&one["detail"]["before"]), minor(&one["detail"]["after"]))).collect();
            assert_eq!(found, wanted, "{action}");
            assert!(entries.iter().all(|one| one["actor"].as_str().unwrap().starts_with("usr_")), "{log}");
        }
        let log = owner.get("/api/v1/audit?action=events.prices_saved").await.expect(200);
        assert_eq!(log["items"][0]["subject"], json!(event.id));
        let log = owner.get("/api/v1/audit?action=tax_rules.").await.expect(200);
        let entries = log["items"].as_array().unwrap();
        let rates: Vec<_> = entries.iter().map(|one| {
            assert_eq!(one["subject"], made["id"]);
            let rate = |when: &str| one["detail"][when]["rate"].as_i64();
            (one["action"].as_str().unwrap(), rate("before"), rate("after"))
        }).collect();
        assert_eq!(rates, [("tax_rules.deleted", Some(70_000), None), ("tax_rules.saved", Some(190_000), Some(70_000)),
            ("tax_rules.created", None, Some(190_000))]);
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
        let said = put(&t.organiser, &of_event, &good).await.expect(200);
        let read = t.organiser.get(&of_event).await;
        assert_eq!(read.expect(200), json!({"version": said["version"], "groups": [{"id": "ten", "items": [event.tiers[0]], "at_least": 10, "key": null,
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
        let changed = put(&t.organiser, &one, &with(tax(70_000), "revision", &json!(1))).await;
        assert_eq!(changed.expect(200)["revision"], 2);
        let stale = t.organiser.request(Method::PUT, &one).header("if-match", "\"1\"").json(&tax(1));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        assert_eq!(t.organiser.get("/api/v1/tax-rules").await.expect(200)["items"][0]["rate"], 70_000);
        let other = t.other_organiser().await;
        put(&other, &one, &tax(1)).await.refused(404, "catalog.not_found");
        assert_eq!(other.get("/api/v1/tax-rules").await.expect(200)["items"], json!([]));
        t.organiser.delete(&one).await.expect(204);
        t.organiser.delete(&one).await.refused(404, "catalog.not_found");
        // Changed and taken away as it was seen: one of the two.
        for _ in 0..20 {
            let made = t.organiser.post("/api/v1/tax-rules", tax(190_000)).await.expect(201);
            let one = format!("/api/v1/tax-rules/{}", made["id"].as_str().unwrap());
            let as_seen = |method: Method| t.organiser.request(method, &one).header("if-match", "\"1\"");
            let (changed, gone) = futures_util::future::join(
                t.organiser.send(as_seen(Method::PUT).json(&tax(70_000))),
                t.organiser.send(as_seen(Method::DELETE)),
            ).await;
            match (changed.status, gone.status) {
                (200, 412) => assert_eq!(t.organiser.delete(&one).await.status, 204),
                (404 | 412, 204) => {}
                other => panic!("{other:?}"),
            }
        }
        t.stop().await;
    }
}
