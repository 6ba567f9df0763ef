//! Lists in an order that is asked for, page by page, while others add to them.

use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Permission, Role};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::texts;
use crate::access::Device;
use crate::app::TestApp;

/// Makes a draft with this name that starts so many hours after a moment far ahead; gives its id.
async fn draft(t: &TestApp, name: &str, hours: i64) -> String {
    let at = |hours: i64| Timestamp::from_ms(2_000_000_000_000 + hours * 3_600_000).to_string();
    let body = json!({
        "name": name, "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Hall",
        // The first date is not the one that was named first.
        "occurrences": [
            {"starts_at": at(hours + 500), "ends_at": at(hours + 501)},
            {"starts_at": at(hours), "ends_at": at(hours + 1)},
        ],
    });
    let made = t.organiser.post("/api/v1/events", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// Walks over all pages of two, and has something added before each next one.
async fn walk(t: &TestApp, path: &str, sort: &str, add: impl AsyncFn(usize)) -> Vec<Value> {
    let first = format!("{path}?limit=2&sort={sort}");
    let (mut seen, mut page) = (Vec::new(), t.organiser.get(&first).await.expect(200));
    for turn in 0.. {
        assert!(turn < 100, "the walk never ends");
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        add(turn).await;
        let next = format!("{first}&cursor={next}");
        page = t.organiser.get(&next).await.expect(200);
    }
    seen
}

/// Checks that a walk shows every one of `known` once, nothing twice, and all in its order.
fn check<K: Ord + Clone>(seen: &[Value], known: &[String], sort: &str, key: impl Fn(&Value) -> K) {
    let ids = texts(seen, "id");
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{sort}: something is shown twice");
    for id in known {
        assert!(ids.contains(id), "{sort}: {id} is not shown");
    }
    let keys: Vec<_> = seen.iter().map(&key).zip(ids).collect();
    let is_sorted = if sort.starts_with('-') {
        keys.is_sorted_by(|a, b| a > b)
    } else {
        keys.is_sorted_by(|a, b| a < b)
    };
    assert!(is_sorted, "{sort}: not in its order");
}

on_both_engines! {
    /// covers: GW-4, BE-6
    async fn events_are_sorted_as_asked_while_more_are_made(db: TestDb) {
        let t = TestApp::start(db).await;
        let mut known = Vec::new();
        // Equal names and equal times: only the id decides.
        for (name, hours) in [("Gala", 30), ("Alpha", 10), ("Gala", 10), ("beta", 20), ("Gala", 40), ("Zeta", 10), ("Alpha", 5)] {
            known.push(draft(&t, name, hours).await);
        }
        for sort in ["created", "-created", "starts_at", "-starts_at", "name", "-name"] {
            let seen = walk(&t, "/api/v1/events", sort, async |turn| {
                let name = ["Aaron", "Gala", "Zulu"][turn % 3];
                if turn < 4 {
                    draft(&t, name, [1, 10, 90][turn % 3]).await;
                }
            }).await;
            match sort.trim_start_matches('-') {
                "created" => check(&seen, &known, sort, |_| 0),
                "starts_at" => check(&seen, &known, sort, |event| event["starts_at"].as_str().unwrap().parse::<Timestamp>().unwrap().ms()),
                _ => check(&seen, &known, sort, |event| event["name"].as_str().unwrap().to_owned()),
            }
        }
        let newest = t.organiser.get("/api/v1/events?limit=3").await.expect(200);
        let asked = t.organiser.get("/api/v1/events?limit=3&sort=-created").await.expect(200);
        assert_eq!(newest["items"], asked["items"], "the newest come first if nobody says");
        let item = &newest["items"][0];
        assert!(item["starts_at"].as_str().unwrap() < item["ends_at"].as_str().unwrap());
        t.stop().await;
    }

    /// covers: GW-4, BE-6
    async fn orders_are_sorted_as_asked_while_more_are_bought(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 1_000), ("Seated", 2_000, 1_000)]).await;
        let mut known = Vec::new();
        for (turn, (tier, quantity)) in [(0, 2), (1, 1), (0, 1), (1, 2), (0, 4), (0, 1), (1, 3)].into_iter().enumerate() {
            let bought = t.stranger.buy(&event, tier, quantity, "succeed", &format!("k{turn}")).await.expect(201);
            known.push(bought["order"]["id"].as_str().unwrap().to_owned());
        }
        let path = format!("/api/v1/events/{}/orders", event.id);
        for sort in ["created", "-created", "total", "-total"] {
            let seen = walk(&t, &path, sort, async |turn| {
                if turn < 4 {
                    let (tier, quantity) = [(0, 1), (1, 1), (1, 5)][turn % 3];
                    t.stranger.buy(&event, tier, quantity, "succeed", &format!("{sort}{turn}")).await.expect(201);
                }
            }).await;
            if sort.ends_with("total") {
                check(&seen, &known, sort, |order| order["total_minor"].as_i64().unwrap());
            } else {
                check(&seen, &known, sort, |_| 0);
            }
        }
        t.stop().await;
    }

    /// covers: GW-4
    async fn devices_keys_and_members_are_sorted_as_well(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        for number in 1..=3 {
            Device::pair(&t, &event, number).await;
            t.clock.advance(Duration::from_mins(2));
        }
        let owner = t.member(Role::Owner).await;
        for role in [Role::Viewer, Role::Finance, Role::Viewer] {
            t.member(role).await;
        }
        let all_keys: Vec<_> = join_all((0..3).map(|_| crate::reads::key(&t, &[Permission::EventsRead], None))).await;
        all_keys[1].get("/api/v1/events").await.expect(200);
        identity::write_sightings(&t.app).await.unwrap();
        let pages = async |path: &str| {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let sign = if path.contains('?') { '&' } else { '?' };
                let page = owner.get(&format!("{path}{sign}limit=1{cursor}")).await.expect(200);
                seen.extend(page["items"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next"].as_str() else { break seen };
                cursor = format!("&cursor={next}");
            }
        };
        let devices = format!("/api/v1/events/{}/devices", event.id);
        for (path, ascending, more) in [
            (devices.as_str(), ["paired", "seen_at", "name"].as_slice(), ""),
            ("/api/v1/keys", ["created", "last_used"].as_slice(), ""),
            ("/api/v1/members", ["joined"].as_slice(), ""),
            ("/api/v1/members", ["joined"].as_slice(), "&role=viewer"),
        ] {
            let unsorted = pages(&format!("{path}?{}", more.trim_start_matches('&'))).await;
            for sort in ascending {
                let up = texts(&pages(&format!("{path}?sort={sort}{more}")).await, "id");
                let mut down = texts(&pages(&format!("{path}?sort=-{sort}{more}")).await, "id");
                down.reverse();
                assert_eq!(up, down, "{path} {sort}");
                assert_eq!(up.len(), unsorted.len(), "{path} {sort}");
                assert!(up.len() >= 2, "{path} {sort}");
            }
            owner.get(&format!("{path}?sort=price{more}")).await.refused(400, "sort_unknown");
        }
        let used = pages("/api/v1/keys?sort=-last_used").await;
        assert!(used[0]["last_used_at"].is_string(), "{}", used[0]);
        let silent = pages(&format!("{devices}?sort=seen_at")).await;
        let seen_at: Vec<Timestamp> = texts(&silent, "seen_at").iter().map(|at| at.parse().unwrap()).collect();
        assert!(seen_at.is_sorted());
        t.stop().await;
    }

    /// covers: GW-4
    async fn other_orders_cursors_and_ids_are_refused(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 1_000, 10)]).await;
        t.event(&[("Standing", 1_000, 10)]).await;
        for turn in 0..2 {
            t.stranger.buy(&event, 0, 1, "succeed", &format!("k{turn}")).await.expect(201);
        }
        let orders = format!("/api/v1/events/{}/orders", event.id);
        for (path, named) in [("/api/v1/events", "-starts_at"), (orders.as_str(), "-total")] {
            let unknown = t.organiser.get(&format!("{path}?sort=price")).await.refused(400, "sort_unknown");
            assert_eq!(unknown["errors"][0]["field"], "sort");
            assert!(unknown["errors"][0]["detail"].as_str().unwrap().contains(named), "{unknown}");
            t.organiser.get(&format!("{path}?sort=")).await.refused(400, "sort_unknown");
            let page = t.organiser.get(&format!("{path}?limit=1&sort={named}")).await.expect(200);
            let next = page["next"].as_str().unwrap();
            t.organiser.get(&format!("{path}?cursor={next}")).await.refused(400, "cursor_of_other_sort");
            t.organiser.get(&format!("{path}?sort={named}&cursor={next}")).await.expect(200);
            for cursor in ["nonsense", "e30", "eyJzb3J0IjoibmFtZSJ9"] {
                t.organiser.get(&format!("{path}?cursor={cursor}")).await.refused(400, "cursor_invalid");
            }
            t.organiser.get(&format!("{path}?ids=tir_x")).await.refused(422, "invalid");
            t.organiser.get(&format!("{path}?ids=")).await.refused(422, "invalid");
        }
        t.stop().await;
    }

    /// covers: GW-1, BE-6
    async fn things_are_listed_by_their_ids(db: TestDb) {
        let t = TestApp::start(db).await;
        let (one, two, three) = (t.event(&[("A", 0, 9)]).await, t.event(&[("A", 0, 9)]).await, t.event(&[("A", 0, 9)]).await);
        let other = t.other_organiser().await;
        let foreign = t.event_of(&other, &[("A", 0, 9)]).await;
        let path = format!("/api/v1/events?sort=created&ids={},{},{},{}", three.id, foreign.id, one.id, one.id);
        let list = t.organiser.get(&path).await.expect(200);
        assert_eq!(texts(list["items"].as_array().unwrap(), "id"), [one.id.clone(), three.id.clone()]);
        // A key for one event finds no other by its id.
        let narrow = crate::reads::key(&t, &[Permission::EventsRead], Some(&two.id)).await;
        assert_eq!(narrow.get(&path).await.expect(200)["items"], json!([]));
        let many = vec![one.id.as_str(); 101].join(",");
        let refused = t.organiser.get(&format!("/api/v1/events?ids={many}")).await.refused(422, "invalid");
        assert_eq!((&refused["errors"][0]["field"], &refused["errors"][0]["code"]), (&json!("ids"), &json!("too_many")));

        let mut orders = Vec::new();
        for (event, key) in [(&one, "k1"), (&one, "k2"), (&one, "k3"), (&two, "k1")] {
            let bought = t.stranger.buy(event, 0, 1, "succeed", key).await.expect(201);
            orders.push(bought["order"]["id"].as_str().unwrap().to_owned());
        }
        let ids = [orders[0].as_str(), orders[2].as_str(), orders[3].as_str()].join(",");
        let path = format!("/api/v1/events/{}/orders?ids={ids}", one.id);
        let list = t.organiser.get(&path).await.expect(200);
        assert_eq!(texts(list["items"].as_array().unwrap(), "id"), [orders[2].clone(), orders[0].clone()], "newest first, of this event");
        other.get(&path).await.refused(404, "sales.event_not_found");
        t.stop().await;
    }
}
