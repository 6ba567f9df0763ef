//! Buying: once, at the price shown, and with a way on from every refusal.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::Visitor;
use crate::app::{Event, TestApp};

/// How many orders the organiser has for an event.
async fn orders(t: &TestApp, event: &Event) -> usize {
    let list = t
        .organiser
        .get(&format!("/api/v1/events/{}/orders", event.id))
        .await
        .expect(200);
    list["items"].as_array().unwrap().len()
}

/// How many tickets of the first tier are held and sold.
async fn stock(t: &TestApp, event: &Event) -> (i64, i64) {
    let list = t
        .organiser
        .get(&format!("/api/v2/events/{}/stock", event.id))
        .await
        .expect(200);
    let first = list["tiers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["tier_id"] == event.tiers[0])
        .unwrap();
    (
        first["held"].as_i64().unwrap(),
        first["sold"].as_i64().unwrap(),
    )
}

on_both_engines! {
    /// covers: WEB-2, WEB-4, PAY-1
    async fn tickets_are_bought_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50), ("Balcony", 4500, 12)]).await;
        let visitor = Visitor::new(&t);
        let home = visitor.get("/").await;
        home.says(200, &format!("href=\"/e/{}\"", event.slug)).says(200, "€32.00 to €45.00");
        let page = visitor.get(&format!("/e/{}", event.slug)).await;
        page.says(200, "12 left").says(200, "Available").says(200, "€32.00").says(200, "Doors");

        let checkout = visitor.reserve(&event, &[2, 1]).await;
        assert_eq!(stock(&t, &event).await, (2, 0));
        visitor.get(&checkout).await.says(200, "€109.00").says(200, "Test mode.").says(200, "minutes left");
        let order = visitor.pay(&checkout, "succeed").await;
        assert_eq!(stock(&t, &event).await, (0, 2));

        let tickets = visitor.get(&order).await;
        tickets.says(200, "Your tickets").says(200, "Ana Novak").says(200, "Ticket 3 of 3").says(200, "Balcony");
        assert_eq!(tickets.text.matches("<svg").count(), 3);
        assert_eq!(tickets.headers["cache-control"], "no-store");
        assert_eq!(tickets.headers["referrer-policy"], "no-referrer");

        let pictures = tickets.links("/tickets/");
        assert_eq!(pictures.len(), 3);
        for picture in pictures {
            let png = t.stranger.request(Method::GET, &picture).send().await.unwrap();
            assert_eq!((png.status().as_u16(), png.headers()["content-type"].to_str().unwrap()), (200, "image/png"));
            assert_eq!(png.headers()["cache-control"], "no-store");
            let reading = bilten_core::qr::read_image_bytes(&png.bytes().await.unwrap()).unwrap().unwrap();
            assert!(reading.text().is_some_and(|text| text.starts_with("BT1:")));
            visitor.get(&picture.replace(".png", ".svg")).await.text.find("<svg").unwrap();
            assert_eq!(visitor.get(&picture.replace(".png", ".gif")).await.status, 404);
        }
        let calendar = visitor.get(&tickets.links("calendar.ics")[0]).await;
        assert_eq!((calendar.status, calendar.headers["content-type"].to_str().unwrap()), (200, "text/calendar; charset=utf-8"));
        assert!(calendar.text.contains("SUMMARY:Večer\r\n") && calendar.text.contains("DTSTART:"), "{}", calendar.text);
        t.stop().await;
    }

    /// covers: PAY-8
    async fn a_form_that_is_sent_again_and_again_buys_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50)]).await;
        let visitor = Visitor::new(&t);
        let page = visitor.get(&format!("/e/{}", event.slug)).await;
        let (key, field) = (page.value("key"), format!("q_{}", event.tiers[0]));
        let hold = format!("/e/{}/hold", event.slug);
        let choice = [("key", key.as_str()), (field.as_str(), "2")];
        let holds = join_all((0..4).map(|_| visitor.send(&hold, &choice))).await;
        let checkout = holds[0].leads_to("/checkout/");
        assert!(holds.iter().all(|answer| answer.leads_to("/checkout/") == checkout));
        assert_eq!(stock(&t, &event).await, (2, 0));

        let form = [("name", "Ana"), ("email", "a@b.si"), ("payment", "succeed"), ("total", "6400")];
        let bought = join_all((0..8).map(|_| visitor.send(&checkout, &form))).await;
        let order = bought[0].leads_to("/orders/");
        assert!(bought.iter().all(|answer| answer.leads_to("/orders/") == order));
        // Gone back, corrected, sent again: still the same order.
        let corrected = [("name", "Ana Novak"), ("email", "a@b.si"), ("payment", "decline"), ("total", "6400")];
        assert_eq!(visitor.send(&checkout, &corrected).await.leads_to("/orders/"), order);
        assert_eq!(visitor.get(&checkout).await.leads_to("/orders/"), order);
        assert_eq!(visitor.send(&format!("{checkout}/release"), &[]).await.leads_to("/orders/"), order);
        assert_eq!((orders(&t, &event).await, stock(&t, &event).await), (1, (0, 2)));

        // The same page with another choice is another wish.
        let other = [("key", key.as_str()), (field.as_str(), "3")];
        assert_ne!(visitor.send(&hold, &other).await.leads_to("/checkout/"), checkout);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn who_is_too_late_is_told_what_is_left(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 5)]).await;
        let visitor = Visitor::new(&t);
        t.stranger.buy(&event, 0, 3, "succeed", "k").await.expect(201);
        let (hold, field) = (format!("/e/{}/hold", event.slug), format!("q_{}", event.tiers[0]));
        let late = visitor.send(&hold, &[(&field, "4")]).await;
        late.says(409, "Standing: only 2 left.").says(409, &format!("href=\"#{field}\"")).says(409, "<option selected>2</option>");
        t.stranger.buy(&event, 0, 2, "succeed", "k2").await.expect(201);
        visitor.send(&hold, &[(&field, "1")]).await.says(409, "the last ones have just been taken").says(409, "Sold out");
        for (wrong, status) in [("0", 422), ("", 422), ("-1", 422), ("1e3", 422), ("99", 422), ("4294967296", 422)] {
            visitor.send(&hold, &[(&field, wrong)]).await.says(status, "There is a problem");
        }
        visitor.send(&hold, &[(&field, "abc")]).await.says(422, "please give a whole number");
        assert_eq!(stock(&t, &event).await, (0, 5));
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_hold_that_ended_leads_back_to_the_event(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 5)]).await;
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[5]).await;
        visitor.get(&format!("/e/{}", event.slug)).await.says(200, "some may come back");
        t.clock.advance(Duration::from_secs(15 * 60));
        let form = [("name", "Ana"), ("email", "a@b.si"), ("payment", "succeed"), ("total", "16000")];
        for answer in [visitor.get(&checkout).await, visitor.send(&checkout, &form).await] {
            answer.says(410, "sales.hold_gone").says(410, &format!("href=\"/e/{}\"", event.slug));
            assert!(answer.text.contains(answer.headers["x-request-id"].to_str().unwrap()));
        }
        let given_up = visitor.reserve(&t.event(&[("Standing", 3200, 5)]).await, &[1]).await;
        visitor.send(&format!("{given_up}/release"), &[]).await.leads_to("/e/");
        visitor.get(&given_up).await.page(410);
        t.stop().await;
    }

    /// covers: PAY-1
    async fn a_declined_payment_is_explained_and_tried_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 5)]).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&event, &[2], "decline").await;
        let page = visitor.get(&order).await;
        page.says(200, "The payment did not go through").says(200, "not enough money");
        // Its form must be known as our own, so the address is named to ourselves.
        assert_eq!(page.headers["referrer-policy"], "same-origin");
        let (key, pay) = (page.value("key"), order.replacen("?token", "/pay?token", 1));
        visitor.send(&pay, &[("key", &key), ("payment", "gold")]).await.says(422, "Please choose").says(422, "href=\"#payment\"");
        assert_eq!(visitor.send(&pay, &[("key", &key), ("payment", "decline")]).await.leads_to("/orders/"), order);
        // The same form again, with another choice: the first attempt is over, so this is a new one.
        let form = [("key", key.as_str()), ("payment", "succeed")];
        let paid = join_all((0..4).map(|_| visitor.send(&pay, &form))).await;
        assert!(paid.iter().all(|answer| answer.leads_to("/orders/") == order));
        visitor.get(&order).await.says(200, "Ticket 2 of 2");
        assert_eq!((orders(&t, &event).await, stock(&t, &event).await), (1, (0, 2)));
        t.stop().await;
    }

    /// covers: WEB-4
    async fn nobody_pays_another_price_than_was_shown(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 5)]).await;
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[1]).await;
        let dearer = json!({"version": 2, "price_minor": 9900});
        t.organiser.patch(&format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]), dearer).await.expect(200);
        // What is held keeps its price; a form that shows another one buys nothing.
        let form = [("name", "Žana"), ("email", "a@b.si"), ("payment", "succeed"), ("total", "9900")];
        let answer = visitor.send(&checkout, &form).await;
        answer.says(409, "it is €32.00 now").says(409, "value=\"Žana\"");
        assert_eq!(orders(&t, &event).await, 0);
        visitor.pay(&checkout, "succeed").await;
        assert_eq!(orders(&t, &event).await, 1);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn what_became_of_an_order_is_told(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 5), ("Free", 0, 5)]).await;
        let visitor = Visitor::new(&t);
        let waiting = visitor.buy(&event, &[1, 0], "time_out").await;
        visitor.get(&waiting).await.says(200, "Waiting for your payment").says(200, "http-equiv=\"refresh\"");
        let late = visitor.buy(&event, &[1, 0], "call_back_late").await;
        let declined = visitor.buy(&event, &[1, 0], "decline").await;
        t.clock.advance(Duration::from_secs(4));
        for _ in 0..100 {
            if visitor.get(&late).await.text.contains("Your tickets") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        visitor.get(&late).await.says(200, "Ticket 1 of 1");
        t.clock.advance(Duration::from_secs(16 * 60));
        for _ in 0..100 {
            if visitor.get(&declined).await.text.contains("has expired") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        visitor.get(&declined).await.says(200, "This order has expired").says(200, "you have paid nothing");
        visitor.get(&waiting).await.says(200, "No payment has come in");
        let pay = declined.replacen("?token", "/pay?token", 1);
        assert_eq!(visitor.send(&pay, &[("payment", "succeed")]).await.leads_to("/orders/"), declined);

        let free = visitor.reserve(&event, &[0, 2]).await;
        assert!(!visitor.get(&free).await.page(200).contains("Test mode."));
        let free = visitor.pay(&free, "").await;
        let page = visitor.get(&free).await;
        page.says(200, "Done. Show the code");
        let ticket = page.links("/tickets/")[0].split(['/', '.']).nth(4).unwrap().to_owned();
        t.organiser.post(&format!("/api/v1/tickets/{ticket}/revoke"), json!({})).await.expect(200);
        let page = visitor.get(&free).await;
        page.says(200, "Revoked").says(200, "lets nobody in");
        assert_eq!(page.text.matches("<svg").count(), 1);
        let dead = format!("{}/tickets/{ticket}.png?{}", free.split('?').next().unwrap(), free.split('?').nth(1).unwrap());
        visitor.get(&dead).await.says(410, "tickets.dead");

        let id = late.split(['/', '?']).nth(2).unwrap();
        t.organiser.post(&format!("/api/v1/orders/{id}/refund"), json!({})).await.expect(200);
        visitor.get(&late).await.says(200, "This order was refunded").says(200, "lets nobody in");
        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        visitor.get(&free).await.says(200, "This event was cancelled.");
        visitor.get(&format!("/e/{}", event.slug)).await.says(200, "This event was cancelled.").says(200, "Not on sale");
        t.stop().await;
    }
}
