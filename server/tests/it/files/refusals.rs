//! Files that are not taken.

use bilten_kernel::on_both_engines;
use bilten_kernel::{sql, vals};
use reqwest::Method;
use serde_json::json;

use super::{
    JPEG, PDF, PNG, ask, asking, buy, download, file_question, kept, send, send_called, sent,
    sweep, with_files,
};
use crate::app::{Answer, TestApp};
use crate::selling::text;

/// Sends a file from an address.
async fn send_from(t: &TestApp, path: &str, address: &str) -> Answer {
    let request = t.stranger.request(Method::POST, path);
    let request = request.header("x-forwarded-for", address).body(PDF);
    t.stranger.send(request).await
}

/// Lets all files of an event be so large, as far as the books know.
async fn are_large(t: &TestApp, event: &str, bytes: i64) {
    let event = event.to_owned();
    t.app
        .db
        .write(move |c| {
            Box::pin(async move {
                c.exec(
                    sql!("UPDATE answer_files SET size_bytes = $2 WHERE event_id = $1"),
                    vals![event, bytes],
                )
                .await
            })
        })
        .await
        .unwrap();
}

on_both_engines! {
    /// covers: BE-2, BE-6
    async fn what_a_file_is_called_says_nothing_of_what_it_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let asks = json!({"kind": "file", "accept": ["pdf", "png"], "max_bytes": 100});
        let words = json!({"label": {"sl": "Ime"}, "asks": {"kind": "text", "max_length": 9}, "per": "order", "stage": "purchase"});
        let mut at_the_door = file_question(json!({"kind": "file"}));
        at_the_door["stage"] = json!("check_in");
        let (event, questions) = asking(&t, json!([file_question(asks), words, at_the_door])).await;
        let question = &questions[0];
        for (what, bytes) in [
            ("a page", &b"<html><script>alert(1)</script>"[..]),
            ("a program", &b"MZ\x90\0\x03"[..]),
            ("a picture that is not taken", JPEG),
            ("a document that begins late", &b" %PDF-1.7"[..]),
            ("nothing", &b""[..]),
        ] {
            let answer = send_called(&t, &event.id, question, "?name=card.pdf", bytes).await;
            let problem = answer.refused(415, "sales.file_type");
            assert!(problem["detail"].as_str().unwrap().contains("pdf, png"), "{what}: {}", answer.text);
        }
        let most = [PDF, &[b' '; 100]].concat();
        send(&t, &event.id, question, &most[..100]).await.expect(201);
        send(&t, &event.id, question, &most[..101]).await.refused(413, "sales.file_too_large");

        for name in ["?name=a%00b.pdf", "?name=a%E2%80%AEfdp.exe"] {
            send_called(&t, &event.id, question, name, PDF).await.refused(422, "invalid");
        }
        let long = format!("?name={}", "a".repeat(201));
        send_called(&t, &event.id, question, &long, PDF).await.refused(422, "invalid");
        send_called(&t, &event.id, question, "?title=a", PDF).await.refused(422, "invalid");
        assert_eq!(send_called(&t, &event.id, question, "?name=", PDF).await.expect(201)["name"], json!(null));
        assert_eq!(kept(&t).await, 2, "what was refused was not kept");

        // Files are taken for questions that files answer, of those who buy from an event that sells.
        for other in [&questions[1], &questions[2], &"qst_01m827tppbfdtr9hv9xvxht0nk".to_owned()] {
            send(&t, &event.id, other, PDF).await.refused(404, "sales.question_not_found");
        }
        send(&t, "evt_01m827tppbfdtr9hv9xvxht0nk", question, PDF).await.refused(404, "sales.event_not_found");
        let (other_event, _) = asking(&t, json!([])).await;
        send(&t, &other_event.id, question, PDF).await.refused(404, "sales.question_not_found");
        ask(&t, &t.organiser, &event, json!([])).await;
        send(&t, &event.id, question, PDF).await.refused(404, "sales.question_not_found");
        let (over, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        t.organiser.post(&format!("/api/v1/events/{}/cancel", over.id), json!({})).await.expect(200);
        send(&t, &over.id, &questions[0], PDF).await.refused(409, "sales.files_closed");
        t.stop().await;
    }

    /// A question may take more than bodies of the API may have.
    ///
    /// covers: BE-2
    async fn large_files_are_whole_when_they_come_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let mut large = PNG.to_vec();
        large.extend((0..3_000_000u32).flat_map(u32::to_le_bytes).take(5 * 1024 * 1024 - PNG.len()));
        assert!(large.len() > t.app.config.http.body_limit_bytes);
        let file = sent(&t, &event, &questions[0], &large).await;
        let bought = buy(&t, &with_files(&event, &questions[0], &[&file], "succeed"), "k").await.expect(201);
        let path = format!("/api/v1/orders/{}/files/{file}", text(&bought["order"]["id"]));
        let (status, headers, bytes) = download(&t.organiser, &path).await;
        assert_eq!((status, &headers["content-type"]), (200, &"image/png".parse().unwrap()));
        assert!(bytes == large, "{} bytes of {}", bytes.len(), large.len());
        t.stop().await;
    }

    /// covers: BE-2, BE-6
    async fn an_event_keeps_so_much_on_trust_and_no_more(db: TestDb) {
        let set_up = |config: &mut bilten_server::config::Config| {
            config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        };
        let t = TestApp::start_with(db, set_up).await;
        let (event, questions) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let path = format!("/api/v1/shop/events/{}/questions/{}/files", event.id, questions[0]);
        let first = send_from(&t, &path, "198.51.100.7").await.expect(201);
        are_large(&t, &event.id, 200 * 1024 * 1024).await;
        let refused = send_from(&t, &path, "198.51.100.7").await;
        refused.refused(429, "sales.too_many_files");
        assert!(refused.headers.contains_key("retry-after"));
        send_from(&t, &path, "198.51.100.8").await.expect(201);
        are_large(&t, &event.id, 1024 * 1024 * 1024).await;
        send_from(&t, &path, "198.51.100.9").await.refused(409, "sales.files_full");
        // Of another event there is room, and here as soon as somebody has bought with theirs.
        let (other, others) = asking(&t, json!([file_question(json!({"kind": "file"}))])).await;
        let elsewhere = format!("/api/v1/shop/events/{}/questions/{}/files", other.id, others[0]);
        send_from(&t, &elsewhere, "198.51.100.7").await.expect(201);
        let file = text(&first["id"]);
        buy(&t, &with_files(&event, &questions[0], &[&file], "succeed"), "k").await.expect(201);
        sweep(&t).await;
        send_from(&t, &path, "198.51.100.7").await.expect(201);
        assert_eq!(kept(&t).await, 4);
        t.stop().await;
    }
}
