//! Who has a file, and who reads it.

use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use bilten_server::identity::{Permission, Role};
use serde_json::{Value, json};

use super::{
    JPEG, PDF, PNG, asking, buy, download, faults, file_question, is_of, kept, send_called, sent,
    with_files,
};
use crate::app::TestApp;
use crate::selling::text;

on_both_engines! {
    /// covers: BE-2, WEB-4, SEC-4
    async fn a_file_is_sent_bought_with_and_read(db: TestDb) {
        let t = TestApp::start(db).await;
        let asks = json!({"kind": "file", "accept": ["pdf", "png"], "max_bytes": 1_000});
        let (event, questions) = asking(&t, json!([file_question(asks)])).await;
        let question = &questions[0];
        let shop = t.stranger.get(&format!("/api/v1/shop/events/{}/questions", event.id)).await.expect(200);
        assert_eq!(shop["questions"][0]["asks"], json!({"kind": "file", "accept": ["pdf", "png"], "max_bytes": 1_000}));

        let called = "?name=..%2Fizkaznica%20%C5%A1t.%204711.exe";
        let file = send_called(&t, &event.slug, question, called, PDF).await.expect(201);
        assert_eq!(
            (&file["name"], &file["media_type"], &file["size_bytes"]),
            (&json!("izkaznica št. 4711.exe"), &json!("application/pdf"), &json!(PDF.len()))
        );
        assert!(file["expires_at"].is_string());
        let file = text(&file["id"]);
        let other = sent(&t, &event, question, PNG).await;

        // It is required, and has to be a file that was sent.
        let field = format!("tickets[0].answers.{question}");
        let mut body = with_files(&event, question, &[&file], "succeed");
        body["tickets"] = json!([]);
        assert_eq!(faults(&buy(&t, &body, "none").await), [format!("{field} required")]);
        for (i, (wrong, code)) in [
            ("fil_01m827tppbfdtr9hv9xvxht0nk", "file_unknown"),
            ("izkaznica.pdf", "file"),
        ].into_iter().enumerate() {
            let body = with_files(&event, question, &[wrong], "succeed");
            assert_eq!(faults(&buy(&t, &body, &format!("wrong-{i}")).await), [format!("{field} {code}")]);
        }
        let body = with_files(&event, question, &[&file], "succeed");
        let bought = buy(&t, &body, "k").await.expect(201);
        let order = text(&bought["order"]["id"]);
        let second = buy(&t, &with_files(&event, question, &[&other], "succeed"), "k2").await.expect(201);
        // Asked again, it is answered as before; another order cannot have the file.
        assert_eq!(buy(&t, &body, "k").await.expect(201)["order"]["id"], bought["order"]["id"]);
        assert_eq!(faults(&buy(&t, &body, "k3").await), [format!("{field} file_taken")]);

        let said = t.organiser.get(&format!("/api/v1/orders/{order}/answers")).await.expect(200);
        assert_eq!(said["tickets"][0]["answers"][question], json!({"kind": "file", "value": file}));
        let known = json!([{
            "id": file, "question_id": question, "ticket_number": 1, "name": "izkaznica št. 4711.exe",
            "media_type": "application/pdf", "size_bytes": PDF.len(),
        }]);
        assert_eq!(said["files"], known);

        // It is handed out as what it is, under a name that makes nothing else of it.
        let path = format!("/api/v1/orders/{order}/files/{file}");
        let own = format!("/api/v1/shop/orders/{order}/files/{file}");
        let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
        for (client, path) in [(&t.organiser, &path), (&buyer, &own)] {
            let (status, headers, bytes) = download(client, path).await;
            assert_eq!((status, bytes.as_slice()), (200, PDF));
            assert_eq!(headers["content-type"], "application/pdf");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["cache-control"], "private, no-store");
            assert_eq!(
                headers["content-disposition"],
                "attachment; filename=\"izkaznica_t_4711.pdf\"; filename*=UTF-8''izkaznica%20%C5%A1t.%204711.pdf"
            );
        }
        let reads: i64 = t.app.db.scalar(
            sql!("SELECT COUNT(*) FROM audit_log WHERE action = 'personal_data.read' AND subject = $1"),
            vals![&order],
        ).await.unwrap();
        assert_eq!(reads, 2, "who read the answers and the file is written down");

        // Nobody else reads it.
        let elsewhere = text(&second["order"]["id"]);
        assert!(!is_of(&t, &elsewhere, &file).await);
        let other_buyer = t.stranger.with_token(second["token"].as_str().unwrap());
        other_buyer.get(&own).await.refused(404, "sales.order_not_found");
        other_buyer.get(&format!("/api/v1/shop/orders/{elsewhere}/files/{file}")).await.refused(404, "sales.file_not_found");
        t.stranger.get(&own).await.refused(401, "sales.token_required");
        t.stranger.get(&path).await.refused(401, "identity.unauthenticated");
        t.other_organiser().await.get(&path).await.refused(404, "sales.order_not_found");
        let role = Role::ALL.iter().find(|role| !role.may(Permission::OrdersRead)).unwrap();
        t.member(*role).await.get(&path).await.refused(403, "identity.permission_missing");

        // Neither what it holds nor what it is called can be read in the database.
        for statement in [
            sql!("SELECT content FROM answer_file_contents"),
            sql!("SELECT sealed_about FROM answer_files"),
        ] {
            let rows: Vec<Vec<u8>> = t.app.db.scalars(statement, vals![]).await.unwrap();
            assert_eq!(rows.len(), 2);
            for row in rows {
                let text = String::from_utf8_lossy(&row).into_owned();
                assert!(!["PDF", "Novak", "izkaznica", "4711"].iter().any(|plain| text.contains(plain)), "{text}");
            }
        }
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn a_file_answers_what_it_was_sent_for_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let file = || file_question(json!({"kind": "file"}));
        let mut ill = file();
        ill["required"] = json!(false);
        let (event, questions) = asking(&t, json!([file(), ill])).await;
        let (other_event, others) = asking(&t, json!([file()])).await;
        let (first, second) = (&questions[0], &questions[1]);
        let field = |ticket: usize, question: &str| format!("tickets[{ticket}].answers.{question}");
        let own = sent(&t, &event, first, PDF).await;
        let foreign = sent(&t, &other_event, &others[0], PDF).await;
        let of_second = sent(&t, &event, second, JPEG).await;

        for (i, wrong) in [&foreign, &of_second].into_iter().enumerate() {
            let body = with_files(&event, first, &[wrong], "succeed");
            let refused = buy(&t, &body, &format!("wrong-{i}")).await;
            assert_eq!(faults(&refused), [format!("{} file_unknown", field(0, first))]);
        }
        let twice = buy(&t, &with_files(&event, first, &[&own, &own], "succeed"), "twice").await;
        assert_eq!(faults(&twice), [format!("{} file_taken", field(1, first))]);
        // What was refused has taken nothing: the file is there still, and so are the others.
        let mut body = with_files(&event, first, &[&own], "decline");
        body["tickets"][0]["answers"][second.as_str()] = json!(of_second);
        let declined = buy(&t, &body, "both").await.expect(201);
        let order = text(&declined["order"]["id"]);
        assert!(is_of(&t, &order, &own).await && is_of(&t, &order, &of_second).await);
        assert!(!is_of(&t, &order, &foreign).await);
        buy(&t, &with_files(&other_event, &others[0], &[&foreign], "succeed"), "other").await.expect(201);
        assert_eq!(kept(&t).await, 3);
        t.stop().await;
    }

    /// covers: BE-2
    async fn what_is_not_asked_takes_no_file(db: TestDb) {
        let t = TestApp::start(db).await;
        let student = json!({"label": {"sl": "Ste študent?"}, "asks": {"kind": "consent"}, "per": "ticket", "stage": "purchase"});
        let mut card = file_question(json!({"kind": "file"}));
        card["when"] = json!([{"question": "#0", "is": ["true"]}]);
        let (event, questions) = asking(&t, json!([student, card])).await;
        let (student, card) = (&questions[0], &questions[1]);
        let file = sent(&t, &event, card, PNG).await;
        let answers = |is_student: bool| {
            let mut body = with_files(&event, card, &[&file], "succeed");
            body["tickets"][0]["answers"][student.as_str()] = json!(is_student);
            body
        };
        let grown_up = buy(&t, &answers(false), "no").await.expect(201);
        assert!(!is_of(&t, &text(&grown_up["order"]["id"]), &file).await, "a changed mind leaves nothing behind");
        let mut without = answers(true);
        without["tickets"][0]["answers"].as_object_mut().unwrap().remove(card);
        let refused = faults(&buy(&t, &without, "without").await);
        assert_eq!(refused, [format!("tickets[0].answers.{card} required")]);
        let bought = buy(&t, &answers(true), "yes").await.expect(201);
        assert!(is_of(&t, &text(&bought["order"]["id"]), &file).await);
        t.stop().await;
    }

    /// covers: BE-2, DB-2
    async fn of_two_who_race_for_a_file_one_has_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let question = &questions[0];
        for round in 0..5 {
            let (file, next) = (sent(&t, &event, question, PDF).await, sent(&t, &event, question, PNG).await);
            // Each wants both, in its own order.
            let orders = (0..6).map(|n| {
                let (t, event, file, next) = (&t, &event, &file, &next);
                let files = if n % 2 == 0 { [file.as_str(), next.as_str()] } else { [next.as_str(), file.as_str()] };
                async move { buy(t, &with_files(event, question, &files, "succeed"), &format!("{round}-{n}")).await }
            });
            let answers = futures_util::future::join_all(orders).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
            assert_eq!(won.len(), 1, "{answers:?}");
            for answer in lost {
                assert!(faults(answer).iter().all(|fault| fault.ends_with(" file_taken")), "{}", answer.text);
            }
            let order: Value = won[0].expect(201);
            assert!(is_of(&t, &text(&order["order"]["id"]), &file).await && is_of(&t, &text(&order["order"]["id"]), &next).await);
        }
        let sold = sql!("SELECT CAST(SUM(sold) AS BIGINT) FROM stock WHERE counter = $1");
        let sold: i64 = t.app.db.scalar(sold, vals![&event.tiers[0]]).await.unwrap();
        assert_eq!(sold, 10, "who lost took no stock");
        t.stop().await;
    }
}
