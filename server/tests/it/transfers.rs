//! Transfer of tickets: offered by mail, accepted once, dead on the other side.

use std::time::Duration;

use bilten_core::sync::page::Change;
use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::events::{self, DomainEvent};
use bilten_server::identity::UserId;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::access::Device;
use crate::app::{Answer, Client, Event, TestApp};
use crate::web::Visitor;

/// An event whose doors open in three hours: tickets are valid by now, and frozen in two.
async fn evening(t: &TestApp) -> Event {
    let now = t.clock.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(3), "starts_at": at(4), "ends_at": at(7)}],
        "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": 50}],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    Event {
        id,
        slug: text(&event["slug"]),
        tiers: vec![text(&event["tiers"][0]["id"])],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An order as its buyer has it.
struct Bought {
    buyer: Client,
    order: String,
    tickets: Vec<(String, String)>,
}

async fn buy(t: &TestApp, event: &Event, quantity: u32, key: &str) -> Bought {
    let bought = t
        .stranger
        .buy(event, 0, quantity, "succeed", key)
        .await
        .expect(201);
    let tickets = bought["tickets"].as_array().unwrap();
    Bought {
        buyer: t.stranger.with_token(&text(&bought["token"])),
        order: text(&bought["order"]["id"]),
        tickets: tickets
            .iter()
            .map(|ticket| (text(&ticket["id"]), text(&ticket["code"])))
            .collect(),
    }
}

impl Bought {
    fn path(&self, ticket: usize) -> String {
        let (order, ticket) = (&self.order, &self.tickets[ticket].0);
        format!("/api/v1/shop/orders/{order}/tickets/{ticket}/transfers")
    }

    async fn try_offer(&self, ticket: usize, email: &str) -> Answer {
        self.buyer
            .post(&self.path(ticket), json!({"email": email}))
            .await
    }

    /// Offers a ticket; the receiver as the mail makes them.
    async fn offer(&self, t: &TestApp, ticket: usize, email: &str) -> Receiver {
        let offered = self.try_offer(ticket, email).await.expect(201);
        assert_eq!(
            (&offered["state"], &offered["email"]),
            (&json!("pending"), &json!(email))
        );
        let receiver = Receiver::by_mail(t, email).await;
        assert_eq!(receiver.id, text(&offered["id"]));
        receiver
    }
}

/// Somebody who got a mail about a ticket.
struct Receiver {
    client: Client,
    id: String,
    page: String,
}

impl Receiver {
    async fn by_mail(t: &TestApp, email: &str) -> Self {
        let mail = t.mail_to(email).await;
        let page = mail.link();
        let id = page.strip_prefix("/transfers/").unwrap();
        Self {
            client: t.stranger.with_token(&mail.token("token")),
            id: id.split('?').next().unwrap().to_owned(),
            page,
        }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/v1/shop/transfers/{}{what}", self.id)
    }

    async fn see(&self) -> Value {
        self.client.get(&self.path("")).await.expect(200)
    }

    async fn accept(&self, name: &str) -> Answer {
        let body = json!({"name": name});
        self.client.post(&self.path("/accept"), body).await
    }

    async fn decline(&self) -> Answer {
        self.client.post(&self.path("/decline"), json!({})).await
    }

    async fn pass_on(&self, email: &str) -> Answer {
        let body = json!({"email": email});
        self.client.post(&self.path("/onward"), body).await
    }
}

async fn ticket(t: &TestApp, id: &str) -> Value {
    let path = format!("/api/v1/tickets/{id}");
    t.organiser.get(&path).await.expect(200)
}

/// What a gate that is online says to a code.
async fn check_in(t: &TestApp, event: &Event, device: &Device, key: &str, code: &str) -> Value {
    let path = format!("/api/v1/events/{}/check-in", event.id);
    let body = json!({"list": device.list().as_str(), "code": code});
    t.organiser.post_once(&path, key, &body).await.expect(200)
}

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
        let list = bought.buyer.get(&bought.path(0)).await.expect(200);
        assert_eq!((&list["items"][0]["state"], list["items"].as_array().unwrap().len()), (&json!("accepted"), 1));
        t.stop().await;
    }

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
            let back = format!("{}/{}", bought.path(n), bor.id);
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

    /// covers: BE-2
    async fn an_offer_is_declined_taken_back_or_over(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        bought.try_offer(0, "cene@example.com").await.refused(409, "tickets.offered_already");
        assert_eq!(bor.decline().await.expect(200)["state"], "declined");
        assert!(t.mail_to("ana@example.com").await.subject.starts_with("Your ticket was declined"));
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");
        bor.decline().await.refused(409, "tickets.transfer_state");

        let bor = bought.offer(&t, 0, "bor@example.com").await;
        let back = format!("{}/{}", bought.path(0), bor.id);
        for _ in 0..2 {
            assert_eq!(bought.buyer.delete(&back).await.status, 204, "doing it again changes nothing");
        }
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");

        // It is open until an hour before doors, when tickets are frozen.
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        t.clock.advance(Duration::from_hours(2));
        assert_eq!(bor.see().await["state"], "expired");
        bor.accept("Bor Kos").await.refused(409, "tickets.transfer_state");
        bought.try_offer(0, "bor@example.com").await.refused(409, "tickets.pass_on_frozen");
        let now = ticket(&t, &bought.tickets[0].0).await;
        assert_eq!((&now["version"], &now["state"]), (&json!(1), &json!("valid")));
        let list = bought.buyer.get(&format!("{}?limit=2", bought.path(0))).await.expect(200);
        let states: Vec<_> = list["items"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
        assert_eq!(states, ["declined", "cancelled"]);
        let rest = format!("{}?limit=2&cursor={}", bought.path(0), text(&list["next"]));
        assert_eq!(bought.buyer.get(&rest).await.expect(200)["items"][0]["state"], "expired");
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
    async fn the_policy_of_the_event_decides_when_it_is_offered_and_again_when_it_is_accepted(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let bought = buy(&t, &event, 1, "k").await;
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        for (version, transfer, code) in [
            (None, json!({"allowed": false, "most": 5, "freeze_minutes": 0}), "tickets.pass_on_not_allowed"),
            (Some(1), json!({"allowed": true, "most": 5, "freeze_minutes": 180}), "tickets.pass_on_frozen"),
            (Some(2), json!({"allowed": true, "most": 0, "freeze_minutes": 0}), "tickets.pass_on_too_often"),
        ] {
            let mut policy = json!({
                "refund": {"windows": [], "fees_too": false, "withdrawal_minutes": 0, "moved_minutes": 0},
                "transfer": transfer,
                "resale": {"allowed": false, "cap_basis_points": 10_000, "fee_basis_points": 0, "freeze_minutes": 60},
            });
            if let Some(version) = version {
                policy["version"] = json!(version);
            }
            let path = format!("/api/v1/events/{}/policies/*", event.id);
            let request = t.organiser.request(reqwest::Method::PUT, &path).json(&policy);
            t.organiser.send(request).await.expect(200);
            bor.accept("Bor Kos").await.refused(409, code);
            bought.try_offer(0, "cene@example.com").await.refused(409, code);
        }
        assert_eq!(bor.see().await["state"], "pending");
        assert_eq!(ticket(&t, &bought.tickets[0].0).await["version"], 1);
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_let_somebody_in_stays_and_offers_have_a_limit(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let device = Device::pair(&t, &event, 1).await;
        let bought = buy(&t, &event, 2, "k").await;
        // Offered, then used: it cannot be accepted any more.
        let bor = bought.offer(&t, 0, "bor@example.com").await;
        assert_eq!(check_in(&t, &event, &device, "1", &bought.tickets[0].1).await["admit"], true);
        bor.accept("Bor Kos").await.refused(409, "tickets.pass_on_used");
        assert_eq!(bor.see().await["state"], "pending", "what was refused changed nothing");
        let back = format!("{}/{}", bought.path(0), bor.id);
        assert_eq!(bought.buyer.delete(&back).await.status, 204);
        bought.try_offer(0, "bor@example.com").await.refused(409, "tickets.pass_on_used");

        for n in 0..20 {
            let offered = bought.try_offer(1, &format!("n{n}@example.com")).await.expect(201);
            let back = format!("{}/{}", bought.path(1), text(&offered["id"]));
            assert_eq!(bought.buyer.delete(&back).await.status, 204);
        }
        bought.try_offer(1, "bor@example.com").await.refused(409, "tickets.offered_too_often");
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
        assert_eq!(bought.buyer.get(&bought.path(0)).await.expect(200)["items"][0]["id"], offered["id"]);
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

    /// covers: BE-6
    async fn nonsense_and_strangers_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let (mine, other) = (buy(&t, &event, 1, "k").await, buy(&t, &event, 1, "k2").await);
        for email in ["", "bor", "bor@", "bor@example", "bor@example.com\nbcc: x", "bor kos@example.com"] {
            let problem = mine.try_offer(0, email).await.refused(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], "email");
        }
        let foreign = format!("/api/v1/shop/orders/{}/tickets/{}/transfers", mine.order, other.tickets[0].0);
        mine.buyer.post(&foreign, json!({"email": "bor@example.com"})).await.refused(404, "tickets.not_found");
        mine.buyer.get(&foreign).await.refused(404, "tickets.not_found");
        other.buyer.post(&mine.path(0), json!({"email": "bor@example.com"})).await.refused(404, "sales.order_not_found");
        t.stranger.post(&mine.path(0), json!({"email": "bor@example.com"})).await.refused(401, "sales.token_required");

        let bor = mine.offer(&t, 0, "bor@example.com").await;
        let long = "W".repeat(201);
        for name in ["", "  ", "a\u{7}b", &long] {
            bor.accept(name).await.refused(422, "tickets.holder");
        }
        let theirs = format!("{}/{}", other.path(0), bor.id);
        other.buyer.delete(&theirs).await.refused(404, "tickets.transfer_not_found");
        for token in ["x", &"0".repeat(32)] {
            let stranger = t.stranger.with_token(token);
            for what in ["/accept", "/decline", "/onward"] {
                let body = json!({"name": "Eve", "email": "eve@example.com"});
                let body = match what {
                    "/accept" => json!({"name": body["name"]}),
                    "/onward" => json!({"email": body["email"]}),
                    _ => json!({}),
                };
                stranger.post(&bor.path(what), body).await.refused(404, "tickets.transfer_not_found");
            }
            stranger.get(&bor.path("")).await.refused(404, "tickets.transfer_not_found");
        }
        t.stranger.get(&bor.path("")).await.refused(401, "tickets.token_required");
        mine.buyer.get(&bor.path("")).await.refused(404, "tickets.transfer_not_found");
        bor.pass_on("cene@example.com").await.refused(409, "tickets.passed_on");
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

    /// covers: WEB-4, WEB-7
    async fn a_ticket_is_passed_on_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&event, &[1], "succeed").await;
        let give = visitor.get(&order).await.links("/transfer/")[0].clone();
        visitor.get(&give).await.says(200, "Give a ticket to somebody").says(200, "Ana Novak");
        visitor.send(&give, &[("email", "nobody")]).await.says(422, "id=\"email-fault\"").says(422, "aria-invalid");
        assert_eq!(visitor.send(&give, &[("email", "bor@example.com")]).await.leads_to("/orders/"), give);
        visitor.get(&give).await.says(200, "bor@example.com").says(200, "Take the offer back");

        let page = t.mail_to("bor@example.com").await.link();
        let accept = page.replace('?', "/accept?");
        let offered = visitor.get(&page).await;
        offered.says(200, "A ticket for you").says(200, "Accept the ticket");
        assert!(!offered.text.contains("<svg"));
        assert_eq!(offered.headers["cache-control"], "no-store");
        visitor.send(&accept, &[("name", "")]).await.says(422, "id=\"name-fault\"");
        for _ in 0..2 {
            // A form that is sent twice leads to the ticket as well.
            assert_eq!(visitor.send(&accept, &[("name", "Bor Kos")]).await.leads_to("/transfers/"), page);
        }
        let mine = visitor.get(&page).await;
        mine.says(200, "Bor Kos").says(200, "Your ticket").says(200, "Give it to somebody else");
        assert_eq!(mine.text.matches("<svg").count(), 1);
        let picture = mine.links("/ticket.png")[0].clone();
        assert_eq!(visitor.get(&picture).await.headers["content-type"], "image/png");
        let old = visitor.get(&order).await;
        old.says(200, "One ticket of this order was passed on");
        assert!(!old.text.contains("<svg"));
        visitor.get(&give).await.says(404, "tickets.not_found");

        // On to the next, and back.
        let onward = page.replace('?', "/offer?");
        visitor.send(&onward, &[("email", "x")]).await.says(422, "id=\"email-fault\"");
        visitor.send(&onward, &[("email", "cene@example.com")]).await.leads_to("/transfers/");
        visitor.get(&page).await.says(200, "cene@example.com");
        let declined = t.mail_to("cene@example.com").await.link();
        visitor.send(&declined.replace('?', "/decline?"), &[]).await.leads_to("/transfers/");
        visitor.get(&declined).await.says(200, "You declined this ticket");
        visitor.send(&onward, &[("email", "cene@example.com")]).await.leads_to("/transfers/");
        visitor.send(&page.replace('?', "/keep?"), &[]).await.leads_to("/transfers/");
        let over = t.mail_to("cene@example.com").await.link();
        visitor.get(&over).await.says(200, "This offer is over");
        visitor.get(&page).await.says(200, "Give it to somebody else");
        for wrong in [page.replace("token=", "token=0"), page.split('?').next().unwrap().to_owned()] {
            visitor.get(&wrong).await.says(404, "tickets.transfer_not_found");
        }
        visitor.send_with(&accept, &[("name", "Eve")], &[("sec-fetch-site", "cross-site")]).await.says(403, "web.other_site");
        t.stop().await;
    }
}
