//! Two nodes and one Redis, and no Redis.
//!
//! `BILTEN_TEST_REDIS` names a server (`scripts/redis start DIR`); one that is killed is started
//! here, by the program `redis-server`.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bilten_kernel::http;
use bilten_kernel::testing::{Engine, TestDb};
use bilten_server::server;

use super::{believe_us, get_from};
use crate::app::{Client, TestApp};

/// Another node on the same database.
async fn second_node(t: &TestApp) -> Client {
    let listener = http::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = server::serve(t.app.clone(), listener, std::future::pending());
    tokio::spawn(async move { serving.await.unwrap() });
    Client::new(&url, None)
}

async fn node_with(redis: &str, quota: &str) -> TestApp {
    let db = TestDb::new(Engine::Sqlite).await;
    TestApp::start_with(db, |config| {
        believe_us(config);
        config.limits.url = redis.to_owned();
        config.limits.browse.address = quota.parse().ok();
    })
    .await
}

/// How many of so many requests are let through.
async fn let_through(client: &Client, address: &str, count: u32) -> u32 {
    let mut through = 0;
    for _ in 0..count {
        let answer = get_from(client, address, "/robots.txt").await;
        assert!([200, 429].contains(&answer.status), "{}", answer.text);
        through += u32::from(answer.status == 200);
    }
    through
}

/// covers: GW-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_a_limit() {
    let Ok(redis) = std::env::var("BILTEN_TEST_REDIS") else {
        panic!(
            "BILTEN_TEST_REDIS is not set: start a server with `scripts/redis start DIR` and set it to the URL that prints"
        );
    };
    let t = node_with(&redis, "10/600").await;
    let second = second_node(&t).await;
    // An address that no other test run has used.
    let token = bilten_kernel::random::u64(&*t.app.random);
    let address = format!(
        "2001:db8:{:x}:{:x}::1",
        token & 0xffff,
        token >> 16 & 0xffff
    );
    let (first, other) = tokio::join!(
        let_through(&t.stranger, &address, 8),
        let_through(&second, &address, 8)
    );
    assert_eq!(first + other, 10);
    let refused = get_from(&second, &address, "/robots.txt").await;
    refused.refused(429, "edge.limited");
    assert!(
        refused.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            <= 60
    );
}

/// A Redis of the test's own.
pub(crate) struct OwnRedis {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl OwnRedis {
    pub(crate) async fn start(port: Option<u16>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let port = port.unwrap_or_else(free);
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            child,
            port,
            _folder: folder,
        }
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// covers: GW-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_gone_means_limits_of_each_node_and_no_outage() {
    let redis = OwnRedis::start(None).await;
    let port = redis.port;
    let t = node_with(&format!("redis://127.0.0.1:{port}"), "5/600").await;
    let second = second_node(&t).await;
    assert_eq!(let_through(&t.stranger, "203.0.113.1", 3).await, 3);
    assert_eq!(let_through(&second, "203.0.113.1", 3).await, 2, "shared");
    drop(redis);
    let began = Instant::now();
    assert_eq!(let_through(&t.stranger, "203.0.113.2", 8).await, 5);
    assert_eq!(
        let_through(&second, "203.0.113.2", 8).await,
        5,
        "each by itself"
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let _redis = OwnRedis::start(Some(port)).await;
    let began = Instant::now();
    loop {
        // Resting is over by the server's own clock.
        t.clock.advance(Duration::from_secs(2));
        let last = began.elapsed().as_millis() % 60_000;
        let address = format!("2001:db8:1:{last:x}::1");
        let both =
            let_through(&t.stranger, &address, 5).await + let_through(&second, &address, 5).await;
        if both == 5 {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "not shared again"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn an_address_that_is_none_is_told_without_its_password() {
    let error = bilten_adapters::limits::shared("redsi://u:secret@h")
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("limits.url") && !error.to_string().contains("secret"),
        "{error}"
    );
}
