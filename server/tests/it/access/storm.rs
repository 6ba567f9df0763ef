//! Many at once: what counts does not depend on who came through first.

use std::collections::HashMap;

use bilten_core::checkin::{Passage, Policy, Standing, settle};
use bilten_core::id::TicketId;
use bilten_core::sync::client::Client as SyncClient;
use bilten_core::sync::page::Change;
use bilten_kernel::db::Db;
use bilten_kernel::{http, on_both_engines};
use bilten_server::app::{App, Post};
use bilten_server::server;
use tokio::sync::oneshot;

use super::{Device, buy, report};
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-3, SCAN-4
    async fn gates_that_push_at_once_count_each_ticket_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500)]).await;
        let mut tickets = Vec::new();
        for n in 0..20 {
            tickets.extend(buy(&t, &event, 10, &format!("k{n}")).await.into_iter().map(|(id, _)| id));
        }
        let mut gates = Vec::new();
        for n in 1..=4 {
            gates.push(Device::pair(&t, &event, n).await);
        }
        // Each gate scanned each ticket once, in an order of its own, and pushes in small batches,
        // each of them twice.
        let pushes = gates.iter().zip(0i64..).flat_map(|(gate, g)| {
            let scans: Vec<_> = tickets
                .iter()
                .zip(0u16..)
                .map(|(ticket, n)| gate.entry(&t, n, *ticket, 100_000 + (i64::from(n) * 7 + g * 13) % 50 * 100))
                .collect();
            let batches: Vec<Vec<_>> = scans.chunks(25).map(<[_]>::to_vec).collect();
            batches.into_iter().flat_map(move |batch| [(gate, batch.clone()), (gate, batch)])
        });
        let pushes = pushes.map(|(gate, batch)| {
            let t = &t;
            async move { gate.push(t, &batch).await }
        });
        let receipts = futures_util::future::join_all(pushes).await;
        let accepted: u32 = receipts.iter().map(|receipt| receipt.accepted).sum();
        let repeated: u32 = receipts.iter().map(|receipt| receipt.repeated).sum();
        assert_eq!((accepted, repeated), (800, 800));

        // The feed says what the rule says.
        let mut known: HashMap<TicketId, (Vec<Passage>, HashMap<_, _>)> = HashMap::new();
        for change in gates[0].pull(&t, None).await.0 {
            if let Change::Redemption(r) = change {
                let (passages, standings) = known.entry(r.ticket).or_default();
                passages.push(Passage { scan: r.id, at: r.at, direction: r.direction, device: r.device, gate: r.gate });
                assert_eq!(standings.insert(r.id, r.standing), None, "one entry for each scan");
            }
        }
        assert_eq!(known.len(), 200);
        for (passages, standings) in known.values() {
            assert_eq!(passages.len(), 4);
            for (scan, standing) in settle(Policy::Single, passages) {
                assert_eq!(standings[&scan], standing);
            }
            assert_eq!(standings.values().filter(|s| **s == Standing::Counted).count(), 1);
        }
        let report = report(&t, &event).await;
        assert_eq!((report["lists"][0]["entries"].as_i64(), report["lists"][0]["conflicts"].as_i64()), (Some(200), Some(600)));
        t.stop().await;
    }

    /// covers: SCAN-3, DB-2
    async fn two_nodes_agree(db: TestDb) {
        let t = TestApp::start(db).await;
        if t.app.db.engine() == "sqlite" {
            // One process has the file.
            return t.stop().await;
        }
        let event = t.event(&[("Standing", 2500, 500)]).await;
        let mut tickets = Vec::new();
        for n in 0..10 {
            tickets.extend(buy(&t, &event, 10, &format!("k{n}")).await.into_iter().map(|(id, _)| id));
        }
        let db = Db::open(&t.app.config.database).await.unwrap();
        let vault = crate::app::vault(&db, t.app.now()).await;
        let second = App::new(db, t.clock.clone(), t.app.random.clone(), t.app.config.clone(), vault, Post::new(&t.app.config, t.app.outside.clone()).unwrap());
        let listener = http::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server::serve(second, listener, async {
            let _ = stopped.await;
        }));
        let here = Device::pair(&t, &event, 1).await;
        let mut there = Device::pair(&t, &event, 2).await;
        there.sync = SyncClient::new(&url, "tests/1").unwrap();
        let mut hints = there.sync.hints(&there.session.token).await.unwrap();
        let before = hints.next().await.unwrap().unwrap();

        // The same tickets at both nodes, each batch at both at once.
        for (batch, start) in tickets.chunks(10).zip((0u16..).step_by(10)) {
            let scans = |device: &Device, ms: i64| -> Vec<_> {
                batch.iter().zip(start..).map(|(ticket, n)| device.entry(&t, n, *ticket, ms + i64::from(n % 3))).collect()
            };
            let (mine, theirs) = (scans(&here, 5_000), scans(&there, 5_001));
            tokio::join!(here.push(&t, &mine), there.push(&t, &theirs));
        }
        let report = report(&t, &event).await;
        assert_eq!((report["lists"][0]["entries"].as_i64(), report["lists"][0]["conflicts"].as_i64()), (Some(100), Some(100)));
        let changes = here.pull(&t, None).await.0;
        assert_eq!(changes.iter().filter(|c| matches!(c, Change::Redemption(_))).count(), 200);
        // News from another node come as well, a little later.
        let news = tokio::time::timeout(std::time::Duration::from_secs(6), hints.next()).await.unwrap();
        assert!(news.unwrap().unwrap() > before);
        drop(hints);
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
        t.stop().await;
    }
}
