//! Two at once: one of them is first, and everything agrees with that.

use bilten_kernel::on_both_engines;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::{Bought, buy, check_in, evening, hold, of_event, pay, refund, state_of, stock, text};
use crate::access::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2, DB-2
    async fn of_many_buyers_one_has_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 1, "k").await;
        let listing = ana.list(0, 2_500).await;
        let rivals = (0..12).map(|n| { let (t, event, listing) = (&t, &event, &listing); async move { hold(t, event, listing, &format!("h{n}")).await } });
        let answers = join_all(rivals).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "sales.resale_gone");
        }
        // Of several orders of that hold, one; and the same again is the same.
        let held = text(&won[0].expect(201)["id"]);
        let orders = join_all((0..6).map(|n| { let (t, event, held) = (&t, &event, &held); async move { pay(t, event, held, "succeed", &format!("o{}", n % 3)).await } })).await;
        let mut ids: Vec<_> = orders.iter().filter(|answer| matches!(answer.status, 200 | 201)).map(|answer| text(&answer.expect(answer.status)["order"]["id"])).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{orders:?}");
        assert_eq!((stock(&t, &event).await, of_event(&t, &event, "resale-payouts").await.len()), ((0, 1), 1));
        t.stop().await;
    }

    /// covers: BE-2
    async fn taking_it_back_and_buying_it_agree(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let ana = buy(&t, &event, 8, "k").await;
        for n in 0..8 {
            let listing = ana.list(n, 2_500).await;
            let key = format!("h{n}");
            let (withdrawn, held) = join(ana.withdraw(n, &listing), hold(&t, &event, &listing, &key)).await;
            if withdrawn.status == 204 {
                held.refused(409, "sales.resale_gone");
                assert_eq!(state_of(&t, &event, &listing).await, "withdrawn");
            } else {
                withdrawn.refused(409, "sales.resale_state");
                pay(&t, &event, &text(&held.expect(201)["id"]), "succeed", &key).await.expect(201);
                assert_eq!(state_of(&t, &event, &listing).await, "sold");
            }
        }
        assert_eq!(stock(&t, &event).await, (0, 8));
        t.stop().await;
    }

    /// covers: BE-2, SCAN-2
    async fn a_ticket_lets_somebody_in_or_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let ana = buy(&t, &event, 8, "k").await;
        for n in 0..8 {
            let listing = ana.list(n, 2_500).await;
            let key = format!("h{n}");
            let held = text(&hold(&t, &event, &listing, &key).await.expect(201)["id"]);
            let scan = check_in(&t, &event, &device, &key, &ana.tickets[n].1);
            let (scanned, bought) = join(scan, pay(&t, &event, &held, "succeed", &key)).await;
            if scanned["admit"] == true {
                bought.refused(410, "sales.hold_gone");
                assert_eq!(state_of(&t, &event, &listing).await, "ended");
            } else {
                let bor = Bought::of(&t, &bought.expect(201));
                assert_eq!((&scanned["reason"], state_of(&t, &event, &listing).await), (&json!("revoked"), "sold".to_owned()));
                assert_eq!(check_in(&t, &event, &device, &format!("b{n}"), &bor.tickets[0].1).await["admit"], true);
            }
        }
        assert_eq!(stock(&t, &event).await, (0, 8));
        t.stop().await;
    }

    /// covers: BE-2, PAY-8
    async fn paying_the_seller_back_and_buying_of_them_agree(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let mut sold = 0;
        for n in 0..8 {
            let key = format!("k{n}");
            let ana = buy(&t, &event, 2, &key).await;
            let listing = ana.list(0, 2_500).await;
            let held = text(&hold(&t, &event, &listing, &key).await.expect(201)["id"]);
            let (refunded, bought) = join(refund(&t, &ana.order), pay(&t, &event, &held, "succeed", &format!("b{n}"))).await;
            refunded.expect(200);
            if bought.status == 201 {
                sold += 1;
                assert_eq!(of_event(&t, &event, "resale-payouts").await.last().unwrap()["state"], "void");
            } else {
                bought.refused(410, "sales.hold_gone");
                assert_eq!(state_of(&t, &event, &listing).await, "ended");
            }
            // What is sold is what lets somebody in.
            assert_eq!(stock(&t, &event).await, (0, sold));
        }
        t.stop().await;
    }
}
