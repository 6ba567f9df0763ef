//! Files of orders and tickets: whole, safe to open, and for those who may.

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{order_id, put};
use crate::app::{Answer, TestApp};

/// The lines of a CSV, which has no line break within a cell here.
fn lines(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
        .text
        .trim_end()
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}

on_both_engines! {
    /// covers: ORG-3, BE-2
    async fn orders_and_tickets_are_downloaded_as_csv(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing, front", 2500, 100), ("Balcony", 0, 10)]).await;
        let body = json!({
            "event": event.id,
            "items": [{"tier": event.tiers[0], "quantity": 2}, {"tier": event.tiers[1], "quantity": 1}],
            "buyer": {"email": "ana@example.com", "name": "=cmd|' /C calc'!A0"},
            "payment": {"method": "sandbox", "outcome": "succeed"},
        });
        let bought = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        for i in 0..20 {
            t.stranger.buy(&event, 0, 1, "time_out", &format!("k{i}")).await.expect(201);
        }
        let tags = format!("/api/v1/orders/{}/tags", order_id(&bought));
        put(&t.organiser, &tags, &json!({"tags": ["vip", "press"]})).await.expect(200);
        let path = format!("/api/v1/events/{}/orders.csv", event.id);
        let answer = t.organiser.get(&path).await;
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        let disposition = answer.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"orders-") && disposition.ends_with(".csv\""));
        let rows = lines(&answer);
        assert_eq!(rows.len(), 22);
        assert!(rows[0].starts_with("reference,order,state,"), "{}", rows[0]);
        let row = rows.iter().find(|row| row.contains(order_id(&bought))).unwrap();
        for part in [
            ",paid,", "\"'=cmd|' /C calc'!A0\"", ",ana@example.com,", "2 × Standing, front", "1 × Balcony", ",3,EUR,5000,",
            "\"press, vip\"",
        ] {
            assert!(row.contains(part), "{part} is not in {row}");
        }
        let tickets = lines(&t.organiser.get(&format!("/api/v1/events/{}/tickets.csv", event.id)).await);
        assert_eq!(tickets.len(), 4);
        assert!(tickets[1..].iter().all(|row| row.contains(",valid,") && row.contains("\"'=cmd")), "{tickets:?}");
        // Reading all of it is in the trail, as reading one is.
        let trail = t.organiser.get("/api/v1/audit?limit=200").await.expect(200);
        assert!(trail.to_string().contains("file of orders"));
        let other = t.other_organiser().await;
        for file in ["orders.csv", "orders.xlsx", "tickets.csv", "tickets.xlsx"] {
            other.get(&format!("/api/v1/events/{}/{file}", event.id)).await.expect(404);
        }
        t.stop().await;
    }

    /// covers: ORG-3
    async fn orders_and_tickets_are_downloaded_as_xlsx(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let bought = t.stranger.buy(&event, 0, 2, "succeed", "k").await.expect(201);
        for (file, rows) in [("orders.xlsx", 2), ("tickets.xlsx", 3)] {
            let path = format!("/api/v1/events/{}/{file}", event.id);
            let request = t.organiser.request(reqwest::Method::GET, &path);
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), 200);
            let bytes = response.bytes().await.unwrap().to_vec();
            let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            let mut sheet = String::new();
            std::io::Read::read_to_string(&mut book.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet).unwrap();
            assert_eq!(sheet.matches("<row ").count(), rows, "{sheet}");
            assert!(sheet.contains(order_id(&bought)), "{sheet}");
            assert!(!sheet.contains("<f>"), "{sheet}");
        }
        t.stop().await;
    }

    /// More than one page of orders is one file.
    ///
    /// covers: ORG-3
    async fn a_file_of_many_pages_is_whole(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 0, 2_000)]).await;
        let mut file = "email,name,tier,quantity,payment\n".to_owned();
        for i in 0..900 {
            file += &format!("buyer{i}@example.com,Buyer {i},Standing,1,comp\n");
        }
        let path = format!("/api/v1/events/{}/orders/import", event.id);
        let request = t.organiser.request(reqwest::Method::POST, &path);
        let request = request.header("content-type", "text/csv").header("idempotency-key", "many").body(file);
        t.organiser.send(request).await.expect(200);
        let rows = lines(&t.organiser.get(&format!("/api/v1/events/{}/orders.csv", event.id)).await);
        assert_eq!(rows.len(), 901);
        let mut ids: Vec<_> = rows[1..].iter().map(|row| row.split(',').nth(1).unwrap()).collect();
        assert!(ids.is_sorted());
        ids.dedup();
        assert_eq!(ids.len(), 900);
        let tickets = lines(&t.organiser.get(&format!("/api/v1/events/{}/tickets.csv", event.id)).await);
        assert_eq!(tickets.len(), 901);
        t.stop().await;
    }
}
