//! Pushes: idempotent, bounded, settled, never a fault of ours.

use bilten_core::checkin::{DenyReason, Direction, Standing};
use bilten_core::id::{ListId, TicketId};
use bilten_core::sync::page::Change;
use bilten_core::ticket::{DelegatedIssuer, Payload};
use bilten_core::time::{Timestamp, Validity};
use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::json;

use super::{Device, buy, foreign_gate, key, report};
use crate::app::TestApp;

const PATH: &str = "/api/v1/sync/redemptions";

on_both_engines! {
    /// covers: SCAN-4
    async fn the_first_scan_wins_and_the_other_is_named(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (north, south) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &event, 2).await);
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let (late, early) = (north.entry(&t, 1, ticket, 10_000), south.entry(&t, 1, ticket, 20_000));

        let receipt = north.push(&t, std::slice::from_ref(&late)).await;
        assert_eq!((receipt.accepted, receipt.repeated), (1, 0));
        assert_eq!((receipt.conflicts, receipt.unplaced), (vec![], vec![]));
        let cursor = north.pull(&t, None).await.1;
        // The other gate reports later, but scanned earlier: it counts, and the first report does not.
        let receipt = south.push(&t, std::slice::from_ref(&early)).await;
        assert_eq!((receipt.accepted, receipt.conflicts.len()), (1, 0));
        let (changes, _) = north.pull(&t, Some(&cursor)).await;
        let mut standings: Vec<_> = changes
            .iter()
            .filter_map(|change| if let Change::Redemption(r) = change { Some((r.id, r.standing)) } else { None })
            .collect();
        assert_eq!(standings.len(), changes.len(), "{changes:?}");
        standings.sort_by_key(|(id, _)| *id);
        let mut expected = [(late.id, Standing::Conflict), (early.id, Standing::Counted)];
        expected.sort_by_key(|(id, _)| *id);
        assert_eq!(standings, expected);

        // A repeated push is told what happened meanwhile.
        let receipt = north.push(&t, std::slice::from_ref(&late)).await;
        assert_eq!((receipt.accepted, receipt.repeated), (0, 1));
        assert_eq!(receipt.conflicts.len(), 1);
        assert_eq!((receipt.conflicts[0].scan, receipt.conflicts[0].counted), (late.id, early.id));
        assert_eq!(receipt.conflicts[0].device, south.paired.device);

        let report = report(&t, &event).await;
        assert_eq!(report["lists"][0]["entries"], 1);
        let conflict = &report["conflicts"][0];
        assert_eq!((conflict["ticket_id"].as_str(), conflict["holder"].as_str()),
            (Some(ticket.to_string().as_str()), Some("Ana Novak")));
        assert_eq!(conflict["lost"]["scan_id"], late.id.to_string());
        assert_eq!(conflict["counted"]["scan_id"], early.id.to_string());
        assert_eq!(conflict["counted"]["device_id"], south.paired.device.as_str());
        t.stop().await;
    }

    /// covers: SCAN-4
    async fn what_cannot_be_placed_is_kept(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let other = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let foreign = buy(&t, &other, 1, "k").await[0].0;
        let entry = |n, ticket| device.entry(&t, n, ticket, 1_000);
        let mut nowhere = entry(1, ticket);
        nowhere.list = ListId::new("lst_nowhere").unwrap();
        let mut nothing = entry(2, ticket);
        nothing.ticket = None;
        let mut newer = entry(3, ticket);
        newer.version = Some(2);
        let mut odd = entry(4, foreign);
        odd.gate = Some(foreign_gate());
        let forged = entry(5, TicketId([7; 16]));
        let mut refused = entry(6, TicketId([8; 16]));
        refused.refused = Some(DenyReason::BadSignature);
        let scans = [nowhere, nothing, newer, odd, forged, refused];
        for (accepted, repeated) in [(1, 0), (0, 1)] {
            let receipt = device.push(&t, &scans).await;
            assert_eq!((receipt.accepted, receipt.repeated), (accepted, repeated));
            let codes: Vec<_> = receipt.unplaced.iter().map(|u| u.code.as_str()).collect();
            assert_eq!(codes, [
                "access.list_unknown",
                "access.ticket_missing",
                "access.version_unknown",
                "access.ticket_unknown",
                "access.ticket_unknown",
            ]);
        }
        let report = report(&t, &event).await;
        assert_eq!(report["unplaced_count"], 5);
        assert_eq!(report["lists"][0]["entries"], 0);
        assert_eq!(report["lists"][0]["refused"][0], json!({"reason": "bad_signature", "count": 1}));
        t.stop().await;
    }

    /// covers: SCAN-4
    async fn a_box_offices_ticket_counts_before_it_is_reported(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let id: bilten_server::catalog::EventId = event.id.parse().unwrap();
        let app = t.app.clone();
        let issuer = t.app.db.read(move |c| Box::pin(async move {
            bilten_server::tickets::issuer_in(&app, c, id).await
        })).await.unwrap();
        let certify = |issuer: &bilten_core::ticket::Issuer| {
            let certificate = issuer.certify(*key(9).public_key(), &[1], 10, Validity::ALWAYS).unwrap();
            DelegatedIssuer::new(&[9; 32], certificate)
        };
        let ticket = |n: u8| Payload { id: TicketId([n; 16]), version: 1, tier: 1, validity: Validity::ALWAYS };
        let mut genuine = device.entry(&t, 1, TicketId([1; 16]), 1_000);
        genuine.code = Some(certify(&issuer).issue(ticket(1), 0).unwrap());
        let mut forged = device.entry(&t, 2, TicketId([2; 16]), 1_000);
        forged.code = Some(certify(&key(8)).issue(ticket(2), 1).unwrap());
        let mut other = device.entry(&t, 3, TicketId([3; 16]), 1_000);
        other.code.clone_from(&genuine.code);
        let receipt = device.push(&t, &[genuine, forged.clone(), other.clone()]).await;
        let unplaced: Vec<_> = receipt.unplaced.iter().map(|u| u.scan).collect();
        assert_eq!(unplaced, [forged.id, other.id]);
        assert_eq!(report(&t, &event).await["lists"][0]["entries"], 1);
        t.stop().await;
    }

    /// covers: SCAN-4
    async fn a_clock_that_is_hours_off_does_not_win(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let (good, bad) = (Device::pair(&t, &event, 1).await, Device::pair(&t, &event, 2).await);
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let hours = 3 * 3_600_000;
        // Scanned 5 s ago, by a clock that is three hours late.
        let mut scan = bad.entry(&t, 1, ticket, 5_000);
        scan.at = Timestamp(scan.at.ms() - hours);
        let device_time = Timestamp(t.app.now().ms() - hours);
        bad.sync.push(&bad.session.token, device_time, &[scan.clone()]).await.unwrap();
        // Scanned 10 s ago, by a right one.
        let receipt = good.push(&t, &[good.entry(&t, 1, ticket, 10_000)]).await;
        assert_eq!(receipt.conflicts, []);
        let receipt = bad.push(&t, &[scan]).await;
        assert_eq!(receipt.conflicts.len(), 1);
        // One that says it happens tomorrow.
        let other = buy(&t, &event, 1, "k2").await[0].0;
        let receipt = good.push(&t, &[good.entry(&t, 2, other, -86_400_000)]).await;
        assert_eq!(receipt.conflicts, []);
        let changes = good.pull(&t, None).await.0;
        for change in changes {
            if let Change::Redemption(r) = change {
                assert!(r.at <= Timestamp(t.app.now().ms()));
            }
        }
        t.stop().await;
    }

    /// covers: SCAN-1, SCAN-3
    async fn another_policy_judges_anew(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let mut scans: Vec<_> = (0..4u16).map(|n| device.entry(&t, n, ticket, 60_000 - i64::from(n) * 10_000)).collect();
        scans[1].direction = Direction::Exit;
        // In, out, in, in.
        let receipt = device.push(&t, &scans).await;
        assert_eq!(receipt.conflicts.len(), 2);
        let inside = async || {
            let report = report(&t, &event).await;
            let list = report["lists"][0].clone();
            (list["entries"].as_i64().unwrap(), list["exits"].as_i64().unwrap(), list["inside"].as_i64().unwrap())
        };
        assert_eq!(inside().await, (1, 1, 0));
        let cursor = device.pull(&t, None).await.1;
        let path = format!("/api/v1/events/{}/lists/{}", event.id, device.list());
        t.organiser.patch(&path, json!({"policy": "re_entry"})).await.expect(200);
        assert_eq!(inside().await, (2, 1, 1));
        let changes = device.pull(&t, Some(&cursor)).await.0;
        assert!(matches!(&changes[..], [Change::List(_), Change::Redemption(r)] if r.standing == Standing::Counted), "{changes:?}");
        t.organiser.patch(&path, json!({"policy": "multiple"})).await.expect(200);
        assert_eq!(inside().await, (3, 1, 2));
        t.stop().await;
    }

    /// covers: BE-4
    async fn garbage_is_refused_with_a_code(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let client = t.stranger.with_token(&device.session.token);
        let send = async |body: Vec<u8>, encoding: Option<&'static str>| {
            let mut request = client.request(Method::POST, PATH).body(body);
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            client.send(request).await
        };
        let ticket = buy(&t, &event, 1, "k").await[0].0;
        let line = serde_json::to_string(&device.entry(&t, 1, ticket, 1_000)).unwrap();
        let header = |count: usize| format!("{{\"device_time\":{},\"count\":{count}}}", t.app.now().ms());
        let bomb = zstd::stream::encode_all(std::io::Read::take(std::io::repeat(b' '), 1 << 28), 3).unwrap();
        for (body, encoding, status, code) in [
            (Vec::new(), None, 400, "access.push_malformed"),
            (b"\xff\xfe".to_vec(), None, 400, "access.push_malformed"),
            (b"hello".to_vec(), Some("zstd"), 400, "access.push_malformed"),
            (b"{}".to_vec(), Some("br"), 415, "access.push_encoding"),
            (bomb, Some("zstd"), 413, "access.push_too_large"),
            (header(2).into_bytes(), None, 400, "access.push_count"),
            (format!("{}\n{line}\n{line}", header(1)).into_bytes(), None, 400, "access.push_count"),
            (header(1_001).into_bytes(), None, 413, "access.push_too_many"),
            (format!("{}\n{}", header(1), line.replace("\"at\":", "\"at\":\"x\",\"b\":")).into_bytes(), None, 400, "access.push_malformed"),
            (format!("{}\n{}", header(1), line.replace("entry", "up")).into_bytes(), None, 400, "access.push_malformed"),
        ] {
            send(body, encoding).await.refused(status, code);
        }
        let large = vec![b' '; 17 * 1024 * 1024];
        assert_eq!(send(large, None).await.status, 413);
        assert_eq!(report(&t, &event).await["lists"][0]["entries"], 0, "nothing of that was stored");

        // Extreme times, the same scan twice in one push, reasons of the future: taken.
        let twice = format!("{}\n{line}\n{line}", header(2).replace(&t.app.now().ms().to_string(), "0"));
        let receipt = send(twice.into_bytes(), None).await.expect(200);
        assert_eq!((receipt["accepted"].as_i64(), receipt["repeated"].as_i64()), (Some(1), Some(1)));
        for (n, at) in [(2, i64::MIN), (3, i64::MAX), (4, 0)] {
            let mut scan = device.entry(&t, n, ticket, 0);
            scan.at = Timestamp(at);
            let line = serde_json::to_string(&scan).unwrap();
            let line = line.replace("\"version\"", "\"refused\":\"full_moon\",\"version\"");
            let header = format!("{{\"device_time\":{at},\"count\":1}}");
            send(format!("{header}\n{line}").into_bytes(), None).await.expect(200);
        }
        let report = report(&t, &event).await;
        assert_eq!(report["lists"][0]["refused"][0], json!({"reason": "full_moon", "count": 3}));
        t.stop().await;
    }
}
