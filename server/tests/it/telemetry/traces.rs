//! Traces of a real process, sent to a collector: one request is one trace, through the database,
//! the outbox, jobs and calls to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use bilten_kernel::on_both_engines;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::Method;
use serde_json::json;

use super::Process;
use crate::app::{Event, purchase};
use crate::webhooks::endpoint;
use crate::webhooks::hook::Hook;

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    bodies: Arc<Mutex<Vec<u8>>>,
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["x-collector-key"], "k1");
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let spans = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans);
    collector.spans.lock().unwrap().extend(spans);
    collector.bodies.lock().unwrap().extend_from_slice(&body);
    Vec::new()
}

impl Collector {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn of_trace(&self, trace: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let is_of = |span: &&Span| hex(&span.trace_id) == trace;
        spans.iter().filter(is_of).cloned().collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(span: &Span, key: &str) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?;
    let value = found.value.as_ref()?.value.as_ref()?;
    if let Any::StringValue(text) = value {
        return Some(text.clone());
    }
    if let Any::IntValue(number) = value {
        return Some(number.to_string());
    }
    Some(format!("{value:?}"))
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const UNSAMPLED: &str = "5bf92f3577b34da6a3ce929d0e0e4736";

on_both_engines! {
    /// covers: MON-3
    async fn one_purchase_is_one_trace_through_lane_database_and_job(db: TestDb) {
        let collector = Collector::default();
        let url = collector.start().await;
        let (process, _db) = Process::start(db, "[telemetry.otlp_headers]\nx-collector-key = \"k1\"\n", &[("BILTEN_TELEMETRY__OTLP_URL", &url), ("BILTEN_WEBHOOKS__PRIVATE_NETWORKS", "true")]).await;
        let (organiser, stranger) = (process.organiser(), process.stranger());
        let hook = Hook::start().await;
        endpoint(&organiser, &hook.url, &["order.paid"]).await;
        let made = organiser.post("/api/v1/events", json!({
            "name": "Večer", "time_zone": "UTC", "currency": "EUR", "venue_name": "Kino",
            "occurrences": [{"starts_at": "2040-06-06T18:00:00Z", "ends_at": "2040-06-06T21:00:00Z"}],
            "tiers": [{"name": "Standing", "price_minor": 3200, "capacity": 100}],
        })).await.expect(201);
        let event = Event {
            id: made["id"].as_str().unwrap().to_owned(),
            slug: String::new(),
            tiers: vec![made["tiers"][0]["id"].as_str().unwrap().to_owned()],
        };
        organiser.post(&format!("/api/v1/events/{}/publish", event.id), json!({})).await.expect(200);
        // Paid by a callback, which is a job.
        let buy = async |trace: &str, flags: &str, key: &str| {
            let request = stranger.request(Method::POST, "/api/v1/shop/orders").header("idempotency-key", key)
                .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-{flags}"))
                .json(&purchase(&event, 0, 2, "call_back_late"));
            stranger.send(request).await.expect(201)
        };
        let bought = buy(TRACE, "01", "one").await;
        let order = format!("/api/v1/orders/{}", bought["order"]["id"].as_str().unwrap());
        for _ in 0..200 {
            let order = organiser.get(&order).await.expect(200);
            if order["order"]["state"] == "paid" || order["state"] == "paid" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let told = hook.wait_for(1).await.remove(0);
        // A stranger who says that nothing is to be kept does not decide that.
        buy(UNSAMPLED, "00", "two").await;
        process.stop().await;

        let spans = collector.of_trace(TRACE);
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {names:?}"));
        let request = named("POST /api/v1/shop/orders");
        assert_eq!(hex(&request.parent_span_id), "00f067aa0ba902b7", "it goes on where the caller was");
        assert_eq!(text(request, "http.response.status_code").as_deref(), Some("201"));
        let ids: HashMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), span)).collect();
        let leads_to_request = |span: &Span| {
            let mut at = span;
            while let Some(parent) = ids.get(&at.parent_span_id) {
                at = parent;
            }
            at.span_id == request.span_id
        };
        let batch = named("batch");
        assert!(leads_to_request(batch));
        let insert = spans.iter().find(|span| text(span, "db.query.summary").as_deref() == Some("INSERT orders")).unwrap_or_else(|| panic!("{names:?}"));
        assert!(leads_to_request(insert), "statements of the lane belong to the request");
        assert!(["sqlite", "postgresql"].contains(&text(insert, "db.system.name").unwrap().as_str()));
        let job = named("job payments.sandbox_call_back");
        assert!(leads_to_request(job), "the job goes on where the request was");
        assert!(spans.iter().any(|span| text(span, "db.query.summary").as_deref() == Some("UPDATE orders")), "{names:?}");
        let webhook = named("POST webhook");
        assert!(leads_to_request(webhook), "so does what is told of it");
        let traceparent = format!("00-{TRACE}-{}-01", hex(&webhook.span_id));
        assert_eq!(told.header("traceparent"), traceparent, "the receiver can go on with it");
        assert!(!collector.of_trace(UNSAMPLED).is_empty());

        // Statements that belong to nothing are not traced: looking for jobs every second is no trace.
        let spans = collector.spans.lock().unwrap().clone();
        let orphans: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty() && span.name.starts_with("SELECT")).map(|span| &span.name).collect();
        assert!(orphans.is_empty(), "{orphans:?}");
        // Names only, never values.
        let sent = String::from_utf8_lossy(&collector.bodies.lock().unwrap()).into_owned();
        for value in ["ana@example.com", "Ana Novak", &process_key(&organiser)] {
            assert!(!sent.contains(value), "{value} was sent to the collector");
        }
    }

    /// covers: MON-3
    async fn a_collector_that_is_away_stops_nothing(db: TestDb) {
        let (process, _db) = Process::start(db, "", &[("BILTEN_TELEMETRY__OTLP_URL", "http://127.0.0.1:9/v1/traces")]).await;
        for _ in 0..20 {
            assert_eq!(process.stranger().get("/").await.status, 200);
        }
        let began = std::time::Instant::now();
        process.stop().await;
        assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    }
}

/// The key by which somebody calls, as it is in the header.
fn process_key(client: &crate::app::Client) -> String {
    let request = client.request(Method::GET, "/").build().unwrap();
    let value = request.headers()["authorization"].to_str().unwrap();
    value.trim_start_matches("Bearer ").to_owned()
}
