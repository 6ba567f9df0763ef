//! The list itself: who joins it, in which order they stand, and what becomes of their names.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::events::{self, DomainEvent};
use bilten_server::identity::UserId;
use serde_json::{Value, json};

use super::{Waiter, list, refund, sold_out, stock, text, try_join};
use crate::app::{Event, TestApp};
use crate::web::Visitor;

on_both_engines! {
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
