//! Log lines: who and what, never what is secret or personal.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::Process;
use crate::app::{Event, purchase};
use crate::webhooks::endpoint;
use crate::webhooks::hook::Hook;

/// What must never be in a log, whatever happens to it.
const SECRETS: &[&str] = &[
    "ana.secret@example.com",
    "Ana Geheim-Novak",
    "correct horse battery 47",
    "wrong donkey battery 48",
    "blt_notakey_4711",
    "stolen-session-4712",
    "query-token-4713",
    "path-token-4714",
    "idempotency-4715",
    "pairing-code-4716",
    "refresh-token-4717",
    "basic-secret-4718",
    "203.0.113.77",
    "Secretbrowser/1.0",
    "broken-json-4719",
];

async fn sell(process: &Process) -> (Event, Value) {
    let organiser = process.organiser();
    let made = organiser
        .post(
            "/api/v1/events",
            json!({
                "name": "Večer", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
                "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
                "tiers": [{"name": "Standing", "price_minor": 3200, "capacity": 100}],
            }),
        )
        .await
        .expect(201);
    let event = Event {
        id: made["id"].as_str().unwrap().to_owned(),
        slug: made["slug"].as_str().unwrap().to_owned(),
        tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
    };
    let publish = format!("/api/v1/events/{}/publish", event.id);
    organiser.post(&publish, json!({})).await.expect(200);
    let mut body = purchase(&event, 0, 2, "succeed");
    body["buyer"] = json!({"email": SECRETS[0], "name": SECRETS[1]});
    let bought = process
        .stranger()
        .post_once("/api/v1/shop/orders", "idempotency-4715", &body)
        .await
        .expect(201);
    (event, bought)
}

on_both_engines! {
    /// covers: MON-1, GW-9, SEC-5
    async fn secrets_and_people_are_in_no_line_at_any_level(db: TestDb) {
        let (process, _db) = Process::start(db, "", &[("BILTEN_LOG__LEVEL", "trace"), ("BILTEN_IDENTITY__ARGON2_MEMORY_KIB", "64")]).await;
        let (stranger, organiser) = (process.stranger(), process.organiser());
        let (event, bought) = sell(&process).await;
        let order = bought["order"]["id"].as_str().unwrap();
        let token = bought["order_token"].as_str().or(bought["token"].as_str()).unwrap_or("none-was-given").to_owned();
        let codes: Vec<String> = bought["tickets"].as_array().unwrap().iter()
            .map(|ticket| ticket["code"].as_str().unwrap().to_owned()).collect();

        // What people and programs do, and what they do wrong.
        let person = json!({"email": SECRETS[0], "password": SECRETS[2], "name": SECRETS[1]});
        stranger.post("/api/v1/auth/registrations", person).await;
        for password in [SECRETS[2], SECRETS[3]] {
            stranger.post("/api/v1/auth/tokens", json!({"email": SECRETS[0], "password": password})).await;
        }
        stranger.post("/api/v1/auth/links", json!({"email": SECRETS[0]})).await;
        stranger.post("/api/v1/auth/password-resets", json!({"email": SECRETS[0]})).await;
        stranger.post("/api/v1/auth/tokens/refresh", json!({"refresh_token": SECRETS[10]})).await;
        stranger.post("/api/v1/sync/pair", json!({"code": SECRETS[9], "name": SECRETS[1]})).await;
        for token in [SECRETS[4], SECRETS[5]] {
            stranger.with_token(token).get("/api/v1/events").await;
        }
        for (name, value) in [
            ("cookie", format!("bilten_session={}", SECRETS[5])),
            ("authorization", format!("Basic {}", SECRETS[11])),
            ("x-forwarded-for", SECRETS[12].to_owned()),
            ("user-agent", SECRETS[13].to_owned()),
        ] {
            let request = stranger.request(Method::GET, "/api/v1/me").header(name, value);
            stranger.send(request).await;
        }
        stranger.get(&format!("/orders/{order}?token={token}")).await;
        stranger.get(&format!("/reset?token={}&email={}", SECRETS[6], SECRETS[0])).await;
        stranger.get(&format!("/no/such/{}/{}", SECRETS[7], SECRETS[0])).await;
        stranger.get(&format!("/orders/{}?token={}", SECRETS[7], SECRETS[6])).await;
        let broken = stranger.request(Method::POST, "/api/v1/shop/orders")
            .header("idempotency-key", SECRETS[8]).header("content-type", "application/json")
            .body(format!("{{\"buyer\": {{\"name\": \"{}\"", SECRETS[14]));
        stranger.send(broken).await;
        let list = organiser.get(&format!("/api/v1/events/{}/lists", event.id)).await.expect(200);
        let list = list.as_array().or(list["items"].as_array()).unwrap()[0]["id"].clone();
        let scan = json!({"list": list, "code": codes[0]});
        organiser.post_once(&format!("/api/v1/events/{}/check-in", event.id), "scan-1", &scan).await.expect(200);
        organiser.get(&format!("/api/v1/orders/{order}")).await;

        let key = process.key.clone();
        let mail_folder = process.folder().join("bilten-data/mail");
        let lines = process.stop().await;
        let log = lines.join("\n");
        for secret in SECRETS.iter().map(|secret| (*secret).to_owned()).chain([key, token]).chain(codes) {
            let found: Vec<_> = lines.iter().filter(|line| line.contains(&secret)).collect();
            assert!(found.is_empty(), "{secret} is logged: {found:?}");
        }
        // Links in mail hold tokens: each that was sent is looked for.
        for mail in std::fs::read_dir(mail_folder).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(mail.path()).unwrap_or_default().replace("=\r\n", "").replace("=3D", "=");
            for token in text.split("token=").skip(1) {
                let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(token.len() < 16 || !log.contains(&token), "a link's token is logged");
            }
        }
        assert!(lines.len() > 20, "it logs: {log}");
    }

    /// covers: BE-4, MON-1, MON-3
    async fn lines_of_what_a_request_caused_name_it(db: TestDb) {
        let settings = [("BILTEN_LOG__LEVEL", "debug"), ("BILTEN_WEBHOOKS__PRIVATE_NETWORKS", "true")];
        let (process, _db) = Process::start(db, "", &settings).await;
        let hook = Hook::start().await;
        endpoint(&process.organiser(), &hook.url, &["order.paid"]).await;
        let (event, _) = sell(&process).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let request = process.stranger().request(Method::POST, "/api/v1/shop/orders")
            .header("idempotency-key", "caused").header("x-request-id", "mine-2")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-00"))
            .json(&purchase(&event, 0, 1, "succeed"));
        process.stranger().send(request).await.expect(201);
        let is_sent = |line: &Value| line["message"] == "a webhook was sent" && line["request_id"] == "mine-2";
        let line = process.line("the webhook of mine-2", is_sent).await;
        assert_eq!(line["trace_id"], trace, "{line}");
        assert!(line["organisation"].as_str().unwrap().starts_with("org_"), "{line}");
        process.stop().await;
    }

    /// covers: MON-1, MON-3
    async fn a_line_names_the_request_the_trace_the_caller_and_the_organisation(db: TestDb) {
        let (process, _db) = Process::start(db, "", &[]).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let organiser = process.organiser();
        let request = organiser.request(Method::GET, "/api/v1/events").header("x-request-id", "mine-1")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-00"));
        organiser.send(request).await.expect(200);
        let line = process.line("mine-1", |line| line["request_id"] == "mine-1").await;
        assert_eq!(line["message"], "answered");
        assert_eq!(line["trace_id"], trace);
        assert_eq!((&line["http.route"], &line["status"]), (&json!("/api/v1/events"), &json!(200)));
        assert!(line["user"].as_str().unwrap().starts_with("key_"), "{line}");
        assert!(line["organisation"].as_str().unwrap().starts_with("org_"), "{line}");
        process.stranger().get("/nowhere/at/all").await;
        let line = process.line("unmatched", |line| line["http.route"] == "unmatched").await;
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32, "every request is in a trace: {line}");
        assert!(line.get("user").is_none() && !line.to_string().contains("nowhere"), "{line}");
        for line in process.stop().await {
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            for key in ["timestamp", "level", "target", "message"] {
                assert!(line[key].is_string(), "{line}");
            }
        }
    }

    /// covers: GW-3
    async fn every_decision_is_logged_with_who_asked_and_what_for(db: TestDb) {
        let (process, _db) = Process::start(db, "", &[("BILTEN_LOG__LEVEL", "debug")]).await;
        let (organiser, stranger) = (process.organiser(), process.stranger());
        let ask = async |client: &crate::app::Client, id: &str, path: &str, status: u16| {
            let request = client.request(Method::GET, path).header("x-request-id", id);
            client.send(request).await.expect(status);
            process.line(id, |line| line["request_id"] == id && line["message"] == "decided").await
        };
        let other = "/api/v1/events/evt_01jx0000000000000000000000";
        let allowed = ask(&organiser, "d-allowed", "/api/v1/events", 200).await;
        let refused = ask(&organiser, "d-refused", "/api/v1/keys", 403).await;
        let hidden = ask(&organiser, "d-hidden", other, 404).await;
        let people = ask(&organiser, "d-people", "/api/v1/me/profile", 403).await;
        let nobody = ask(&stranger, "d-nobody", "/api/v1/orders/ord_01jx0000000000000000000000", 401).await;
        let unknown = ask(&stranger.with_token(SECRETS[4]), "d-unknown", "/api/v1/events", 401).await;
        let key = allowed["principal"].as_str().unwrap().to_owned();
        assert!(key.starts_with("key_"), "{allowed}");
        for (line, decision, permission, code) in [
            (&allowed, "allowed", "events.read", Value::Null),
            (&refused, "refused", "keys.manage", json!("identity.permission_missing")),
            (&hidden, "hidden", "events.read", hidden["code"].clone()),
            (&people, "refused", "signed_in", json!("identity.person_required")),
            (&nobody, "refused", "orders.read", json!("identity.unauthenticated")),
            (&unknown, "refused", "events.read", json!("identity.token_unknown")),
        ] {
            assert_eq!((&line["decision"], &line["permission"]), (&json!(decision), &json!(permission)), "{line}");
            assert_eq!(line["code"], code, "{line}");
            let level = if decision == "allowed" { "DEBUG" } else { "INFO" };
            assert_eq!(line["level"], level, "{line}");
        }
        for line in [&refused, &hidden, &people] {
            assert_eq!(line["principal"], json!(key), "{line}");
        }
        for line in [&nobody, &unknown] {
            assert!(line.get("principal").is_none(), "{line}");
        }
        let secret = process.key.clone();
        let lines = process.stop().await;
        assert!(lines.iter().all(|line| !line.contains(&secret) && !line.contains(SECRETS[4])));
    }
}
