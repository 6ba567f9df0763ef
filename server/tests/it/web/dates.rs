//! Choosing a date on the page of an event, by links and forms alone.

use std::collections::BTreeSet;
use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::catalog::seating::templates;
use serde_json::{Value, json};

use super::Visitor;
use crate::app::{Event, TestApp};
use crate::catalog_offers::put;
use crate::selling::{buy, event_with, hold, seated_at, text};

/// A run on these days at eight in the evening, with a tier for each evening and one for all of them.
async fn evenings(t: &TestApp, days: &[&str]) -> (Event, Vec<String>) {
    let at = |day: &str, hour: u8| format!("{day}T{hour}:00:00Z");
    let dates: Vec<Value> = days
        .iter()
        .map(|day| json!({"starts_at": at(day, 18), "ends_at": at(day, 20)}))
        .collect();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": dates,
        "tiers": [
            {"name": "Evening", "price_minor": 1000, "capacity": 40, "per_date": true},
            {"name": "All evenings", "price_minor": 4000, "capacity": 50},
        ],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    t.organiser.post(&path, json!({})).await.expect(200);
    let tiers = made["tiers"].as_array().unwrap().iter();
    let event = Event {
        slug: text(&made["slug"]),
        tiers: tiers.map(|tier| text(&tier["id"])).collect(),
        id,
    };
    let dates = dates_of(t, &event).await;
    (event, dates)
}

/// The first hundred dates of an event.
async fn dates_of(t: &TestApp, event: &Event) -> Vec<String> {
    let path = format!("/api/v1/events/{}", event.id);
    let read = t.organiser.get(&path).await.expect(200);
    let dates = read["occurrences"].as_array().unwrap().iter();
    dates.map(|date| text(&date["id"])).collect()
}

/// Lets a date sell the first tier otherwise.
async fn sells(t: &TestApp, event: &Event, date: &str, mut how: Value) {
    let path = format!("/api/v1/events/{}", event.id);
    let version = t.organiser.get(&path).await.expect(200)["version"].clone();
    how["tier"] = json!(event.tiers[0]);
    let edit = json!({"version": version, "scope": "this", "occurrences": [date], "change": {"tiers": [how]}});
    let path = format!("{path}/occurrences");
    t.organiser.patch(&path, edit).await.expect(200);
}

async fn cancel(t: &TestApp, event: &Event, date: &str) {
    let path = format!("/api/v1/events/{}/occurrences/{date}/cancel", event.id);
    t.organiser.post(&path, json!({})).await.expect(200);
}

/// How many of each tier are left on a date.
async fn left(t: &TestApp, event: &Event, date: &str) -> Vec<i64> {
    let path = format!(
        "/api/v1/shop/events/{}/occurrences/{date}/availability",
        event.id
    );
    let told = t.stranger.get(&path).await.expect(200);
    let tiers = told["tiers"].as_array().unwrap().iter();
    tiers.map(|one| one["left"].as_i64().unwrap()).collect()
}

/// What the hold of a checkout has.
async fn held(t: &TestApp, checkout: &str) -> Value {
    let id = checkout.rsplit('/').next().unwrap();
    let path = format!("/api/v1/shop/holds/{id}");
    t.stranger.get(&path).await.expect(200)
}

on_both_engines! {
    /// covers: WEB-2, WEB-4, BE-2
    async fn a_date_is_chosen_and_bought_at_its_own_price(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = evenings(&t, &["2040-06-06", "2040-06-07", "2040-06-08"]).await;
        sells(&t, &event, &dates[1], json!({"price_minor": 1500, "capacity": 3})).await;
        let (visitor, page) = (Visitor::new(&t), format!("/e/{}", event.slug));
        let (evening, all) = (format!("q_{}", event.tiers[0]), format!("q_{}", event.tiers[1]));

        let several = visitor.get(&page).await;
        several.says(200, "Choose a date").says(200, "From €10.00").says(200, "Few left");
        several.says(200, "Wednesday, 6 June 2040, 20:00\u{a0}CEST").says(200, "Friday, 8 June 2040, 20:00\u{a0}CEST");
        let links = several.links("?date=");
        let named: Vec<String> = dates.iter().map(|date| format!("{page}?date={date}#tickets-title")).collect();
        assert_eq!(links, named);
        // What is for all dates needs none.
        assert!(several.text.contains(&format!("name=\"{all}\"")), "{}", several.text);
        assert!(!several.text.contains(&format!("name=\"{evening}\"")), "{}", several.text);
        assert!(!several.text.contains("name=\"date\""), "{}", several.text);

        let second = visitor.get(&links[1]).await;
        second.says(200, "Your date").says(200, "3 left").says(200, "€15.00").says(200, "Choose another date");
        assert_eq!(second.value("date"), dates[1]);
        let first = visitor.get(&links[0]).await;
        first.says(200, "€10.00").says(200, "Available");
        assert!(!first.text.contains("€15.00"));

        let key = second.value("key");
        let form = [("key", key.as_str()), ("date", &dates[1]), (&evening, "2"), (&all, "1")];
        let checkout = visitor.send(&format!("{page}/hold"), &form).await.leads_to("/checkout/");
        visitor.get(&checkout).await.says(200, "Thursday, 7 June 2040").says(200, "€70.00");
        let hold = held(&t, &checkout).await;
        let mut items: Vec<_> = hold["items"].as_array().unwrap().iter().map(|item| (item["occurrence"].as_str(), item["total_minor"].as_i64())).collect();
        items.sort_unstable();
        assert_eq!(items, [(None, Some(4000)), (Some(dates[1].as_str()), Some(3000))]);
        let order = visitor.pay(&checkout, "succeed").await;
        visitor.get(&order).await.says(200, "Thursday, 7 June 2040, 20:00\u{a0}CEST").says(200, "Ticket 3 of 3");
        assert_eq!(left(&t, &event, &dates[1]).await, [1, 49]);
        assert_eq!(left(&t, &event, &dates[0]).await, [40, 49]);

        // The same page for another date is another wish, and the language stays.
        let third = visitor.send(&format!("{page}/hold"), &[("key", &key), ("date", &dates[2]), (&evening, "1")]).await;
        assert_eq!(held(&t, &third.leads_to("/checkout/")).await["items"][0]["occurrence"], dates[2].as_str());
        let german = visitor.get(&format!("{page}?lang=de")).await;
        assert!(german.links("?date=").iter().all(|link| link.contains("&lang=de#")), "{}", german.text);
        t.stop().await;
    }

    /// covers: WEB-2, WEB-4, BE-6
    async fn a_date_that_cannot_be_had_is_told(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, dates) = evenings(&t, &["2040-06-06", "2040-06-07", "2040-06-08", "2040-06-09"]).await;
        for date in &dates[1..3] {
            sells(&t, &event, date, json!({"capacity": 2})).await;
        }
        let (visitor, page) = (Visitor::new(&t), format!("/e/{}", event.slug));
        let (form, evening) = (format!("{page}/hold"), format!("q_{}", event.tiers[0]));
        let of = |date: &str| format!("{page}?date={date}");
        let two = |date: &str| json!([{"tier": event.tiers[0], "occurrence": date, "quantity": 2}]);
        buy(&t, &event, two(&dates[1]), "succeed", "k").await.expect(201);
        hold(&t, &event, two(&dates[2]), "h").await.expect(201);
        cancel(&t, &event, &dates[0]).await;

        let several = visitor.get(&page).await;
        several.says(200, "Cancelled").says(200, "Sold out").says(200, "Available").says(200, "All taken for now");
        assert_eq!(several.links("?date=").len(), 3, "nobody chooses a date that is cancelled");

        let sold_out = visitor.get(&of(&dates[1])).await;
        sold_out.says(200, "Thursday, 7 June 2040, 20:00\u{a0}CEST: this date is sold out.");
        let join = sold_out.links("/waitlist")[0].clone();
        visitor.get(&join).await.says(200, &format!("<option value=\"{}\" selected>", dates[1]));
        visitor.get(&of(&dates[2])).await.says(200, "all tickets are taken just now");
        visitor.get(&of(&dates[0])).await.says(200, "this date was cancelled").says(200, "Choose a date");
        for unknown in ["occ_01kdvm6x00fazbzzr4pc4snbka", "x", "%00", "%FF", "%3Cb%3E", event.id.as_str()] {
            visitor.get(&of(unknown)).await.says(404, "This event has no such date.").says(404, "Choose a date");
            visitor.get(&format!("{page}?from={unknown}")).await.says(200, "Choose a date");
        }
        visitor.get(&of("")).await.says(200, "Choose a date");
        assert!(!visitor.get(&of(&dates[3])).await.page(200).contains("id=\"date-told\""));

        // Whoever sends the form all the same is told what there is to choose.
        let send = async |date: &str| visitor.send(&form, &[("date", date), (&evening, "1")]).await;
        send(&dates[0]).await.says(422, "this date was cancelled").says(422, "href=\"#dates\"").says(422, "id=\"dates\"");
        send("occ_01kdvm6x00fazbzzr4pc4snbka").await.says(422, "This event has no such date.");
        send("").await.says(422, "Please choose a date.").says(422, "href=\"#dates\"");
        send(&dates[1]).await.says(409, "the last ones have just been taken").says(409, "Your date");
        send(&dates[3]).await.leads_to("/checkout/");
        assert_eq!(left(&t, &event, &dates[3]).await, [39, 50]);
        t.stop().await;
    }

    /// covers: WEB-2
    async fn one_date_that_is_left_needs_no_choice(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let (event, dates) = evenings(&t, &["2040-06-06"]).await;
        sells(&t, &event, &dates[0], json!({"price_minor": 1200})).await;
        let page = visitor.get(&format!("/e/{}", event.slug)).await;
        page.says(200, "€12.00").says(200, &format!("name=\"q_{}\"", event.tiers[0]));
        assert!(!page.text.contains("Choose a date") && !page.text.contains("Your date"), "{}", page.text);
        let checkout = visitor.reserve(&event, &[1, 0]).await;
        visitor.get(&checkout).await.says(200, "€12.00");

        // Nor do several of which one is left, whatever the address names.
        let (event, dates) = evenings(&t, &["2040-06-06", "2040-06-07"]).await;
        sells(&t, &event, &dates[1], json!({"price_minor": 1300})).await;
        cancel(&t, &event, &dates[0]).await;
        let page = format!("/e/{}", event.slug);
        let only = visitor.get(&page).await;
        assert!(!only.text.contains("Choose a date"), "{}", only.text);
        assert_eq!(only.says(200, "€13.00").value("date"), dates[1]);
        visitor.get(&format!("{page}?date={}", dates[0])).await.says(200, "this date was cancelled").says(200, "€13.00");
        visitor.get(&format!("{page}?date=x")).await.says(404, "This event has no such date.").says(404, "€13.00");
        let wrong = [("date", dates[0].as_str()), (&format!("q_{}", event.tiers[0]), "1")];
        visitor.send(&format!("{page}/hold"), &wrong).await.says(422, "this date was cancelled");

        // Where nothing is sold by dates, none is asked for.
        let event = event_with(&t, json!([{"name": "Pass", "price_minor": 100, "capacity": 9}]), &[24, 48]).await;
        let page = visitor.get(&format!("/e/{}?date=x", event.slug)).await;
        assert!(!page.page(200).contains("Choose a date") && !page.text.contains("name=\"date\""));
        visitor.reserve(&event, &[1]).await;
        t.stop().await;
    }

    /// covers: WEB-2
    async fn dates_that_are_over_are_not_chosen(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let tiers = json!([{"name": "Evening", "price_minor": 1000, "capacity": 9, "per_date": true}]);
        let event = event_with(&t, tiers, &[1, 24, 48]).await;
        let dates = dates_of(&t, &event).await;
        let page = format!("/e/{}", event.slug);
        assert_eq!(visitor.get(&page).await.links("?date=").len(), 3);
        t.clock.advance(Duration::from_secs(5 * 3_600));
        let later = visitor.get(&page).await;
        assert_eq!(later.says(200, ">Over<").links("?date=").len(), 2);
        visitor.get(&format!("{page}?date={}", dates[0])).await.says(200, "this date is over");
        // With one date to choose there are no others to be shown.
        t.clock.advance(Duration::from_secs(24 * 3_600));
        assert_eq!(visitor.get(&page).await.value("date"), dates[2]);
        t.stop().await;
    }

    /// Two shows a day for almost a year: every date is on one page of its month, and each can be bought.
    ///
    /// covers: WEB-2, ORG-2
    async fn a_long_series_is_shown_month_by_month(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = evenings(&t, &["2031-02-01"]).await;
        let path = format!("/api/v1/events/{}", event.id);
        let version = t.organiser.get(&path).await.expect(200)["version"].clone();
        let rules = json!({"version": version, "starts": "2031-02-01T15:00:00",
            "rules": ["FREQ=DAILY;BYHOUR=15,20;COUNT=700"], "duration_minutes": 90});
        let saved = put(&t.organiser, &format!("{path}/series"), &rules).await.expect(200);
        assert_eq!(saved["occurrence_count"], 700);

        let (visitor, page) = (Visitor::new(&t), format!("/e/{}", event.slug));
        let first = visitor.get(&page).await;
        first.says(200, "700 dates from 1 February 2031 to 16 January 2032").says(200, "<h4>February 2031</h4>");
        first.says(200, "Saturday, 1 February 2031, 15:00\u{a0}CET").says(200, "Saturday, 1 February 2031, 20:00\u{a0}CET");
        let (mut seen, mut next, mut last) = (BTreeSet::new(), page.clone(), String::new());
        for number in 0..100 {
            let part = visitor.get(&next).await;
            let links = part.links("?date=");
            assert!((1..=31).contains(&links.len()), "{} on page {number}", links.len());
            assert_eq!(part.text.contains("rel=\"prev\""), number > 0);
            for link in links {
                assert!(seen.insert(link.clone()), "{link} is there twice");
                last = link;
            }
            match part.links("?from=").last() {
                Some(later) if part.text.contains("rel=\"next\"") => next.clone_from(later),
                Some(_) | None => break,
            }
        }
        assert_eq!(seen.len(), 700);

        // Each month and each year is one step away.
        let part = first.text.split(">June 2031</a>").next().unwrap();
        let june = part.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
        visitor.get(june).await.says(200, "<h4>June 2031</h4>").says(200, "Sunday, 1 June 2031, 15:00\u{a0}CEST");
        let part = first.text.split(">2032</a>").next().unwrap();
        let year = part.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
        visitor.get(year).await.says(200, "<h4>January 2032</h4>");

        let chosen = visitor.get(&last).await;
        chosen.says(200, "Friday, 16 January 2032, 20:00\u{a0}CET");
        let date = chosen.value("date");
        let form = [("date", date.as_str()), (&format!("q_{}", event.tiers[0]), "2")];
        let checkout = visitor.send(&format!("{page}/hold"), &form).await.leads_to("/checkout/");
        assert_eq!(held(&t, &checkout).await["items"][0]["occurrence"], date.as_str());
        assert_eq!(left(&t, &event, &date).await, [38, 50]);
        visitor.get(&chosen.links("?from=")[0]).await.says(200, "<h4>January 2032</h4>");
        t.stop().await;
    }

    /// Seats are of one date, also where their tier has one stock for all of them.
    ///
    /// covers: WEB-4, BE-2
    async fn seats_are_bought_for_the_date_that_was_chosen(db: TestDb) {
        let t = TestApp::start(db).await;
        let map = serde_json::to_value(templates::arena(1, 2, 5).unwrap()).unwrap();
        let (event, dates) = seated_at(&t, map, &[24, 48]).await;
        let (visitor, page) = (Visitor::new(&t), format!("/e/{}", event.slug));
        let field = format!("q_{}", event.tiers[0]);
        visitor.get(&page).await.says(200, "Choose a date");
        visitor.send(&format!("{page}/hold"), &[(&field, "2")]).await.says(422, "Please choose a date.");
        let form = [("date", dates[1].as_str()), (&field, "2")];
        let checkout = visitor.send(&format!("{page}/hold"), &form).await.leads_to("/checkout/");
        let hold = held(&t, &checkout).await;
        assert_eq!((&hold["items"][0]["occurrence"], hold["items"][0]["seats"].as_array().unwrap().len()), (&json!(dates[1]), 2));
        t.stop().await;
    }
}
