//! Whoever answers at an address of somebody's choice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bilten_adapters::outgoing::{
    Failing, NotAsked, Outgoing, OutgoingConfig, OutgoingError, Outside, Peer, Reach, Reading,
    Refusal, Rules, SMS_GATEWAY, Traced,
};
use bilten_kernel::clock::{Clock, ManualClock};
use bilten_kernel::random::SeededRandom;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

static SOMEBODY: Peer = Peer {
    name: "somebody",
    breaker: None,
    at_once: None,
    waits: Duration::ZERO,
    is_awaited: false,
};

const CONFIG: OutgoingConfig = OutgoingConfig {
    connect_timeout_ms: 2_000,
    timeout_ms: 800,
    awaited_timeout_ms: 800,
    at_once: 2,
    failures: 3,
    pause_ms: 30_000,
    longest_pause_ms: 60_000,
    repeats_percent: 10,
};

const RULES: Rules = Rules {
    peer: &SOMEBODY,
    reach: Reach::Anywhere,
    reading: Reading::Beginning(16),
    is_failure,
    traced: Traced::Nowhere,
};

fn is_failure(status: StatusCode) -> bool {
    !status.is_success()
}

fn outside(config: OutgoingConfig) -> (Arc<Outside>, Arc<ManualClock>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Arc::new(ManualClock::default());
    let random = Arc::new(SeededRandom::new(1));
    (Outside::new(config, clock.clone(), random), clock)
}

fn outgoing(rules: Rules) -> (Outgoing, Arc<ManualClock>) {
    let (outside, clock) = outside(CONFIG);
    (Outgoing::new(rules, outside), clock)
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
    // Breaks the connection off: what it was sent is left unread.
    let breaking = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", breaking.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = breaking.accept().await {
            let _ = stream.readable().await;
        }
    });
    let sent = out.send("r", post(&url)).await.map(|_| ());
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
        reach: Reach::Public,
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
    assert_eq!(
        sent,
        Err(OutgoingError::NotAsked(NotAsked::LeftAlone(until)))
    );
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
    let (outside, clock) = outside(OutgoingConfig {
        failures: 1_000,
        ..CONFIG
    });
    let out = Outgoing::new(RULES, Arc::clone(&outside));
    let _ = out.send("a", post(&url)).await;
    assert_eq!(came.load(Ordering::SeqCst), 1);
    let _ = out.send("a", get(&url)).await;
    assert_eq!(came.load(Ordering::SeqCst), 4);
    // Whoever knows that it does no harm may say so.
    let _ = out.send_repeatable("a", post(&url)).await;
    assert_eq!(came.load(Ordering::SeqCst), 7);
    for _ in 0..100 {
        let _ = out.send("a", get(&url)).await;
    }
    // Ten that were saved up, and one for ten calls.
    let repeats = came.load(Ordering::SeqCst) - 103;
    assert!((10..=21).contains(&repeats), "{repeats} repeats");
    clock.advance(Duration::from_secs(1));
    let before = came.load(Ordering::SeqCst);
    let _ = out.send("a", get(&url)).await;
    assert!(came.load(Ordering::SeqCst) > before + 1, "one a second");
}

/// covers: GW-6
#[tokio::test]
async fn an_answer_that_may_pass_is_asked_for_again_unless_it_says_when() {
    let (busy, came) = somebody(
        b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        false,
    )
    .await;
    let (out, _) = outgoing(RULES);
    assert_eq!(out.send("a", get(&busy)).await.unwrap().status, 503);
    assert_eq!(came.load(Ordering::SeqCst), 3);
    let (later, came) = somebody(
        b"HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        false,
    )
    .await;
    assert_eq!(out.send("b", get(&later)).await.unwrap().status, 503);
    assert_eq!(came.load(Ordering::SeqCst), 1);
}

/// Takes connections, and gives a byte of an endless answer now and then.
async fn trickling() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Whoever answers before they are asked is no server of HTTP.
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
                    .await;
                while stream.write_all(b"a").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    url
}

/// covers: GW-6, GW-10
#[tokio::test]
async fn whoever_trickles_is_given_up_and_that_counts() {
    let url = trickling().await;
    let (outside, _) = outside(CONFIG);
    let rules = Rules {
        reading: Reading::Whole(100_000),
        ..RULES
    };
    let out = Outgoing::new(rules, Arc::clone(&outside));
    for _ in 0..3 {
        let sent = out.send("a", get(&url)).await.map(|_| ());
        assert_eq!(sent, Err(OutgoingError::TooSlow));
    }
    assert!(out.left_alone_until("a").is_some());
    assert_eq!(
        outside.failing(&SOMEBODY),
        Failing {
            open: 1,
            half_open: 0
        }
    );
    assert_eq!(outside.failing(&SMS_GATEWAY), Failing::default());
}

/// covers: GW-6
#[tokio::test]
async fn one_who_is_slow_keeps_so_many_calls_waiting_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let (good, _) = somebody(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let (out, clock) = outgoing(RULES);
    let asked = at_once(&out, &url, 5).await;
    // Two are under way until they have taken too long; the others come back later.
    let until = clock.now() + Duration::from_secs(2);
    let busy = Err(OutgoingError::NotAsked(NotAsked::Busy(until)));
    assert_eq!(asked.iter().filter(|one| **one == busy).count(), 3);
    let slow = asked
        .iter()
        .filter(|one| **one == Err(OutgoingError::TooSlow));
    assert_eq!(slow.count(), 2);
    // That they were busy is no failure; two of three are not enough to be left alone.
    assert_eq!(out.left_alone_until("a"), None);
    out.send("b", post(&good)).await.unwrap();
}

/// So many calls at once.
async fn at_once(out: &Outgoing, url: &str, count: usize) -> Vec<Result<(), OutgoingError>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (out, request) = (out.clone(), post(url));
        tasks.spawn(async move { out.send("a", request).await.map(|_| ()) });
    }
    tasks.join_all().await
}

/// covers: GW-6
#[tokio::test]
async fn settings_that_change_count_for_the_next_call() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let (outside, _) = outside(OutgoingConfig {
        timeout_ms: 20_000,
        ..CONFIG
    });
    let out = Outgoing::new(RULES, Arc::clone(&outside));
    let changed = OutgoingConfig {
        timeout_ms: 100,
        failures: 1,
        ..CONFIG
    };
    outside.set_up(changed);
    assert_eq!(outside.config(), changed);
    let begun = Instant::now();
    let sent = out.send("a", post(&url)).await.map(|_| ());
    assert_eq!(sent, Err(OutgoingError::TooSlow));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(out.left_alone_until("a").is_some());
}
