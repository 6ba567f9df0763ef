//! The questions of an event.

use bilten_kernel::on_both_engines;
use serde_json::{Value, json};

use super::{act, faults, made, path, put};
use crate::app::TestApp;

fn question(label: &str, asks: Value) -> Value {
    json!({"label": {"sl": label}, "asks": asks, "per": "ticket", "stage": "purchase"})
}

/// A form whose second question waits for its first, and whose third is asked at the door.
fn form() -> Value {
    let mut meal = question(
        "Kaj boste jedli?",
        json!({"kind": "choice", "choices": [
            {"key": "meat", "label": {"sl": "Meso", "de": "Fleisch"}}, {"key": "none", "label": {"sl": "Nič"}},
        ]}),
    );
    meal["required"] = json!(true);
    let mut allergy = question("Alergije?", json!({"kind": "text", "max_length": 100}));
    allergy["when"] = json!([{"question": "#0", "is": ["meat"]}]);
    let mut document = question(
        "Številka dokumenta",
        json!({"kind": "number", "min": 1, "max": null}),
    );
    document["stage"] = json!("check_in");
    json!([meal, allergy, document])
}

fn ids(form: &Value, part: &str) -> Vec<String> {
    let all = form[part].as_array().unwrap().iter();
    all.map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

on_both_engines! {
    /// covers: BE-2, ORG-2
    async fn a_form_is_saved_as_a_whole_and_questions_are_retired(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &json!({})).await;
        let own = format!("{}/questions", path(&event));
        let empty = t.organiser.get(&own).await.expect(200);
        assert_eq!(empty, json!({"version": 1, "questions": [], "retired": []}));
        let saved = put(&t.organiser, &own, &json!({"version": 1, "questions": form()})).await.expect(200);
        assert_eq!(saved["version"], 2);
        let first = ids(&saved, "questions");
        assert_eq!(saved["questions"][1]["when"][0]["question"], first[0]);
        assert_eq!(t.organiser.get(&own).await.expect(200), saved);

        // The answer of a form is a form: what was read can be changed and sent back.
        let mut again = saved["questions"].as_array().unwrap().clone();
        again.reverse();
        again.retain(|one| one["id"] != first[1]);
        again[0]["label"] = json!({"sl": "Dokument", "en": "Document"});
        let saved = put(&t.organiser, &own, &json!({"version": 2, "questions": again})).await.expect(200);
        assert_eq!(ids(&saved, "questions"), [first[2].clone(), first[0].clone()]);
        assert_eq!(ids(&saved, "retired"), [first[1].clone()]);
        assert_eq!(saved["questions"][0]["label"]["en"], "Document");

        // What is retired can be asked again.
        let mut all = saved["questions"].as_array().unwrap().clone();
        all.push(saved["retired"][0].clone());
        let saved = put(&t.organiser, &own, &json!({"version": 3, "questions": all})).await.expect(200);
        assert_eq!((ids(&saved, "questions").len(), ids(&saved, "retired").len()), (3, 0));
        let history = t.organiser.get(&format!("{}/versions?limit=1", path(&event))).await.expect(200);
        assert_eq!(history["items"][0]["change"], "questions_saved");

        // Who buys is asked what is asked at purchase, in all languages, and only once there is something to buy.
        let shop = own.replace("/events", "/shop/events");
        t.stranger.get(&shop).await.refused(404, "catalog.not_found");
        act(&t, &path(&event), "publish").await.expect(200);
        let asked = t.stranger.get(&shop).await.expect(200);
        assert_eq!(ids(&asked, "questions"), [first[0].clone(), first[1].clone()]);
        assert_eq!(asked["questions"][0]["asks"]["choices"][0]["label"]["de"], "Fleisch");
        let current = t.organiser.get(&own).await.expect(200)["version"].clone();
        put(&t.organiser, &own, &json!({"version": current, "questions": []})).await.expect(200);
        assert_eq!(t.stranger.get(&shop).await.expect(200), json!({"questions": []}));
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn bad_forms_change_nothing(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = made(&t, &json!({})).await;
        let own = format!("{}/questions", path(&event));
        let saved = put(&t.organiser, &own, &json!({"version": 1, "questions": form()})).await.expect(200);
        let first = ids(&saved, "questions");
        let other = made(&t, &json!({})).await;
        let others = put(&t.organiser, &format!("{}/questions", path(&other)), &json!({"version": 1, "questions": form()})).await;
        let foreign = ids(&others.expect(200), "questions")[0].clone();

        let text = || json!({"kind": "text", "max_length": 10});
        let with = |field: &str, value: Value| {
            let mut one = question("A", text());
            one[field] = value;
            json!([one])
        };
        let waits = |place: &str| json!([{"question": place}]);
        let mut circle = json!([question("A", text()), question("B", text())]);
        circle[0]["when"] = waits("#1");
        circle[1]["when"] = waits("#0");
        for (questions, wanted) in [
            (with("label", json!({})), vec!["questions[0].label required"]),
            (with("label", json!({"sl": "x".repeat(501)})), vec!["questions[0].label.sl too_long"]),
            (with("when", waits("#7")), vec!["questions[0].when[0].question unknown_question"]),
            (with("when", waits("7")), vec!["questions[0].when[0].question unknown_question"]),
            (with("when", waits(&foreign)), vec!["questions[0].when[0] unknown_question"]),
            (with("when", waits("#0")), vec!["questions[0].when cycle"]),
            (circle, vec!["questions[0].when cycle", "questions[1].when cycle"]),
            (with("tiers", json!(["tir_01m827tppbfdtr9hv9xvxht0nk"])), vec!["questions[0].tiers[0] unknown"]),
            (with("id", json!(foreign)), vec!["questions[0].id unknown_question"]),
            (with("id", json!(first[0])), vec!["questions[0].asks.kind kind_changed"]),
            (with("asks", json!({"kind": "text", "max_length": 0})), vec!["questions[0].asks.max_length out_of_range"]),
            (with("asks", json!({"kind": "choice", "choices": []})), vec!["questions[0].asks.choices required"]),
            (with("asks", json!({"kind": "file", "accept": []})), vec!["questions[0].asks.accept required"]),
            (with("asks", json!({"kind": "file", "max_bytes": 10_485_761})), vec!["questions[0].asks.max_bytes out_of_range"]),
            (Value::from(vec![question("A", text()); 101]), vec!["questions too_many"]),
        ] {
            let problem = put(&t.organiser, &own, &json!({"version": 2, "questions": questions})).await.refused(422, "invalid");
            assert_eq!(faults(&problem), wanted);
        }
        for odd in [json!({}), json!({"questions": {}}), json!({"questions": [7]}), json!({"questions": with("asks", json!({"kind": "dance"}))}),
            json!({"questions": with("asks", json!({"kind": "file", "accept": ["exe"]}))}),
            json!({"questions": with("stage", json!("never"))}), json!({"questions": with("id", json!("qst_1"))})] {
            let answer = put(&t.organiser, &own, &odd).await;
            assert_eq!(answer.status, 422, "{odd}: {}", answer.text);
        }
        // Nobody writes over what they have not seen.
        let unseen = put(&t.organiser, &own, &json!({"questions": []})).await.refused(422, "invalid");
        assert_eq!(faults(&unseen), ["version missing"]);
        put(&t.organiser, &own, &json!({"version": 1, "questions": []})).await.refused(409, "catalog.version_conflict");
        let request = t.organiser.request(reqwest::Method::PUT, &own).header("if-match", "\"1\"").json(&json!({"questions": []}));
        t.organiser.send(request).await.refused(412, "precondition_failed");
        let stranger = t.other_organiser().await;
        put(&stranger, &own, &json!({"version": 2, "questions": []})).await.refused(404, "catalog.not_found");
        stranger.get(&own).await.refused(404, "catalog.not_found");
        assert_eq!(t.organiser.get(&own).await.expect(200), saved);
        // A draft goes with its questions.
        t.organiser.delete(&path(&event)).await.expect(204);
        t.stop().await;
    }
}
