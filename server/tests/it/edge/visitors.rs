//! Who is let in.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use serde_json::json;

use super::{believe_us, get_from};
use crate::app::TestApp;
use crate::identity::admins::admin;

/// Asks until an answer has this status.
async fn until(t: &TestApp, address: &str, status: u16) -> crate::app::Answer {
    for _ in 0..100 {
        let answer = get_from(&t.stranger, address, "/robots.txt").await;
        if answer.status == status {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{address} was not answered {status}");
}

on_both_engines! {
    /// covers: GW-2, GW-9
    async fn who_gets_nothing_but_refusals_is_shut_out_and_let_in_again(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            believe_us(config);
            config.visitors.refusals = "5/60".parse().ok();
            config.visitors.block_s = 3_600;
        }).await;
        let (_, admin) = admin(&t).await;
        for _ in 0..6 {
            get_from(&t.stranger, "203.0.113.1", "/wp-login.php").await.refused(404, "not_found");
        }
        let refused = get_from(&t.stranger, "203.0.113.1", "/robots.txt").await;
        refused.refused(403, "edge.blocked");
        assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 3_000);
        assert_eq!(get_from(&t.stranger, "203.0.113.2", "/robots.txt").await.status, 200);

        let list = loop {
            let list = get_from(&admin, "203.0.113.9", "/api/v1/platform/blocks").await.expect(200);
            if list["items"] != json!([]) {
                break list;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let block = &list["items"][0];
        assert_eq!(block["address"], "203.0.113.1");
        let id = block["id"].as_str().unwrap();
        let audit = get_from(&admin, "203.0.113.9", "/api/v1/platform/audit?action=edge.").await.expect(200);
        assert_eq!((&audit["items"][0]["action"], &audit["items"][0]["subject"]), (&json!("edge.address_blocked"), &json!(id)));
        assert!(!audit.to_string().contains("203.0.113.1"), "the log cannot forget an address");

        let path = format!("/api/v1/platform/blocks/{id}");
        t.organiser.delete(&path).await.refused(403, "identity.person_required");
        let lift = admin.request(reqwest::Method::DELETE, &path).header("x-forwarded-for", "203.0.113.9");
        admin.send(lift).await.expect(204);
        until(&t, "203.0.113.1", 200).await;
        let again = admin.request(reqwest::Method::DELETE, &path).header("x-forwarded-for", "203.0.113.9");
        admin.send(again).await.refused(404, "platform.block_unknown");
        t.stop().await;
    }

    /// covers: GW-2
    async fn networks_on_the_lists_are_let_in_or_not(db: TestDb) {
        let t = TestApp::start_with(db, |config| {
            believe_us(config);
            config.visitors.never = vec!["198.51.100.0/24".parse().unwrap()];
            config.visitors.always = vec!["203.0.113.7".parse().unwrap()];
            config.limits.browse.address = "1/60".parse().ok();
        }).await;
        get_from(&t.stranger, "198.51.100.9", "/livez").await.refused(403, "edge.denied");
        for _ in 0..5 {
            let answer = get_from(&t.stranger, "203.0.113.7", "/robots.txt").await;
            assert!(answer.status == 200 && !answer.headers.contains_key("ratelimit"));
        }
        t.stop().await;
    }
}
