//! For how much: by policy and by law of the place, when it is listed and when it is bought.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Bought, buy, evening, evening_in, for_sale, hold, policy, put_policy, state_of, take, text,
};
use crate::app::TestApp;

on_both_engines! {
    /// covers: I18N-10, PAY-5
    async fn a_price_is_capped_by_policy_and_by_the_law_of_the_place(db: TestDb) {
        let t = TestApp::start(db).await;
        for (i, (country, cap, most)) in [
            (None, 10_000, 2_500),
            (None, 9_000, 2_250),
            (Some("SI"), 12_000, 3_000),
            (Some("DK"), 12_000, 2_500),
            (Some("IE"), 20_000, 2_500),
            (Some("IT"), 12_000, 2_500),
            (Some("PL"), 12_000, 2_500),
            (Some("PT"), 12_000, 2_500),
            (Some("AU"), 20_000, 2_750),
        ].into_iter().enumerate() {
            let event = evening_in(&t, country, cap).await;
            let bought = buy(&t, &event, 1, &format!("k{i}")).await;
            let high = bought.try_list(0, most + 1).await.refused(422, "sales.resale_above_cap");
            assert_eq!(high["errors"][0]["detail"], format!("Must be at most {most}."), "{country:?}");
            let listed = bought.try_list(0, most).await.expect(201);
            assert_eq!(listed["fee_minor"], most / 20, "{listed}");
        }
        t.stop().await;
    }

    /// covers: PAY-5
    async fn a_price_never_climbs_from_hand_to_hand(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening_in(&t, None, 12_000).await;
        let first = buy(&t, &event, 1, "k").await;
        let second = take(&t, &event, &first.list(0, 2_800).await, "k2").await;
        // A fifth above 2,800 would be 3,360; the first buyer's 2,500 allow 3,000.
        second.try_list(0, 3_001).await.refused(422, "sales.resale_above_cap");
        let third = take(&t, &event, &second.list(0, 1_000).await, "k3").await;
        third.try_list(0, 1_201).await.refused(422, "sales.resale_above_cap");
        let fourth = take(&t, &event, &third.list(0, 1_200).await, "k4").await;
        assert_eq!(fourth.see().await["order"]["total_minor"], 1_200);
        t.stop().await;
    }

    /// covers: PAY-5
    async fn what_becomes_of_an_order_changes_no_cap(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening_in(&t, None, 12_000).await;
        let change = async |order: &str, step: Value, key: &str| {
            let path = format!("/api/v1/orders/{order}/changes");
            let body = json!({"version": 1, "steps": [step]});
            t.organiser.post_once(&path, key, &body).await.expect(200)
        };
        // The first ticket goes into another order; the second one still cost what it did.
        let ana = buy(&t, &event, 2, "k").await;
        change(&ana.order, json!({"kind": "split", "picks": [{"line": 1, "units": [1]}]}), "c").await;
        let left = text(&ana.see().await["tickets"][0]["id"]);
        let left = ana.tickets.iter().position(|ticket| ticket.0 == left).unwrap();
        ana.try_list(left, 3_001).await.refused(422, "sales.resale_above_cap");
        let bor = take(&t, &event, &ana.list(left, 2_800).await, "k2").await;

        // What was bought for more than it cost first stays so in another order of its buyer.
        let body = json!({
            "event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}],
            "buyer": {"email": "bor@example.com", "name": "Bor Kos"},
            "payment": {"method": "sandbox", "outcome": "succeed"},
        });
        let own = t.stranger.post_once("/api/v1/shop/orders", "k3", &body).await.expect(201);
        let own = Bought::of(&t, &own);
        change(&own.order, json!({"kind": "merge", "order": bor.order}), "c2").await;
        let path = format!("/api/v1/shop/orders/{}/tickets/{}/resale-listings", own.order, bor.tickets[0].0);
        own.buyer.post(&path, json!({"price_minor": 3_001})).await.refused(422, "sales.resale_above_cap");
        own.buyer.post(&path, json!({"price_minor": 3_000})).await.expect(201);
        t.stop().await;
    }

    /// covers: I18N-10
    async fn what_was_allowed_when_it_was_listed_is_asked_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening_in(&t, None, 12_000).await;
        let bought = buy(&t, &event, 2, "k").await;
        let dear = bought.list(0, 3_000).await;
        let fair = bought.list(1, 2_500).await;
        let mut stricter = policy(10_000);
        stricter["version"] = json!(1);
        put_policy(&t, &event, &stricter).await;
        hold(&t, &event, &dear, "h").await.refused(409, "sales.resale_above_cap");

        // Switched off: nothing is shown, held or listed.
        let mut off = policy(10_000);
        off["resale"]["allowed"] = json!(false);
        off["version"] = json!(2);
        put_policy(&t, &event, &off).await;
        assert!(for_sale(&t, &event).await.is_empty());
        hold(&t, &event, &fair, "h").await.refused(409, "sales.pass_on_not_allowed");
        assert_eq!(bought.withdraw(1, &fair).await.status, 204);
        bought.try_list(1, 2_500).await.refused(409, "sales.pass_on_not_allowed");
        assert_eq!((state_of(&t, &event, &dear).await, state_of(&t, &event, &fair).await), ("listed".to_owned(), "withdrawn".to_owned()));
        t.stop().await;
    }

    /// covers: I18N-10
    async fn an_organiser_may_answer_for_the_law_themselves(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening_in(&t, Some("DK"), 12_000).await;
        let of_denmark = format!("/api/v1/events/{}/policies/DK", event.id);
        let put = async |policy: &Value| {
            let request = t.organiser.request(Method::PUT, &of_denmark).json(policy);
            t.organiser.send(request).await
        };
        let mut own = policy(12_000);
        put(&own).await.refused(422, "invalid");
        own["resale"]["caps_by_law"] = json!(false);
        assert_eq!(put(&own).await.expect(200)["resale"]["caps_by_law"], false);
        let bought = buy(&t, &event, 1, "k").await;
        bought.try_list(0, 3_001).await.refused(422, "sales.resale_above_cap");
        let got = take(&t, &event, &bought.list(0, 3_000).await, "k2").await;
        assert_eq!(got.see().await["order"]["total_minor"], 3_000);
        let shown = t.stranger.get(&format!("/api/v1/shop/events/{}/policy", event.id)).await.expect(200);
        assert_eq!(shown["resale"]["caps_by_law"], false);
        t.stop().await;
    }

    /// covers: PAY-5
    async fn a_ticket_can_be_given_away(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let got = take(&t, &event, &bought.list(0, 0).await, "k2").await;
        let seen = got.see().await;
        assert_eq!((&seen["order"]["total_minor"], text(&seen["order"]["state"])), (&json!(0), "paid".to_owned()));
        t.stop().await;
    }
}
