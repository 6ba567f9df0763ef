//! Changing an order and giving tickets back, in a browser without scripts.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_server::catalog::seating::templates;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Visitor;
use crate::app::{Answer, Event, TestApp};
use crate::selling::{balance, buy, event_with, text};

/// Hours that are far enough from the start for everything to be given back.
const FAR: i64 = 24 * 30;

/// A page below that of an order.
fn at(order: &str, page: &str) -> String {
    order.replacen('?', &format!("{page}?"), 1)
}

/// The address of a bought order.
fn page_of(bought: &Value) -> String {
    format!(
        "/orders/{}?token={}",
        text(&bought["order"]["id"]),
        text(&bought["token"])
    )
}

/// What the form of a preview carries along.
fn carried(page: &Answer) -> Vec<(String, String)> {
    let fields = page.text.split("<input type=\"hidden\" name=\"").skip(1);
    fields
        .map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"").unwrap();
            let mut value = rest.split('"').next().unwrap().to_owned();
            for (escaped, char) in [
                ("&#34;", "\""),
                ("&#39;", "'"),
                ("&#60;", "<"),
                ("&#62;", ">"),
                ("&#38;", "&"),
            ] {
                value = value.replace(escaped, char);
            }
            (name.to_owned(), value)
        })
        .collect()
}

/// Confirms what a preview showed.
async fn confirm(visitor: &Visitor, order: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    visitor.send(&at(order, "/change"), &fields).await
}

async fn preview(visitor: &Visitor, order: &str, fields: &[(&str, &str)]) -> Answer {
    visitor.send(&at(order, "/change/preview"), fields).await
}

/// Previews a change and confirms it; gives the address of the change.
async fn change(visitor: &Visitor, order: &str, fields: &[(&str, &str)]) -> String {
    let page = preview(visitor, order, fields).await;
    page.page(200);
    confirm(visitor, order, &carried(&page))
        .await
        .leads_to("/orders/")
}

/// The first unit of an order for another date.
fn to_date(date: &str) -> [(&str, &str); 3] {
    [("u", "1-1"), ("act", "date"), ("date", date)]
}

/// A published event with seats on two dates that are far away.
async fn seated_twice(t: &TestApp) -> Event {
    let map = serde_json::to_value(templates::arena(1, 2, 10).unwrap()).unwrap();
    let map = t
        .organiser
        .post("/api/v1/seat-maps", json!({"map": map}))
        .await
        .expect(201);
    let now = t.app.now().ms();
    let on = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let date = |hours: i64| json!({"starts_at": on(hours), "ends_at": on(hours + 3)});
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [date(FAR), date(FAR + 24)],
        "tiers": [{"name": "Seat", "price_minor": 2_500, "capacity": map["seats"], "seat_category": "a"}],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let (id, slug) = (text(&made["id"]), text(&made["slug"]));
    let edit =
        json!({"version": made["version"], "scope": "all", "change": {"seat_map": map["id"]}});
    let path = format!("/api/v1/events/{id}/occurrences");
    t.organiser.patch(&path, edit).await.expect(200);
    let path = format!("/api/v1/events/{id}/publish");
    t.organiser.post(&path, json!({})).await.expect(200);
    Event {
        tiers: vec![text(&made["tiers"][0]["id"])],
        slug,
        id,
    }
}

async fn two_tiers(t: &TestApp, hours: i64) -> Event {
    let tiers = json!([
        {"name": "Standing", "price_minor": 2_500, "capacity": 10},
        {"name": "Seated", "price_minor": 4_000, "capacity": 10},
    ]);
    event_with(t, tiers, &[hours]).await
}

async fn dates(t: &TestApp, event: &Event) -> Vec<String> {
    let event = t
        .organiser
        .get(&format!("/api/v1/events/{}", event.id))
        .await
        .expect(200);
    let dates = event["occurrences"].as_array().unwrap().iter();
    dates.map(|date| text(&date["id"])).collect()
}

on_both_engines! {
    /// covers: BE-2, PAY-8, WEB-2, WEB-4, WEB-7
    async fn a_dearer_ticket_is_chosen_confirmed_and_paid_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = two_tiers(&t, FAR).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&event, &[2, 0], "succeed").await;
        let link = visitor.get(&order).await.says(200, "Change or return tickets").links("/change?")[0].clone();
        assert_eq!(link, at(&order, "/change"));
        let choose = visitor.get(&link).await;
        choose.says(200, "Which tickets?").says(200, "Ana Novak").says(200, "Seated, €40.00").says(200, "Give back");
        choose.says(200, "<meta name=\"robots\" content=\"noindex\">");
        assert!(!choose.text.contains("value=\"date\""), "there is one date only");
        assert_eq!(choose.headers["cache-control"], "no-store");
        assert_eq!(choose.headers["referrer-policy"], "strict-origin");

        let seated = event.tiers[1].as_str();
        let wish = [("version", "1"), ("u", "1-2"), ("act", "tier"), ("tier", seated)];
        let page = preview(&visitor, &order, &wish).await;
        for said in ["Exchanged", "You get this for it", "Stays as it is", "To pay", "€15.00", "within 15 minutes", "€65.00"] {
            page.says(200, said);
        }
        page.says(200, "Confirm, then pay €15.00");
        assert!(visitor.get(&order).await.text.contains("Standing"), "nothing has happened");
        balance(&t.app.db).await;

        // However often it is sent, it is one change.
        let fields = carried(&page);
        let made = join_all((0..4).map(|_| confirm(&visitor, &order, &fields))).await;
        let made: Vec<String> = made.iter().map(|answer| answer.leads_to("/orders/")).collect();
        assert!(made.iter().all(|one| *one == made[0]), "{made:?}");
        let change = &made[0];
        let waiting = visitor.get(change).await;
        waiting.says(200, "Pay for your change").says(200, "Pay €15.00").says(200, "Your order once it is paid");
        visitor.get(&order).await.says(200, "waits for its payment").says(200, "See the change and pay");
        assert_eq!(visitor.get(&link).await.leads_to("/orders/"), *change);
        assert_eq!(confirm(&visitor, &order, &fields).await.leads_to("/orders/"), *change);

        let (pay, key) = (at(change, "/pay"), waiting.value("key"));
        visitor.send(&pay, &[("key", &key), ("payment", "gold")]).await.says(422, "href=\"#payment\"");
        assert_eq!(visitor.send(&pay, &[("key", &key), ("payment", "decline")]).await.leads_to("/orders/"), *change);
        visitor.get(change).await.says(200, "The payment did not go through").says(200, "not enough money");
        let form = [("key", key.as_str()), ("payment", "succeed")];
        let paid = join_all((0..3).map(|_| visitor.send(&pay, &form))).await;
        assert!(paid.iter().all(|answer| answer.leads_to("/orders/") == *change));
        let done = visitor.get(change).await;
        done.says(200, "Your order is changed").says(200, "Your order now").says(200, "€65.00");
        assert!(done.links("token=").contains(&order), "{}", done.text);
        let tickets = visitor.get(&order).await;
        tickets.says(200, "Seated").says(200, "Standing");
        assert!(!tickets.text.contains("waits for its payment"));
        assert_eq!(tickets.text.matches("<svg").count(), 2);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: WEB-4, WEB-7, BE-6
    async fn what_is_missing_is_told_beside_its_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = two_tiers(&t, FAR).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&event, &[2, 0], "succeed").await;
        let empty = preview(&visitor, &order, &[]).await;
        empty.says(422, "There are some problems").says(422, "href=\"#tickets\"").says(422, "href=\"#what\"");
        empty.says(422, "id=\"tickets-fault\"").says(422, "id=\"what-fault\"").says(422, "<title>Problem: ");
        let foreign = two_tiers(&t, FAR).await;
        for (more, field) in [
            (vec![("act", "tier")], "tier"),
            (vec![("act", "tier"), ("tier", "tir_x")], "tier"),
            (vec![("act", "tier"), ("tier", foreign.tiers[0].as_str())], "tier"),
            (vec![("act", "date"), ("date", "")], "date"),
            (vec![("act", "name")], "name"),
            (vec![("act", "name"), ("name", "Bor\u{7}Kos")], "name"),
            (vec![("act", "name"), ("name", "Bor Kos"), ("email", "nobody")], "email"),
            (vec![("act", "return"), ("u", "9-9")], "tickets"),
            (vec![("act", "return"), ("u", "1-9")], "tickets"),
            (vec![("act", "vanish")], "what"),
        ] {
            let mut fields = vec![("u", "1-1")];
            fields.extend(more.iter().copied());
            let page = preview(&visitor, &order, &fields).await;
            assert_eq!(page.status, 422, "{more:?}");
            page.says(422, &format!("href=\"#{field}\""));
            // There is one date, so that none is asked for.
            if field != "date" {
                page.says(422, &format!("id=\"{field}-fault\""));
            }
        }
        let all = [("u", "1-1"), ("u", "1-2"), ("act", "return")];
        preview(&visitor, &order, &all).await.says(409, "Nothing would be left").says(409, "href=\"#tickets\"");
        // What nobody has seen is not done.
        for (steps, due) in [("x", "0"), ("[]", "x"), ("", "")] {
            let fields = [("steps", steps), ("version", "1"), ("due", due), ("refund", "0")];
            assert_eq!(visitor.send(&at(&order, "/change"), &fields).await.leads_to("/orders/"), at(&order, "/change"));
        }
        assert_eq!(visitor.get(&at(&order, "/change/preview")).await.leads_to("/orders/"), at(&order, "/change"));
        assert_eq!(visitor.get(&order).await.text.matches("<svg").count(), 2);
        t.stop().await;
    }

    /// covers: BE-2, PAY-4, I18N-10, WEB-4
    async fn tickets_are_given_back_as_the_policy_allows(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&two_tiers(&t, FAR).await, &[3, 0], "succeed").await;
        let wish = [("u", "1-1"), ("act", "return")];
        let page = preview(&visitor, &order, &wish).await;
        page.says(200, "Given back").says(200, "You get back").says(200, "Confirm and get €25.00 back");
        let fields = carried(&page);
        let done = confirm(&visitor, &order, &fields).await.leads_to("/orders/");
        visitor.get(&done).await.says(200, "Your order is changed").says(200, "€25.00 goes back the way you paid");
        assert_eq!(confirm(&visitor, &order, &fields).await.leads_to("/orders/"), done, "sent again");
        assert_eq!(visitor.get(&order).await.text.matches("<svg").count(), 2);
        let id = order.split(['/', '?']).nth(2).unwrap();
        let refunds = t.organiser.get(&format!("/api/v1/orders/{id}/refunds")).await.expect(200);
        assert_eq!((refunds["items"].as_array().unwrap().len(), &refunds["items"][0]["amount_minor"]), (1, &json!(2_500)));

        // Five days before, half is kept; a day before, nothing goes back, and that is not even offered.
        let order = visitor.buy(&two_tiers(&t, 24 * 5).await, &[2, 0], "succeed").await;
        preview(&visitor, &order, &wish).await.says(200, "Not given back").says(200, "€12.50");
        let order = visitor.buy(&two_tiers(&t, 24).await, &[2, 0], "succeed").await;
        let choose = visitor.get(&at(&order, "/change")).await;
        choose.says(200, "It is too late");
        assert!(!choose.text.contains("value=\"return\""), "{}", choose.text);
        preview(&visitor, &order, &wish).await.says(409, "It is too late").says(409, "href=\"#tickets\"");
        // A dearer one can be had still; of a cheaper one it is said that the rest is kept.
        let dear = visitor.buy(&two_tiers(&t, 24).await, &[0, 2], "succeed").await;
        let choose = visitor.get(&at(&dear, "/change")).await;
        let tier = choose.text.split("<option value=\"tir_").nth(1).unwrap().split('"').next().unwrap();
        let tier = format!("tir_{tier}");
        let wish = [("u", "1-1"), ("act", "tier"), ("tier", tier.as_str())];
        let page = preview(&visitor, &dear, &wish).await;
        page.says(200, "Not given back").says(200, "€15.00").says(200, "Confirm the change");
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-3, WEB-4
    async fn another_date_and_another_name_are_chosen_by_forms(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let tiers = json!([{"name": "Standing", "price_minor": 2_500, "capacity": 1, "per_date": true}]);
        let event = event_with(&t, tiers, &[700, 800, 900]).await;
        let dates = dates(&t, &event).await;
        let on = |date: &str| json!([{"tier": event.tiers[0], "quantity": 1, "occurrence": date}]);
        let order = page_of(&buy(&t, &event, on(&dates[0]), "succeed", "k").await.expect(201));
        buy(&t, &event, on(&dates[1]), "succeed", "k2").await.expect(201);
        let choose = visitor.get(&at(&order, "/change")).await;
        // What is for one date of several says which, on the ticket, in the bill and in the calendar.
        let page = visitor.get(&order).await;
        let calendar = visitor.get(&page.links("calendar.ics")[0]).await;
        assert_eq!(calendar.text.matches("BEGIN:VEVENT").count(), 1);
        assert_eq!(page.text.matches("<time datetime=").count(), 3, "start, end and when it was ordered: {}", page.text);
        choose.says(200, &format!("<option value=\"{}\">", dates[1])).says(200, "please ask the organiser");
        assert!(!choose.text.contains(&dates[0]), "the date that it is for is no other one");
        assert!(!choose.text.contains("value=\"return\""), "it is the only ticket");
        preview(&visitor, &order, &to_date(&dates[1])).await.says(409, "This is sold out").says(409, "id=\"date-fault\"");
        let page = preview(&visitor, &order, &to_date(&dates[2])).await;
        page.says(200, "there is nothing to get back").says(200, "Confirm the change");
        let done = confirm(&visitor, &order, &carried(&page)).await.leads_to("/orders/");
        visitor.get(&done).await.says(200, "Your order is changed");
        buy(&t, &event, on(&dates[0]), "succeed", "k3").await.expect(201);

        let wish = [("u", "1-1"), ("act", "name"), ("name", "Bor <Kos>"), ("email", "bor@example.com")];
        preview(&visitor, &order, &wish).await.says(200, "In the name of Bor &#60;Kos&#62; from now on");
        change(&visitor, &order, &wish).await;
        visitor.get(&order).await.says(200, "Bor &#60;Kos&#62;");
        balance(&t.app.db).await;

        // An hour before doors names are frozen, and nothing is left that could be done.
        let near = event_with(&t, json!([{"name": "Standing", "price_minor": 2_500, "capacity": 5}]), &[1]).await;
        let order = visitor.buy(&near, &[1], "succeed").await;
        visitor.get(&at(&order, "/change")).await.says(200, "Nothing of this order can be changed here now").says(200, "too close to the doors");
        preview(&visitor, &order, &wish).await.says(409, "too close to the doors");
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn seats_are_those_that_were_shown(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = seated_twice(&t).await;
        let dates = dates(&t, &event).await;
        let on = |date: &str, seats: Value| json!([{"tier": event.tiers[0], "seats": seats, "occurrence": date}]);
        let bought = buy(&t, &event, on(&dates[0], json!(["1-1-1", "1-1-2"])), "succeed", "k").await.expect(201);
        let order = page_of(&bought);
        let seat_in = |page: &Answer| {
            let fields = carried(page);
            let (_, steps) = fields.iter().find(|(name, _)| name == "steps").unwrap();
            serde_json::from_str::<Value>(steps).unwrap()[0]["seats"][0].clone()
        };
        let first = preview(&visitor, &order, &to_date(&dates[1])).await;
        first.says(200, "You get this for it").says(200, "Stays as it is");
        let seat = seat_in(&first);
        buy(&t, &event, on(&dates[1], json!([seat])), "succeed", "k2").await.expect(201);
        let again = confirm(&visitor, &order, &carried(&first)).await;
        again.says(409, "have changed since you looked");
        let other = seat_in(&again);
        assert_ne!(other, seat);
        confirm(&visitor, &order, &carried(&again)).await.leads_to("/orders/");
        let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
        let now = buyer.get(&format!("/api/v1/shop/orders/{}", text(&bought["order"]["id"]))).await.expect(200);
        let tickets = now["tickets"].as_array().unwrap().iter();
        let mut places: Vec<_> = tickets.map(|ticket| (text(&ticket["occurrence_id"]), text(&ticket["seat_id"]))).collect();
        places.sort();
        let mut wanted = vec![(dates[0].clone(), "1-1-2".to_owned()), (dates[1].clone(), text(&other))];
        wanted.sort();
        assert_eq!(places, wanted);
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn what_is_priced_anew_is_shown_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = two_tiers(&t, FAR).await;
        let order = visitor.buy(&event, &[0, 2], "succeed").await;
        let wish = [("u", "1-1"), ("act", "tier"), ("tier", event.tiers[0].as_str())];
        let first = preview(&visitor, &order, &wish).await;
        first.says(200, "Confirm and get €15.00 back");
        let dearer = json!({"version": 2, "price_minor": 3_000});
        t.organiser.patch(&format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]), dearer).await.expect(200);
        let again = confirm(&visitor, &order, &carried(&first)).await;
        again.says(409, "have changed since you looked").says(409, "Confirm and get €10.00 back").says(409, "role=\"alert\"");
        visitor.get(&order).await.says(200, "€80.00");
        confirm(&visitor, &order, &carried(&again)).await.leads_to("/orders/");
        visitor.get(&order).await.says(200, "€70.00");

        // The order is another one by now: whatever was shown before is chosen anew.
        let old: Vec<_> = carried(&first).into_iter().filter(|(name, _)| name != "key").collect();
        confirm(&visitor, &order, &old).await.says(409, "changed in the meantime").says(409, "Which tickets?");
        preview(&visitor, &order, &[("version", "1"), ("u", "1-1"), ("act", "return")]).await.says(409, "changed in the meantime");
        balance(&t.app.db).await;
        t.stop().await;
    }

    /// covers: BE-2, PAY-1, WEB-4
    async fn a_change_is_given_up_or_runs_out_and_nothing_happens(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = two_tiers(&t, FAR).await;
        let order = visitor.buy(&event, &[2, 0], "succeed").await;
        let wish = [("u", "1-1"), ("act", "tier"), ("tier", event.tiers[1].as_str())];
        let given_up = change(&visitor, &order, &wish).await;
        for _ in 0..2 {
            assert_eq!(visitor.send(&at(&given_up, "/give-up"), &[]).await.leads_to("/orders/"), given_up);
        }
        visitor.get(&given_up).await.says(200, "Nothing was changed").says(200, "you have paid nothing").says(200, "Choose again");
        assert_eq!(visitor.send(&at(&given_up, "/pay"), &[("payment", "succeed")]).await.leads_to("/orders/"), given_up);
        balance(&t.app.db).await;

        let late = change(&visitor, &order, &wish).await;
        let key = visitor.get(&late).await.value("key");
        visitor.send(&at(&late, "/pay"), &[("key", &key), ("payment", "time_out")]).await.leads_to("/orders/");
        visitor.get(&late).await.says(200, "Waiting for your payment").says(200, "http-equiv=\"refresh\"");
        t.clock.advance(Duration::from_secs(16 * 60));
        visitor.get(&late).await.says(200, "Nothing was changed").says(200, "not paid in time");
        visitor.get(&at(&order, "/change")).await.says(200, "Which tickets?");
        assert_eq!(visitor.get(&order).await.text.matches("<svg").count(), 2);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn changes_are_for_who_knows_the_secret_and_for_our_own_forms(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = two_tiers(&t, FAR).await;
        let order = visitor.buy(&event, &[2, 0], "succeed").await;
        let other = visitor.buy(&event, &[1, 0], "succeed").await;
        let wish = [("u", "1-1"), ("act", "tier"), ("tier", event.tiers[1].as_str())];
        let change = change(&visitor, &order, &wish).await;
        let (_, other_token) = other.split_once('?').unwrap();
        for token in ["", "token=", "token=x", other_token] {
            let with = |page: &str| format!("{}?{token}", page.split('?').next().unwrap());
            for page in [at(&order, "/change"), at(&order, "/change/preview"), change.clone()] {
                visitor.get(&with(&page)).await.says(404, "sales.order_not_found");
            }
            for page in [at(&order, "/change"), at(&order, "/change/preview"), at(&change, "/pay"), at(&change, "/give-up")] {
                visitor.send(&with(&page), &wish).await.says(404, "sales.order_not_found");
            }
        }
        // The change of another order is none of this one.
        let id = change.split(['/', '?']).nth(4).unwrap();
        visitor.get(&at(&other, &format!("/changes/{id}"))).await.page(404);
        visitor.send(&at(&other, &format!("/changes/{id}/give-up")), &[]).await.page(404);
        for page in [at(&order, "/change"), at(&order, "/change/preview"), at(&change, "/pay"), at(&change, "/give-up")] {
            visitor.send_with(&page, &wish, &[("sec-fetch-site", "cross-site")]).await.says(403, "web.other_site");
        }
        visitor.get(&change).await.says(200, "Pay for your change");
        // An order that is not paid has nothing to change yet.
        let declined = visitor.buy(&event, &[1, 0], "decline").await;
        assert_eq!(visitor.get(&at(&declined, "/change")).await.leads_to("/orders/"), declined);
        assert!(!visitor.get(&declined).await.text.contains("Change or return tickets"));
        t.stop().await;
    }

    /// covers: BE-2, WEB-4
    async fn what_became_a_part_of_another_order_says_so(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = two_tiers(&t, FAR).await;
        let (first, second) = (visitor.buy(&event, &[1, 0], "succeed").await, visitor.buy(&event, &[1, 0], "succeed").await);
        let id = |order: &str| order.split(['/', '?']).nth(2).unwrap().to_owned();
        let path = format!("/api/v1/orders/{}/changes", id(&first));
        let merge = json!({"version": 1, "steps": [{"kind": "merge", "order": id(&second)}]});
        t.organiser.post_once(&path, "m", &merge).await.expect(200);
        let merged = visitor.get(&second).await;
        merged.says(200, "This order is a part of another one now").says(200, &format!("/orders/find?event={}", event.slug));
        assert!(!merged.text.contains("Show the code"), "{}", merged.text);
        assert_eq!(visitor.get(&first).await.text.matches("<svg").count(), 2);

        // So does what was paid for a change, to whoever was sent only that.
        let dearer = json!({"version": 2, "steps": [{"kind": "change_tier", "pick": {"line": 1, "units": [1]}, "tier": event.tiers[1]}]});
        let waiting = t.organiser.post_once(&path, "c", &dearer).await.expect(200);
        let due = &waiting["supplement"];
        let own = format!("/orders/{}?token={}", text(&due["order_id"]), text(&due["token"]));
        let page = visitor.get(&own).await;
        page.says(200, "Your order is to be paid").says(200, "Pay €15.00");
        let pay = [("key", page.value("key")), ("payment", "succeed".to_owned())];
        let pay: Vec<_> = pay.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(visitor.send(&at(&own, "/pay"), &pay).await.leads_to("/orders/"), own);
        visitor.get(&own).await.says(200, "This order is a part of another one now");
        visitor.get(&first).await.says(200, "Seated");
        balance(&t.app.db).await;
        t.stop().await;
    }
}
