//! Accounts with unusual sign-ins, as administrators of the platform see them.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity;
use serde_json::json;

use super::admins::admin;
use super::mail::settled;
use super::people::{OTHER_PASSWORD, Phone, person};
use crate::app::TestApp;

/// Tries wrong passwords until somebody must notice.
async fn attack(t: &TestApp, stranger: &Phone, email: &str) {
    let mut failed = 0;
    while failed < 10 {
        if stranger.try_password(email, OTHER_PASSWORD).await.status == 401 {
            failed += 1;
        } else {
            t.clock.advance(Duration::from_secs(8));
        }
    }
}

on_both_engines! {
    /// covers: ADM-2, AUTH-8
    async fn administrators_are_told_of_unusual_sign_ins_and_not_flooded(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let address = identity::user(&t.app, admin_id).await.unwrap().profile.unwrap().email.to_string();
        let ana = person(&t, "ana@example.com").await;
        let path = "/api/v1/platform/flagged-accounts";
        Phone::new(&t, "Bilten/1.0").sign_in("ana@example.com").await;
        assert_eq!(admin.get(path).await.expect(200)["items"], json!([]));

        let stranger = Phone::new(&t, "curl/8");
        attack(&t, &stranger, "ana@example.com").await;
        let told = t.mail_to(&address).await;
        assert_eq!(told.subject, "An unusual sign-in to an account");
        assert!(told.text.contains(&ana.to_string()) && told.text.contains("were not let in"), "{}", told.text);
        assert!(!told.text.contains("ana@"), "{}", told.text);
        let list = admin.get(path).await.expect(200);
        let flagged = &list["items"][0];
        assert_eq!((&flagged["user_id"], &flagged["state"]), (&json!(ana), &json!("active")));
        assert_eq!((&flagged["times"], &flagged["was_let_in"]), (&json!(1), &json!(false)));

        // Within the hour the list tells of more, and no mail does.
        t.clock.advance(Duration::from_secs(60));
        stranger.sign_in("ana@example.com").await;
        let list = admin.get(path).await.expect(200);
        let flagged = &list["items"][0];
        assert_eq!((&flagged["times"], &flagged["was_let_in"]), (&json!(2), &json!(true)));
        settled(&t).await;
        assert_eq!(t.mails_waiting(&address), 0);
        t.clock.advance(Duration::from_secs(3_600));
        attack(&t, &stranger, "ana@example.com").await;
        t.mail_to(&address).await;

        // Who has looked into it takes it from the list.
        let one = format!("{path}/{ana}");
        for _ in 0..2 {
            admin.delete(&one).await.expect(204);
        }
        assert_eq!(admin.get(path).await.expect(200)["items"], json!([]));
        let nobody = format!("{path}/usr_00000000000000000000000001");
        admin.delete(&nobody).await.refused(404, "identity.not_found");
        let log = admin.get("/api/v1/platform/audit?action=users.unflagged").await.expect(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 1);
        t.stop().await;
    }
}
