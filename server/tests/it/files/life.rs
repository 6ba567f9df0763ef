//! How long a file lives: as long as the answer that it is.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity;
use bilten_server::sales;
use serde_json::{Value, json};

use super::{
    PDF, PNG, ask, asking, buy, faults, file_question, is_of, kept, sent, sweep, with_files,
};
use crate::app::{Answer, TestApp};
use crate::selling::text;

async fn change(t: &TestApp, order: &str, version: i64, steps: &Value, key: &str) -> Answer {
    let body = json!({"version": version, "steps": steps});
    t.organiser
        .post_once(&format!("/api/v1/orders/{order}/changes"), key, &body)
        .await
}

on_both_engines! {
    /// covers: BE-2, AUTH-9
    async fn what_no_order_names_is_gone_after_a_day(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let question = &questions[0];
        let [late, paid, unpaid] = [PDF, PDF, PNG].map(|bytes| sent(&t, &event, question, bytes));
        let (late, paid, unpaid) = (late.await, paid.await, unpaid.await);
        let bought = buy(&t, &with_files(&event, question, &[&paid], "succeed"), "paid").await.expect(201);
        let declined = buy(&t, &with_files(&event, question, &[&unpaid], "decline"), "unpaid").await.expect(201);
        let (bought, declined) = (text(&bought["order"]["id"]), text(&declined["order"]["id"]));
        t.clock.advance(Duration::from_secs(24 * 3_600 + 1));
        // Whether it was swept or not.
        let refused = buy(&t, &with_files(&event, question, &[&late], "succeed"), "late").await;
        assert_eq!(faults(&refused), [format!("tickets[0].answers.{question} file_unknown")]);
        sweep(&t).await;
        assert_eq!(kept(&t).await, 2);
        // An order that came to nothing may be paid late: its file is kept for another week.
        while sales::sweep(&t.app).await.unwrap() > 0 {}
        sweep(&t).await;
        assert!(is_of(&t, &bought, &paid).await && is_of(&t, &declined, &unpaid).await);
        t.clock.advance(Duration::from_secs(7 * 24 * 3_600 + 1));
        sweep(&t).await;
        assert!(is_of(&t, &bought, &paid).await && !is_of(&t, &declined, &unpaid).await);
        assert_eq!(kept(&t).await, 1);
        t.stop().await;
    }

    /// covers: AUTH-9, SEC-4
    async fn whoever_is_forgotten_has_no_file_left(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let question = &questions[0];
        let (ana, bor) = (t.person("ana").await, t.person("bor").await);
        let mut emails = Vec::new();
        for user in [ana, bor] {
            let profile = identity::user(&t.app, user).await.unwrap().profile.unwrap();
            emails.push(profile.email.to_string());
        }
        let mut files = Vec::new();
        for bytes in [PDF, PNG, PDF] {
            files.push(sent(&t, &event, question, bytes).await);
        }
        let mut body = with_files(&event, question, &[&files[0], &files[1]], "succeed");
        body["buyer"]["email"] = json!(emails[0]);
        body["tickets"][1]["name"] = json!("Bor Kos");
        body["tickets"][1]["email"] = json!(emails[1]);
        let order = text(&buy(&t, &body, "k").await.expect(201)["order"]["id"]);
        let others = buy(&t, &with_files(&event, question, &[&files[2]], "succeed"), "others").await.expect(201);
        let others = text(&others["order"]["id"]);

        let erase = json!({"word": "erase"});
        t.signed_in(bor, false).await.post("/api/v1/me/erase", erase.clone()).await.expect(204);
        assert!(is_of(&t, &order, &files[0]).await && !is_of(&t, &order, &files[1]).await);
        t.signed_in(ana, false).await.post("/api/v1/me/erase", erase).await.expect(204);
        assert!(!is_of(&t, &order, &files[0]).await);
        assert!(is_of(&t, &others, &files[2]).await);
        assert_eq!(kept(&t).await, 1);
        t.stop().await;
    }

    /// covers: BE-2
    async fn files_go_with_their_tickets(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let question = &questions[0];
        let mut files = Vec::new();
        for bytes in [PDF, PNG, PDF, PNG, PDF] {
            files.push(sent(&t, &event, question, bytes).await);
        }
        let [first, second, third, fourth, fifth] = &files[..] else { panic!("{files:?}") };
        let bought = buy(&t, &with_files(&event, question, &[first, second], "succeed"), "k").await.expect(201);
        let order = text(&bought["order"]["id"]);
        // Split off, and made one again.
        let steps = json!([{"kind": "split", "picks": [{"line": 1, "units": [2]}]}]);
        let split = change(&t, &order, 1, &steps, "split").await.expect(200);
        let part = text(&split["other"]["order_id"]);
        assert!(is_of(&t, &order, first).await && is_of(&t, &part, second).await);
        assert!(!is_of(&t, &order, second).await && !is_of(&t, &part, first).await);
        let said = t.organiser.get(&format!("/api/v1/orders/{part}/answers")).await.expect(200);
        let ticket = &said["tickets"][0];
        assert_eq!((&ticket["answers"][question]["value"], &said["files"][0]["ticket_number"]), (&json!(second), &ticket["number"]));
        let steps = json!([{"kind": "merge", "order": part}]);
        let merged = change(&t, &order, 2, &steps, "merge").await.expect(200);
        assert!(is_of(&t, &order, first).await && is_of(&t, &order, second).await && !is_of(&t, &part, second).await);

        // What is added brings its own, and takes nobody else's.
        let add = |file: &str| json!([{
            "kind": "add", "items": [{"tier": event.tiers[0], "quantity": 1}],
            "tickets": [{"name": "Bor Kos", "answers": {question: file}}],
        }]);
        let version = merged["version"].as_i64().unwrap();
        let refused = change(&t, &order, version, &add(first), "taken").await;
        assert_eq!(faults(&refused), [format!("tickets[0].answers.{question} file_taken")]);
        let waiting = change(&t, &order, version, &add(third), "add").await.expect(200);
        assert_eq!(waiting["state"], "pending");
        assert!(!is_of(&t, &order, third).await);
        // It is that change's, before it is paid for.
        let stolen = buy(&t, &with_files(&event, question, &[third], "succeed"), "stolen").await;
        assert_eq!(faults(&stolen), [format!("tickets[0].answers.{question} file_taken")]);
        let due = &waiting["supplement"];
        let payer = t.stranger.with_token(due["token"].as_str().unwrap());
        let payment = json!({"payment": {"method": "sandbox", "outcome": "succeed"}});
        let path = format!("/api/v1/shop/orders/{}/payments", text(&due["order_id"]));
        payer.post_once(&path, "p", &payment).await.expect(201);
        assert!(is_of(&t, &order, third).await);

        // Who comes instead has answered nothing, and what is given back takes its file along.
        let bought = buy(&t, &with_files(&event, question, &[fourth, fifth], "succeed"), "k2").await.expect(201);
        let order = text(&bought["order"]["id"]);
        let steps = json!([{"kind": "change_holder", "ticket": 1, "name": "Cene Kos"}]);
        change(&t, &order, 1, &steps, "holder").await.expect(200);
        assert!(!is_of(&t, &order, fourth).await && is_of(&t, &order, fifth).await);
        let steps = json!([{"kind": "cancel", "pick": {"line": 1, "units": [2]}}]);
        change(&t, &order, 2, &steps, "cancel").await.expect(200);
        assert!(!is_of(&t, &order, fifth).await);
        let left = t.organiser.get(&format!("/api/v1/orders/{order}/answers")).await.expect(200);
        assert_eq!(left["files"], json!([]));
        assert_eq!(kept(&t).await, 3);
        t.stop().await;
    }

    /// covers: GW-7
    async fn a_sandbox_is_emptied_with_its_files(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = t.person("founder").await;
        let founder = t.signed_in(user, false).await;
        let body = json!({"name": "Founders", "mode": "sandbox"});
        founder.post("/api/v1/organisations", body).await.expect(201);
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        sent(&t, &event, &questions[0], PDF).await;
        let trial = t.event_of(&founder, &[("Standing", 2500, 10)]).await;
        let question = ask(&t, &founder, &trial, json!([file_question(json!({"kind": "file"}))])).await.remove(0);
        let (file, _) = (sent(&t, &trial, &question, PDF).await, sent(&t, &trial, &question, PNG).await);
        buy(&t, &with_files(&trial, &question, &[&file], "succeed"), "k").await.expect(201);
        assert_eq!(kept(&t).await, 3);
        let emptied = founder.post("/api/v1/organisation/reset", json!({})).await.expect(200);
        assert_eq!(emptied, json!({"events": 1, "orders": 1}));
        assert_eq!(kept(&t).await, 1, "the live organisation has what it had");
        t.stop().await;
    }
}
