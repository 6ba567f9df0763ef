//! What every page keeps to: who may see it, what it may load, hostile and extreme contents.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::Visitor;
use crate::app::{Event, TestApp};

/// Publishes an event that is usual but for what `wish` says.
async fn publish(t: &TestApp, wish: Value) -> Event {
    let mut body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
        "tiers": [{"name": "Standing", "price_minor": 3200, "capacity": 100}],
    });
    for (key, value) in wish.as_object().unwrap() {
        body[key] = value.clone();
    }
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    t.organiser
        .post(&format!("/api/v1/events/{id}/publish"), json!({}))
        .await
        .expect(200);
    let tiers = made["tiers"].as_array().unwrap();
    Event {
        slug: made["slug"].as_str().unwrap().to_owned(),
        tiers: tiers
            .iter()
            .map(|tier| tier["id"].as_str().unwrap().to_owned())
            .collect(),
        id,
    }
}

on_both_engines! {
    /// covers: WEB-2, WEB-7
    async fn empty_and_extreme_events_are_shown(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        visitor.get("/").await.says(200, "Nothing is on sale just now.");
        let tiers: Vec<_> = (0..50)
            .map(|i| json!({"name": format!("Tier {i} {}", "W".repeat(80)), "description": "long\n\nlonger ".repeat(100),
                "price_minor": 1_000_000_000, "capacity": 10_000_000, "max_per_order": if i % 2 == 0 { 100 } else { 20 }}))
            .collect();
        let dates: Vec<_> = (0..100)
            .map(|i| json!({"starts_at": format!("{}-06-06T18:00:00Z", 2040 + i), "ends_at": format!("{}-06-08T21:00:00Z", 2040 + i)}))
            .collect();
        let extreme = publish(&t, json!({
            "name": "W".repeat(200), "description": "ž\n".repeat(9_000), "venue_address": "A, ".repeat(160), "currency": "KWD",
            "time_zone": "Pacific/Apia", "tiers": tiers, "occurrences": dates,
        })).await;
        let page = visitor.get(&format!("/e/{}", extreme.slug)).await;
        page.says(200, "1,000,000.000\u{a0}KWD").says(200, "Pacific/Apia").says(200, "type=\"number\"");
        assert_eq!(page.text.matches("class=\"tier\"").count(), 50);
        visitor.get("/").await.says(200, "and 99 more dates");
        let order = visitor.buy(&extreme, &[100, 20], "succeed").await;
        let tickets = visitor.get(&order).await;
        tickets.says(200, "Ticket 120 of 120").says(200, "120,000,000.000\u{a0}KWD");
        assert_eq!(visitor.get(&tickets.links("calendar.ics")[0]).await.text.matches("BEGIN:VEVENT").count(), 100);

        let yen = publish(&t, json!({"currency": "JPY", "time_zone": "Asia/Tokyo",
            "tiers": [{"name": "A", "price_minor": 1250, "capacity": 1, "sales_start_at": "2039-01-01T00:00:00Z"}]})).await;
        visitor.get(&format!("/e/{}", yen.slug)).await.says(200, "¥1,250").says(200, "On sale from Saturday, 1 January 2039, 09:00\u{a0}JST");
        let (hold, field) = (format!("/e/{}/hold", yen.slug), format!("q_{}", yen.tiers[0]));
        visitor.send(&hold, &[(&field, "1")]).await.says(409, "the sale has not begun yet");
        t.stop().await;
    }

    /// covers: WEB-2
    async fn hostile_texts_stay_texts(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let evil = "\"'><script>alert(1)</script><!-- {{ 7*7 }} &amp;";
        let event = publish(&t, json!({"name": evil, "description": evil, "venue_name": evil, "venue_address": evil,
            "tiers": [{"name": evil, "description": evil, "price_minor": 100, "capacity": 9}]})).await;
        let checkout = visitor.reserve(&event, &[1]).await;
        let (page, home) = (visitor.get(&format!("/e/{}", event.slug)).await, visitor.get("/").await);
        let wrong = visitor.send(&checkout, &[("name", evil), ("email", evil), ("payment", evil), ("total", evil)]).await;
        wrong.page(422);
        let order = visitor.send(&checkout, &[("name", evil), ("email", "a@b.si"), ("payment", "succeed"), ("total", "100")]).await;
        let tickets = visitor.get(&order.leads_to("/orders/")).await;
        tickets.page(200);
        let fault = visitor.send(&format!("/e/{}/hold", event.slug), &[(&format!("q_{}", event.tiers[0]), evil)]).await;
        fault.page(422);
        for page in [&page, &home, &visitor.get(&checkout).await, &wrong, &tickets, &fault] {
            assert!(!page.text.contains("<script>alert"), "{}", page.text);
            assert!(!page.text.contains("<!-- {{"), "{}", page.text);
        }
        let data = page.text.split("ld+json\">").nth(1).unwrap().split("</script>").next().unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap()["name"], evil);
        let calendar = visitor.get(&tickets.links("calendar.ics")[0]).await;
        assert!(calendar.text.contains("SUMMARY:"), "{}", calendar.text);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn an_order_is_shown_to_who_knows_its_secret(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = publish(&t, json!({})).await;
        let (mine, other) = (visitor.buy(&event, &[1], "succeed").await, visitor.buy(&event, &[1], "succeed").await);
        let (my_path, my_token) = mine.split_once('?').unwrap();
        let (_, other_token) = other.split_once('?').unwrap();
        let other_ticket = visitor.get(&other).await.links("/tickets/")[0].split(['/', '?']).nth(4).unwrap().to_owned();
        let my_ticket = visitor.get(&mine).await.links("/tickets/")[0].split(['/', '?']).nth(4).unwrap().to_owned();
        for page in ["".to_owned(), "/calendar.ics".to_owned(), format!("/tickets/{my_ticket}")] {
            visitor.get(&format!("{my_path}{page}?token=%00")).await.says(422, "invalid");
            for token in ["", "token=", "token=x", other_token] {
                visitor.get(&format!("{my_path}{page}?{token}")).await.says(404, "sales.order_not_found");
            }
        }
        for token in ["token=x", other_token] {
            let pay = visitor.send(&format!("{my_path}/pay?{token}"), &[("payment", "succeed")]).await;
            pay.says(404, "sales.order_not_found");
        }
        visitor.get(&format!("{my_path}/tickets/{other_ticket}?{my_token}")).await.page(404);
        visitor.get(&format!("{my_path}/tickets/{my_ticket}?{my_token}")).await;
        t.stop().await;
    }

    /// covers: WEB-4
    async fn forms_of_other_sites_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = publish(&t, json!({})).await;
        let (hold, field) = (format!("/e/{}/hold", event.slug), format!("q_{}", event.tiers[0]));
        for headers in [[("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site")], [("origin", "https://evil.example")], [("origin", "null")]] {
            visitor.send_with(&hold, &[(&field, "1")], &headers).await.says(403, "web.other_site");
        }
        let stock = t.organiser.get(&format!("/api/v2/events/{}/stock", event.id)).await.expect(200);
        assert_eq!(stock["held"], 0);
        for headers in [vec![], vec![("origin", t.url.as_str())], vec![("sec-fetch-site", "none")]] {
            visitor.send_with(&hold, &[(&field, "1")], &headers).await.leads_to("/checkout/");
        }
        t.stop().await;
    }

    /// covers: WEB-4, BE-6
    async fn nonsense_is_refused_as_a_page(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = publish(&t, json!({})).await;
        for path in ["/e/", "/e/nowhere", "/e/%00", "/e/%FF", "/e/A", "/e/a%2Fb", "/checkout/hld_x", "/orders/x?token=",
            "/orders/ord_01m827tppbfdtr9hv9xvxht0nk?token=x", "/nowhere", "/assets/x/y", "/e/nowhere/hold"] {
            let answer = visitor.get(path).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
            answer.says(answer.status, "<h1>");
        }
        visitor.get("/checkout/hld_01m827tppbfdtr9hv9xvxht0nk").await.says(410, "sales.hold_gone");
        let hold = format!("/e/{}/hold", event.slug);
        let odd = [("key", "\0"), ("q_x", "1"), ("", ""), ("\u{202e}", "\u{ffff}")];
        visitor.send(&hold, &odd).await.page(422);
        let client = &t.stranger;
        for (kind, body) in [("application/x-www-form-urlencoded", "%"), ("application/x-www-form-urlencoded", "%FF=%00"),
            ("application/json", "{}"), ("text/plain", "x"), ("multipart/form-data", "x")] {
            let request = client.request(reqwest::Method::POST, &hold).header("content-type", kind).body(body);
            let answer = client.send(request).await;
            assert!((400..500).contains(&answer.status), "{kind}: {}", answer.status);
            answer.page(answer.status);
        }
        let large = client.request(reqwest::Method::POST, &hold)
            .header("content-type", "application/x-www-form-urlencoded").body("a=".to_owned() + &"x".repeat(2 << 20));
        client.send(large).await.says(413, "<h1>");
        // Programs get the problem itself; on a connection of their own, since the server closes one whose body it
        // did not read to its end.
        let client = &crate::app::Client::new(&t.url, None);
        client.get("/api/v1/nowhere").await.refused(404, "not_found");
        let request = client.request(reqwest::Method::GET, "/e/nowhere").header("accept", "application/json");
        client.send(request).await.refused(404, "catalog.not_found");
        t.stop().await;
    }

    /// covers: WEB-9
    async fn pages_load_nothing_from_elsewhere(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let event = publish(&t, json!({})).await;
        let page = visitor.get(&format!("/e/{}", event.slug)).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        page.says(200, &format!("property=\"og:url\" content=\"{}/e/{}\"", t.url, event.slug)).says(200, "lang=\"en\"");
        let mut assets = page.links("/assets/");
        assets.extend(page.text.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        assert!(assets.len() >= 3, "{assets:?}");
        for asset in assets {
            let kept = visitor.get(&asset).await;
            assert_eq!((kept.status, kept.headers["cache-control"].to_str().unwrap()), (200, "public, max-age=31536000, immutable"));
            let (_, name) = asset.rsplit_once('/').unwrap();
            let old = visitor.get(&format!("/assets/0000/{name}")).await;
            assert_eq!((old.status, old.headers["cache-control"].to_str().unwrap()), (200, "no-cache"));
        }
        assert!(visitor.get("/robots.txt").await.text.contains("Disallow: /orders/"));
        for address in visitor.get(&format!("/e/{}", event.slug)).await.links("http") {
            assert!(address.starts_with(&t.url), "{address}");
        }
        t.stop().await;
    }
}
