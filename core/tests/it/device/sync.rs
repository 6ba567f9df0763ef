//! A gate against a server over HTTP, with everything that can go wrong in between.

use super::http::{Fault, Handle};
use super::venue::venue;
use super::world::{EVENING, TestClock, code, open_gate, other_issuer};
use bilten_core::checkin::{DenyReason, Direction, Policy, Verdict};
use bilten_core::gate::{GateError, GateObserver, GateStatus};
use bilten_core::sync::page;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

/// covers: SCAN-1, SCAN-4
#[tokio::test]
async fn a_gate_pairs_pulls_scans_and_pushes() {
    let venue = venue(25).await;
    venue.handle.lock().page_size = 10;
    let report = venue.gate.sync().await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.pulled.pages, report.pulled.changes), (4, 31));

    let admitted = venue.gate.scan_text(&code(3), Direction::Entry).unwrap();
    assert_eq!(admitted.verdict, Verdict::Admit);
    let ticket = admitted.ticket.unwrap();
    assert_eq!(ticket.holder.as_deref(), Some("Guest Number3"));
    assert_eq!(ticket.tier_name.as_deref(), Some("Standing"));
    venue.forward(60_000);
    let again = venue.gate.scan_text(&code(3), Direction::Entry).unwrap();
    assert_eq!(
        again.verdict,
        Verdict::Deny {
            reason: DenyReason::AlreadyRedeemed
        }
    );
    assert!(again.supervisor);
    let earlier = again.earlier.unwrap();
    assert_eq!((earlier.at, earlier.is_here), (EVENING, true));
    assert_eq!(earlier.gate.as_deref(), Some("Gate north"));

    let status = venue.gate.status().unwrap();
    assert_eq!((status.outbox, status.inside, status.tickets), (2, 1, 25));
    let report = venue.gate.sync().await.unwrap();
    assert_eq!((report.pushed.sent, report.pushed.accepted), (2, 2));
    assert_eq!(venue.gate.status().unwrap().outbox, 0);
    assert_eq!(venue.handle.lock().server.scans.len(), 2);
}

/// covers: SCAN-4
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_counts_twice() {
    let venue = venue(5).await;
    venue.gate.sync().await.unwrap();
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    venue.handle.fault("redemptions", Fault::Lost);
    let report = venue.gate.sync().await.unwrap();
    assert!(
        report.push_problem.is_some() && report.pull_problem.is_none(),
        "{report:?}"
    );
    assert_eq!(venue.gate.status().unwrap().outbox, 1);
    let report = venue.gate.sync().await.unwrap();
    assert_eq!((report.pushed.repeated, report.pushed.accepted), (1, 0));
    assert_eq!(venue.gate.status().unwrap().outbox, 0);
}

/// covers: SCAN-4
#[tokio::test]
async fn a_pairing_whose_answer_got_lost_can_be_tried_again() {
    let handle = Handle::start(Policy::Single).await;
    handle.fault("pair", Fault::Lost);
    let folder = tempfile::tempdir().unwrap();
    let gate = open_gate(&folder.path().join("gate.db"), &TestClock::at(EVENING));
    let lost = gate.pair(&handle.link(), "Phone").await.unwrap_err();
    assert!(matches!(lost, GateError::Offline { .. }), "{lost:?}");
    let status = gate.pair(&handle.link(), "Phone").await.unwrap();
    assert_eq!(status.pairing.unwrap().event_name, "Concert");
    // The same device asked twice: there is only one.
    assert_eq!(handle.lock().server.devices.len(), 1);
    let again = gate.pair(&handle.link(), "Phone").await.unwrap_err();
    assert_eq!(
        again,
        GateError::SetUp {
            code: "already_paired"
        }
    );
}

#[tokio::test]
async fn what_is_no_pairing_code_or_not_taken_is_refused() {
    let handle = Handle::start(Policy::Single).await;
    let folder = tempfile::tempdir().unwrap();
    let gate = open_gate(&folder.path().join("gate.db"), &TestClock::at(EVENING));
    let text = gate.pair("https://example.org", "Phone").await;
    assert_eq!(text.unwrap_err(), GateError::NotAPairingCode);
    let wrong = format!("bilten:pair?code=WRONGONE&server={}", handle.address);
    let refused = gate.pair(&wrong, "Phone").await.unwrap_err();
    assert_eq!(
        refused,
        GateError::Refused {
            code: "access.pairing_refused".to_owned()
        }
    );
    let nobody = gate
        .pair("bilten:pair?code=ABCDEFGH&server=http://127.0.0.1:9", "P")
        .await;
    assert_eq!(nobody.unwrap_err().code(), "offline");
    assert_eq!(
        gate.sync().await.unwrap_err(),
        GateError::SetUp { code: "not_paired" }
    );
    let scan = gate.scan_text(&code(1), Direction::Entry).unwrap_err();
    assert_eq!(scan, GateError::SetUp { code: "not_paired" });
}

/// covers: SCAN-4
#[tokio::test]
async fn a_session_that_is_over_is_opened_again_once() {
    let venue = venue(5).await;
    venue.gate.sync().await.unwrap();
    venue.handle.lock().sessions.clear();
    assert!(venue.gate.sync().await.unwrap().is_complete());
    // Two openings: at first, and once for both lanes.
    assert_eq!(venue.handle.seen("session"), 2);

    for _ in 0..4 {
        venue
            .handle
            .fault("feed", Fault::Status(401, "access.session_over", None));
    }
    let report = venue.gate.sync().await.unwrap();
    assert_eq!(report.pull_problem.unwrap().code, "session_over");
    assert_eq!(
        venue.handle.lock().faults["feed"].len(),
        2,
        "it does not hammer"
    );
}

/// covers: SCAN-4
#[tokio::test]
async fn a_forgotten_cursor_starts_the_feed_again_and_loses_nothing() {
    let venue = venue(5).await;
    venue.gate.sync().await.unwrap();
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    {
        let mut fake = venue.handle.lock();
        fake.cursors_known = false;
        fake.server.sell(5..7);
    }
    let report = venue.gate.sync().await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let status = venue.gate.status().unwrap();
    assert_eq!((status.tickets, status.inside, status.outbox), (7, 1, 0));
    let again = venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    assert_eq!(
        again.verdict,
        Verdict::Deny {
            reason: DenyReason::AlreadyRedeemed
        }
    );
}

/// covers: SCAN-4
#[tokio::test]
async fn pull_and_push_fail_apart() {
    let venue = venue(5).await;
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    venue
        .handle
        .fault("feed", Fault::Status(503, "busy", Some(120)));
    let report = venue.gate.sync().await.unwrap();
    assert_eq!(report.pull_problem.as_ref().unwrap().code, "server_busy");
    assert_eq!((report.push_problem, report.pushed.accepted), (None, 1));

    venue.gate.scan_text(&code(2), Direction::Entry).unwrap();
    venue
        .handle
        .fault("redemptions", Fault::Status(429, "limited", Some(1)));
    let report = venue.gate.sync().await.unwrap();
    assert_eq!(report.push_problem.as_ref().unwrap().code, "server_busy");
    assert_eq!((report.pull_problem, report.pulled.pages), (None, 1));
    assert_eq!(venue.gate.status().unwrap().outbox, 1);
}

/// covers: SCAN-4
#[tokio::test]
async fn answers_that_are_not_pages_change_nothing() {
    let venue = venue(20).await;
    let bomb = zstd::stream::encode_all(std::io::repeat(b'\n').take(1 << 30), 1).unwrap();
    let forged = {
        let fake = venue.handle.lock();
        let header = fake.server.header(0, 10_000);
        page::write(header, &fake.server.log, &other_issuer()).unwrap()
    };
    let torn = zstd::stream::encode_all(&forged[..], 1).unwrap()[..200].to_vec();
    for (fault, code) in [
        (Fault::Zstd(bomb), "garbled_answer"),
        (Fault::Zstd(torn), "garbled_answer"),
        (Fault::Zstd(b"not zstd".to_vec()), "garbled_answer"),
        (
            Fault::Plain(b"<html>Log in to the network</html>".to_vec()),
            "page_malformed",
        ),
        (Fault::Plain(forged), "page_unknown_key"),
        (Fault::Lost, "garbled_answer"),
        (Fault::Status(302, "", None), "garbled_answer"),
        (
            Fault::Status(400, "access.bad_cursor", None),
            "access.bad_cursor",
        ),
    ] {
        venue.handle.fault("feed", fault.clone());
        let report = venue.gate.sync().await.unwrap();
        let problem = report
            .pull_problem
            .unwrap_or_else(|| panic!("taken: {code}"));
        let codes = [code, "offline"];
        assert!(
            codes.contains(&problem.code.as_str()),
            "{problem:?}, not {code}"
        );
        assert_eq!(venue.gate.status().unwrap().tickets, 0);
    }
    assert!(venue.gate.sync().await.unwrap().is_complete());
    assert_eq!(venue.gate.status().unwrap().tickets, 20);
}

/// covers: SCAN-4
#[tokio::test]
async fn a_clock_that_is_hours_off_is_corrected_by_the_server() {
    for hours in [-7, 5] {
        let handle = Handle::start(Policy::Single).await;
        handle.lock().server.sell(0..2);
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at(EVENING.plus_ms(hours * 3_600_000));
        let gate = open_gate(&folder.path().join("gate.db"), &clock);
        gate.pair(&handle.link(), "Phone").await.unwrap();
        // The fake asserts that the pushed clock is right.
        let scan = gate.scan_text(&code(1), Direction::Entry).unwrap();
        assert_eq!(scan.at, EVENING);
        assert!(gate.sync().await.unwrap().is_complete());
        // Somebody sets the phone's clock right; the next session notices.
        clock.forward(-hours * 3_600_000);
        handle.lock().sessions.clear();
        assert!(gate.sync().await.unwrap().pull_problem.is_none());
        assert_eq!(
            gate.scan_text(&code(0), Direction::Entry).unwrap().at,
            EVENING
        );
    }
}

/// covers: SCAN-4
#[tokio::test]
async fn five_thousand_scans_go_out_in_batches_oldest_first() {
    let venue = venue(1).await;
    for _ in 0..2_300 {
        venue
            .gate
            .scan_text("WIFI:S:guests;;", Direction::Entry)
            .unwrap();
    }
    venue.handle.fault("redemptions", Fault::Lost);
    let report = venue.gate.sync().await.unwrap();
    assert_eq!(
        (report.pushed.sent, venue.gate.status().unwrap().outbox),
        (0, 2_300)
    );
    let report = venue.gate.sync().await.unwrap();
    let pushed = report.pushed;
    assert_eq!(
        (pushed.sent, pushed.repeated, pushed.accepted),
        (2_300, 1_000, 1_300)
    );
    assert_eq!(venue.handle.seen("redemptions"), 4);
    // What is no ticket at all may be private: its text stays here.
    assert!(
        venue
            .handle
            .lock()
            .server
            .scans
            .values()
            .all(|scan| scan.code.is_none())
    );
}

/// covers: SCAN-4
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_keeps_in_sync_hears_of_news_by_hints_and_sends_scans_by_itself() {
    let venue = venue(5).await;
    let running = tokio::spawn({
        let gate = Arc::clone(&venue.gate);
        async move { gate.keep_in_sync().await }
    });
    let wait_for = async |what: &str, condition: &dyn Fn(&GateStatus) -> bool| {
        for _ in 0..250 {
            if condition(&venue.gate.status().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}");
    };
    wait_for("first pull", &|status| status.tickets == 5).await;
    venue.handle.lock().server.sell(5..9);
    wait_for("hint", &|status| status.tickets == 9).await;
    venue.gate.scan_text(&code(8), Direction::Entry).unwrap();
    wait_for("push", &|status| {
        status.outbox == 0 && status.last_push.is_some()
    })
    .await;
    // Somebody asks meanwhile: the one that runs does it.
    venue.handle.lock().server.sell(9..10);
    let report = tokio::time::timeout(Duration::from_secs(5), venue.gate.sync()).await;
    assert!(report.unwrap().unwrap().is_complete());
    running.abort();
    let _ = running.await;
    // Nobody drives any more: the next one does it itself.
    assert!(venue.gate.sync().await.unwrap().is_complete());
    assert_eq!(venue.gate.status().unwrap().tickets, 10);
}

/// covers: SCAN-4
#[tokio::test]
async fn being_offline_is_shown_until_it_is_over() {
    struct Last(std::sync::Mutex<Vec<GateStatus>>);
    impl GateObserver for Last {
        fn changed(&self, status: GateStatus) {
            self.0.lock().unwrap().push(status);
        }
    }
    let venue = venue(5).await;
    let last = Arc::new(Last(std::sync::Mutex::default()));
    let subscription = venue.gate.subscribe(Arc::clone(&last) as _);
    assert_eq!(
        last.0.lock().unwrap().len(),
        1,
        "the current status comes at once"
    );
    venue
        .handle
        .fault("challenge", Fault::Status(503, "", None));
    venue.gate.sync().await.unwrap();
    let told = last.0.lock().unwrap().last().cloned().unwrap();
    assert_eq!(told.offline_since, Some(EVENING));
    assert!(venue.gate.sync().await.unwrap().is_complete());
    let told = last.0.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (told.offline_since, told.last_pull, told.tickets),
        (None, Some(EVENING), 5)
    );
    drop(subscription);
    let before = last.0.lock().unwrap().len();
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    assert_eq!(last.0.lock().unwrap().len(), before);
}
