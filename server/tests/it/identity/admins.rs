//! Administrators of the platform, and what they do as others.

use std::time::Duration;

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, Role, UserId};
use serde_json::json;

use crate::app::{Client, TestApp};

/// An administrator who showed a second factor.
pub(crate) async fn admin(t: &TestApp) -> (UserId, Client) {
    let user = t.person("admin").await;
    assert!(identity::grant_admin(&t.app, user, "tests").await.unwrap());
    (user, t.signed_in(user, true).await)
}

const WHY: &str = "Ticket 17: the order page stays empty";

on_both_engines! {
    /// covers: ADM-2
    async fn administrators_are_apart_from_tenants(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let owner = t.member(Role::Owner).await;
        owner.get("/api/v1/platform/organisations").await.refused(404, "not_found");
        t.organiser.get("/api/v1/platform/organisations").await.refused(403, "identity.person_required");
        t.signed_in(admin_id, false).await.get("/api/v1/platform/organisations").await.refused(403, "identity.mfa_required");
        admin.get("/api/v1/events").await.refused(400, "identity.organisation_required");

        let all = admin.get("/api/v1/platform/organisations").await.expect(200);
        assert_eq!((all["items"][0]["slug"].as_str(), all["items"][0]["members"].as_i64()), (Some("kino-siska"), Some(1)));
        let id = all["items"][0]["id"].as_str().unwrap();
        admin.get(&format!("/api/v1/platform/organisations/{id}")).await.expect(200);

        let second = t.person("second").await;
        admin.post("/api/v1/platform/admins", json!({"user": second})).await.expect(204);
        let others = t.signed_in(second, true).await;
        assert_eq!(others.get("/api/v1/platform/admins").await.expect(200)["items"].as_array().unwrap().len(), 2);
        others.delete(&format!("/api/v1/platform/admins/{admin_id}")).await.expect(204);
        admin.get("/api/v1/platform/admins").await.refused(404, "not_found");
        let nobody = json!({"user": "usr_00000000000000000000000001"});
        others.post("/api/v1/platform/admins", nobody).await.refused(404, "identity.not_found");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        others.delete(&format!("/api/v1/platform/admins/{second}")).await.refused(403, "identity.reauthentication_required");
        t.stop().await;
    }

    /// covers: ADM-8
    async fn somebody_is_locked_out_and_let_in_again(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let bor = t.person("bor").await;
        let his = t.signed_in(bor, false).await;
        let address = identity::user(&t.app, bor).await.unwrap().profile.unwrap().email;
        let found = admin.get(&format!("/api/v1/platform/users?email={address}")).await.expect(200);
        assert_eq!(found["items"][0]["id"], bor.to_string());
        for nobody in ["nobody@example.com", "nonsense"] {
            let found = admin.get(&format!("/api/v1/platform/users?email={nobody}")).await.expect(200);
            assert_eq!(found["items"], json!([]));
        }
        let path = format!("/api/v1/platform/users/{bor}");
        admin.post(&format!("{path}/deactivate"), json!({"reason": "short"})).await.refused(422, "invalid");
        his.get("/api/v1/organisations").await.expect(200);
        let locked = admin.post(&format!("{path}/deactivate"), json!({"reason": WHY})).await.expect(200);
        assert_eq!(locked["state"], "deactivated");
        his.get("/api/v1/organisations").await.refused(401, "identity.token_unknown");
        let back = admin.post(&format!("{path}/reactivate"), json!({"reason": WHY})).await.expect(200);
        assert_eq!(back["state"], "active");
        his.get("/api/v1/organisations").await.refused(401, "identity.token_unknown");
        t.signed_in(bor, false).await.get("/api/v1/organisations").await.expect(200);
        let own = format!("/api/v1/platform/users/{admin_id}/deactivate");
        admin.post(&own, json!({"reason": WHY})).await.refused(409, "identity.admin_protected");
        let nobody = "/api/v1/platform/users/usr_00000000000000000000000001";
        admin.get(nobody).await.refused(404, "identity.not_found");
        admin.post(&format!("{nobody}/deactivate"), json!({"reason": WHY})).await.refused(404, "identity.not_found");
        t.stop().await;
    }

    /// covers: ADM-2, ADM-8, BE-8
    async fn an_administrator_copies_and_erases_for_whoever_asks(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let bor = t.person("bor").await;
        let address = identity::user(&t.app, bor).await.unwrap().profile.unwrap().email.to_string();
        let path = |user: UserId, what: &str| format!("/api/v1/platform/users/{user}/{what}");
        let why = json!({"reason": WHY});
        let nobody: UserId = "usr_00000000000000000000000001".parse().unwrap();
        for what in ["export", "erase"] {
            admin.post(&path(bor, what), json!({"reason": "short"})).await.refused(422, "invalid");
            admin.post(&path(nobody, what), why.clone()).await.refused(404, "identity.not_found");
        }
        let copy = admin.post(&path(bor, "export"), why.clone()).await;
        assert_eq!((copy.status, copy.headers["content-type"].to_str().unwrap()), (200, "application/zip"));
        assert!(copy.text.starts_with("PK") && copy.text.contains("profile.json"));
        // Who is locked out is forgotten as well.
        admin.post(&path(bor, "deactivate"), why.clone()).await.expect(200);
        admin.post(&path(bor, "erase"), why.clone()).await.expect(204);
        assert_eq!(t.mail_to(&address).await.subject, "Your account was erased");
        let left = admin.get(&format!("/api/v1/platform/users/{bor}")).await.expect(200);
        assert!(left["state"] == "erased" && left["email"].is_null(), "{left}");
        for what in ["export", "erase"] {
            admin.post(&path(bor, what), why.clone()).await.refused(404, "identity.not_found");
        }
        let log = admin.get("/api/v1/platform/audit?action=person.").await.expect(200);
        for (entry, action) in [(0_usize, "person.erased"), (1, "person.exported")] {
            let entry = &log["items"][entry];
            assert_eq!((&entry["action"], &entry["subject"]), (&json!(action), &json!(bor)), "{log}");
            assert_eq!((&entry["actor"], &entry["detail"]["reason"]), (&json!(admin_id), &json!(WHY)), "{log}");
        }

        admin.post(&path(admin_id, "erase"), why.clone()).await.refused(409, "identity.admin_protected");
        let owner = t.person("owner").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        identity::add_member(&t.app, organisation, owner, Some(Role::Owner)).await.unwrap();
        admin.post(&path(owner, "erase"), why.clone()).await.refused(409, "identity.only_owner");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        for what in ["export", "erase"] {
            admin.post(&path(owner, what), why.clone()).await.refused(403, "identity.reauthentication_required");
        }
        t.stop().await;
    }

    /// covers: ADM-8, AUTH-3, AUTH-4, BE-8
    async fn whoever_lost_their_second_factors_is_freed_of_them(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let bor = t.person("bor").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        identity::add_member(&t.app, organisation, bor, Some(Role::Viewer)).await.unwrap();
        let his = t.signed_in(bor, true).await;
        let address = identity::user(&t.app, bor).await.unwrap().profile.unwrap().email.to_string();
        let path = |user: UserId| format!("/api/v1/platform/users/{user}/second-factors/reset");
        let why = json!({"reason": WHY});
        // There is nothing to take yet.
        admin.post(&path(bor), why.clone()).await.refused(404, "identity.not_found");
        for (user, secret) in [(bor, [7_u8; 32]), (admin_id, [8; 32])] {
            let factor = identity::FactorId::new(&*t.app.clock, &*t.app.random);
            let passkey = identity::PasskeyId::new(&*t.app.clock, &*t.app.random);
            let kept = t.app.db.write(move |c| {
                Box::pin(async move {
                    let statement = sql!(
                        "INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at, confirmed_at)
                         VALUES ($1, $2, 'totp', $3, 0, 0, 0)"
                    );
                    c.exec(statement, vals![factor, user, secret]).await?;
                    let statement = sql!(
                        "INSERT INTO passkeys (id, user_id, credential_id, sealed_credential, name, created_at)
                         VALUES ($1, $2, $3, $3, 'Phone', 0)"
                    );
                    c.exec(statement, vals![passkey, user, secret]).await?;
                    let statement = sql!("INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, 0)");
                    c.exec(statement, vals![user, secret]).await?;
                    // What they belong to asks for one: whoever lost theirs is freed all the same.
                    let statement = sql!("UPDATE organisations SET requires_mfa = TRUE WHERE id = $1");
                    c.exec(statement, vals![organisation]).await
                })
            });
            kept.await.unwrap();
        }
        admin.post(&path(bor), json!({"reason": "short"})).await.refused(422, "invalid");
        let nobody: UserId = "usr_00000000000000000000000001".parse().unwrap();
        admin.post(&path(nobody), why.clone()).await.refused(404, "identity.not_found");
        admin.post(&path(admin_id), why.clone()).await.refused(409, "identity.admin_protected");
        his.post(&path(bor), why.clone()).await.refused(404, "not_found");
        his.get("/api/v1/me/profile").await.expect(200);

        admin.post(&path(bor), why.clone()).await.expect(204);
        let told = t.mail_to(&address).await;
        assert_eq!(told.subject, "How you sign in was changed");
        assert!(told.text.contains("signed out everywhere"), "{}", told.text);
        his.get("/api/v1/me/profile").await.refused(401, "identity.token_unknown");
        let left = identity::factors(&t.app, bor).await.unwrap();
        assert!(left.factors.is_empty() && left.passkeys.is_empty() && left.recovery_codes == 0, "{left:?}");
        assert!(left.is_required);
        assert_eq!(identity::factors(&t.app, admin_id).await.unwrap().passkeys.len(), 1);
        let log = admin.get("/api/v1/platform/audit?action=users.factors_reset").await.expect(200);
        let entry = &log["items"][0];
        assert_eq!((&entry["subject"], &entry["actor"]), (&json!(bor), &json!(admin_id)), "{log}");
        assert_eq!((&entry["detail"]["reason"], &entry["detail"]["sessions_ended"]), (&json!(WHY), &json!(1)), "{log}");
        t.clock.advance(Duration::from_millis(identity::RECENT_MS.unsigned_abs()));
        admin.post(&path(bor), why).await.refused(403, "identity.reauthentication_required");
        t.stop().await;
    }

    /// covers: ADM-8, AUTH-9
    async fn an_administrator_acts_as_somebody_for_a_reason_and_a_while(db: TestDb) {
        let t = TestApp::start(db).await;
        let (admin_id, admin) = admin(&t).await;
        let bor = t.person("bor").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        identity::add_member(&t.app, organisation, bor, Some(Role::Owner)).await.unwrap();
        let wish = |user: UserId, reason: &str, minutes: u32| json!({"user": user, "reason": reason, "minutes": minutes});
        let path = "/api/v1/platform/impersonations";
        for wrong in [wish(bor, "too short", 5), wish(bor, WHY, 0), wish(bor, WHY, 61)] {
            admin.post(path, wrong).await.refused(422, "invalid");
        }
        let second = t.person("second").await;
        identity::grant_admin(&t.app, second, "tests").await.unwrap();
        for never in [admin_id, second, "usr_00000000000000000000000001".parse().unwrap()] {
            admin.post(path, wish(never, WHY, 5)).await.refused(409, "identity.not_impersonable");
        }
        let begun = admin.post(path, wish(bor, WHY, 30)).await.expect(201);
        let acting = t.stranger.with_token(begun["token"].as_str().unwrap());
        acting.get("/api/v1/members").await.expect(200);
        acting.patch("/api/v1/organisation", json!({"name": "Kino"})).await.expect(200);
        for (path, body) in [
            ("/api/v1/keys", json!({"name": "x", "scopes": ["events.read"]})),
            ("/api/v1/invitations", json!({"email": "x@example.com", "role": "owner"})),
        ] {
            acting.post(path, body).await.refused(403, "identity.impersonated");
        }
        acting.patch("/api/v1/organisation", json!({"requires_mfa": true})).await.refused(403, "identity.impersonated");
        acting.get(path).await.refused(404, "not_found");

        let trail = acting.get("/api/v1/audit").await;
        assert!(trail.text.contains(&format!("{admin_id} as {bor}")), "{}", trail.text);
        let log = admin.get("/api/v1/platform/audit").await;
        assert!(log.text.contains("impersonations.begun"), "{}", log.text);
        let address = identity::user(&t.app, bor).await.unwrap().profile.unwrap().email.to_string();
        let told = t.mail_to(&address).await;
        assert!(told.text.contains("Ticket 17"), "{}", told.text);
        let id = begun["id"].as_str().unwrap();
        admin.delete(&format!("{path}/{id}")).await.expect(204);
        acting.get("/api/v1/members").await.refused(401, "identity.token_unknown");
        let second = admin.post(path, wish(bor, WHY, 30)).await.expect(201);
        let acting = t.stranger.with_token(second["token"].as_str().unwrap());
        t.clock.advance(Duration::from_secs(29 * 60));
        acting.get("/api/v1/members").await.expect(200);
        t.clock.advance(Duration::from_secs(60));
        acting.get("/api/v1/members").await.refused(401, "identity.token_unknown");
        let listed = admin.get(path).await.expect(200);
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["reason"]), (2, &json!(WHY)));

        // Whoever is no administrator any more acts as nobody.
        let admin = t.signed_in(admin_id, true).await;
        let third = admin.post(path, wish(bor, WHY, 30)).await.expect(201);
        let acting = t.stranger.with_token(third["token"].as_str().unwrap());
        acting.get("/api/v1/members").await.expect(200);
        identity::revoke_admin(&t.app, admin_id, "tests").await.unwrap();
        acting.get("/api/v1/members").await.refused(401, "identity.token_unknown");
        t.stop().await;
    }
}
