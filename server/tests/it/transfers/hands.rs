//! Who has a ticket, and who had it: codes at the gate, hand to hand, what staff does.

use bilten_core::sync::page::Change;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::events::{self, DomainEvent};
use bilten_server::identity::UserId;
use serde_json::{Value, json};

use super::{Receiver, TRANSFERS, buy, check_in, evening, ticket};
use crate::access::Device;
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2, SCAN-2
    async fn a_ticket_changes_hands_and_only_its_new_code_admits(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let bought = buy(&t, &event, 2, "k").await;
        let (_, cursor) = device.pull(&t, None).await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;

        // Until it is accepted nothing changes, and the receiver sees no code.
        let seen = bor.see().await;
        assert_eq!((&seen["state"], &seen["ticket"], &seen["tier_name"]), (&json!("pending"), &Value::Null, &json!("Standing")));
        assert_eq!(seen["event_name"], "Večer");
        bor.client.get(&bor.path("/qr/svg")).await.refused(404, "tickets.not_found");
        assert_eq!(bought.buyer.get(&format!("/api/v1/shop/orders/{}", bought.order)).await.expect(200)["tickets"].as_array().unwrap().len(), 2);

        let accepted = bor.accept("  Bor Kos ").await.expect(200);
        let mine = &accepted["ticket"];
        assert_eq!((&accepted["state"], &mine["version"], &mine["holder_name"]), (&json!("accepted"), &json!(2), &json!("Bor Kos")));
        assert_eq!(mine["id"], bought.tickets[0].0);
        assert!(bor.client.get(&bor.path("/qr/svg")).await.text.contains("<svg"));

        // The seller has only the other one left, on no way.
        let left = bought.buyer.get(&format!("/api/v1/shop/orders/{}", bought.order)).await.expect(200);
        assert_eq!(left["tickets"].as_array().unwrap().len(), 1);
        assert_eq!(left["tickets"][0]["id"], bought.tickets[1].0);
        let picture = format!("/api/v1/shop/orders/{}/tickets/{}/qr/svg", bought.order, bought.tickets[0].0);
        bought.buyer.get(&picture).await.refused(404, "tickets.not_found");
        bought.try_offer(0, "cene@example.com").await.refused(409, "tickets.passed_on");

        // At the gate, and in what gates are told.
        let old = check_in(&t, &event, &device, "1", &bought.tickets[0].1).await;
        assert_eq!((&old["admit"], &old["reason"]), (&json!(false), &json!("superseded")));
        let new = check_in(&t, &event, &device, "2", mine["code"].as_str().unwrap()).await;
        assert_eq!((&new["admit"], &new["holder"]), (&json!(true), &json!("Bor Kos")));
        assert_eq!(check_in(&t, &event, &device, "3", &bought.tickets[1].1).await["admit"], true);
        let (changes, _) = device.pull(&t, Some(&cursor)).await;
        let versions: Vec<u16> = changes
            .iter()
            .filter_map(|change| if let Change::Ticket(record) = change { Some(record.version) } else { None })
            .collect();
        assert_eq!(versions, [2], "{changes:?}");

        // Both are told.
        let told = t.mail_to("bor@example.com").await;
        assert_eq!((told.subject.as_str(), told.link()), ("Your ticket: Večer", bor.page.clone()));
        assert!(t.mail_to("ana@example.com").await.subject.starts_with("Your ticket was passed on"));
        let list = bought.buyer.get(&bought.path_of(0, TRANSFERS)).await.expect(200);
        assert_eq!((&list["items"][0]["state"], list["items"].as_array().unwrap().len()), (&json!("accepted"), 1));
        t.stop().await;
    }

    /// covers: BE-2
    async fn a_ticket_goes_from_hand_to_hand_five_times(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let mut hands = vec![bought.offer(&t, 0, "hand0@example.com").await];
        for n in 0..5 {
            let hand = hands.last().unwrap();
            assert_eq!(hand.accept(&format!("Hand {n}")).await.expect(200)["ticket"]["version"], n + 2);
            t.mail_to(&format!("hand{n}@example.com")).await;
            if n < 4 {
                let next = format!("hand{}@example.com", n + 1);
                hand.pass_on(&next).await.expect(201);
                assert_eq!(hand.see().await["onward"]["email"], next.as_str());
                hands.push(Receiver::by_mail(&t, &next).await);
            }
        }
        hands[4].pass_on("hand5@example.com").await.refused(409, "tickets.pass_on_too_often");
        // Whoever had it before has nothing of it.
        for hand in &hands[..4] {
            assert_eq!(hand.see().await["ticket"], Value::Null);
            hand.pass_on("else@example.com").await.refused(409, "tickets.passed_on");
            hand.client.delete(&hand.path("/onward")).await.refused(404, "tickets.transfer_not_found");
        }
        assert!(hands[4].see().await["ticket"]["code"].is_string());
        t.stop().await;
    }

    /// covers: BE-2
    async fn staff_offers_for_holders_and_what_they_do_to_a_ticket_ends_its_offer(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let path = format!("/api/v1/tickets/{}", bought.tickets[0].0);
        let transfers = format!("{path}/transfers");
        let body = json!({"email": "bor@example.com"});
        let other = t.other_organiser().await;
        other.post(&transfers, body.clone()).await.refused(404, "tickets.not_found");
        other.get(&transfers).await.refused(404, "tickets.not_found");

        let offered = t.organiser.post(&transfers, body.clone()).await.expect(201);
        let bor = Receiver::by_mail(&t, "bor@example.com").await;
        // The buyer sees it, and can take it back, too.
        assert_eq!(bought.buyer.get(&bought.path_of(0, TRANSFERS)).await.expect(200)["items"][0]["id"], offered["id"]);
        let one = format!("{transfers}/{}", bor.id);
        other.delete(&one).await.refused(404, "tickets.not_found");
        assert_eq!(t.organiser.delete(&one).await.status, 204);
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");

        for (what, body) in [("reissue", json!({"version": 1})), ("revoke", json!({}))] {
            let bor = bought.offer(&t, 0, "bor@example.com").await;
            t.organiser.post(&format!("{path}/{what}"), body).await.expect(200);
            bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");
            assert_eq!(bor.see().await["state"], "cancelled", "{what}");
        }
        t.organiser.post(&transfers, body).await.refused(409, "tickets.pass_on_not_valid");
        assert_eq!(t.organiser.get(&transfers).await.expect(200)["items"].as_array().unwrap().len(), 3);
        t.stop().await;
    }

    /// covers: BE-8, AUTH-9
    async fn to_whom_it_was_offered_is_sealed_and_can_be_forgotten(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 2, "k").await;
        let zdenka = bought.offer(&t, 0, "Zdenka@example.com").await;
        zdenka.accept("Zdenka Novljan").await.expect(200);
        let waiting = bought.try_offer(1, "zdenka@EXAMPLE.com").await.expect(201);
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_receiver FROM ticket_transfers"), vals![]).await.unwrap();
        assert_eq!(sealed.len(), 2);
        for bytes in &sealed {
            assert!(!String::from_utf8_lossy(bytes).to_lowercase().contains("zdenka"));
        }

        let app = t.app.clone();
        let erased = DomainEvent::PersonErased {
            user: UserId::new(&*t.app.clock, &*t.app.random),
            email: Some("zdenka@example.com".parse().unwrap()),
        };
        t.app.db.write(move |c| Box::pin(async move { events::publish(&app, c, vec![erased]).await })).await.unwrap();
        let now = ticket(&t, &bought.tickets[0].0).await;
        assert_eq!((&now["holder_name"], &now["state"]), (&json!("(erased)"), &json!("valid")));
        let list = t.organiser.get(&format!("/api/v1/tickets/{}/transfers", bought.tickets[1].0)).await.expect(200);
        assert_eq!((&list["items"][0]["id"], &list["items"][0]["state"], &list["items"][0]["email"]), (&waiting["id"], &json!("cancelled"), &json!("")));
        // The other ticket's name is the buyer's and stays.
        assert_eq!(ticket(&t, &bought.tickets[1].0).await["holder_name"], "Ana Novak");
        t.stop().await;
    }
}
