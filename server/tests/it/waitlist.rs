//! The waitlist: what comes back goes to whoever is next, as a hold that nobody else can buy.

use std::time::Duration;

use bilten_kernel::clock::{Clock, Timestamp};
use bilten_kernel::db::DbError;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::events::{self, DomainEvent};
use bilten_server::identity::UserId;
use bilten_server::sales::waitlist;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{Answer, Client, Event, TestApp};
use crate::web::Visitor;

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An event in four days that is sold out by one order; gives the order.
async fn sold_out(t: &TestApp, capacity: u32) -> (Event, String) {
    let now = t.clock.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"doors_at": at(99), "starts_at": at(100), "ends_at": at(103)}],
        "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": capacity}],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    let event = Event {
        id,
        slug: text(&event["slug"]),
        tiers: vec![text(&event["tiers"][0]["id"])],
    };
    let bought = t.stranger.buy(&event, 0, capacity, "succeed", "all").await;
    let order = text(&bought.expect(201)["order"]["id"]);
    (event, order)
}

async fn try_join(t: &TestApp, event: &Event, email: &str, quantity: u32, least: u32) -> Answer {
    let path = format!("/api/v1/shop/events/{}/waitlist-entries", event.id);
    let body =
        json!({"tier": event.tiers[0], "quantity": quantity, "least": least, "email": email});
    t.stranger.post(&path, body).await
}

/// Somebody who waits, by the mail that told them so.
struct Waiter {
    client: Client,
    email: String,
    id: String,
    page: String,
}

impl Waiter {
    async fn join(t: &TestApp, event: &Event, email: &str, quantity: u32, least: u32) -> Self {
        let joined = try_join(t, event, email, quantity, least).await.expect(202);
        assert_eq!(joined, json!({"email": email}));
        let mail = t.mail_to(email).await;
        let page = mail.link();
        let id = page.strip_prefix("/waitlist/").unwrap();
        Self {
            client: t.stranger.with_token(&mail.token("token")),
            email: email.to_owned(),
            id: id.split('?').next().unwrap().to_owned(),
            page,
        }
    }

    fn path(&self) -> String {
        format!("/api/v1/shop/waitlist-entries/{}", self.id)
    }

    async fn see(&self) -> Value {
        self.client.get(&self.path()).await.expect(200)
    }

    /// Waits until the entry stands like this.
    async fn becomes(&self, state: &str) -> Value {
        let mut seen = self.see().await;
        for _ in 0..1_200 {
            if seen["state"] == state {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen = self.see().await;
        }
        panic!("{} is not {state}: {seen}", self.email);
    }

    /// The checkout that the next mail leads to.
    async fn checkout(&self, t: &TestApp) -> String {
        let mail = t.mail_to(&self.email).await;
        assert_eq!(mail.subject, "Tickets for you: Večer");
        let link = mail.link();
        assert!(link.starts_with("/checkout/hld_"), "{link}");
        link
    }
}

async fn refund(t: &TestApp, order: &str) {
    let path = format!("/api/v1/orders/{order}/refund");
    t.organiser.post(&path, json!({})).await.expect(200);
}

/// How many are held and sold.
async fn stock(t: &TestApp, event: &Event) -> (i64, i64) {
    let path = format!("/api/v2/events/{}/stock", event.id);
    let stock = t.organiser.get(&path).await.expect(200);
    (
        stock["held"].as_i64().unwrap(),
        stock["sold"].as_i64().unwrap(),
    )
}

async fn list(t: &TestApp, event: &Event) -> Vec<Value> {
    let path = format!("/api/v1/events/{}/waitlist-entries", event.id);
    let page = t.organiser.get(&path).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

on_both_engines! {
    /// covers: BE-2, ORG-5
    async fn what_comes_back_is_held_for_whoever_is_next(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 2).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 2, 2).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        assert_eq!(bor.see().await["offer"], Value::Null);
        let waiting = list(&t, &event).await;
        assert_eq!(waiting.iter().map(|one| text(&one["email"])).collect::<Vec<_>>(), ["bor@example.com", "cene@example.com"]);

        refund(&t, &order).await;
        let checkout = bor.checkout(&t).await;
        let offered = bor.becomes("offered").await;
        assert_eq!((&offered["offer"]["quantity"], &offered["event_name"]), (&json!(2), &json!("Večer")));
        assert_eq!(checkout, format!("/checkout/{}", text(&offered["offer"]["hold"])));
        // Held for hours, and for nobody else.
        let until: Timestamp = text(&offered["offer"]["expires_at"]).parse().unwrap();
        assert!(until.ms() > t.clock.now().ms() + 11 * 3_600_000, "{offered}");
        assert_eq!(stock(&t, &event).await, (2, 0));
        // Whoever wants more time than buyers get by themselves loses none of it.
        let extend = format!("/api/v1/shop/holds/{}/extend", text(&offered["offer"]["hold"]));
        let extended = t.stranger.post(&extend, json!({})).await.expect(200);
        assert_eq!(extended["expires_at"], offered["offer"]["expires_at"]);
        t.stranger.buy(&event, 0, 1, "succeed", "other").await.refused(409, "sales.sold_out");
        assert_eq!(cene.see().await["state"], "waiting");

        let visitor = Visitor::new(&t);
        visitor.get(&bor.page).await.says(200, "Tickets for you").says(200, &checkout);
        visitor.pay(&checkout, "succeed").await;
        assert_eq!(stock(&t, &event).await, (0, 2));
        assert_eq!(bor.becomes("served").await["offer"], Value::Null);
        assert_eq!(t.mails_waiting("cene@example.com"), 0, "nothing is left for them");
        // Whoever was served can wait again.
        Waiter::join(&t, &event, "bor@example.com", 1, 1).await.becomes("waiting").await;
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn what_is_not_wanted_goes_to_the_next(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 1).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        let dana = Waiter::join(&t, &event, "dana@example.com", 1, 1).await;
        refund(&t, &order).await;
        let checkout = bor.checkout(&t).await;
        // By leaving: the hold is of no use any more.
        for _ in 0..2 {
            assert_eq!(bor.client.delete(&bor.path()).await.status, 204, "doing it again changes nothing");
        }
        assert_eq!(bor.see().await["state"], "ended");
        let visitor = Visitor::new(&t);
        let checkout = visitor.get(&checkout).await;
        assert!(matches!(checkout.status, 409 | 410), "{checkout:?}");

        // By letting it pass twice: the first time they keep their place.
        for _ in 0..2 {
            cene.checkout(&t).await;
            cene.becomes("offered").await;
            t.clock.advance(Duration::from_hours(12) + Duration::from_secs(1));
        }
        dana.checkout(&t).await;
        assert_eq!(cene.becomes("ended").await["offer"], Value::Null);
        // By giving the hold up.
        let hold = text(&dana.becomes("offered").await["offer"]["hold"]);
        assert_eq!(t.stranger.delete(&format!("/api/v1/shop/holds/{hold}")).await.status, 204);
        dana.checkout(&t).await;
        let states: Vec<_> = list(&t, &event).await.iter().map(|one| (text(&one["state"]), one["missed"].as_i64().unwrap())).collect();
        assert_eq!(states, [("ended".to_owned(), 0), ("ended".to_owned(), 2), ("offered".to_owned(), 1)]);
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn a_group_does_not_keep_those_waiting_who_fit(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 2).await;
        let group = Waiter::join(&t, &event, "group@example.com", 5, 5).await;
        let some = Waiter::join(&t, &event, "some@example.com", 5, 1).await;
        refund(&t, &order).await;
        some.checkout(&t).await;
        assert_eq!(some.becomes("offered").await["offer"]["quantity"], 2);
        assert_eq!(group.see().await["state"], "waiting");
        for _ in 0..200 {
            if list(&t, &event).await[0]["passed_over"] == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(list(&t, &event).await[0]["passed_over"], 1);
        t.stop().await;
    }

    /// covers: BE-2, DB-2
    async fn offers_made_at_once_hold_no_more_than_there_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 5).await;
        let mut waiters = Vec::new();
        for n in 0..8 {
            waiters.push(Waiter::join(&t, &event, &format!("w{n}@example.com"), 1, 1).await);
        }
        refund(&t, &order).await;
        let runs = join_all((0..6).map(|_| waitlist::offer_what_is_free(&t.app))).await;
        assert!(runs.iter().all(Result::is_ok), "{runs:?}");
        for waiter in &waiters[..5] {
            waiter.becomes("offered").await;
        }
        for waiter in &waiters[5..] {
            assert_eq!(waiter.see().await["state"], "waiting");
        }
        assert_eq!(stock(&t, &event).await, (5, 0));
        let offers: i64 = t.app.db.scalar(sql!("SELECT COUNT(*) FROM waitlist_offers"), vals![]).await.unwrap();
        assert_eq!(offers, 5);
        // Each of them once, by mail.
        for waiter in &waiters[..5] {
            waiter.checkout(&t).await;
            assert_eq!(t.mails_waiting(&waiter.email), 0);
        }
        t.stop().await;
    }

    /// covers: BE-2, ORG-5, MON-3
    async fn a_list_that_cannot_be_served_is_in_no_others_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let (first, first_order) = sold_out(&t, 3).await;
        let broken = Waiter::join(&t, &first, "broken@example.com", 1, 1).await;
        let (second, second_order) = sold_out(&t, 2).await;
        let next = Waiter::join(&t, &second, "next@example.com", 1, 1).await;
        assert!(first.id < second.id, "the one that fails is the first");
        // Whom to tell cannot be read any more.
        let id = broken.id.clone();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("UPDATE waitlist_entries SET sealed_person = $2 WHERE id = $1"), vals![id, vec![7u8; 60]]).await
        })).await.unwrap();
        refund(&t, &first_order).await;
        refund(&t, &second_order).await;
        next.checkout(&t).await;
        next.becomes("offered").await;
        assert_eq!(broken.see().await["state"], "waiting");
        // It is told at the end, so that the job counts as failed.
        let run = waitlist::offer_what_is_free(&t.app).await;
        assert!(matches!(run, Err(waitlist::WaitlistError::Db(_))), "{run:?}");
        let mut jobs = Vec::new();
        for _ in 0..200 {
            jobs = t.jobs_as_text().await;
            if jobs.iter().any(|job| job.contains("sales.waitlist") && job.contains("Some(")) {
                t.stop().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no job says that it failed: {jobs:?}");
    }

    /// covers: BE-2, ORG-5
    async fn the_organiser_orders_the_list_and_offers_by_hand(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 2).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        let dana = Waiter::join(&t, &event, "dana@example.com", 1, 1).await;
        let path = |waiter: &Waiter| format!("/api/v1/waitlist-entries/{}", waiter.id);
        let offer = |waiter: &Waiter| format!("{}/offer", path(waiter));
        t.organiser.post(&offer(&bor), json!({})).await.refused(409, "sales.sold_out");
        for priority in [-1001, 1001] {
            let problem = t.organiser.patch(&path(&cene), json!({"priority": priority})).await.refused(422, "invalid");
            assert_eq!(problem["errors"][0]["field"], "priority");
        }
        assert_eq!(t.organiser.patch(&path(&cene), json!({"priority": 5})).await.expect(200)["priority"], 5);
        t.organiser.patch(&path(&bor), json!({"priority": -5})).await.expect(200);
        let emails: Vec<_> = list(&t, &event).await.iter().map(|one| text(&one["email"])).collect();
        assert_eq!(emails, ["cene@example.com", "dana@example.com", "bor@example.com"]);
        // Page by page it is the same.
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = format!("/api/v1/events/{}/waitlist-entries?limit=1{cursor}", event.id);
            let page = t.organiser.get(&page).await.expect(200);
            seen.push(text(&page["items"][0]["email"]));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, emails);

        let other = t.other_organiser().await;
        other.patch(&path(&bor), json!({"priority": 1})).await.refused(404, "sales.waitlist_entry_not_found");
        other.post(&offer(&bor), json!({})).await.refused(404, "sales.waitlist_entry_not_found");
        other.delete(&path(&bor)).await.refused(404, "sales.waitlist_entry_not_found");
        other.get(&format!("/api/v1/events/{}/waitlist-entries", event.id)).await.expect(404);

        assert_eq!(t.organiser.delete(&path(&dana)).await.status, 204);
        refund(&t, &order).await;
        // By hand or in turn: both are there, and each has one.
        let by_hand = t.organiser.post(&offer(&bor), json!({"quantity": 1})).await;
        assert!(matches!(by_hand.status, 200 | 409), "{by_hand:?}");
        cene.checkout(&t).await;
        bor.checkout(&t).await;
        t.organiser.post(&offer(&bor), json!({})).await.refused(409, "sales.waitlist_state");
        assert_eq!(stock(&t, &event).await, (2, 0));
        assert_eq!(dana.see().await["state"], "ended");
        t.stop().await;
    }

    /// covers: BE-6, ORG-5
    async fn nobody_floods_an_address_with_mail_about_waitlists(db: TestDb) {
        let t = TestApp::start(db).await;
        let tiers: Vec<Value> = (0..22).map(|i| json!({"name": format!("T{i}"), "price_minor": 0, "capacity": 1})).collect();
        let (event, _) = sold_out(&t, 1).await;
        let path = format!("/api/v1/events/{}/tiers", event.id);
        let mut made = Value::Null;
        for tier in tiers {
            made = t.organiser.post(&path, tier).await.expect(201);
        }
        let tiers: Vec<String> = made["tiers"].as_array().unwrap().iter().skip(1).map(|tier| text(&tier["id"])).collect();
        let of = |tier: &String| Event { id: event.id.clone(), slug: event.slug.clone(), tiers: vec![tier.clone()] };
        for (i, tier) in tiers.iter().enumerate() {
            let event = of(tier);
            t.stranger.buy(&event, 0, 1, "succeed", &format!("k{i}")).await.expect(201);
            let joined = try_join(&t, &event, "bor@example.com", 1, 1).await;
            match i {
                0..20 => assert_eq!(joined.status, 202, "{i}: {joined:?}"),
                _ => {
                    joined.refused(429, "sales.waitlist_too_often");
                }
            }
        }
        // Others are not meant, and it is over some time.
        try_join(&t, &event, "cene@example.com", 1, 1).await.expect(202);
        t.clock.advance(Duration::from_secs(700));
        try_join(&t, &of(&tiers[21]), "bor@example.com", 1, 1).await.expect(202);
        t.stop().await;
    }

    /// covers: BE-6
    async fn nonsense_is_refused_and_nobody_learns_who_waits(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = sold_out(&t, 1).await;
        for (email, quantity, least, field) in [
            ("bor", 1, 1, "email"),
            ("bor@example.com\r\nx: y", 1, 1, "email"),
            ("bor@example.com", 0, 1, "quantity"),
            ("bor@example.com", 11, 1, "quantity"),
            ("bor@example.com", 1, 2, "least"),
            ("bor@example.com", 1, 0, "least"),
        ] {
            let problem = try_join(&t, &event, email, quantity, least).await.refused(422, "invalid");
            let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| text(&one["field"])).collect();
            assert!(fields.contains(&field.to_owned()), "{problem}");
        }
        let path = format!("/api/v1/shop/events/{}/waitlist-entries", event.id);
        let other = t.event(&[("Standing", 2500, 5)]).await;
        let body = json!({"tier": other.tiers[0], "quantity": 1, "email": "bor@example.com"});
        assert_eq!(t.stranger.post(&path, body).await.refused(422, "invalid")["errors"][0]["field"], "tier");
        let hidden = json!({"name": "Club", "price_minor": 1, "capacity": 1, "hidden": true});
        let made = t.organiser.post(&format!("/api/v1/events/{}/tiers", event.id), hidden).await.expect(201);
        let body = json!({"tier": made["tiers"][1]["id"], "quantity": 1, "email": "bor@example.com"});
        assert_eq!(t.stranger.post(&path, body).await.refused(422, "invalid")["errors"][0]["code"], "unknown");
        try_join(&t, &other, "bor@example.com", 1, 1).await.refused(409, "sales.waitlist_not_needed");
        let nowhere = "/api/v1/shop/events/evt_01m827tppbfdtr9hv9xvxht0nk/waitlist-entries";
        let body = json!({"tier": event.tiers[0], "quantity": 1, "email": "bor@example.com"});
        assert_eq!(t.stranger.post(nowhere, body).await.status, 404);

        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        // Again, by anybody: the same answer, no second mail, and the place stays.
        let again = try_join(&t, &event, "BOR@example.com", 1, 1).await.expect(202);
        assert_eq!(again, json!({"email": "BOR@example.com"}));
        assert_eq!(list(&t, &event).await.len(), 1);
        assert_eq!((t.mails_waiting("bor@example.com"), t.mails_waiting("BOR@example.com")), (0, 0));
        for token in ["x", &"0".repeat(32)] {
            let stranger = t.stranger.with_token(token);
            stranger.get(&bor.path()).await.refused(404, "sales.waitlist_entry_not_found");
            stranger.delete(&bor.path()).await.refused(404, "sales.waitlist_entry_not_found");
        }
        t.stranger.get(&bor.path()).await.refused(401, "sales.token_required");

        t.organiser.post(&format!("/api/v1/events/{}/cancel", event.id), json!({})).await.expect(200);
        t.clock.advance(Duration::from_secs(2));
        try_join(&t, &event, "cene@example.com", 1, 1).await.refused(409, "sales.waitlist_closed");
        t.stop().await;
    }

    /// covers: BE-2, ORG-5
    async fn who_waits_for_what_never_comes_is_in_nobodys_way(db: TestDb) {
        let t = TestApp::start(db).await;
        let (old, _) = sold_out(&t, 1).await;
        t.organiser.post(&format!("/api/v1/events/{}/pause", old.id), json!({})).await.expect(200);
        let (event, tier) = (old.id.clone(), old.tiers[0].clone());
        let many: Result<(), DbError> = t.app.db.write(move |c| Box::pin(async move {
            for i in 0..600_i64 {
                c.exec(
                    sql!(
                        "INSERT INTO waitlist_entries (id, event_id, tier_id, occurrence_id, sealed_person, person_hash, most, \
                         least, joined_at, state) VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, 'waiting')"
                    ),
                    vals![format!("wle_{i}"), &event, &tier, format!("occ_{i}"), Vec::<u8>::new(), i.to_be_bytes().to_vec(), i],
                ).await?;
            }
            Ok(())
        })).await;
        many.unwrap();
        // Newer events come behind older ones.
        t.clock.advance(Duration::from_secs(1));
        let (event, order) = sold_out(&t, 1).await;
        let bor = Waiter::join(&t, &event, "bor@example.com", 1, 1).await;
        refund(&t, &order).await;
        bor.checkout(&t).await;
        t.stop().await;
    }

    /// covers: BE-8, AUTH-9
    async fn who_waits_is_sealed_and_can_be_forgotten(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, order) = sold_out(&t, 1).await;
        let zdenka = Waiter::join(&t, &event, "zdenka@example.com", 1, 1).await;
        let cene = Waiter::join(&t, &event, "cene@example.com", 1, 1).await;
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_person FROM waitlist_entries"), vals![]).await.unwrap();
        for bytes in &sealed {
            assert!(!String::from_utf8_lossy(bytes).contains("example"));
        }
        refund(&t, &order).await;
        zdenka.checkout(&t).await;
        let app = t.app.clone();
        let erased = DomainEvent::PersonErased {
            user: UserId::new(&*t.app.clock, &*t.app.random),
            email: Some("Zdenka@example.com".parse().unwrap()),
        };
        t.app.db.write(move |c| Box::pin(async move { events::publish(&app, c, vec![erased]).await })).await.unwrap();
        // What was held for them goes to whoever is next.
        cene.checkout(&t).await;
        let first = list(&t, &event).await.remove(0);
        assert_eq!((&first["email"], &first["state"]), (&json!(""), &json!("ended")));
        t.stop().await;
    }

    /// covers: WEB-2, WEB-4, WEB-7
    async fn the_waitlist_is_joined_and_left_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, _) = sold_out(&t, 1).await;
        let visitor = Visitor::new(&t);
        let page = visitor.get(&format!("/e/{}", event.slug)).await;
        let join = page.links("/waitlist")[0].clone();
        visitor.get(&join).await.says(200, "Join the waitlist").says(200, "Standing");
        let path = format!("/e/{}/waitlist", event.slug);
        let tier = event.tiers[0].as_str();
        for (fields, fault) in [
            (vec![("tier", tier), ("quantity", "1"), ("email", "bor")], "email-fault"),
            (vec![("tier", tier), ("quantity", "x"), ("email", "bor@example.com")], "quantity-fault"),
            (vec![("tier", tier), ("quantity", "99"), ("email", "bor@example.com")], "quantity-fault"),
            (vec![("tier", "x"), ("quantity", "1"), ("email", "bor@example.com")], "tier-fault"),
            (vec![], "tier-fault"),
        ] {
            visitor.send(&path, &fields).await.says(422, &format!("id=\"{fault}\""));
        }
        let fields = [("tier", tier), ("quantity", "1"), ("email", "bor@example.com")];
        visitor.send(&path, &fields).await.says(200, "bor@example.com");
        let mine = t.mail_to("bor@example.com").await.link();
        visitor.get(&mine).await.says(200, "You are on the waitlist").says(200, "Leave the waitlist");
        let leave = mine.replace('?', "/leave?");
        assert_eq!(visitor.send(&leave, &[]).await.leads_to("/waitlist/"), mine);
        visitor.get(&mine).await.says(200, "You are not on the waitlist");
        visitor.get(&mine.replace("token=", "token=0")).await.says(404, "sales.waitlist_entry_not_found");
        visitor.send_with(&leave, &[], &[("sec-fetch-site", "cross-site")]).await.says(403, "web.other_site");
        // What is not sold out needs no list.
        let open = t.event(&[("Standing", 2500, 5)]).await;
        assert!(visitor.get(&format!("/e/{}", open.slug)).await.links("/waitlist").is_empty());
        visitor.get(&format!("/e/{}/waitlist", open.slug)).await.says(200, "nothing to wait for");
        t.stop().await;
    }
}
