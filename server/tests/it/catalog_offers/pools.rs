//! Stock that several tiers share.

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use super::{faults, invalid, path};
use crate::app::TestApp;

on_both_engines! {
    /// covers: ORG-3, BE-2
    async fn pools_are_shared_and_never_fall_below_what_is_sold(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Front", 0, 10), ("Back", 0, 10)]).await;
        let pools = path(&event, "pools");
        for (input, field) in [
            (json!({"name": "", "capacity": 5}), "name"),
            (json!({"name": "Hall", "capacity": -1}), "capacity"),
            (json!({"name": "Hall", "capacity": 10_000_001}), "capacity"),
        ] {
            let problem = t.organiser.post(&pools, input).await.refused(422, "invalid");
            assert_eq!(faults(&problem)[0].0, field);
        }
        let pool = t.organiser.post(&pools, json!({"name": "Hall", "capacity": 5})).await.expect(201);
        let pool_path = format!("{pools}/{}", pool["id"].as_str().unwrap());
        let version = || async { t.organiser.get(&format!("/api/v1/events/{}", event.id)).await.expect(200)["version"].clone() };
        for tier in &event.tiers {
            let tier = path(&event, &format!("tiers/{tier}"));
            t.organiser.patch(&tier, json!({"version": version().await, "pool_id": pool["id"]})).await.expect(200);
        }
        let listed = t.organiser.get(&pools).await.expect(200);
        assert_eq!(listed["items"][0]["name"], "Hall");
        t.organiser.delete(&pool_path).await.refused(409, "catalog.pool_in_use");

        t.stranger.buy(&event, 0, 2, "succeed", "a").await.expect(201);
        t.stranger.buy(&event, 1, 2, "succeed", "b").await.expect(201);
        t.stranger.buy(&event, 1, 2, "succeed", "c").await.refused(409, "sales.sold_out");
        t.organiser.patch(&pool_path, json!({"version": version().await, "capacity": 3})).await
            .refused(409, "catalog.capacity_below_sold");
        t.organiser.patch(&pool_path, json!({"capacity": 4})).await.refused(422, "invalid");
        t.organiser.patch(&pool_path, json!({"version": 2, "capacity": 4})).await.refused(409, "catalog.version_conflict");
        let stale = t.organiser.request(Method::PATCH, &pool_path).header("if-match", "\"2\"").json(&json!({"capacity": 4}));
        t.organiser.send(stale).await.refused(412, "precondition_failed");
        let changed = t.organiser.patch(&pool_path, json!({"version": version().await, "capacity": 6, "name": "Big hall"})).await.expect(200);
        assert_eq!((changed["capacity"].as_i64(), changed["name"].as_str()), (Some(6), Some("Big hall")));
        t.stranger.buy(&event, 1, 2, "succeed", "d").await.expect(201);

        // What is sold stays counted where it was.
        let tier = path(&event, &format!("tiers/{}", event.tiers[0]));
        for change in [json!({"pool_id": null}), json!({"per_date": true, "pool_id": null})] {
            let mut change = change;
            change["version"] = version().await;
            t.organiser.patch(&tier, change).await.refused(409, "catalog.tier_sold");
        }
        let other = t.other_organiser().await;
        for answer in [other.get(&pools).await, other.delete(&pool_path).await,
            other.patch(&pool_path, json!({"version": 1, "capacity": 1})).await] {
            assert_eq!(answer.status, 404, "{}", answer.text);
        }
        t.stop().await;
    }

    /// covers: ORG-3
    async fn a_pool_and_its_tiers_are_counted_alike(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Front", 0, 10)]).await;
        let pool = t.organiser.post(&path(&event, "pools"), json!({"name": "Day", "capacity": 5, "per_date": true})).await.expect(201);
        let tier = |per_date: bool, id: &Value| json!({"name": "T", "price_minor": 1, "capacity": 1, "per_date": per_date, "pool_id": id});
        let tiers = path(&event, "tiers");
        invalid(&t.organiser.post(&tiers, tier(false, &pool["id"])).await, "pool_id", "pool_per_date");
        invalid(&t.organiser.post(&tiers, tier(true, &json!("pol_01kdvm6x00fazbzzr4pc4snbka"))).await, "pool_id", "unknown");
        t.organiser.post(&tiers, tier(true, &pool["id"])).await.expect(201);
        let free = t.organiser.post(&path(&event, "pools"), json!({"name": "Spare", "capacity": 5})).await.expect(201);
        let spare = path(&event, &format!("pools/{}", free["id"].as_str().unwrap()));
        t.organiser.delete(&spare).await.expect(204);
        t.organiser.delete(&spare).await.refused(404, "catalog.not_found");
        t.stop().await;
    }
}
