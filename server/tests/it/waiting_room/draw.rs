//! The draw, worked out again by somebody who has only what is published.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::waiting_room::{PlaceId, WaitingRoomId};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Waiter, draw, organisers, put, room, step, visitors, waiters};
use crate::app::{Event, TestApp};

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let places = (0..hex.len()).step_by(2);
    places
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// Works the order out from a proof and a roster; fails if something of it is not as it was promised.
fn order(proof: &Value, roster: &[PlaceId]) -> Vec<PlaceId> {
    let room: WaitingRoomId = proof["id"].as_str().unwrap().parse().unwrap();
    let promised: Timestamp = proof["promised_at"].as_str().unwrap().parse().unwrap();
    let (seed, name) = (
        bytes(&proof["seed"]),
        proof["beacon"].as_str().unwrap_or(""),
    );
    let beacon = if proof["beacon_value"].is_null() {
        Vec::new()
    } else {
        bytes(&proof["beacon_value"])
    };
    let closes_at = promised.ms().to_be_bytes();
    let promise = sha256(&[
        b"bilten-draw-v1/commit\0",
        room.as_bytes(),
        &closes_at,
        &seed,
        name.as_bytes(),
    ]);
    assert_eq!(
        promise,
        bytes(&proof["commitment"]),
        "another seed than was promised"
    );

    let mut ids = roster.to_vec();
    ids.sort_unstable();
    let all: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    let hash = sha256(&[b"bilten-draw-v1/roster\0", room.as_bytes(), &all]);
    assert_eq!(
        hash,
        bytes(&proof["roster"]),
        "other places than were published"
    );

    let key = sha256(&[b"bilten-draw-v1/key\0", &seed, &beacon]);
    let rank = |id: &PlaceId| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(id.as_bytes());
        let mac = mac.finalize().into_bytes();
        u64::from_be_bytes(mac[..8].try_into().unwrap()) >> 1
    };
    ids.sort_by_key(|id| (rank(id), *id));
    ids
}

/// The whole roster, page by page.
async fn roster(t: &TestApp, event: &Event, limit: usize) -> Vec<PlaceId> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = visitors(event, &format!("/roster?limit={limit}{cursor}"));
        let page = t.stranger.get(&path).await.expect(200);
        for place in page["items"].as_array().unwrap() {
            found.push(place["id"].as_str().unwrap().parse().unwrap());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn verify(t: &TestApp, event: &Event, waiters: &[Waiter]) {
    let proof = t.stranger.get(&visitors(event, "")).await.expect(200);
    let ids = roster(t, event, 7).await;
    assert_eq!(ids.len(), waiters.len());
    assert!(ids.is_sorted());
    let text = t
        .stranger
        .get(&format!("/wait/{}/roster.txt", event.id))
        .await;
    let lines: Vec<PlaceId> = text
        .text
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!((text.status, lines), (200, ids.clone()));
    let order = order(&proof, &ids);
    for waiter in waiters {
        let number = usize::try_from(waiter.number(t, event).await).unwrap();
        assert_eq!(order[number - 1].to_string(), waiter.id);
    }
}

on_both_engines! {
    /// covers: WEB-4
    async fn anybody_can_check_the_draw(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let made = room(&t, &event, json!({})).await;
        let before = t.stranger.get(&visitors(&event, "")).await.expect(200);
        assert_eq!(before["commitment"], made["commitment"]);
        assert_eq!((&before["seed"], &before["roster"], before["drawn"].as_u64()), (&Value::Null, &Value::Null, Some(0)));
        let waiting = waiters(&t, &event, 20).await;
        let standing = waiting[0].standing(&t, &event).await;
        assert_eq!((standing["state"].as_str(), &standing["number"]), (Some("gathering"), &Value::Null));
        t.stranger.get(&visitors(&event, "/roster")).await.refused(404, "waiting_room.not_drawn");
        t.stranger.get(&format!("/wait/{}/roster.txt", event.id)).await.refused(404, "waiting_room.not_drawn");

        // The opening was moved: the promise stays the one that it was.
        draw(&t, &event).await;
        let proof = t.stranger.get(&visitors(&event, "")).await.expect(200);
        assert_eq!((&proof["commitment"], &proof["promised_at"]), (&made["commitment"], &made["opens_at"]));
        assert_ne!(proof["opens_at"], made["opens_at"]);
        verify(&t, &event, &waiting).await;

        // Whoever comes now is next after all others, in their order.
        for number in 21..24 {
            let late = Waiter::join(&t, &event).await;
            assert_eq!(late.number(&t, &event).await, number);
        }
        let after = t.stranger.get(&visitors(&event, "")).await.expect(200);
        assert_eq!((&after["roster"], after["drawn"].as_u64()), (&proof["roster"], Some(20)));
        verify(&t, &event, &waiting).await;
        t.stop().await;
    }

    /// Anybody may ask for the whole list, so that it must cost a node nothing but the first time.
    ///
    /// covers: WEB-4
    async fn the_roster_is_written_once_and_kept(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({})).await;
        let waiting = waiters(&t, &event, 5).await;
        let path = format!("/wait/{}/roster.txt", event.id);
        let early = t.stranger.get(&path).await;
        early.refused(404, "waiting_room.not_drawn");
        assert!(!early.headers.contains_key("etag"));
        draw(&t, &event).await;
        let proof = t.stranger.get(&visitors(&event, "")).await.expect(200);

        let all = futures_util::future::join_all((0..20).map(|_| t.stranger.get(&path))).await;
        for answer in &all {
            assert_eq!((answer.status, answer.text.lines().count()), (200, waiting.len()));
            assert_eq!(answer.text, all[0].text);
        }
        let tag = all[0].headers["etag"].clone();
        assert_eq!(tag, format!("W/\"{}\"", proof["roster"].as_str().unwrap()).as_str());
        assert_eq!(all[0].headers["cache-control"], "public, max-age=3600, immutable");

        // Whoever asks later is not read anything from the database.
        let gone = waiting[0].id.clone();
        t.app.db.write(move |c| Box::pin(async move {
            c.exec(sql!("DELETE FROM waiting_places WHERE id = $1"), vals![gone]).await
        })).await.unwrap();
        assert_eq!(t.stranger.get(&path).await.text, all[0].text);
        let again = t.stranger.request(reqwest::Method::GET, &path).header("if-none-match", &tag);
        let again = t.stranger.send(again).await;
        assert_eq!((again.status, again.text.as_str(), &again.headers["etag"]), (304, "", &tag));
        let other = t.stranger.request(reqwest::Method::GET, &path).header("if-none-match", "\"another\"");
        assert_eq!(t.stranger.send(other).await.text, all[0].text);
        t.stop().await;
    }

    /// covers: WEB-4
    async fn a_beacon_is_part_of_the_draw(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({"beacon": "drand quicknet 20000000"})).await;
        let value = json!({"value": "beac0000ff"});
        let path = organisers(&event, "/beacon");
        put(&t.organiser, &path, &value).await.refused(409, "waiting_room.state");
        let waiting = waiters(&t, &event, 9).await;
        t.organiser.post(&organisers(&event, "/draw"), json!({})).await.expect(200);
        for _ in 0..3 {
            step(&t).await;
        }
        // Its places are fixed and published; the seed is not, since the beacon is not known.
        let drawing = t.stranger.get(&visitors(&event, "")).await.expect(200);
        assert_eq!(drawing["state"], "drawing");
        assert!(drawing["roster"].is_string() && drawing["seed"].is_null(), "{drawing}");
        t.stranger.post(&visitors(&event, "/places"), json!({})).await.refused(409, "waiting_room.drawing");
        assert_eq!(waiting[0].standing(&t, &event).await["state"], "drawing");
        put(&t.organiser, &path, &json!({"value": "xy"})).await.refused(422, "invalid");
        put(&t.organiser, &path, &value).await.expect(200);
        put(&t.organiser, &path, &json!({"value": "00"})).await.refused(409, "waiting_room.state");
        step(&t).await;
        step(&t).await;
        verify(&t, &event, &waiting).await;
        t.stop().await;
    }

    /// covers: WEB-4
    async fn nobody_comes_between_the_close_and_the_draw(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({})).await;
        let path = visitors(&event, "/places");
        let coming = async {
            let all = (0..200).map(|_| t.stranger.post(&path, json!({})));
            futures_util::future::join_all(all).await
        };
        let drawing = async {
            t.organiser.post(&organisers(&event, "/draw"), json!({})).await.expect(200);
            for _ in 0..20 {
                step(&t).await;
            }
        };
        let (came, ()) = futures_util::future::join(coming, drawing).await;
        let mut drawn = Vec::new();
        let mut late = Vec::new();
        for answer in came {
            if answer.status == 409 {
                answer.refused(409, "waiting_room.drawing");
                continue;
            }
            let place = answer.expect(201);
            let waiter = Waiter {
                id: place["id"].as_str().unwrap().to_owned(),
                token: place["token"].as_str().unwrap().to_owned(),
            };
            if place["standing"]["number"].is_null() {
                drawn.push(waiter);
            } else {
                late.push(place["standing"]["number"].as_u64().unwrap());
            }
        }
        t.clock.advance(std::time::Duration::from_secs(2));
        verify(&t, &event, &drawn).await;
        late.sort_unstable();
        let first = drawn.len() as u64 + 1;
        assert_eq!(late, (first..first + late.len() as u64).collect::<Vec<_>>());
        t.stop().await;
    }
}
