//! The layers and extractors, through a real listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{
    self, ClientIp, Edge, HttpConfig, IdempotencyKey, Json, Page, PageQuery, Path, Query, RequestId,
};
use bilten_kernel::random::OsRandom;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

bilten_kernel::typed_id!(ThingId, "thg", "Names a thing.");

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    lines: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    count: u8,
}

fn config() -> HttpConfig {
    HttpConfig {
        body_limit_bytes: 1000,
        request_timeout_ms: 300,
        shutdown_grace_ms: 2_000,
        ..HttpConfig::default()
    }
}

fn router() -> Router {
    let config = config();
    let routes = Router::new()
        .route(
            "/orders",
            post(async |Json(order): Json<Order>| Json(order)),
        )
        .route("/bytes", post(async |body: String| body))
        .route(
            "/any",
            post(async |Json(any): Json<serde_json::Value>| Json(any)),
        )
        .route(
            "/things/{id}",
            get(async |Path(id): Path<ThingId>| id.to_string()),
        )
        .route(
            "/list",
            get(async |Query(page): Query<PageQuery>| {
                Json(Page {
                    items: vec![page.limit()],
                    next: None,
                })
            }),
        )
        .route(
            "/key",
            post(async |key: IdempotencyKey| key.as_str().to_owned()),
        )
        .route(
            "/key-or-not",
            post(async |key: Option<IdempotencyKey>| format!("{key:?}")),
        )
        .route("/panic", get(async || -> String { panic!("on purpose") }))
        .route(
            "/slow",
            get(async || tokio::time::sleep(Duration::from_secs(9)).await),
        )
        .route(
            "/nap",
            get(async || tokio::time::sleep(Duration::from_millis(200)).await),
        )
        .route(
            "/who",
            get(
                async |ClientIp(ip): ClientIp, axum::Extension(id): axum::Extension<RequestId>| {
                    format!("{ip} {}", id.0)
                },
            ),
        )
        .route(
            "/sold-out",
            get(async || {
                Problem::conflict("x.gone", "Gone.")
                    .field("a", "b", "c")
                    .retry_after(3)
            }),
        );
    http::layers(routes, &config, Arc::new(OsRandom), Edge::default())
}

struct Server {
    address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), http::ServeError>>,
}

async fn start() -> Server {
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async { stopped.await.unwrap_or(()) };
    let ended =
        tokio::spawn(async move { http::serve(listener, router(), &config(), shutdown).await });
    Server {
        address,
        stop,
        ended,
    }
}

/// One request; the whole answer as text.
async fn ask(server: &Server, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let text = format!(
        "{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(text.replace(" HTTP", " HTTP/1.1").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const JSON: &str = "Content-Type: application/json";

#[tokio::test]
async fn bad_input_is_a_problem_that_names_the_field() {
    let server = start().await;
    let post = format!("POST /orders HTTP\r\n{JSON}");
    for (head, body, status, wanted) in [
        (
            post.as_str(),
            r#"{"lines":[{"count":1}]}"#,
            200,
            r#"{"lines":[{"count":1}]}"#,
        ),
        (
            &post,
            r#"{"lines":[{"count":1},{"count":300}]}"#,
            422,
            r#""field":"lines[1].count","code":"invalid""#,
        ),
        (
            &post,
            r#"{"lines":[{}]}"#,
            422,
            r#""field":"lines[0].count","code":"missing""#,
        ),
        (
            &post,
            r#"{"lines":[],"more":1}"#,
            422,
            r#""field":"more","code":"unknown""#,
        ),
        (
            &post,
            r#"{"lines":[],"lines":[]}"#,
            422,
            r#""field":"lines","code":"duplicate""#,
        ),
        (
            "POST /any HTTP\r\nContent-Type: application/json",
            r#"{"a":[{"b":1,"\u0062":2}]}"#,
            422,
            r#""field":"a[0].b","code":"duplicate""#,
        ),
        (
            "POST /any HTTP\r\nContent-Type: application/json; charset=utf-16",
            "{}",
            415,
            r#""code":"media_type""#,
        ),
        (
            "POST /any HTTP\r\nContent-Type: application/json\r\nContent-Type: text/plain",
            "{}",
            415,
            r#""code":"media_type""#,
        ),
        (
            "POST /any HTTP\r\nContent-Type: application/json;charset=\"UTF-8\"",
            r#"{"a":1.5}"#,
            200,
            r#"{"a":1.5}"#,
        ),
        (&post, "[[]]", 422, r#""field":"","code":"invalid""#),
        (&post, "null", 422, r#""field":"","code":"invalid""#),
        (&post, r#"{"lines":["#, 400, r#""code":"json_syntax""#),
        (&post, r#"{"lines":[]} x"#, 400, r#""code":"json_syntax""#),
        (&post, "\u{0}", 400, r#""code":"json_syntax""#),
        (&post, "", 400, r#""code":"json_syntax""#),
        (&post, &" ".repeat(1001), 413, r#""code":"body_too_large""#),
        (
            "POST /bytes HTTP",
            &" ".repeat(1001),
            413,
            r#""code":"body_too_large""#,
        ),
        ("POST /orders HTTP", "{}", 415, r#""code":"media_type""#),
        (
            "GET /things/thg_00000000000000000000000000 HTTP",
            "",
            200,
            "thg_0000",
        ),
        (
            "GET /things/nonsense HTTP",
            "",
            404,
            r#""code":"not_found""#,
        ),
        ("GET /list?limit=7 HTTP", "", 200, r#"{"items":[7]}"#),
        (
            "GET /list?limit=x HTTP",
            "",
            422,
            r#""field":"limit","code":"invalid""#,
        ),
        (
            "GET /list?limit=7&cursor=a%00 HTTP",
            "",
            422,
            r#""field":"cursor","code":"invalid""#,
        ),
        (
            "GET /list?limmit=7 HTTP",
            "",
            422,
            r#""field":"limmit","code":"unknown""#,
        ),
        ("POST /key HTTP\r\nIdempotency-Key: abc", "", 200, "abc"),
        (
            "POST /key HTTP",
            "",
            400,
            r#""code":"idempotency_key_missing""#,
        ),
        (
            "POST /key HTTP\r\nIdempotency-Key: a b",
            "",
            400,
            r#""code":"idempotency_key_invalid""#,
        ),
        (
            "POST /key HTTP\r\nIdempotency-Key: a\r\nIdempotency-Key: b",
            "",
            400,
            r#""code":"idempotency_key_invalid""#,
        ),
        ("POST /key-or-not HTTP", "", 200, "None"),
        ("GET /nowhere HTTP", "", 404, r#""code":"not_found""#),
        (
            "DELETE /orders HTTP",
            "",
            405,
            r#""code":"method_not_allowed""#,
        ),
        ("GET /panic HTTP", "", 500, r#""code":"internal""#),
        ("GET /slow HTTP", "", 408, r#""code":"request_timeout""#),
        (
            "GET /sold-out HTTP",
            "",
            409,
            r#"{"type":"/problems/x.gone","title":"Conflict","status":409,"code":"x.gone","detail":"Gone.","errors":[{"field":"a","code":"b","detail":"c"}],"request_id":""#,
        ),
    ] {
        let answer = ask(&server, head, body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(wanted),
            "{head}\n{body}\n{answer}"
        );
        assert_eq!(
            answer.contains("application/problem+json"),
            status >= 400,
            "{answer}"
        );
        assert!(
            answer.contains("x-content-type-options: nosniff"),
            "{answer}"
        );
        assert!(!answer.contains("on purpose"), "{answer}");
    }
    assert!(
        ask(&server, "DELETE /orders HTTP", "")
            .await
            .contains("allow: POST")
    );
    assert!(
        ask(&server, "GET /sold-out HTTP", "")
            .await
            .contains("retry-after: 3")
    );
}

#[tokio::test]
async fn the_request_id_is_in_header_and_problem() {
    let server = start().await;
    let answer = ask(&server, "GET /nowhere HTTP\r\nX-Request-Id: mine-1", "").await;
    assert!(
        answer.contains("x-request-id: mine-1") && answer.contains(r#""request_id":"mine-1""#),
        "{answer}"
    );
    let answer = ask(&server, "GET /panic HTTP\r\nX-Request-Id: mine-2", "").await;
    assert!(
        answer.contains("x-request-id: mine-2") && answer.contains(r#""request_id":"mine-2""#),
        "{answer}"
    );
    let answer = ask(
        &server,
        "GET /who HTTP\r\nX-Request-Id: mine-3\r\nX-Forwarded-For: 1.1.1.1",
        "",
    )
    .await;
    assert!(answer.ends_with("127.0.0.1 mine-3"), "{answer}");
    let answer = ask(&server, "GET /nowhere HTTP\r\nX-Request-Id: a b", "").await;
    assert!(
        answer.contains("x-request-id: ") && !answer.contains("a b"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_port_in_use_is_told_and_stopping_finishes_what_is_in_progress() {
    let server = start().await;
    let error = http::bind(&server.address).await.unwrap_err();
    assert_eq!(error.code(), "listen_address_in_use");
    assert!(error.to_string().contains(&server.address));
    assert_eq!(
        http::bind("nonsense").await.unwrap_err().code(),
        "listen_address"
    );
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream
        .write_all(b"GET /nap HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.ended.await.unwrap().unwrap();
}
