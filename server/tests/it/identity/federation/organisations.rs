//! Organisations and their own identity providers: whom they may sign in, and as what.

use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::identity::{self, FactorId, OrganisationId, Role};
use serde_json::{Value, json};

use super::browser::{Browser, lands_at, location};
use super::provider::Provider;
use super::{account, change, oidc};
use crate::app::TestApp;

async fn kino(t: &TestApp) -> OrganisationId {
    identity::organisation_by_slug(&t.app, "kino-siska")
        .await
        .unwrap()
        .id
}

/// Connects the tests' organisation, for kino.example, with rules.
async fn connect(t: &TestApp, provider: &Provider, mapping: Value) {
    let mut input = oidc("kino-siska", provider);
    input["domains"] = json!(["kino.example"]);
    input["role_mapping"] = mapping;
    let input = serde_json::from_value(input).unwrap();
    let organisation = Some(kino(t).await);
    identity::save_sso_connection(&t.app, organisation, None, input, "tests")
        .await
        .unwrap();
}

async fn role(t: &TestApp, email: &str) -> Option<(Option<Role>, i64)> {
    let user = identity::user_by_email(&t.app, &email.parse().unwrap())
        .await
        .unwrap()?;
    let statement = sql!(
        "SELECT role, (SELECT COUNT(*) FROM member_events e WHERE e.member_id = m.id) AS events
         FROM members m WHERE user_id = $1 AND removed_at IS NULL"
    );
    t.app.db.opt(statement, vals![user.id]).await.unwrap()
}

on_both_engines! {
    /// covers: AUTH-5
    async fn an_organisation_signs_in_people_of_its_domains_only(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, &provider, json!({"default_role": "viewer"})).await;
        account(&t, "owner@elsewhere.example", true).await;
        let sign_in = async |sub: &str, email: &str| {
            let who = json!({"sub": sub, "email": email, "email_verified": true});
            Browser::new(&t).sign_in("kino-siska", &provider, &who).await
        };
        // A claim alone is worth nothing, and shows no button.
        sign_in("1", "ana@kino.example").await.refused(403, "sso.domain_unclaimed");
        let buttons = async |email: &str| {
            let path = format!("/api/v1/sso/providers?email={email}");
            t.stranger.get(&path).await.expect(200)["providers"].as_array().unwrap().len()
        };
        assert_eq!(buttons("ana@kino.example").await, 0);
        let organisation = kino(&t).await;
        identity::confirm_sso_domain(&t.app, organisation, "kino.example", "tests").await.unwrap();
        assert!(identity::confirm_sso_domain(&t.app, organisation, "other.example", "tests").await.is_err());
        assert_eq!((buttons("ANA@kino.example").await, buttons("ana@evil.example").await), (1, 0));

        lands_at(&sign_in("1", "ana@kino.example").await, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Viewer), 0)));
        // Whatever it says of other domains, it opens nobody's account there, and makes none.
        for email in ["owner@elsewhere.example", "new@elsewhere.example", "x@sub.kino.example", "x@kino.example.evil.example"] {
            sign_in("2", email).await.refused(403, "sso.domain_unclaimed");
        }
        // Nor does it name somebody anew who was linked.
        sign_in("1", "ana@elsewhere.example").await.refused(403, "sso.domain_unclaimed");
        let users = sql!("SELECT COUNT(*) FROM users");
        assert_eq!(t.app.db.scalar::<i64>(users, vals![]).await.unwrap(), 2);

        // An account of the domain is linked if its address is verified.
        account(&t, "eva@kino.example", true).await;
        account(&t, "new@kino.example", false).await;
        lands_at(&sign_in("3", "eva@kino.example").await, "/account");
        sign_in("4", "new@kino.example").await.refused(409, "sso.email_in_use");

        // A provider that serves others too may say that an address was never seen to be theirs.
        account(&t, "tea@kino.example", true).await;
        let who = json!({"sub": "6", "email": "tea@kino.example", "email_verified": false});
        Browser::new(&t).sign_in("kino-siska", &provider, &who).await.refused(409, "sso.email_in_use");

        // Somebody new shows it by a link, and is then what the rules say.
        let who = json!({"sub": "7", "email": "iva@kino.example", "email_verified": false});
        let mut ivas = Browser::new(&t);
        lands_at(&ivas.sign_in("kino-siska", &provider, &who).await, "/check-mail?for=provider");
        let link = t.mail_to("iva@kino.example").await.link();
        lands_at(&ivas.get(&link).await, "/account");
        assert_eq!(role(&t, "iva@kino.example").await, Some((Some(Role::Viewer), 0)));

        // A domain belongs to one organisation.
        let rival = identity::create_organisation(&t.app, "Rival").await.unwrap();
        let mut input = oidc("rival", &provider);
        input["domains"] = json!(["kino.example"]);
        let input = serde_json::from_value(input).unwrap();
        identity::save_sso_connection(&t.app, Some(rival.id), None, input, "tests").await.unwrap();
        let taken = identity::confirm_sso_domain(&t.app, rival.id, "kino.example", "tests").await;
        assert!(matches!(taken, Err(identity::FederationError::DomainTaken)));
        let who = json!({"sub": "5", "email": "tea@kino.example", "email_verified": true});
        Browser::new(&t).sign_in("rival", &provider, &who).await.refused(403, "sso.domain_unclaimed");
        t.stop().await;
    }

    /// covers: AUTH-5
    async fn attributes_make_and_unmake_members(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        let event = t.event(&[("Parter", 1000, 10)]).await;
        let mapping = json!({"rules": [
            {"attribute": "groups", "value": "heads", "role": "manager"},
            {"attribute": "groups", "value": "door", "role": "door_staff", "event": event.id},
        ]});
        connect(&t, &provider, mapping).await;
        let organisation = kino(&t).await;
        identity::confirm_sso_domain(&t.app, organisation, "kino.example", "tests").await.unwrap();
        provider.says(json!({"sub": "1"}));
        let sign_in = async |groups: Value| {
            let who = json!({"sub": "1", "email": "ana@kino.example", "groups": groups});
            let mut browser = Browser::new(&t);
            let answer = browser.sign_in("kino-siska", &provider, &who).await;
            (browser, answer)
        };
        // Who has no role gets no account either.
        sign_in(json!(["others"])).await.1.refused(403, "sso.no_role");
        assert_eq!(role(&t, "ana@kino.example").await, None);
        let (mut anas, answer) = sign_in(json!(["heads", "door"])).await;
        lands_at(&answer, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Manager), 1)));
        assert_eq!(anas.get("/api/v1/events").await.status, 200);
        lands_at(&sign_in(json!("door")).await.1, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((None, 1)));
        // Whoever lost all roles is out, also where they are signed in already, and of the tills.
        let statement = sql!("INSERT INTO staff_pins (member_id, pin_hash, created_at)
            SELECT id, 'x', 0 FROM members WHERE removed_at IS NULL");
        change(&t, statement, vals![]).await;
        sign_in(json!([])).await.1.refused(403, "sso.no_role");
        assert_eq!(role(&t, "ana@kino.example").await, None);
        let pins = sql!("SELECT COUNT(*) FROM staff_pins");
        assert_eq!(t.app.db.scalar::<i64>(pins, vals![]).await.unwrap(), 0);
        assert_eq!(anas.get("/api/v1/events").await.status, 400, "she belongs to no organisation");
        lands_at(&sign_in(json!(["heads"])).await.1, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Manager), 0)));
        // What changes is in the log: also a role for one event, and nothing that stayed as it was.
        let changes = async || {
            let count = sql!("SELECT COUNT(*) FROM audit_log WHERE action = 'identity.sso_roles_changed'");
            t.app.db.scalar::<i64>(count, vals![]).await.unwrap()
        };
        assert_eq!(changes().await, 4);
        lands_at(&sign_in(json!(["heads"])).await.1, "/account");
        assert_eq!(changes().await, 4);
        lands_at(&sign_in(json!(["heads", "door"])).await.1, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Manager), 1)));
        lands_at(&sign_in(json!(["heads"])).await.1, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Manager), 0)));
        assert_eq!(changes().await, 6);
        // An owner is one by an owner's word, and stays one.
        let statement = sql!("UPDATE members SET role = 'owner' WHERE removed_at IS NULL");
        change(&t, statement, vals![]).await;
        lands_at(&sign_in(json!("door")).await.1, "/account");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Owner), 0)));
        sign_in(json!([])).await.1.refused(403, "sso.no_role");
        assert_eq!(role(&t, "ana@kino.example").await, Some((Some(Role::Owner), 0)));
        t.stop().await;
    }

    /// covers: AUTH-3, AUTH-5
    async fn a_second_factor_there_counts_here(db: TestDb) {
        let t = TestApp::start(db).await;
        let provider = Provider::start().await;
        connect(&t, &provider, json!({"default_role": "viewer"})).await;
        let organisation = kino(&t).await;
        identity::confirm_sso_domain(&t.app, organisation, "kino.example", "tests").await.unwrap();
        let statement = sql!("UPDATE organisations SET requires_mfa = TRUE WHERE slug = 'kino-siska'");
        change(&t, statement, vals![]).await;
        let mut who = json!({"sub": "1", "email": "ana@kino.example", "amr": ["pwd"]});
        let mut browser = Browser::new(&t);
        lands_at(&browser.sign_in("kino-siska", &provider, &who).await, "/account");
        browser.get("/api/v1/events").await.refused(403, "identity.mfa_required");
        who["amr"] = json!(["pwd", "otp", "mfa"]);
        lands_at(&browser.sign_in("kino-siska", &provider, &who).await, "/account");
        browser.get("/api/v1/events").await.expect(200);
        // Whoever set one up here shows it: an organisation's word does not stand in for it.
        let user = identity::user_by_email(&t.app, &"ana@kino.example".parse().unwrap())
            .await.unwrap().unwrap().id;
        let statement = sql!("INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at, confirmed_at)
            VALUES ($1, $2, 'totp', $3, 0, 0, 0)");
        let factor = FactorId::new(&*t.app.clock, &*t.app.random);
        change(&t, statement, vals![factor, user, vec![0_u8]]).await;
        let answer = browser.sign_in("kino-siska", &provider, &who).await;
        assert!(location(&answer).starts_with("/sign-in/second-step?ticket="), "{}", answer.text);
        change(&t, sql!("DELETE FROM mfa_methods"), vals![]).await;
        // The platform's own people are not for an organisation to vouch for.
        let statement = sql!("INSERT INTO platform_admins (user_id, granted_by, granted_at) VALUES ($1, 'tests', 0)");
        change(&t, statement, vals![user]).await;
        lands_at(&browser.sign_in("kino-siska", &provider, &who).await, "/account");
        browser.get("/api/v1/platform/sso/connections").await.refused(403, "identity.mfa_required");
        t.stop().await;
    }
}
