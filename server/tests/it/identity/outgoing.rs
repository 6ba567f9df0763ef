//! Mail servers and gateways that misbehave: they are left alone, what is to be sent waits, and
//! nothing else is held up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bilten_adapters::outgoing::{Failing, MAIL_SERVER, Peer, SMS_GATEWAY};
use bilten_kernel::{jobs, on_both_engines};
use bilten_server::telemetry;
use serde_json::Value;
use tokio::net::TcpListener;

use super::mail::{code_mail, settled, write, write_sms};
use crate::app::TestApp;
use crate::telemetry::administrator;

/// Takes connections and says nothing; gives its address, and how many came.
async fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            kept.push(stream);
        }
    });
    (address, came)
}

/// Waits until somebody of this kind is left alone.
async fn left_alone(t: &TestApp, peer: &Peer) {
    for _ in 0..1_000 {
        if t.app.outside.failing(peer).open == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} was never left alone", peer.name);
}

/// Waits until a job was put off that has been tried so often; gives it.
async fn put_off(t: &TestApp, attempts: u32) -> jobs::Remaining {
    for _ in 0..1_000 {
        let left = jobs::remaining(&t.app.db).await.unwrap();
        let is_put_off = |job: &jobs::Remaining| {
            let error = job.last_error.as_deref();
            let is_put_off = error.is_some_and(|error| error.starts_with("it is put off until"));
            is_put_off && job.attempts == attempts
        };
        if let Some(job) = left.into_iter().find(is_put_off) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "nothing was put off: {:?}",
        jobs::remaining(&t.app.db).await
    );
}

fn part<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let parts = ready["parts"].as_array().unwrap();
    parts.iter().find(|part| part["part"] == name).unwrap()
}

on_both_engines! {
    /// covers: GW-6, MON-5
    async fn a_mail_server_that_says_nothing_is_left_alone_and_mail_waits(db: TestDb) {
        let (address, came) = silent().await;
        let t = TestApp::start_with(db, |config| {
            config.mail.smtp_url = format!("smtp://{address}");
            config.outgoing.timeout_ms = 200;
            config.outgoing.failures = 2;
            config.outgoing.pause_ms = 300_000;
            config.outgoing.longest_pause_ms = 300_000;
        }).await;
        telemetry::look(&t.app).await;
        assert_eq!(part(&t.stranger.get("/readyz").await.expect(200), "post")["condition"], "ok");
        let codes = vec![code_mail(&t.app, "111111"), code_mail(&t.app, "222222")];
        write(&t.app, "ana@example.com", codes, false).await;
        left_alone(&t, &MAIL_SERVER).await;
        let before = came.load(Ordering::SeqCst);
        write(&t.app, "nina@example.com", vec![code_mail(&t.app, "333333")], false).await;
        // That is no attempt.
        assert!(!put_off(&t, 0).await.is_dead);
        assert_eq!(came.load(Ordering::SeqCst), before, "nobody asks it");
        // The server goes on, and says what is wrong.
        telemetry::look(&t.app).await;
        let ready = t.stranger.get("/readyz").await.expect(200);
        assert_eq!(ready["status"], "degraded");
        assert_eq!(part(&ready, "post")["condition"], "degraded");
        assert!(!ready.to_string().contains("smtp"), "no detail for strangers: {ready}");
        let status = t.stranger.get("/api/v1/status").await.expect(200);
        assert_eq!(status["outages"][0]["group"], "messages");
        let health = administrator(&t).await.get("/api/v1/platform/health").await.expect(200);
        let post = health["checks"].as_array().unwrap().iter().find(|check| check["part"] == "post").unwrap();
        assert_eq!(post["detail"], "left alone after failures: smtp");
        // By then nobody needs the codes any more.
        t.clock.advance(Duration::from_secs(700));
        assert_eq!(t.app.outside.failing(&MAIL_SERVER), Failing::default(), "nobody knows how it is now");
        assert!(settled(&t).await.is_empty());
        t.stop().await;
    }

    /// covers: GW-6
    async fn a_gateway_that_fails_is_left_alone_and_then_tried_once(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            (config.outgoing.failures, config.outgoing.pause_ms) = (3, 60_000);
        }).await;
        t.sms().refuse(&[500; 3]);
        let soon = t.app.now() + Duration::from_secs(600);
        write_sms(&t.app, "+38640123456", "424242", soon).await;
        for _ in 0..1_000 {
            if t.sms().asked() == 3 {
                break;
            }
            t.clock.advance(Duration::from_millis(500));
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        left_alone(&t, &SMS_GATEWAY).await;
        for _ in 0..8 {
            t.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // It would have been tried again by now.
        put_off(&t, 3).await;
        assert_eq!(t.sms().asked(), 3);
        assert!(settled(&t).await.is_empty());
        let text = t.sms_to("+38640123456").await;
        assert!(text.starts_with("424242"), "{text}");
        assert_eq!(t.sms().asked(), 4);
        assert_eq!(t.app.outside.failing(&SMS_GATEWAY), Failing::default());
        t.stop().await;
    }

    /// covers: GW-6
    async fn a_gateway_that_says_nothing_is_not_waited_for(db: TestDb) {
        let (address, came) = silent().await;
        let t = TestApp::start_with(db, |config| {
            config.sms.url = format!("http://{address}/send");
            config.outgoing.timeout_ms = 100;
            config.outgoing.failures = 1;
        }).await;
        let soon = t.app.now() + Duration::from_secs(5);
        write_sms(&t.app, "+38640123456", "1", soon).await;
        left_alone(&t, &SMS_GATEWAY).await;
        assert_eq!(came.load(Ordering::SeqCst), 1, "what took too long is not repeated");
        // Pages do not wait for it.
        assert_eq!(t.stranger.get("/").await.status, 200);
        t.clock.advance(Duration::from_secs(60));
        assert!(settled(&t).await.is_empty());
        t.stop().await;
    }
}

/// Nothing calls others past the one place that keeps an eye on it.
///
/// covers: GW-6
#[test]
fn all_calls_go_through_one_place() {
    /// Who has a reason of their own: the place itself, Redis and SMTP (whose calls have their turns
    /// there), the one connection that nodes keep to each other, a look whether a port answers, and
    /// the commands that are clients of a server of ours.
    const ALLOWED: &[&str] = &[
        "adapters/src/limits/redis.rs",
        "adapters/src/mail/smtp.rs",
        "adapters/src/nodes/redis.rs",
        "adapters/src/outgoing/http.rs",
        "src/cli/demo/",
        "src/cli/doctor/settings.rs",
        "src/cli/gate/",
    ];
    const CALLS: &[&str] = &[
        "AsyncSmtpTransport",
        "Client::builder",
        " Client::new(",
        "reqwest::Client::new(",
        "ConnectionManager",
        "TcpStream::connect",
        "UdpSocket",
        "reqwest::get",
    ];
    fn visit(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in folder.read_dir().unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push((
                    path.display().to_string(),
                    std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "adapters/src"] {
        visit(&root.join(folder), &mut files);
    }
    assert!(files.len() > 100, "{} files", files.len());
    let mut calling = std::collections::BTreeSet::new();
    for (path, text) in &files {
        let path = path.strip_prefix(&format!("{}/", root.display())).unwrap();
        // What tests do is their own affair.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if CALLS.iter().any(|call| code.contains(call)) {
            calling.insert(path.to_owned());
        }
    }
    let past: Vec<_> = calling
        .iter()
        .filter(|path| !ALLOWED.iter().any(|allowed| path.starts_with(allowed)))
        .collect();
    assert!(past.is_empty(), "{past:?} call others by themselves");
    assert!(
        calling.contains("adapters/src/outgoing/http.rs"),
        "{calling:?}"
    );
}
