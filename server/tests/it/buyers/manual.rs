//! Orders that staff makes: one by one, and from a file.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{order_id, put, stock};
use crate::app::{Answer, Client, Event, TestApp};

fn wish(event: &Event, quantity: u32, payment: &str) -> Value {
    json!({
        "items": [{"tier": event.tiers[0], "quantity": quantity}],
        "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
        "payment": payment,
        "reason": "Press",
    })
}

async fn import(
    client: &Client,
    event: &Event,
    query: &str,
    key: Option<&str>,
    file: &str,
) -> Answer {
    let path = format!("/api/v1/events/{}/orders/import{query}", event.id);
    let request = client
        .request(reqwest::Method::POST, &path)
        .header("content-type", "text/csv; charset=utf-8")
        .body(file.to_owned());
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    client.send(request).await
}

on_both_engines! {
    /// covers: BE-2, ORG-3
    async fn staff_gives_away_and_sells_from_the_same_stock(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 5)]).await;
        let path = format!("/api/v1/events/{}/orders", event.id);
        let limits = format!("/api/v1/events/{}/purchase-limits", event.id);
        put(&t.organiser, &limits, &json!({"per_email": 1})).await.expect(200);
        let comp = t.organiser.post_once(&path, "c", &wish(&event, 2, "comp")).await.expect(201);
        assert_eq!((comp["order"]["state"].as_str(), comp["order"]["total_minor"].as_i64()), (Some("paid"), Some(0)));
        assert_eq!(comp["payment"]["provider"], "comp");
        assert_eq!(comp["tickets"].as_array().unwrap().len(), 2);
        let again = t.organiser.post_once(&path, "c", &wish(&event, 2, "comp")).await.expect(201);
        assert_eq!(order_id(&again), order_id(&comp));
        t.organiser.post_once(&path, "c", &wish(&event, 1, "comp")).await.expect(422);
        let cash = t.organiser.post_once(&path, "d", &wish(&event, 2, "cash")).await.expect(201);
        assert_eq!((cash["order"]["total_minor"].as_i64(), cash["payment"]["state"].as_str()), (Some(5000), Some("succeeded")));
        t.organiser.post_once(&path, "e", &wish(&event, 2, "transfer")).await.refused(409, "sales.sold_out");
        assert_eq!(stock(&t, &event).await, (0, 4));
        // It is an order like any other afterwards.
        t.organiser.post(&format!("/api/v1/orders/{}/refund", order_id(&cash)), json!({})).await.expect(200);
        assert_eq!(stock(&t, &event).await, (0, 2));
        let origin = t.organiser.get(&format!("/api/v1/orders/{}/origin", order_id(&comp))).await.expect(200);
        assert_eq!((&origin["channel"], &origin["paid_by"], &origin["reason"]), (&json!("manual"), &json!("comp"), &json!("Press")));
        let rows = t.organiser.get(&format!("/api/v1/events/{}/orders.csv", event.id)).await.text;
        assert!(rows.contains(",comp,Press,"), "{rows}");
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn what_staff_gets_wrong_is_told(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500)]).await;
        let path = format!("/api/v1/events/{}/orders", event.id);
        let change = |field: &str, value: Value| {
            let mut body = wish(&event, 1, "comp");
            body[field] = value;
            body
        };
        for (i, wrong) in [
            change("reason", json!(" ")),
            change("reason", json!("a\nb")),
            change("payment", json!("card")),
            change("items", json!([])),
            change("items", json!([{"tier": event.tiers[0], "quantity": 0}])),
            change("items", json!([{"tier": event.tiers[0], "quantity": 101}])),
            change("items", json!([{"tier": event.tiers[0], "quantity": -1}])),
            change("items", json!([{"tier": "tir_00000000000000000000000000", "quantity": 1}])),
            change("buyer", json!({"email": "ana", "name": "Ana"})),
            change("buyer", json!({"email": "ana@example.com", "name": ""})),
        ].into_iter().enumerate() {
            t.organiser.post_once(&path, &format!("w{i}"), &wrong).await.expect(422);
        }
        t.organiser.post(&path, wish(&event, 1, "comp")).await.refused(400, "idempotency_key_missing");
        let other = t.other_organiser().await;
        other.post_once(&path, "o", &wish(&event, 1, "comp")).await.expect(404);
        let viewer = t.member(bilten_server::identity::Role::Viewer).await;
        viewer.post_once(&path, "v", &wish(&event, 1, "comp")).await.refused(403, "identity.permission_missing");
        assert_eq!(stock(&t, &event).await, (0, 0));
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn comps_are_given_before_the_sale_and_to_many(db: TestDb) {
        let t = TestApp::start(db).await;
        let body = json!({
            "name": "Later", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
            "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
            "tiers": [{"name": "Standing", "price_minor": 2500, "capacity": 50, "sales_start_at": "2040-01-01T00:00:00Z"}],
        });
        let made = t.organiser.post("/api/v1/events", body).await.expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = Event {
            id: text(&made["id"]),
            slug: text(&made["slug"]),
            tiers: vec![text(&made["tiers"][0]["id"])],
        };
        t.organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);
        t.stranger.buy(&event, 0, 1, "succeed", "early").await.refused(409, "sales.not_yet_on_sale");
        let path = format!("/api/v1/events/{}/orders", event.id);
        let comp = t.organiser.post_once(&path, "c", &wish(&event, 30, "comp")).await.expect(201);
        assert_eq!(comp["tickets"].as_array().unwrap().len(), 30);
        t.organiser.post_once(&path, "d", &wish(&event, 30, "comp")).await.refused(409, "sales.sold_out");
        assert_eq!(stock(&t, &event).await, (0, 30));
        t.stop().await;
    }

    /// What is hidden from buyers without a code is there for staff.
    ///
    /// covers: BE-2, ORG-3
    async fn staff_gives_away_what_is_hidden(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Guests", 2500, 10), ("Standing", 2500, 10)]).await;
        let tier = format!("/api/v1/events/{}/tiers/{}", event.id, event.tiers[0]);
        t.organiser.patch(&tier, json!({"version": 2, "hidden": true})).await.expect(200);
        t.stranger.buy(&event, 0, 1, "succeed", "k").await.refused(422, "invalid");
        let path = format!("/api/v1/events/{}/orders", event.id);
        let comp = t.organiser.post_once(&path, "c", &wish(&event, 2, "comp")).await.expect(201);
        assert_eq!(comp["tickets"].as_array().unwrap().len(), 2);
        let file = "email,name,tier,quantity,payment\nana@example.com,Ana Novak,Guests,1,cash\n";
        let taken = import(&t.organiser, &event, "", Some("f"), file).await.expect(200);
        assert_eq!(taken["total_minor"], 2500);
        assert_eq!(stock(&t, &event).await, (0, 3));
        t.stop().await;
    }

    /// covers: BE-2, ORG-3
    async fn a_file_is_taken_whole_and_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 20), ("Balcony", 4000, 5)]).await;
        let file = "Email;Name;Tier;Quantity;Payment;Reason\n\
            ana@example.com;Ana Novak;Standing;2;comp;Press\n\
            \n\
            bor@example.com;\"Bor; Žiga\";2;1;cash;\n\
            cene@example.com;Cene;Balcony;2;transfer;Invoice 7\n";
        let dry = import(&t.organiser, &event, "?dry_run=true", None, file).await.expect(200);
        assert_eq!((dry["is_dry_run"].as_bool(), dry["lines"].as_i64(), dry["tickets"].as_i64()), (Some(true), Some(3), Some(5)));
        assert_eq!((dry["total_minor"].as_i64(), &dry["errors"], &dry["orders"]), (Some(12_000), &json!([]), &json!([])));
        assert_eq!(stock(&t, &event).await, (0, 0));
        import(&t.organiser, &event, "", None, file).await.refused(400, "idempotency_key_missing");
        let done = import(&t.organiser, &event, "", Some("file"), file).await.expect(200);
        assert_eq!(done["orders"].as_array().unwrap().len(), 3);
        let lines: Vec<_> = done["orders"].as_array().unwrap().iter().map(|one| one["line"].as_i64().unwrap()).collect();
        assert_eq!(lines, [2, 4, 5]);
        assert_eq!(stock(&t, &event).await, (0, 5));
        let again = import(&t.organiser, &event, "", Some("file"), file).await.expect(200);
        assert_eq!(again["orders"], done["orders"]);
        assert_eq!(stock(&t, &event).await, (0, 5));
        let order = done["orders"][1]["order_id"].as_str().unwrap();
        let order = t.organiser.get(&format!("/api/v1/orders/{order}")).await.expect(200);
        assert_eq!((order["name"].as_str(), order["state"].as_str()), (Some("Bor; Žiga"), Some("paid")));
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn a_file_with_a_fault_changes_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 3)]).await;
        let head = "email,name,tier,quantity,payment,reason\n";
        let faults = |answer: &Value| -> Vec<String> {
            let errors = answer["errors"].as_array().unwrap();
            errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
        };
        let file = format!("{head}ana@example.com,Ana,Standing,1,comp,x\nbor,,Nowhere,many,card,x\ncene@example.com,Cene,Standing,0,comp,x\n");
        let dry = import(&t.organiser, &event, "?dry_run=true", None, &file).await.expect(200);
        assert_eq!(
            faults(&dry),
            ["lines[3].name", "lines[3].email", "lines[3].tier", "lines[3].quantity", "lines[3].payment", "lines[4].quantity"]
        );
        let real = import(&t.organiser, &event, "", Some("a"), &file).await.expect(422);
        assert_eq!(faults(&real), faults(&dry));
        // All fit one by one, and not together.
        let file = format!("{head}ana@example.com,Ana,Standing,2,comp,x\nbor@example.com,Bor,Standing,2,comp,x\n");
        let dry = import(&t.organiser, &event, "?dry_run=true", None, &file).await.expect(200);
        assert_eq!(dry["errors"][0]["code"], "sold_out");
        import(&t.organiser, &event, "", Some("b"), &file).await.expect(422);
        assert_eq!(stock(&t, &event).await, (0, 0));
        let many = format!("{head}{}", "ana@example.com,Ana,Standing,1,comp,x\n".repeat(1_001));
        let many = import(&t.organiser, &event, "", Some("c"), &many).await.expect(422);
        assert_eq!(many["errors"][0]["code"], "too_many");
        for (i, broken) in ["", "\n\n", "a,b\n1,2\n", head, "email\n\"never closed"].into_iter().enumerate() {
            import(&t.organiser, &event, "", Some(&format!("d{i}")), broken).await.expect(422);
        }
        let path = format!("/api/v1/events/{}/orders/import?dry_run=true", event.id);
        let send = |kind: &'static str, body: Vec<u8>| {
            let request = t.organiser.request(reqwest::Method::POST, &path).header("content-type", kind).body(body);
            t.organiser.send(request)
        };
        send("application/json", b"{}".to_vec()).await.expect(415);
        send("text/csv", vec![0xff, 0xfe, 0x00]).await.refused(400, "sales.file_broken");
        send("text/csv", b"email\0".to_vec()).await.refused(400, "sales.file_broken");
        let other = t.other_organiser().await;
        import(&other, &event, "?dry_run=true", None, &file).await.expect(404);
        assert_eq!(stock(&t, &event).await, (0, 0));
        t.stop().await;
    }

    /// covers: BE-2
    async fn rivals_at_the_desk_and_in_the_shop_share_what_there_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let path = format!("/api/v1/events/{}/orders", event.id);
        let all = (0..30).map(|i| {
            let (t, event, path) = (&t, &event, &path);
            async move {
                let key = format!("k{i}");
                if i % 2 == 0 {
                    t.organiser.post_once(path, &key, &wish(event, 1, "comp")).await
                } else {
                    t.stranger.buy(event, 0, 1, "succeed", &key).await
                }
            }
        });
        let answers = futures_util::future::join_all(all).await;
        let sold = answers.iter().filter(|answer| answer.status == 201).count();
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "sales.sold_out");
        }
        assert_eq!((sold, stock(&t, &event).await), (10, (0, 10)));
        t.stop().await;
    }
}
