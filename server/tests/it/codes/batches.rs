//! Batches of codes, each for one order.

use std::collections::BTreeSet;
use std::time::Duration;

use bilten_core::price::{CodeRefusal, Refusal, canonical};
use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{PATH, check, give_back, of, reserve, tenth, text, with};
use crate::app::{Client, TestApp};

/// A batch, once all its codes are there.
async fn ready(organiser: &Client, body: Value) -> Value {
    let made = organiser
        .post(&format!("{PATH}/batches"), body)
        .await
        .expect(201);
    let path = format!("{PATH}/batches/{}", text(&made, "id"));
    for _ in 0..600 {
        let batch = organiser.get(&path).await.expect(200);
        if batch["state"] == "ready" {
            return batch;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the batch was never ready");
}

/// The lines of a batch's file, without the first.
async fn exported(organiser: &Client, batch: &Value) -> Vec<(String, String)> {
    let path = format!("{PATH}/batches/{}/export", text(batch, "id"));
    let answer = organiser.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut lines = answer.text.split_terminator("\r\n");
    assert_eq!(lines.next(), Some("code,uses"));
    lines
        .map(|line| {
            let (code, uses) = line.split_once(',').unwrap();
            (code.to_owned(), uses.to_owned())
        })
        .collect()
}

/// The code of this text.
async fn found(organiser: &Client, code: &str) -> Value {
    let page = organiser
        .get(&format!("{PATH}?code={code}"))
        .await
        .expect(200);
    page["items"][0].clone()
}

on_both_engines! {
    /// More codes than one write makes, and than one file is read by.
    ///
    /// covers: MKT-2, PAY-5
    async fn a_batch_has_as_many_codes_as_were_asked_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let body = json!({"name": "Flyers", "prefix": "Solo", "letters": 8, "size": 5_003, "rule": tenth()});
        let batch = ready(&t.organiser, body).await;
        assert_eq!((&batch["made"], &batch["size"], &batch["letters"]), (&json!(5_003), &json!(5_003), &json!(8)));
        let codes = exported(&t.organiser, &batch).await;
        let forms: BTreeSet<String> = codes.iter().map(|(code, _)| canonical(code).unwrap()).collect();
        assert_eq!((codes.len(), forms.len()), (5_003, 5_003));
        for (code, uses) in &codes {
            let parts: Vec<&str> = code.split('-').collect();
            assert!(parts.len() == 3 && parts[0] == "Solo" && parts[1].len() == 4 && parts[2].len() == 4, "{code}");
            assert_eq!(uses, "0");
        }
        let audit = t.member(bilten_server::identity::Role::Owner).await;
        let trail = audit.get("/api/v1/audit").await.expect(200);
        assert!(trail.to_string().contains("codes.batch_exported"), "{trail}");
        t.stop().await;
    }

    /// covers: MKT-2
    async fn a_code_of_a_batch_is_for_one_order(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let rule = with(tenth(), json!({"max_discount_minor": 500}));
        let body = json!({"name": "Flyers", "event": event.id, "size": 3, "rule": rule});
        let batch = t.organiser.post(&format!("{PATH}/batches"), body).await.expect(201);
        assert_eq!((&batch["state"], &batch["rule"]["currency"]), (&json!("ready"), &json!("EUR")), "few are there at once");
        let codes = exported(&t.organiser, &batch).await;
        let (first, second) = (&codes[0].0, &codes[1].0);
        let code = found(&t.organiser, &first.replace('-', "").to_lowercase()).await;
        assert_eq!((&code["batch_id"], &code["rule"]["max_uses"], &code["rule"]["max_discount_minor"]), (&batch["id"], &json!(1), &json!(500)));
        assert_eq!(check(&t, &event.id, first).await, json!({"is_usable": true, "kind": "percentage", "unlocks": [], "unlocks_rates": false}));

        reserve(&t, "hold", vec![of(&code, 250)], None).await.unwrap();
        let refused = reserve(&t, "late", vec![of(&code, 250)], None).await.unwrap_err();
        assert_eq!(refused, Refusal::CodeNotApplicable { id: text(&code, "id").to_owned(), why: CodeRefusal::UsedUp });
        assert_eq!(check(&t, &event.id, first).await["is_usable"], false);
        let path = format!("{PATH}/batches/{}", text(&batch, "id"));
        let statistics = t.organiser.get(&format!("{path}/statistics")).await.expect(200);
        assert_eq!((&statistics["reserved"], &statistics["by_event"]), (&json!(1), &json!([])));
        assert_eq!(exported(&t.organiser, &batch).await.iter().filter(|(_, uses)| uses == "1").count(), 1);

        // Single codes are in no list but that of their batch, and have its rule.
        assert_eq!(t.organiser.get(PATH).await.expect(200)["items"], json!([]));
        let listed = t.organiser.get(&format!("{PATH}?batch={}", text(&batch, "id"))).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        for (text_of, count) in [(first.as_str(), 1), ("WINTER", 0)] {
            let asked = format!("{PATH}?batch={}&code={text_of}", text(&batch, "id"));
            let listed = t.organiser.get(&asked).await.expect(200);
            assert_eq!(listed["items"].as_array().unwrap().len(), count, "{text_of}");
        }
        let one = format!("{PATH}/{}", text(&code, "id"));
        t.organiser.patch(&one, json!({"version": 1, "rule": tenth()})).await.refused(409, "sales.code_of_batch");
        let other = found(&t.organiser, second).await;
        t.organiser.delete(&format!("{PATH}/{}", text(&other, "id"))).await.expect(204);
        assert_eq!(check(&t, &event.id, second).await["is_usable"], false);

        // With the batch, all of its codes are over; a hold keeps what it has.
        give_back(&t, "hold").await;
        assert_eq!(check(&t, &event.id, first).await["is_usable"], true);
        for _ in 0..2 {
            t.organiser.delete(&path).await.expect(204);
        }
        assert_eq!(t.organiser.get(&path).await.expect(200)["state"], "archived");
        assert_eq!(check(&t, &event.id, first).await["is_usable"], false);
        assert!(reserve(&t, "later", vec![of(&code, 250)], None).await.is_err());
        t.stop().await;
    }

    /// covers: MKT-2, BE-1
    async fn bad_batches_are_refused_and_others_are_not_there(db: TestDb) {
        let t = TestApp::start(db).await;
        let batch = |more: Value| with(json!({"name": "Flyers", "size": 3, "rule": tenth()}), more);
        let path = format!("{PATH}/batches");
        for (more, field) in [
            (json!({"size": 0}), "size"),
            (json!({"size": 100_001}), "size"),
            (json!({"size": -1}), "size"),
            (json!({"letters": 7}), "letters"),
            (json!({"letters": 21}), "letters"),
            (json!({"prefix": "=1+1"}), "prefix"),
            (json!({"prefix": "ABCDEFGHABCDEFGHA"}), "prefix"),
            (json!({"name": " "}), "name"),
            (json!({"event": "evt_01m827tppbfdtr9hv9xvxht0nk"}), "event"),
            (json!({"rule": with(tenth(), json!({"max_uses": 2}))}), "rule.max_uses"),
            (json!({"rule": with(tenth(), json!({"budget_minor": 2, "currency": "EUR"}))}), "rule.budget_minor"),
        ] {
            let refused = t.organiser.post(&path, batch(more)).await.refused(422, "invalid");
            assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        }
        let mine = t.organiser.post(&path, batch(json!({}))).await.expect(201);
        let other = t.other_organiser().await;
        let one = format!("{path}/{}", text(&mine, "id"));
        for address in [one.clone(), format!("{one}/statistics"), format!("{one}/export")] {
            other.get(&address).await.refused(404, "sales.code_not_found");
        }
        other.delete(&one).await.refused(404, "sales.code_not_found");
        assert_eq!(other.get(&path).await.expect(200)["items"], json!([]));
        let codes = other.get(&format!("{PATH}?batch={}", text(&mine, "id"))).await.expect(200);
        assert_eq!(codes["items"], json!([]));
        assert_eq!(t.organiser.get(&path).await.expect(200)["items"][0], mine);
        t.stop().await;
    }
}
