//! The feed: snapshot, increments, and what it says of a ticket's end.

use bilten_core::checkin::TicketState;
use bilten_core::sync::SyncError;
use bilten_core::sync::page::{self, Change};
use bilten_core::time::Timestamp;
use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{Device, buy};
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-4
    async fn a_snapshot_then_increments(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500), ("VIP", 9000, 5)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let sold = buy(&t, &event, 3, "k1").await;
        let (changes, cursor) = device.pull(&t, None).await;
        let kinds = |changes: &[Change]| {
            let mut counts = [0; 5];
            for change in changes {
                counts[match change {
                    Change::Ticket(_) => 0,
                    Change::Key(_) => 1,
                    Change::List(_) | Change::Gate(_) => 2,
                    Change::Tier(_) => 3,
                    Change::Revocation(_)
                    | Change::Redemption(_)
                    | Change::WithdrawnKey(_)
                    | Change::Removed(_) => 4,
                }] += 1;
            }
            counts
        };
        assert_eq!(kinds(&changes), [3, 1, 2, 2, 0], "{changes:?}");
        let is_ticket = |change: &&Change| matches!(change, Change::Ticket(_));
        let Some(Change::Ticket(first)) = changes.iter().find(is_ticket) else { panic!("{changes:?}") };
        let holder = first.holder.clone().unwrap();
        assert_eq!(holder.name, "Ana Novak");

        // Nothing new, then a sale, then nothing again.
        assert_eq!(device.pull(&t, Some(&cursor)).await.0, []);
        buy(&t, &event, 2, "k2").await;
        let (changes, cursor) = device.pull(&t, Some(&cursor)).await;
        assert_eq!(kinds(&changes), [2, 0, 0, 0, 0]);
        // Changing what gates need not know wakes nobody.
        let path = format!("/api/v1/events/{}", event.id);
        let version = t.organiser.get(&path).await.expect(200)["version"].clone();
        t.organiser.patch(&path, json!({"version": version, "description": "New"})).await.expect(200);
        assert_eq!(device.pull(&t, Some(&cursor)).await.0, []);

        // A reissued and a revoked ticket.
        let path = |n: usize| format!("/api/v1/tickets/{}", sold[n].0);
        t.organiser.post(&format!("{}/reissue", path(0)), json!({"version": 1})).await.expect(200);
        t.organiser.post(&format!("{}/revoke", path(1)), json!({})).await.expect(200);
        let (changes, cursor) = device.pull(&t, Some(&cursor)).await;
        let [Change::Ticket(new), Change::Revocation(old), Change::Ticket(dead), Change::Revocation(end)] = &changes[..]
        else { panic!("{changes:?}") };
        assert_eq!((new.version, new.state, old.below), (2, TicketState::Valid, 2));
        assert_eq!((dead.version, dead.state, end.below), (1, TicketState::Cancelled, 2));

        // A new event's key, so that its tickets are told from forgeries; and its new name.
        let second = t.event(&[("Standing", 2500, 10)]).await;
        let (changes, cursor) = device.pull(&t, Some(&cursor)).await;
        assert!(matches!(&changes[..], [Change::Key(key)] if key.key.event.as_str() == second.id), "{changes:?}");
        let path = format!("/api/v1/events/{}", second.id);
        let version = t.organiser.get(&path).await.expect(200)["version"].clone();
        t.organiser.patch(&path, json!({"version": version, "name": "Jutro"})).await.expect(200);
        let (changes, _) = device.pull(&t, Some(&cursor)).await;
        assert!(matches!(&changes[..], [Change::Key(key)] if key.event_name == "Jutro"), "{changes:?}");
        let theirs = Device::pair(&t, &second, 2).await;
        assert_eq!(theirs.paired.keys.len(), 2, "its own and the other event's");
        t.stop().await;
    }

    /// covers: SCAN-2
    async fn a_device_that_was_away_learns_the_new_key(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let mut device = Device::pair(&t, &event, 1).await;
        let cursor = device.pull(&t, None).await.1;
        t.organiser.post(&format!("/api/v1/events/{}/keys", event.id), json!({})).await.expect(201);
        buy(&t, &event, 1, "k").await;
        // The page is verified by the keys that came with pairing, and brings the new one.
        let (changes, _) = device.pull(&t, Some(&cursor)).await;
        assert!(matches!(&changes[..], [Change::Key(_), Change::Ticket(_)]), "{changes:?}");
        // So is the order to wipe itself.
        t.organiser.delete(&format!("/api/v1/devices/{}", device.paired.device)).await.expect(204);
        device.open_session().await;
        let keys = device.keys();
        assert!(device.session.wipe.clone().unwrap().is_genuine(keys.keys().iter().map(|key| &key.public_key)));
        t.stop().await;
    }

    /// covers: SCAN-4
    async fn pages_join_up_at_any_size(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 500)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let mut sold = Vec::new();
        for n in 0..6 {
            sold.extend(buy(&t, &event, 4, &format!("k{n}")).await);
            let scan = device.entry(&t, n, sold[usize::from(n) * 4].0, 1_000);
            device.push(&t, &[scan]).await;
            let revoked = sold[usize::from(n) * 4 + 1].0;
            t.organiser.post(&format!("/api/v1/tickets/{revoked}/revoke"), json!({})).await.expect(200);
        }
        let whole = device.pull(&t, None).await.0;
        for limit in [1, 2, 3, 7, 50] {
            let (mut changes, mut cursor, mut from) = (Vec::new(), String::new(), 0);
            loop {
                let path = format!("/api/v1/sync/feed?limit={limit}&cursor={cursor}");
                let answer = t.stranger.with_token(&device.session.token).get(&path).await;
                assert_eq!(answer.headers["content-type"], "application/x-ndjson");
                assert!(!answer.headers.contains_key("content-encoding"));
                let at = Timestamp(t.app.now().ms());
                let page = page::read(answer.text.as_bytes(), &device.paired.event, &device.keys(), at).unwrap();
                assert_eq!(page.header().from, from);
                assert!(page.changes().len() <= limit.max(2), "{}", page.changes().len());
                changes.extend(page.changes().iter().cloned());
                (cursor, from) = (page.header().next.clone(), page.header().to);
                if !page.header().more {
                    break;
                }
            }
            assert_eq!(changes, whole, "limit {limit}");
        }
        t.stop().await;
    }

    /// covers: SCAN-4
    async fn a_strange_cursor_means_to_begin_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let (_, cursor) = device.pull(&t, None).await;
        let (epoch, position) = cursor.split_once('.').unwrap();
        let epoch: u32 = epoch.parse().unwrap();
        let position: i64 = position.parse().unwrap();
        for strange in [
            format!("{}.{position}", epoch ^ 1),
            format!("{epoch}.{}", position + 1),
            format!("{epoch}.-1"),
            "hello".to_owned(),
            "9".repeat(5_000),
        ] {
            let refused = device.sync.feed(&device.session.token, Some(&strange)).await;
            assert!(matches!(refused, Err(SyncError::CursorUnknown)), "{strange}");
        }
        let client = t.stranger.with_token(&device.session.token);
        client.get("/api/v1/sync/feed?limit=x").await.refused(422, "invalid");
        assert_eq!(client.get("/api/v1/sync/feed?limit=0").await.status, 200);
        t.stop().await;
    }

    /// covers: SCAN-9
    async fn a_device_hears_only_of_its_event(db: TestDb) {
        let t = TestApp::start(db).await;
        let (mine, other) = (t.event(&[("A", 100, 10)]).await, t.event(&[("B", 100, 10)]).await);
        let device = Device::pair(&t, &mine, 1).await;
        let cursor = device.pull(&t, None).await.1;
        buy(&t, &other, 2, "k").await;
        let stranger = Device::pair(&t, &other, 2).await;
        assert_eq!(device.pull(&t, Some(&cursor)).await.0, []);
        // A cursor of another event's feed is none of this one's.
        let theirs = stranger.pull(&t, None).await.1;
        let refused = device.sync.feed(&device.session.token, Some(&theirs)).await;
        assert!(matches!(refused, Err(SyncError::CursorUnknown)));
        t.stop().await;
    }
}
