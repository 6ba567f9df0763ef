//! Two at once: one of them is first, and everything agrees with that.

use bilten_kernel::on_both_engines;
use futures_util::future::{join, join_all};
use serde_json::json;

use super::{TRANSFERS, buy, check_in, evening, text, ticket};
use crate::access::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2
    async fn of_several_who_accept_at_once_one_is_first(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        let answers = join_all((0..8).map(|n| { let bor = &bor; async move { bor.accept(&format!("Bor {n}")).await } })).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "tickets.transfer_state");
        }
        let now = ticket(&t, &bought.tickets[0].0).await;
        assert_eq!((&now["version"], &now["passed_on"]), (&json!(2), &json!(1)));
        assert_eq!(now["holder_name"], won[0].expect(200)["ticket"]["holder_name"]);
        t.stop().await;
    }

    /// covers: BE-2
    async fn accepting_and_taking_back_at_once_agree(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 8, "k").await;
        for n in 0..8 {
            let bor = bought.offer(&t, n, &format!("bor{n}@example.com")).await;
            let back = format!("{}/{}", bought.path_of(n, TRANSFERS), bor.id);
            let (accepted, cancelled) = join(bor.accept("Bor Kos"), bought.buyer.delete(&back)).await;
            let now = ticket(&t, &bought.tickets[n].0).await;
            if accepted.status == 200 {
                cancelled.refused(409, "tickets.transfer_state");
                assert_eq!((&now["version"], &now["holder_name"]), (&json!(2), &json!("Bor Kos")));
            } else {
                accepted.refused(409, "tickets.transfer_state");
                assert_eq!(cancelled.status, 204, "{cancelled:?}");
                assert_eq!((&now["version"], &now["holder_name"]), (&json!(1), &json!("Ana Novak")));
            }
        }
        t.stop().await;
    }

    /// covers: BE-2, PAY-8
    async fn a_refund_ends_the_ticket_whoever_has_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        for n in 0..6 {
            let bought = buy(&t, &event, 1, &format!("k{n}")).await;
            let bor = bought.offer(&t, 0, &format!("bor{n}@example.com")).await;
            let refund = format!("/api/v1/orders/{}/refund", bought.order);
            let (accepted, refunded) = join(bor.accept("Bor Kos"), t.organiser.post(&refund, json!({}))).await;
            refunded.expect(200);
            let now = ticket(&t, &bought.tickets[0].0).await;
            assert_eq!(now["state"], "cancelled", "{now}");
            let mut codes = vec![bought.tickets[0].1.clone()];
            if accepted.status == 200 {
                assert_eq!(now["version"], 2);
                codes.push(text(&accepted.expect(200)["ticket"]["code"]));
            } else {
                accepted.refused(409, "tickets.transfer_state");
                assert_eq!((&now["version"], &bor.see().await["state"]), (&json!(1), &json!("cancelled")));
            }
            for (i, code) in codes.iter().enumerate() {
                assert_eq!(check_in(&t, &event, &device, &format!("{n}{i}"), code).await["admit"], false);
            }
        }
        t.stop().await;
    }
}
