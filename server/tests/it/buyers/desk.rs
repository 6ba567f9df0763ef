//! Notes and tags: what staff writes about orders, and finds them by.

use bilten_kernel::{on_both_engines, sql, vals};
use serde_json::json;

use super::{order_id, put};
use crate::app::TestApp;

on_both_engines! {
    /// covers: BE-2
    async fn notes_are_written_read_and_deleted_and_stored_sealed(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let path = format!("/api/v1/orders/{}/notes", order_id(&bought));
        for i in 0..3 {
            let note = t.organiser.post(&path, json!({"text": format!(" Ana rang, call {i} ")})).await.expect(201);
            assert_eq!(note["text"], format!("Ana rang, call {i}"));
        }
        let first = t.organiser.get(&format!("{path}?limit=2")).await.expect(200);
        assert_eq!(first["items"][0]["text"], "Ana rang, call 2");
        let next = first["next"].as_str().unwrap();
        let rest = t.organiser.get(&format!("{path}?limit=2&cursor={next}")).await.expect(200);
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        let sealed: Vec<Vec<u8>> = t.app.db.scalars(sql!("SELECT sealed_text FROM order_notes"), vals![]).await.unwrap();
        assert!(sealed.iter().all(|text| !text.windows(3).any(|part| part == b"Ana")));
        let note = format!("{path}/{}", first["items"][0]["id"].as_str().unwrap());
        t.organiser.delete(&note).await.expect(204);
        t.organiser.delete(&note).await.refused(404, "sales.note_not_found");
        assert_eq!(t.organiser.get(&path).await.expect(200)["items"].as_array().unwrap().len(), 2);
        for wrong in [json!({"text": " "}), json!({"text": "x".repeat(4_001)}), json!({"text": "a\u{1}b"}), json!({})] {
            t.organiser.post(&path, wrong).await.expect(422);
        }
        let other = t.other_organiser().await;
        other.get(&path).await.expect(404);
        other.post(&path, json!({"text": "mine"})).await.expect(404);
        t.stop().await;
    }

    /// covers: BE-2
    async fn orders_are_found_by_tag_and_state(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut ids = Vec::new();
        for i in 0..4 {
            let outcome = if i == 3 { "time_out" } else { "succeed" };
            let bought = t.stranger.buy(&event, 0, 1, outcome, &format!("k{i}")).await.expect(201);
            ids.push(order_id(&bought).to_owned());
        }
        let tags = |id: &str| format!("/api/v1/orders/{id}/tags");
        let set = put(&t.organiser, &tags(&ids[0]), &json!({"tags": ["Press", " vip "]})).await.expect(200);
        assert_eq!(set["tags"], json!(["press", "vip"]));
        put(&t.organiser, &tags(&ids[1]), &json!({"tags": ["vip"]})).await.expect(200);
        put(&t.organiser, &tags(&ids[3]), &json!({"tags": ["vip"]})).await.expect(200);
        let list = |query: &'static str| {
            let (t, path) = (&t, format!("/api/v1/events/{}/orders?{query}", event.id));
            async move {
                let page = t.organiser.get(&path).await.expect(200);
                let items = page["items"].as_array().unwrap().clone();
                items.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            }
        };
        assert_eq!(list("tag=VIP").await, [ids[3].clone(), ids[1].clone(), ids[0].clone()]);
        assert_eq!(list("tag=vip&state=paid&sort=created").await, [ids[0].clone(), ids[1].clone()]);
        assert_eq!(list("state=pending").await, [ids[3].clone()]);
        assert_eq!(list("tag=nobody").await, Vec::<String>::new());
        assert_eq!(list("tag=a,b").await, Vec::<String>::new());
        assert_eq!(list("tag=vip&sort=-total&limit=2").await.len(), 2);
        put(&t.organiser, &tags(&ids[0]), &json!({"tags": []})).await.expect(200);
        assert_eq!(t.organiser.get(&tags(&ids[0])).await.expect(200)["tags"], json!([]));
        assert_eq!(list("tag=press").await, Vec::<String>::new());
        t.organiser.get(&format!("/api/v1/events/{}/orders?state=lost", event.id)).await.expect(422);
        for wrong in [json!({"tags": ["a,b"]}), json!({"tags": [""]}), json!({"tags": "vip"})] {
            put(&t.organiser, &tags(&ids[0]), &wrong).await.expect(422);
        }
        t.stop().await;
    }
}
