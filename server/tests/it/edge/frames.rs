//! HTTP/2, frame by frame, as no client library would send it.

use bilten_kernel::on_both_engines;
use bilten_server::config::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::raw;
use crate::app::TestApp;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Fields as literals that are not indexed (RFC 7541, section 6.2.2); each shorter than 127 bytes.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

const ASK: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "x"),
    (":path", "/livez"),
];

/// A connection on which HTTP/2 was begun.
async fn begin(t: &TestApp) -> TcpStream {
    let mut stream = raw::connect(t).await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// The kind, stream and payload of each frame.
fn read(mut bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
        // The rest of a frame is yet to come.
        let Some(payload) = bytes.get(9..9 + length) else {
            break;
        };
        frames.push((bytes[3], stream, payload.to_vec()));
        bytes = &bytes[9 + length..];
    }
    frames
}

/// Sends frames on a connection; gives what comes until a request is answered or something is given
/// up.
async fn answers(t: &TestApp, frames: &[Vec<u8>]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut stream = begin(t).await;
    for frame in frames {
        // The server may have had enough before all was sent.
        if stream.write_all(frame).await.is_err() {
            break;
        }
    }
    let is_over = |bytes: &[u8]| {
        let frames = read(bytes);
        is_answered(&frames, 1) || is_given_up(&frames)
    };
    read(&raw::until(stream, is_over).await)
}

/// Whether a stream was answered with fields, and not given up.
fn is_answered(frames: &[(u8, u32, Vec<u8>)], stream: u32) -> bool {
    frames
        .iter()
        .any(|(kind, of, _)| (*kind, *of) == (HEADERS, stream))
}

fn is_given_up(frames: &[(u8, u32, Vec<u8>)]) -> bool {
    frames
        .iter()
        .any(|(kind, _, _)| [RESET, GO_AWAY].contains(kind))
}

fn short(config: &mut Config) {
    config.http.header_timeout_ms = 1_000;
    config.http.write_timeout_ms = 1_000;
}

on_both_engines! {
    /// What HTTP/1.1 says of connections would mean something else to a server behind us.
    ///
    /// covers: GW-2
    async fn malformed_requests_are_given_up(db: TestDb) {
        let t = TestApp::start_with(db, short).await;
        let whole = END_HEADERS | END_STREAM;
        let good = answers(&t, &[frame(HEADERS, whole, 1, &fields(ASK))]).await;
        assert!(is_answered(&good, 1), "{good:?}");
        for (what, more) in [
            ("connection", ("connection", "close")),
            ("transfer-encoding", ("transfer-encoding", "chunked")),
            ("keep-alive", ("keep-alive", "5")),
            ("upgrade", ("upgrade", "h2c")),
            ("te", ("te", "gzip")),
            ("an upper-case name", ("X-Walk", "1")),
            ("a name with a colon", ("x:walk", "1")),
            ("a name with a space", ("x walk", "1")),
            ("an empty name", ("", "1")),
            ("a line in a value", ("x-walk", "1\r\ntransfer-encoding: chunked")),
            ("NUL in a value", ("x-walk", "1\0")),
            ("a second path", (":path", "/readyz")),
            ("an unknown pseudo-field", (":walk", "1")),
            ("a status", (":status", "200")),
        ] {
            let odd = [ASK, &[more]].concat();
            let frames = answers(&t, &[frame(HEADERS, whole, 1, &fields(&odd))]).await;
            assert!(!is_answered(&frames, 1) && is_given_up(&frames), "{what}: {frames:?}");
        }
        for (what, odd) in [
            ("no path", &ASK[..3]),
            ("no method", &ASK[1..]),
            ("no scheme", &[ASK[0], ASK[2], ASK[3]]),
            ("an empty path", &[ASK[0], ASK[1], ASK[2], (":path", "")]),
            ("a field before", &[("x-walk", "1"), ASK[0], ASK[1], ASK[2], ASK[3]]),
        ] {
            let frames = answers(&t, &[frame(HEADERS, whole, 1, &fields(odd))]).await;
            assert!(!is_answered(&frames, 1) && is_given_up(&frames), "{what}: {frames:?}");
        }
        // More or less than was announced.
        for length in ["1", "9"] {
            let head = [&[(":method", "POST"), ASK[1], ASK[2], (":path", "/api/v1/auth/links")] as &[_], &[
                ("content-type", "application/json"), ("content-length", length),
            ]].concat();
            let frames = answers(&t, &[
                frame(HEADERS, END_HEADERS, 1, &fields(&head)),
                frame(DATA, END_STREAM, 1, b"{}{}"),
            ]).await;
            assert!(is_given_up(&frames), "{length}: {frames:?}");
        }
        let other = [ASK, &[("host", "y")]].concat();
        let frames = answers(&t, &[frame(HEADERS, whole, 1, &fields(&other))]).await;
        // 400 is entry 12 of the static table.
        let refused = frames.iter().find(|(kind, of, _)| (*kind, *of) == (HEADERS, 1));
        assert!(refused.is_some_and(|(_, _, block)| block[0] == 0x8c), "{frames:?}");
        t.stranger.get("/livez").await.expect(204);
        t.stop().await;
    }

    /// covers: GW-2
    async fn floods_of_frames_end_the_connection_and_nothing_else(db: TestDb) {
        let t = TestApp::start_with(db, short).await;
        // Fields without an end (CVE-2024-27316).
        let mut endless = vec![frame(HEADERS, END_STREAM, 1, &fields(ASK))];
        endless.extend((0..20_000).map(|_| frame(CONTINUATION, 0, 1, &fields(&[("x-walk", "1")]))));
        let frames = answers(&t, &endless).await;
        assert!(!is_answered(&frames, 1), "{frames:?}");
        t.stranger.get("/livez").await.expect(204);
        // More fields than there may be, in one piece for each frame.
        let text = "x".repeat(120);
        let many: Vec<_> = (0..100).map(|_| ("x-walk", text.as_str())).collect();
        let mut large = vec![frame(HEADERS, END_STREAM, 1, &fields(ASK))];
        large.extend((0..9).map(|_| frame(CONTINUATION, 0, 1, &fields(&many))));
        large.push(frame(CONTINUATION, END_HEADERS, 1, &[]));
        let frames = answers(&t, &large).await;
        let said = frames.iter().find(|(kind, of, _)| (*kind, *of) == (HEADERS, 1));
        // 431 is no entry of the static table, so it is there as text, Huffman-coded or not.
        let is_431 = |block: &[u8]| [b"431" as &[u8], &[0x69, 0x90, 0xff]].iter().any(|text| block.windows(3).any(|part| part == *text));
        assert!(said.is_none_or(|(_, _, block)| is_431(block)), "{frames:?}");
        // Requests that are taken back at once (CVE-2023-44487).
        let mut hasty = Vec::new();
        for stream in (1..20_000).step_by(2) {
            hasty.push(frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(ASK)));
            hasty.push(frame(RESET, 0, stream, &8_u32.to_be_bytes()));
        }
        // What wants to be acknowledged, by somebody who reads none of it.
        let settings = vec![frame(SETTINGS, 0, 0, &[]); 20_000];
        let pings = vec![frame(PING, 0, 0, &[7; 8]); 20_000];
        for flood in [hasty, settings, pings] {
            let mut stream = begin(&t).await;
            for frame in &flood {
                if stream.write_all(frame).await.is_err() {
                    break;
                }
            }
            t.stranger.get("/livez").await.expect(204);
        }
        t.stop().await;
    }
}
