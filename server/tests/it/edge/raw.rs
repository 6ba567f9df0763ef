//! What no client library would send, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::TestApp;

/// How long the server may keep a connection that it should give up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to the server.
pub(super) async fn connect(t: &TestApp) -> TcpStream {
    let address = t.url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// What comes until it is enough, or the server ends the connection.
pub(super) async fn until(mut stream: TcpStream, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut answer = Vec::new();
    let reading = async {
        // Of a connection that is reset, what came before counts.
        while matches!(stream.read_buf(&mut answer).await, Ok(1..)) && !is_enough(&answer) {}
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    assert!(ended.is_ok(), "the server kept the connection");
    answer
}

/// All that comes until the server ends the connection.
pub(super) async fn rest(stream: TcpStream) -> Vec<u8> {
    until(stream, |_| false).await
}

/// Sends bytes; gives all that comes back until the server ends the connection.
pub(super) async fn send(t: &TestApp, bytes: &[u8]) -> String {
    let mut stream = connect(t).await;
    // The server may have had enough before all was sent.
    let _ = stream.write_all(bytes).await;
    String::from_utf8_lossy(&rest(stream).await).into_owned()
}

/// The statuses of all answers in a text.
pub(super) fn statuses(answer: &str) -> Vec<u16> {
    answer
        .split("HTTP/1.")
        .skip(1)
        .map(|rest| rest[2..5].parse().unwrap())
        .collect()
}
