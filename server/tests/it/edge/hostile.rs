//! Requests that a server before us could read in another way than we do, and such as nobody can
//! read.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use reqwest::Method;
use tokio::io::AsyncWriteExt;

use super::raw;
use crate::app::{Event, TestApp};

/// A request that makes a gate, if it is taken for one.
fn hidden(t: &TestApp, event: &Event) -> String {
    let path = format!("/api/v1/events/{}/gates", event.id);
    let request = t.organiser.request(Method::POST, &path).build().unwrap();
    let key = request.headers()["authorization"].to_str().unwrap();
    let body = "{\"name\": \"Smuggled\"}";
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn gates(t: &TestApp, event: &Event) -> usize {
    let path = format!("/api/v1/events/{}/gates", event.id);
    let list = t.organiser.get(&path).await.expect(200).to_string();
    list.matches("Smuggled").count()
}

on_both_engines! {
    /// covers: GW-2
    async fn nothing_is_smuggled_in_the_body_of_another_request(db: TestDb) {
        let t = TestApp::start_with(db, |config| config.http.header_timeout_ms = 500).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        let hidden = hidden(&t, &event);
        let head = "POST /api/v1/auth/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        let chunked = "Transfer-Encoding: chunked\r\n\r\n";
        let length = hidden.len() + 5;
        // Two requests in a row are two, so that what is below proves something.
        let answer = raw::send(&t, format!("{head}Content-Length: 2\r\n\r\n[]{hidden}").as_bytes()).await;
        assert_eq!((raw::statuses(&answer), gates(&t, &event).await), (vec![422, 201], 1), "{answer}");

        for shape in [
            // By length and by chunks.
            format!("Content-Length: {length}\r\n{chunked}0\r\n\r\n"),
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n"),
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n[]\r\n0\r\n\r\n".to_owned(),
            // Codings that are chunked for one and something else for another.
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n".to_owned(),
            " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            // Lengths that are none, or two.
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[] ".to_owned(),
            "Content-Length: 2, 2\r\n\r\n[]".to_owned(),
            "Content-Length: +2\r\n\r\n[]".to_owned(),
            "Content-Length: -2\r\n\r\n[]".to_owned(),
            "Content-Length: 0x2\r\n\r\n[]".to_owned(),
            "Content-Length: 2 0\r\n\r\n[]".to_owned(),
            "Content-Length: \r\n\r\n".to_owned(),
            "Content-Length: 18446744073709551618\r\n\r\n[]".to_owned(),
            // Chunks whose sizes are none.
            format!("{chunked}-2\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}+2\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}0x2\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}0_2\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}zz\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}ffffffffffffffff2\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}2;a\nb\r\n[]\r\n0\r\n\r\n"),
            // Chunks that are longer than they say.
            format!("{chunked}1\r\n[]\r\n0\r\n\r\n"),
            format!("{chunked}2\r\n[]x\r\n0\r\n\r\n"),
            // What ends a line for one only.
            format!("X-Walk: a\rContent-Length: {length}\r\n\r\n"),
            format!("X-Walk: a\0\r\nContent-Length: {length}\r\n\r\n"),
            format!("X Walk: a\r\nContent-Length: {length}\r\n\r\n"),
            format!("X-Walk\r\nContent-Length: {length}\r\n\r\n"),
            format!(": a\r\nContent-Length: {length}\r\n\r\n"),
            format!("X-Walk: a\r\n folded\r\nContent-Length: {length}\r\n\r\n"),
            // What belongs to no HTTP/1.1.
            "Connection: close\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n[]".to_owned(),
        ] {
            let answer = raw::send(&t, format!("{head}{shape}{hidden}").as_bytes()).await;
            let statuses = raw::statuses(&answer);
            assert!(matches!(statuses[..], [400..500]), "{shape:?}: {statuses:?} {answer}");
        }
        for other in [
            "POST /api/v1/auth/links HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /api/v1/auth/links HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
            "POST  /api/v1/auth/links HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST\t/api/v1/auth/links\tHTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /api/v1/auth/li nks HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /api/v1/auth/li\0nks HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /api/v1/auth/links HTTP/2.0\r\nHost: x\r\n\r\n",
            "POST /api/v1/auth/links HTTP/1.2\r\nHost: x\r\n\r\n",
            "POST /api/v1/auth/links\r\n",
            "PO ST /api/v1/auth/links HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            let answer = raw::send(&t, format!("{other}{hidden}").as_bytes()).await;
            let statuses = raw::statuses(&answer);
            assert!(matches!(statuses[..], [400..500]), "{other:?}: {statuses:?} {answer}");
        }
        assert_eq!(gates(&t, &event).await, 1, "a request was smuggled");
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// covers: GW-2
    async fn a_request_is_for_one_host(db: TestDb) {
        let t = TestApp::start(db).await;
        for head in [
            "GET /livez HTTP/1.1",
            "GET /livez HTTP/1.1\r\nHost: ",
            "GET /livez HTTP/1.1\r\nHost: a\r\nHost: a",
            "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b",
            "GET /livez HTTP/1.1\r\nHost: a b",
            "GET /livez HTTP/1.1\r\nHost: a/b",
            "GET /livez HTTP/1.1\r\nHost: evil@a",
            "GET http://evil.example/livez HTTP/1.1\r\nHost: a",
            "GET http://evil.example/livez HTTP/1.1",
        ] {
            let answer = raw::send(&t, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
            assert_eq!(raw::statuses(&answer), [400], "{head}: {answer}");
            assert!(answer.contains("\"code\":\"host_unclear\""), "{head}: {answer}");
        }
        for head in ["GET /livez HTTP/1.0", "GET /livez HTTP/1.1\r\nHost: a:80", "GET http://a/livez HTTP/1.1\r\nHost: A"] {
            let answer = raw::send(&t, format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await;
            assert_eq!(raw::statuses(&answer), [204], "{head}: {answer}");
        }
        t.stop().await;
    }

    /// Headers are bytes; those that are no text are refused or passed over wherever they are read.
    ///
    /// covers: GW-2, BE-6
    async fn headers_that_are_no_text_are_no_fault(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            crate::edge::believe_us(config);
            config.visitors.refusals = None;
        }).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        for name in [
            "Authorization", "Cookie", "Bilten-Organisation", "Bilten-Device", "Idempotency-Key", "If-None-Match",
            "If-Modified-Since", "Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Content-Encoding",
            "Origin", "Referer", "User-Agent", "X-Request-Id", "Traceparent", "Tracestate", "X-Forwarded-For",
            "X-Forwarded-Proto", "Forwarded", "Sec-Fetch-Site", "Access-Control-Request-Method", "Range", "Expect", "Te",
            "Prefer", "Last-Event-Id",
        ] {
            for value in [&b"\xff\xfe"[..], b"", b"\xed\xa0\x80", b"a\tb", b",;=\"", b"Bearer ", b"Bearer \xff", b"bilten_session=\xff", b"-1"] {
                for (method, path) in [
                    ("GET", "/"),
                    ("GET", "/account"),
                    ("GET", "/api/v1/events"),
                    ("GET", "/api/v1/me/profile"),
                    ("GET", "/api/v1/sync/feed"),
                    ("GET", &format!("/api/v1/shop/events/{}", event.id)),
                    ("OPTIONS", "/api/v1/shop/orders"),
                    ("POST", "/api/v1/events"),
                    ("POST", "/api/v1/shop/orders"),
                    ("POST", "/api/v1/auth/tokens"),
                ] {
                    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
                    request.extend(name.as_bytes());
                    request.extend(b": ");
                    request.extend(value);
                    request.extend(b"\r\nContent-Length: 2\r\n\r\n{}");
                    let answer = raw::send(&t, &request).await;
                    let statuses = raw::statuses(&answer);
                    assert!(matches!(statuses[..], [200..500]), "{method} {path} {name} {value:?}: {answer}");
                }
            }
        }
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// covers: GW-2
    async fn heads_that_are_too_large_or_never_end_are_given_up(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            config.http.header_timeout_ms = 500;
            config.http.header_limit_bytes = 8_192;
        }).await;
        let ask = "GET /livez HTTP/1.1\r\nHost: x\r\n";
        let many = format!("{ask}{}\r\n", "X-Walk: 1\r\n".repeat(200));
        let answer = raw::send(&t, many.as_bytes()).await;
        assert_eq!(raw::statuses(&answer), [431], "{answer}");
        let long = format!("{}.", "x".repeat(20_000));
        for large in [
            format!("{ask}X-Walk: {long}\r\n\r\n"),
            format!("{ask}{long}: 1\r\n\r\n"),
            format!("{ask}{long}"),
            format!("{ask}{}", "X-Walk: 1\r\n".repeat(5_000)),
            format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
            long,
        ] {
            // Of one that is not read to its end the answer may be lost on its way.
            let answer = raw::send(&t, large.as_bytes()).await;
            assert!(matches!(raw::statuses(&answer)[..], [] | [400 | 414 | 431]), "{answer}");
        }
        for begun in ["", "G", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Walk: ", "\r\n", "PRI * HTTP/2.0\r\n"] {
            let answer = raw::send(&t, begun.as_bytes()).await;
            assert!(matches!(raw::statuses(&answer)[..], [] | [400 | 408]), "{begun}: {answer}");
        }
        // Whoever sends a little again and again does not stay by that.
        let mut slow = raw::connect(&t).await;
        slow.write_all(ask.as_bytes()).await.unwrap();
        let trickle = async {
            while slow.write_all(b"X-Walk: 1\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), trickle).await;
        assert!(ended.is_ok(), "the server kept the connection");
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }
}
