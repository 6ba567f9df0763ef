//! Who comes with which ticket, and what they answer: checked, sealed, shown to the organiser, forgotten.

use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use reqwest::Method;
use serde_json::{Value, json};

use super::{buying, text};
use crate::app::{Event, TestApp};

async fn asked(t: &TestApp, event: &Event) -> Vec<String> {
    let path = format!("/api/v1/events/{}", event.id);
    let version = t.organiser.get(&path).await.expect(200)["version"].clone();
    let questions = json!([
        {"label": {"sl": "Od kod ste?"}, "asks": {"kind": "country"}, "per": "order", "stage": "purchase", "required": true},
        {"label": {"sl": "Kaj boste jedli?"}, "asks": {"kind": "text", "max_length": 20}, "per": "ticket", "stage": "purchase", "required": true},
    ]);
    let body = json!({"version": version, "questions": questions});
    let put = t
        .organiser
        .request(Method::PUT, &format!("{path}/questions"))
        .json(&body);
    let form = t.organiser.send(put).await.expect(200);
    form["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["id"]))
        .collect()
}

on_both_engines! {
    /// covers: BE-2, WEB-4, SEC-4
    async fn holders_and_answers_are_kept_with_the_order(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let questions = asked(&t, &event).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 2}]);
        let mut body = buying(&event, items, "decline");
        let missing = t.stranger.post_once("/api/v1/shop/orders", "missing", &body).await.refused(422, "invalid");
        let fields: Vec<_> = missing["errors"].as_array().unwrap().iter().map(|error| text(&error["field"])).collect();
        assert_eq!(fields, [
            format!("answers.{}", questions[0]),
            format!("tickets[0].answers.{}", questions[1]),
            format!("tickets[1].answers.{}", questions[1]),
        ]);
        body["answers"] = json!({&questions[0]: "SI"});
        let meal = |what: &str| json!({&questions[1]: what});
        body["tickets"] = json!([{"answers": meal("Žganci")}, {"name": "Bor Kos", "email": "bor@example.com", "answers": meal("Nič")}]);
        for (i, (pointer, wrong)) in [
            ("/tickets/1/email", json!("nowhere")),
            ("/tickets/1/name", json!("")),
            ("/tickets/1/name", json!("a\u{0}b")),
            ("/answers", json!({&questions[0]: "Atlantis"})),
            ("/tickets", json!([{}, {}, {}])),
        ].into_iter().enumerate() {
            let mut strange = body.clone();
            *strange.pointer_mut(pointer).unwrap() = wrong;
            t.stranger.post_once("/api/v1/shop/orders", &format!("strange-{i}"), &strange).await.refused(422, "invalid");
        }
        // Paid later, the names are still there.
        let declined = t.stranger.post_once("/api/v1/shop/orders", "k", &body).await.expect(201);
        let order = text(&declined["order"]["id"]);
        let buyer = t.stranger.with_token(declined["token"].as_str().unwrap());
        let payment = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        let paid = buyer.post_once(&format!("/api/v1/shop/orders/{order}/payments"), "p", &payment).await.expect(201);
        let mut names: Vec<_> = paid["tickets"].as_array().unwrap().iter().map(|ticket| text(&ticket["holder_name"])).collect();
        names.sort_unstable();
        assert_eq!(names, ["Ana Novak", "Bor Kos"]);

        let said = t.organiser.get(&format!("/api/v1/orders/{order}/answers")).await.expect(200);
        assert_eq!(said["answers"][&questions[0]]["value"], "SI");
        assert_eq!(said["tickets"][0]["holder_name"], Value::Null);
        assert_eq!((&said["tickets"][1]["number"], &said["tickets"][1]["holder_email"]), (&json!(2), &json!("bor@example.com")));
        assert_eq!(said["tickets"][1]["answers"][&questions[1]]["value"], "Nič");
        let other = t.other_organiser().await;
        other.get(&format!("/api/v1/orders/{order}/answers")).await.refused(404, "sales.order_not_found");

        // Nothing of it can be read in the database.
        for statement in [sql!("SELECT sealed_person FROM attendees"), sql!("SELECT sealed_answers FROM answers")] {
            let rows: Vec<Vec<u8>> = t.app.db.write(move |c| Box::pin(async move { c.scalars(statement, vals![]).await })).await.unwrap();
            assert!(!rows.is_empty());
            for row in rows {
                let text = String::from_utf8_lossy(&row).into_owned();
                assert!(!["Bor", "bor@", "SI", "Žganci"].iter().any(|plain| text.contains(plain)), "{text}");
            }
        }
        t.stop().await;
    }
}
