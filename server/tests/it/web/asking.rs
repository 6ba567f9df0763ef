//! What an event asks of those who buy: shown at the checkout, answered there, kept with the order.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::Visitor;
use crate::app::{Answer, Event, TestApp};
use crate::selling::text;

const PDF: &[u8] = b"%PDF-1.7\nAna Novak, matriculation 4711";

/// Lets an event ask these questions; gives their ids.
async fn ask(t: &TestApp, event: &Event, questions: Value) -> Vec<String> {
    let path = format!("/api/v1/events/{}", event.id);
    let version = t.organiser.get(&path).await.expect(200)["version"].clone();
    let body = json!({"version": version, "questions": questions});
    let put = t
        .organiser
        .request(Method::PUT, &format!("{path}/questions"));
    let form = t.organiser.send(put.json(&body)).await.expect(200);
    let asked = form["questions"].as_array().unwrap().iter();
    asked.map(|one| text(&one["id"])).collect()
}

/// A question at purchase.
fn question(per: &str, label: &str, asks: Value) -> Value {
    json!({"label": {"sl": label}, "asks": asks, "per": per, "stage": "purchase"})
}

/// The same, which has to be answered.
fn required(per: &str, label: &str, asks: Value) -> Value {
    let mut question = question(per, label, asks);
    question["required"] = json!(true);
    question
}

fn choices(keys: &[&str]) -> Value {
    let all: Vec<Value> = keys
        .iter()
        .map(|key| json!({"key": key, "label": {"sl": format!("Izbira {key}")}}))
        .collect();
    json!(all)
}

/// What everybody writes, with these answers.
fn form<'a>(total: &'a str, answers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "Ana Novak"),
        ("email", "ana@example.com"),
        ("payment", "succeed"),
        ("total", total),
    ];
    fields.extend_from_slice(answers);
    fields
}

/// What was answered for the order at this address.
async fn answers(t: &TestApp, order: &str) -> Value {
    let id = order.split(['/', '?']).nth(2).unwrap();
    let path = format!("/api/v1/orders/{id}/answers");
    t.organiser.get(&path).await.expect(200)
}

/// Sends a form with files: name of the field, name of the file, bytes.
async fn send_files(
    visitor: &Visitor,
    path: &str,
    fields: &[(&str, &str)],
    files: &[(&str, &str, &[u8])],
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, file, bytes) in files {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    send_body(visitor, path, body).await
}

async fn send_body(visitor: &Visitor, path: &str, body: Vec<u8>) -> Answer {
    let request = visitor.client.request(Method::POST, path);
    let request = request
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body);
    visitor.ask(request).await
}

on_both_engines! {
    /// covers: WEB-4, WEB-7, BE-2
    async fn what_must_be_answered_is_said_beside_its_field(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50), ("Balcony", 4500, 12)]).await;
        let mut of_balcony = required("ticket", "Potrebujete dvigalo?", json!({"kind": "text", "max_length": 9}));
        of_balcony["tiers"] = json!([event.tiers[1]]);
        let mut at_door = question("ticket", "Pri vratih?", json!({"kind": "consent"}));
        at_door["stage"] = json!("check_in");
        let mut country = required("order", "Od kod ste?", json!({"kind": "country", "allowed": ["AT", "SI"]}));
        country["label"]["uk"] = json!("Звідки ви?");
        country["help"] = json!({"sl": "Država, v kateri živite."});
        let meal = required("ticket", "Kaj boste jedli?", json!({"kind": "text", "max_length": 20}));
        let ids = ask(&t, &event, json!([country, meal, of_balcony, at_door])).await;
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[1, 1]).await;

        let page = visitor.get(&checkout).await;
        for said in ["Od kod ste?", "(required)", "Država, v kateri živite.", " of 2: Standing", " of 2: Balcony", ">Slovenia</option>"] {
            page.says(200, said);
        }
        assert!(!page.text.contains("Pri vratih?") && !page.text.contains(">Croatia</option>"), "{}", page.text);
        assert!(!page.text.contains("multipart"), "{}", page.text);
        let field = |number: usize, id: &str| format!("name=\"t{number}-{id}\"");
        assert!(page.text.contains(&field(0, &ids[1])) && page.text.contains(&field(1, &ids[1])));
        let lift: Vec<_> = (0..2).filter(|number| page.text.contains(&field(*number, &ids[2]))).collect();
        assert_eq!(lift.len(), 1, "{}", page.text);
        visitor.get(&format!("{checkout}?lang=uk")).await.says(200, "lang=\"uk\" dir=\"ltr\">Звідки ви?");

        let (country, first, second) = (format!("q-{}", ids[0]), format!("t0-{}", ids[1]), format!("t1-{}", ids[1]));
        let lift = format!("t{}-{}", lift[0], ids[2]);
        let refused = visitor.send(&checkout, &form("7700", &[(&first, "Žganci & <b>"), (&lift, "much too long")])).await;
        refused.says(422, &format!("<a href=\"#{country}\">“Od kod ste?” must be answered.</a>"))
            .says(422, &format!("<a href=\"#{second}\">Ticket 2: “Kaj boste jedli?” must be answered.</a>"))
            .says(422, &format!("id=\"{second}-fault\""))
            .says(422, &format!("aria-describedby=\"{second}-hint {second}-fault\" aria-invalid=\"true\""))
            .says(422, &format!("aria-describedby=\"{country}-help {country}-fault\" aria-invalid=\"true\""))
            .says(422, "“Potrebujete dvigalo?” is too long.")
            .says(422, "value=\"Žganci &#38; &#60;b&#62;\"")
            .says(422, "value=\"much too long\"")
            .says(422, "value=\"Ana Novak\"");
        assert!(!refused.text.contains(&format!("id=\"{first}-fault\"")), "{}", refused.text);
        // Nobody is kept from mending it: the tickets are still held.
        let holder = [("t1-email", "bor@example.com")];
        let mut fields = form("7700", &[(&country, "SI"), (&first, "Žganci"), (&second, "Nič"), (&lift, "Da")]);
        fields.extend_from_slice(&holder);
        visitor.send(&checkout, &fields).await.says(422, "href=\"#t1-name\"").says(422, "<option value=\"SI\" lang=\"en\" dir=\"ltr\" selected>");
        fields.push(("t1-name", "Bor Kos"));
        let order = visitor.send(&checkout, &fields).await.leads_to("/orders/");
        let said = answers(&t, &order).await;
        assert_eq!(said["answers"][&ids[0]]["value"], "SI");
        assert_eq!(said["tickets"][0]["answers"][&ids[1]]["value"], "Žganci");
        assert_eq!(said["tickets"][1]["answers"][&ids[1]]["value"], "Nič");
        assert_eq!((&said["tickets"][1]["holder_name"], &said["tickets"][1]["holder_email"]), (&json!("Bor Kos"), &json!("bor@example.com")));
        visitor.get(&order).await.says(200, "Bor Kos").says(200, "Ana Novak");
        t.stop().await;
    }

    /// covers: WEB-4, BE-2
    async fn every_kind_is_answered(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50)]).await;
        let many = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"];
        let kinds = [
            json!({"kind": "text", "max_length": 50}),
            json!({"kind": "text", "max_length": 50, "lines": true}),
            json!({"kind": "number", "min": 1, "max": 9}),
            json!({"kind": "choice", "choices": choices(&["a", "b"])}),
            json!({"kind": "choice", "choices": choices(&many)}),
            json!({"kind": "multi_choice", "choices": choices(&["a", "b", "c"]), "max": 2}),
            json!({"kind": "date", "from": "2026-01-01", "until": "2026-12-31"}),
            json!({"kind": "country"}),
            json!({"kind": "phone"}),
            json!({"kind": "email"}),
            json!({"kind": "consent"}),
        ];
        let asked: Vec<Value> = kinds.iter().map(|asks| required("order", "Kaj?", asks.clone())).collect();
        let ids = ask(&t, &event, json!(asked)).await;
        let names: Vec<String> = ids.iter().map(|id| format!("q-{id}")).collect();
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[2]).await;
        let page = visitor.get(&checkout).await;
        for (i, control) in [
            (0, "type=\"text\""), (2, "type=\"text\""), (6, "type=\"date\""), (8, "type=\"tel\""), (9, "type=\"email\""),
        ] {
            page.says(200, &format!("<input id=\"{0}\" name=\"{0}\" {control}", names[i]));
        }
        page.says(200, &format!("<textarea id=\"{0}\" name=\"{0}\"", names[1]))
            .says(200, &format!("<input type=\"radio\" name=\"{}\" value=\"b\"", names[3]))
            .says(200, &format!("<select id=\"{0}\" name=\"{0}\"", names[4]))
            .says(200, &format!("<input type=\"checkbox\" name=\"{}\" value=\"c\"", names[5]))
            .says(200, &format!("<input id=\"{0}\" name=\"{0}\" type=\"checkbox\" value=\"true\"", names[10]))
            .says(200, "From 1 January 2026 to 31 December 2026.")
            .says(200, "Choose at most 2.");
        // Nothing is asked of tickets, so they are not listed.
        assert!(!page.text.contains("Name of who comes"), "{}", page.text);

        let said = [
            (0, "Ana"), (1, "one\r\ntwo"), (2, "7"), (3, "b"), (4, "k8"), (5, "c"), (5, "a"), (6, "2026-05-01"), (7, "SI"),
            (8, "+386 40 123 456"), (9, "ana@example.com"), (10, "true"),
        ];
        let said: Vec<(&str, &str)> = said.iter().map(|(i, value)| (names[*i].as_str(), *value)).collect();
        // What was chosen is still chosen where something else is wrong.
        let mut wrong = form("6400", &said);
        wrong[1] = ("email", "nowhere");
        let refused = visitor.send(&checkout, &wrong).await;
        refused.says(422, "value=\"b\" checked").says(422, "value=\"c\" checked").says(422, "value=\"true\" checked")
            .says(422, ">one\r\ntwo</textarea>").says(422, "value=\"2026-05-01\"").says(422, "<option value=\"k8\" lang=\"sl\" dir=\"ltr\" selected>");
        assert!(!refused.text.contains("must be"), "{}", refused.text);
        let order = visitor.send(&checkout, &form("6400", &said)).await.leads_to("/orders/");
        let kept = answers(&t, &order).await;
        let values: Vec<Value> = ids.iter().map(|id| kept["answers"][id]["value"].clone()).collect();
        assert_eq!(json!(values), json!([
            "Ana", "one\ntwo", 7, "b", "k8", ["a", "c"], "2026-05-01", "SI", "+38640123456", "ana@example.com", true,
        ]));
        t.stop().await;
    }

    /// covers: WEB-4, BE-2
    async fn what_does_not_apply_needs_no_answer_and_keeps_none(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50)]).await;
        let mut what = required("ticket", "Česa ne jeste?", json!({"kind": "choice", "choices": choices(&["nuts", "other"])}));
        what["when"] = json!([{"question": "#0", "is": ["true"]}]);
        let mut other = required("ticket", "Kaj drugega?", json!({"kind": "text", "max_length": 20}));
        other["when"] = json!([{"question": "#1", "is": ["other"]}]);
        let mut abroad = required("ticket", "Kako pridete?", json!({"kind": "text", "max_length": 20}));
        abroad["when"] = json!([{"question": "#4", "is": ["AT", "IT"]}]);
        let ids = ask(&t, &event, json!([
            question("ticket", "Česa ne jeste zares?", json!({"kind": "consent"})),
            what,
            other,
            abroad,
            question("order", "Od kod ste?", json!({"kind": "country"})),
        ])).await;
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[2]).await;
        let page = visitor.get(&checkout).await;
        page.says(200, "Only if you agree to “Česa ne jeste zares?”.")
            .says(200, "Only if “Česa ne jeste?” is “Izbira other”.")
            .says(200, "Only if “Od kod ste?” is Austria or Italy.")
            .says(200, &format!("[{{&#34;field&#34;:&#34;t1-{}&#34;,&#34;is&#34;:[&#34;true&#34;]}}]", ids[0]))
            .says(200, &format!("{{&#34;field&#34;:&#34;q-{}&#34;,&#34;is&#34;:[&#34;AT&#34;,&#34;IT&#34;]}}", ids[4]));
        // What may not apply is not required by the browser.
        let text_field = format!("name=\"t0-{}\"", ids[2]);
        let tag = page.text.split('<').find(|tag| tag.contains(&text_field)).unwrap();
        assert!(!tag.contains(" required"), "{tag}");

        let at = |ticket: usize, i: usize| format!("t{ticket}-{}", ids[i]);
        let (first, second) = ([at(0, 0), at(0, 1), at(0, 2)], [at(1, 1), at(1, 2)]);
        let changed_mind = [(second[0].as_str(), "?"), (second[1].as_str(), "milk")];
        let mut said = vec![(first[0].as_str(), "true"), (first[1].as_str(), "other")];
        said.extend_from_slice(&changed_mind);
        let refused = visitor.send(&checkout, &form("6400", &said)).await;
        refused.says(422, "Ticket 1: “Kaj drugega?” must be answered.").says(422, "value=\"milk\"");
        assert_eq!(refused.text.matches("must be answered").count(), 2, "{}", refused.text);
        said.push((first[2].as_str(), "milk"));
        let order = visitor.send(&checkout, &form("6400", &said)).await.leads_to("/orders/");
        let kept = answers(&t, &order).await;
        assert_eq!(kept["tickets"][0]["answers"][&ids[2]]["value"], "milk");
        let of_second = kept["tickets"][1]["answers"].as_object().unwrap();
        assert_eq!(of_second.len(), 1, "{of_second:?}");
        assert_eq!(of_second[&ids[0]]["value"], false);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn strange_answers_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 3200, 50)]).await;
        let ids = ask(&t, &event, json!([
            question("order", "Število?", json!({"kind": "number", "min": 0, "max": 9})),
            question("order", "Dan?", json!({"kind": "date"})),
            question("order", "Država?", json!({"kind": "country", "allowed": ["SI"]})),
            question("order", "Eno?", json!({"kind": "choice", "choices": choices(&["a", "b"])})),
            question("order", "Nekaj?", json!({"kind": "multi_choice", "choices": choices(&["a", "b"])})),
            question("order", "Soglašate?", json!({"kind": "consent"})),
            question("order", "Besede?", json!({"kind": "text", "max_length": 5})),
            question("order", "Telefon?", json!({"kind": "phone"})),
        ])).await;
        let names: Vec<String> = ids.iter().map(|id| format!("q-{id}")).collect();
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[1]).await;
        for (i, strange, said) in [
            (0, "1e3", "“Število?” must be a whole number."),
            (0, "10", "“Število?” is out of range."),
            (0, "99999999999999999999", "“Število?” must be a whole number."),
            (1, "2026-02-30", "“Dan?” must be a day"),
            (2, "XX", "“Država?” must be the code of a country."),
            (2, "AT", "“Država?” is not among the countries."),
            (3, "\"><script>", "“Eno?” is not among the choices."),
            (4, "z", "“Nekaj?” is not among the choices."),
            (5, "yes", "“Soglašate?” must be true or false."),
            (6, "a\u{0}b", "“Besede?” must not contain control characters."),
            (6, "predolgo", "“Besede?” is too long."),
            (7, "040 123 456", "“Telefon?” must be a telephone number"),
        ] {
            let refused = visitor.send(&checkout, &form("3200", &[(&names[i], strange)])).await;
            refused.says(422, said).says(422, &format!("href=\"#{}\"", names[i])).says(422, "There is a problem");
            assert!(!refused.text.contains("<script>"), "{}", refused.text);
        }
        let ticks = vec![(names[4].as_str(), "a"); 1_000];
        visitor.send(&checkout, &form("3200", &ticks)).await.says(422, "“Nekaj?” has more than the choices.");
        // What nobody is asked is passed over, and so is a second answer to one question.
        let other = format!("q-{}", event.id);
        let passed_over = [
            (names[0].as_str(), "3"), (names[0].as_str(), "x"), (other.as_str(), "x"), ("q-", "x"), ("t0-name", "x"), ("t99-email", "x"),
        ];
        let order = visitor.send(&checkout, &form("3200", &passed_over)).await.leads_to("/orders/");
        let kept = answers(&t, &order).await;
        assert_eq!(kept["answers"][&ids[0]]["value"], 3);
        assert_eq!(kept["answers"].as_object().unwrap().len(), 2, "{kept}");
        t.stop().await;
    }

    /// covers: WEB-4, BE-2
    async fn a_file_is_sent_with_the_form(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Student", 1000, 50)]).await;
        let asks = json!({"kind": "file", "accept": ["pdf"], "max_bytes": 1_000});
        let id = ask(&t, &event, json!([required("ticket", "Izkaznica", asks)])).await.remove(0);
        let visitor = Visitor::new(&t);
        let checkout = visitor.reserve(&event, &[1]).await;
        let (field, input) = (format!("t0-{id}"), format!("t0-{id}-file"));
        visitor.get(&checkout).await.says(200, "enctype=\"multipart/form-data\"").says(200, "PDF, at most 1 KB.")
            .says(200, &format!("<input id=\"{field}\" name=\"{input}\" type=\"file\" accept=\"application/pdf\""));

        let fields = form("1000", &[]);
        visitor.send(&checkout, &fields).await.says(422, "“Izkaznica” must be answered.");
        let large = vec![b'%'; 3_000];
        let large_form = vec![b'%'; 3 * 1024 * 1024];
        let nothing: &[u8] = b"";
        let files: [(&str, &[u8], &str); 6] = [
            ("", nothing, "“Izkaznica” must be answered."),
            ("empty.pdf", nothing, "The file is empty."),
            ("run.pdf", b"MZ\x90\0", "By what is in it, the file is none of these: pdf."),
            ("large.pdf", &large, "The file is too large"),
            ("larger.pdf", &large_form, "The file is too large"),
            ("a\u{202e}b.pdf", PDF, "The name of the file must not contain control characters."),
        ];
        for (name, bytes, said) in files {
            let refused = send_files(&visitor, &checkout, &fields, &[(&input, name, bytes)]).await;
            refused.says(422, said).says(422, &format!("href=\"#{field}\"")).says(422, "There is a problem").says(422, "value=\"Ana Novak\"");
        }
        // A form of which the end never came.
        send_body(&visitor, &checkout, b"--edge\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nAn".to_vec()).await.says(400, "web.form");
        let long = "x".repeat(1024 * 1024);
        send_files(&visitor, &checkout, &[("name", &long)], &[]).await.says(413, "web.form");

        // Sent once, it stays sent while the rest is mended.
        let mut wrong = fields.clone();
        wrong[1] = ("email", "nowhere");
        let refused = send_files(&visitor, &checkout, &wrong, &[(&input, "../card.pdf", PDF)]).await;
        refused.says(422, "Sent already: <b><bdi>card.pdf</bdi></b>").says(422, "href=\"#email\"");
        let start = format!("<input type=\"hidden\" name=\"{field}\" value=\"");
        let (_, rest) = refused.text.split_once(&start).unwrap();
        let file = rest.split('"').next().unwrap();
        let mended = form("1000", &[(&field, file)]);
        let order = send_files(&visitor, &checkout, &mended, &[(&input, "", nothing)]).await.leads_to("/orders/");
        let kept = answers(&t, &order).await;
        assert_eq!(kept["tickets"][0]["answers"][&id]["value"], file);
        let order_id = order.split(['/', '?']).nth(2).unwrap();
        let path = format!("/api/v1/orders/{order_id}/files/{file}");
        let download = t.organiser.request(Method::GET, &path).send().await.unwrap();
        assert_eq!((download.status().as_u16(), download.bytes().await.unwrap().to_vec()), (200, PDF.to_vec()));

        // Nobody buys with another's file, nor with what is none.
        let again = visitor.reserve(&event, &[1]).await;
        let refused = send_files(&visitor, &again, &mended, &[]).await;
        refused.says(422, "“Izkaznica”: this file is another answer already.");
        assert!(!refused.text.contains("Sent already"), "{}", refused.text);
        let strange = form("1000", &[(&field, "../../etc/passwd")]);
        send_files(&visitor, &again, &strange, &[]).await.says(422, "“Izkaznica” must be the id of a file.");
        // A new one takes the place of the old one.
        let order = send_files(&visitor, &again, &mended, &[(&input, "new.pdf", PDF)]).await.leads_to("/orders/");
        assert_ne!(answers(&t, &order).await["tickets"][0]["answers"][&id]["value"], file);
        t.stop().await;
    }
}
