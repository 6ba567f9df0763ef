//! Metrics of a real process, as Prometheus reads them.

use std::collections::HashMap;
use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_kernel::telemetry::METRICS;
use serde_json::json;

use super::Process;
use crate::app::Event;

/// A sample: its name and labels as they are written, and its value.
type Samples = HashMap<String, f64>;

async fn scrape(url: &str) -> (String, Samples) {
    let answer = reqwest::get(format!("{url}/metrics")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    let text = answer.text().await.unwrap();
    let samples = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect();
    (text, samples)
}

/// The sum of all samples of a name whose labels hold all of these.
fn sum(samples: &Samples, name: &str, labels: &[&str]) -> f64 {
    samples
        .iter()
        .filter(|(key, _)| key.split('{').next() == Some(name))
        .filter(|(key, _)| labels.iter().all(|label| key.contains(label)))
        .map(|(_, value)| value)
        .sum()
}

on_both_engines! {
    /// covers: MON-2, GW-5
    async fn what_happens_is_counted(db: TestDb) {
        let engine = db.engine();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = port.local_addr().unwrap().to_string();
        drop(port);
        let env = [("BILTEN_TELEMETRY__METRICS_LISTEN", listen.as_str()), ("BILTEN_IDENTITY__ARGON2_MEMORY_KIB", "64")];
        let (mut process, db) = Process::start(db, "", &env).await;
        let metrics = format!("http://{listen}");
        let (organiser, stranger) = (process.organiser(), process.stranger());
        let now = bilten_kernel::clock::Clock::now(&bilten_kernel::clock::SystemClock);
        let at = |hours: u64| (now + Duration::from_secs(hours * 3_600)).to_string();
        let made = organiser.post("/api/v1/events", json!({
            "name": "Večer", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": at(1), "ends_at": at(4)}],
            "tiers": [{"name": "Standing", "price_minor": 3200, "capacity": 100}],
        })).await.expect(201);
        let event = Event {
            id: made["id"].as_str().unwrap().to_owned(),
            slug: made["slug"].as_str().unwrap().to_owned(),
            tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
        };
        organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);
        // The gauges are set when everything is looked at: at the start, and every fifteen seconds.
        process.restart(&db, &env).await;
        let bought = stranger.buy(&event, 0, 3, "succeed", "one").await.expect(201);
        stranger.buy(&event, 0, 3, "succeed", "one").await.expect(201);
        stranger.buy(&event, 0, 2, "decline", "two").await;
        let hold = stranger.post_once("/api/v1/shop/holds", "hold", &json!({"event": event.id, "items": [{"tier": event.tiers[0], "quantity": 1}]})).await.expect(201);
        stranger.delete(&format!("/api/v1/shop/holds/{}", hold["id"].as_str().unwrap())).await;
        let lists = organiser.get(&format!("/api/v1/events/{}/lists", event.id)).await.expect(200);
        let list = lists.as_array().or(lists["items"].as_array()).unwrap()[0]["id"].clone();
        let code = bought["tickets"][0]["code"].clone();
        for key in ["in", "again"] {
            let scan = json!({"list": list, "code": code});
            organiser.post_once(&format!("/api/v1/events/{}/check-in", event.id), key, &scan).await.expect(200);
        }
        stranger.post("/api/v1/auth/tokens", json!({"email": "x@example.com", "password": "no such person"})).await;
        for n in 0..50 {
            stranger.get(&format!("/nowhere/{n}")).await;
        }
        let odd = reqwest::Method::from_bytes(b"BREW").unwrap();
        stranger.send(stranger.request(odd, "/")).await;

        let mut samples = Samples::new();
        let mut text = String::new();
        for _ in 0..200 {
            (text, samples) = scrape(&metrics).await;
            if sum(&samples, "bilten_events_on_sale", &[]) == 1.0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for (name, labels, wanted) in [
            ("bilten_events_on_sale", &[][..], 1.0),
            ("bilten_orders_total", &["state=\"created\""], 2.0),
            ("bilten_orders_total", &["state=\"paid\""], 1.0),
            ("bilten_tickets_sold_total", &[], 3.0),
            ("bilten_holds_total", &["state=\"made\""], 1.0),
            ("bilten_holds_total", &["state=\"released\""], 1.0),
            ("bilten_scans_total", &["verdict=\"admit\"", "by=\"server\""], 1.0),
            ("bilten_scans_total", &["verdict=\"deny\"", "reason=\"already_redeemed\""], 1.0),
            ("bilten_sign_ins_total", &["outcome=\"failed\"", "method=\"password\""], 1.0),
            ("bilten_http_request_duration_seconds_count", &["route=\"unmatched\"", "status=\"4xx\""], 50.0),
            ("bilten_http_request_duration_seconds_count", &["method=\"_OTHER\""], 1.0),
            ("bilten_http_request_duration_seconds_count", &["route=\"/api/v1/shop/orders\"", "method=\"POST\""], 3.0),
            ("bilten_http_requests_in_flight", &[], 0.0),
            ("bilten_build_info", &[], 1.0),
            ("bilten_health", &["part=\"database\""], 0.0),
        ] {
            assert_eq!(sum(&samples, name, labels), wanted, "{name} {labels:?}\n{text}");
        }
        assert!(sum(&samples, "bilten_db_commit_seconds_count", &[]) >= 5.0);
        assert!(sum(&samples, "process_resident_memory_bytes", &[]) > 1e6);
        assert!(sum(&samples, "bilten_job_runner_last_look_timestamp_seconds", &[]) > 1e9);
        if engine == "sqlite" {
            assert!(sum(&samples, "bilten_db_group_commit_size_count", &[]) >= 5.0);
        } else {
            assert!(sum(&samples, "bilten_db_pool_max_connections", &[]) == 16.0);
            assert!(sum(&samples, "bilten_db_acquire_seconds_count", &[]) >= 5.0);
        }
        assert!(!text.contains("nowhere"), "what strangers ask for is no label");
        assert!(!text.contains("evt_") && !text.contains("ord_"), "ids are no labels");
        for metric in METRICS {
            let name = metric.name;
            assert!(!text.contains(&format!("{name}{{")) || text.contains(&format!("# HELP {name} ")), "{name} is not explained");
        }
        // Not where the public comes in; and nothing else where Prometheus does.
        stranger.get("/metrics").await.refused(404, "not_found");
        assert_eq!(reqwest::get(format!("{metrics}/readyz")).await.unwrap().status(), 404);
        process.stop().await;
    }
}
