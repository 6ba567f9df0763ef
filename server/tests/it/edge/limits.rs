//! How often somebody may ask.

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};
use serde_json::json;

use super::{believe_us, get_from};
use crate::app::TestApp;

on_both_engines! {
    /// covers: GW-2, BE-6
    async fn each_address_has_its_own_quota_and_is_told(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            believe_us(config);
            config.limits.browse.address = "3/60".parse().ok();
        }).await;
        for left in [2, 1, 0] {
            let answer = get_from(&t.stranger, "203.0.113.1", "/robots.txt").await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers["ratelimit-policy"], "\"address\";q=3;w=60");
            assert!(answer.headers["ratelimit"].to_str().unwrap().starts_with(&format!("\"address\";r={left};")));
        }
        let refused = get_from(&t.stranger, "203.0.113.1", "/api/v1/shop/events/evt_x").await;
        refused.refused(429, "edge.limited");
        let wait: u32 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
        // Another address, another kind of request, and one /64 as one.
        assert_eq!(get_from(&t.stranger, "203.0.113.2", "/robots.txt").await.status, 200);
        assert_eq!(get_from(&t.stranger, "203.0.113.1", "/api/v1/me/profile").await.status, 401);
        for last in 1..=4 {
            let answer = get_from(&t.stranger, &format!("2001:db8::{last}"), "/robots.txt").await;
            assert_eq!(answer.status, if last <= 3 { 200 } else { 429 });
        }
        // Signs of life are never counted.
        for _ in 0..5 {
            let alive = get_from(&t.stranger, "203.0.113.1", "/livez").await;
            assert!(alive.status == 204 && !alive.headers.contains_key("ratelimit"));
        }
        t.stop().await;
    }

    /// covers: GW-2
    async fn keys_people_and_organisations_have_theirs_wherever_they_come_from(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            believe_us(config);
            config.limits.api.key = "4/60".parse().ok();
            config.limits.api.user = "3/60".parse().ok();
            config.limits.api.organisation = "6/60".parse().ok();
        }).await;
        let path = "/api/v1/events";
        for turn in 0..5 {
            let answer = get_from(&t.organiser, &format!("203.0.113.{turn}"), path).await;
            assert_eq!(answer.status, if turn < 4 { 200 } else { 429 }, "{}", answer.text);
        }
        let other = t.other_organiser().await;
        let answer = get_from(&other, "203.0.113.1", path).await;
        assert_eq!(answer.status, 200, "another organisation's key");
        let policy = answer.headers["ratelimit-policy"].to_str().unwrap();
        assert_eq!(policy, "\"address\";q=6000;w=60, \"key\";q=4;w=60, \"organisation\";q=6;w=60");
        // A member shares what is left of the organisation's: two of three.
        let member = t.member(Role::Owner).await;
        for turn in 0..3 {
            let answer = get_from(&member, "203.0.113.9", path).await;
            assert_eq!(answer.status, if turn < 2 { 200 } else { 429 }, "{turn}: {}", answer.text);
        }
        // The platform gives one organisation more.
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        let quotas = json!({organisation.id.to_string(): "1000/60"});
        bilten_server::platform::set_setting(&t.app, "limits.organisations", Some(quotas), 0, "tests", "more").await.unwrap();
        t.clock.advance(std::time::Duration::from_secs(60));
        let answer = get_from(&t.organiser, "203.0.113.1", path).await;
        let policy = answer.headers["ratelimit-policy"].to_str().unwrap();
        assert!(policy.ends_with("\"organisation\";q=1000;w=60"), "{policy}");
        for wrong in [json!({"org_x": "0/60"}), json!({"x": "1/60"}), json!("1/60")] {
            let set = bilten_server::platform::set_setting(&t.app, "limits.organisations", Some(wrong), 1, "tests", "more").await;
            assert_eq!(set.unwrap_err().code(), "invalid");
        }
        t.stop().await;
    }

    /// A gate and a box office behind one address do not meet a limit by accident.
    ///
    /// covers: GW-2, SCAN-1
    async fn usual_limits_leave_gates_and_box_offices_alone(db: TestDb) {
        let t = TestApp::start_with(db, believe_us).await;
        let event = t.event(&[("Standing", 0, 1_000)]).await;
        for turn in 0..300 {
            let path = format!("/api/v1/shop/events/{}", event.id);
            assert_eq!(get_from(&t.stranger, "203.0.113.1", &path).await.status, 200, "{turn}");
        }
        t.stop().await;
    }
}
