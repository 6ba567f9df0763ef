//! Whoever answers at an address of somebody's choice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bilten_adapters::outgoing::{BreakerRules, Outgoing, OutgoingError, Reading, Refusal, Rules};
use bilten_kernel::clock::{Clock, ManualClock};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const RULES: Rules = Rules {
    allows_private: true,
    connect: Duration::from_secs(2),
    whole: Duration::from_millis(800),
    reading: Reading::Beginning(16),
    is_failure,
    breaker: BreakerRules {
        failures: 3,
        pause: Duration::from_secs(30),
        longest: Duration::from_secs(60),
    },
};

fn is_failure(status: StatusCode) -> bool {
    !status.is_success()
}

fn outgoing(rules: Rules) -> (Outgoing, Arc<ManualClock>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(ManualClock::default());
    (Outgoing::new(rules, clock.clone()).unwrap(), clock)
}

/// Somebody who says this to whoever comes, and then, if wanted, more of it without end.
async fn somebody(says: &'static [u8], without_end: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut heard = [0; 4096];
                let _ = stream.read(&mut heard).await;
                if stream.write_all(says).await.is_err() || !without_end {
                    let _ = stream.shutdown().await;
                    return;
                }
                while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
            });
        }
    });
    (url, came)
}

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).unwrap()
}

fn post(url: &str) -> Request<Vec<u8>> {
    Request::post(url).body(b"hello".to_vec()).unwrap()
}

/// covers: GW-10
#[tokio::test]
async fn an_answer_is_read_as_far_as_it_matters() {
    let endless = b"HTTP/1.1 200 OK\r\n\r\n";
    let (url, _) = somebody(endless, true).await;
    let (out, _) = outgoing(RULES);
    let begun = Instant::now();
    let reply = out.send("a", post(&url)).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 16));
    assert!(begun.elapsed() < Duration::from_secs(3));
    let (whole, _) = outgoing(Rules {
        reading: Reading::Whole(1_000),
        ..RULES
    });
    let refused = whole.send("a", get(&url)).await.map(|_| ());
    assert_eq!(refused, Err(OutgoingError::TooLarge));
}

/// covers: GW-10
#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let (secret, came) = somebody(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let says = format!("HTTP/1.1 307 Go\r\nlocation: {secret}\r\ncontent-length: 0\r\n\r\n");
    let (url, _) = somebody(says.leak().as_bytes(), false).await;
    let (out, _) = outgoing(RULES);
    let reply = out.send("a", post(&url)).await.unwrap();
    assert_eq!(reply.status.as_u16(), 307);
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

/// covers: GW-10
#[tokio::test]
async fn garbage_silence_and_nobody_are_told_apart() {
    let (out, _) = outgoing(RULES);
    let (garbage, _) = somebody(b"SSH-2.0-OpenSSH\r\n", false).await;
    let sent = out.send("a", post(&garbage)).await.map(|_| ());
    assert_eq!(sent, Err(OutgoingError::Broken));
    // Takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let sent = out.send("b", post(&url)).await.map(|_| ());
    assert_eq!(sent, Err(OutgoingError::TooSlow));
    let sent = out.send("c", post("http://127.0.0.1:1/")).await.map(|_| ());
    assert_eq!(sent, Err(OutgoingError::NoConnection));
    // What names lead to is looked at when the connection is made.
    let (public, _) = outgoing(Rules {
        allows_private: false,
        ..RULES
    });
    for url in ["https://localhost/", "https://127.0.0.1/"] {
        let sent = public.send("d", post(url)).await.map(|_| ());
        assert_eq!(sent, Err(OutgoingError::Address(Refusal::Private)), "{url}");
    }
}

/// covers: GW-6
#[tokio::test]
async fn who_fails_again_and_again_is_left_alone_for_a_while() {
    let (url, came) = somebody(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", false).await;
    let (out, clock) = outgoing(RULES);
    for _ in 0..3 {
        assert_eq!(out.send("a", post(&url)).await.unwrap().status, 500);
    }
    let until = clock.now() + Duration::from_secs(30);
    assert_eq!(out.left_alone_until("a"), Some(until));
    let sent = out.send("a", post(&url)).await.map(|_| ());
    assert_eq!(sent, Err(OutgoingError::LeftAlone(until)));
    assert_eq!(came.load(Ordering::SeqCst), 3);
    // Others at the same address are not.
    out.send("b", post(&url)).await.unwrap();
    clock.advance(Duration::from_secs(30));
    assert!(out.is_doubtful("a"));
    out.send("a", post(&url)).await.unwrap();
    assert_eq!(
        out.left_alone_until("a"),
        Some(clock.now() + Duration::from_secs(60))
    );
}

/// covers: GW-6
#[tokio::test]
async fn only_what_may_be_repeated_is_and_not_without_end() {
    let (url, came) = somebody(b"nonsense", false).await;
    let (out, _) = outgoing(Rules {
        breaker: BreakerRules {
            failures: 1_000,
            ..RULES.breaker
        },
        ..RULES
    });
    let _ = out.send("a", post(&url)).await;
    assert_eq!(came.load(Ordering::SeqCst), 1);
    let _ = out.send("a", get(&url)).await;
    assert_eq!(came.load(Ordering::SeqCst), 3);
    for _ in 0..100 {
        let _ = out.send("a", get(&url)).await;
    }
    let repeats = came.load(Ordering::SeqCst) - 102;
    assert!(repeats < 60, "{repeats} repeats of 100 requests");
}
