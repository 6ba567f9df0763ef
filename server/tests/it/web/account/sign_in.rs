//! Signing in and out by forms.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity;
use serde_json::{Value, json};

use super::{OTHER, PASSWORD, mailed, registered, signed_in};
use crate::app::{Answer, TestApp};
use crate::web::Visitor;

/// What a page says, without what differs from request to request.
fn words(answer: &Answer) -> (u16, String, String) {
    let location = answer.headers.get("location");
    let location = location.map_or(String::new(), |path| path.to_str().unwrap().to_owned());
    (answer.status, location, answer.text.clone())
}

on_both_engines! {
    /// covers: AUTH-2, WEB-3
    async fn somebody_signs_in_and_out_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana <b> Novak").await;
        let visitor = Visitor::new(&t);
        visitor.get("/").await.says(200, "href=\"/account\"");
        let away = visitor.get("/account").await.leads_to("/");
        assert_eq!(away, "/sign-in?next=%2Faccount");
        visitor.get(&away).await.says(200, "name=\"next\" value=\"/account\"").says(200, "href=\"/register?next=%2Faccount\"");
        let fields = [("email", " Ana@Example.com"), ("password", PASSWORD), ("next", "/account/sessions?x=1")];
        assert_eq!(visitor.send("/sign-in", &fields).await.leads_to("/"), "/account/sessions?x=1");
        let home = visitor.get("/account").await;
        home.says(200, "Ana &#60;b&#62; Novak").says(200, "ana@example.com").says(200, "Sign out").says(200, "aria-current=\"page\"");
        assert_eq!(home.headers["cache-control"], "no-store");
        for path in ["/sign-in?next=/account/sessions", "/register?next=/account/sessions"] {
            assert_eq!(visitor.get(path).await.leads_to("/"), "/account/sessions");
        }
        // The storefront is the same for everybody, so that caches may keep it.
        assert!(!visitor.get("/").await.text.contains("Novak"));

        let token = visitor.cookies()["bilten_session"].clone();
        visitor.send("/sign-out", &[]).await.leads_to("/sign-in?done=signed-out");
        visitor.get("/sign-in?done=signed-out").await.says(200, "You are signed out.");
        visitor.get("/account").await.leads_to("/sign-in?next=");
        visitor.send("/sign-out", &[]).await.leads_to("/sign-in?done=signed-out");
        // The session has ended, not only its cookie.
        visitor.set_cookie("bilten_session", &token);
        visitor.get("/account").await.leads_to("/sign-in?next=");
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-7
    async fn forms_tell_nobody_who_has_an_account(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = Visitor::new(&t);
        for (path, others) in [
            ("/sign-in", &[("password", OTHER)] as &[_]),
            ("/sign-in/link", &[]),
            ("/forgotten", &[]),
            ("/register", &[("name", "X"), ("password", OTHER)]),
        ] {
            let mut answers = Vec::new();
            for email in ["ana@example.com", "eva@example.com"] {
                let mut fields = vec![("email", email)];
                fields.extend(others);
                let (status, location, text) = words(&visitor.send(path, &fields).await);
                answers.push((status, location, text.replace(email, "")));
            }
            assert_eq!(answers[0], answers[1], "{path}");
        }
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn too_many_tries_are_answered_with_a_wait(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = Visitor::new(&t);
        let wrong = [("email", "ana@example.com"), ("password", OTHER)];
        let mut tries = 0;
        let blocked = loop {
            let answer = visitor.send("/sign-in", &wrong).await;
            if answer.status != 422 {
                break answer;
            }
            tries += 1;
            assert!(tries < 50, "nothing slows it down");
        };
        blocked.says(429, "too many tries");
        let wait: u64 = blocked.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(wait > 0);
        // The right password, too early, is no better; a while later it is.
        let right = [("email", "ana@example.com"), ("password", PASSWORD)];
        visitor.send("/sign-in", &right).await.page(429);
        t.clock.advance(Duration::from_secs(3_600));
        visitor.send("/sign-in", &right).await.leads_to("/account");
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn nobody_is_led_elsewhere_after_signing_in(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        for evil in ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
            "/\t/evil.example", "%2F%2Fevil.example", "/ /evil.example", "data:text/html,x"] {
            let visitor = Visitor::new(&t);
            let mut query = reqwest::Url::parse("http://x/sign-in").unwrap();
            query.query_pairs_mut().append_pair("next", evil);
            let page = visitor.get(&format!("/sign-in?{}", query.query().unwrap())).await;
            assert!(!page.page(200).contains("evil"), "{evil}: {}", page.text);
            let fields = [("email", "ana@example.com"), ("password", PASSWORD), ("next", evil)];
            assert_eq!(visitor.send("/sign-in", &fields).await.leads_to("/"), "/", "{evil}");
            let again = [("password", PASSWORD), ("next", evil)];
            assert_eq!(visitor.send("/sign-in/again", &again).await.leads_to("/"), "/", "{evil}");
            assert_eq!(visitor.get(&format!("/sign-in?{}", query.query().unwrap())).await.leads_to("/"), "/");
        }
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn forms_of_other_sites_sign_nobody_in_or_out(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        let fields = [("email", "ana@example.com"), ("password", PASSWORD), ("new_password", OTHER), ("token", "x")];
        for path in ["/sign-in", "/sign-in/link", "/sign-in/link/use", "/sign-in/again", "/sign-out", "/register", "/verify", "/forgotten",
            "/reset", "/account", "/account/email", "/account/password", "/account/privacy/erase", "/account/sessions/end", "/invitation"] {
            for headers in [[("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site")], [("origin", "https://evil.example")], [("origin", "null")]] {
                visitor.send_with(path, &fields, &headers).await.says(403, "web.other_site");
            }
        }
        visitor.get("/account").await.says(200, "Ana");
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-2, AUTH-5
    async fn who_has_an_account_elsewhere_finds_the_way_there(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@kino.example", "Ana").await;
        let visitor = Visitor::new(&t);
        for path in ["/sign-in", "/register"] {
            assert!(!visitor.get(path).await.page(200).contains("Continue with"), "{path}");
        }
        let connection = |slug: &str, name: &str, domains: Value| {
            let oidc = json!({"preset": "generic", "issuer": "https://id.example", "client_id": "bilten", "client_secret": "s3cret"});
            serde_json::from_value(json!({"slug": slug, "name": name, "domains": domains, "oidc": oidc})).unwrap()
        };
        let social = connection("social", "So<b>cial", json!([]));
        identity::save_sso_connection(&t.app, None, None, social, "tests").await.unwrap();
        let kino = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let own = connection("kino-siska", "Kino", json!(["kino.example"]));
        identity::save_sso_connection(&t.app, Some(kino), None, own, "tests").await.unwrap();
        let page = visitor.get("/register?next=/e/x?a%3D1").await;
        page.says(200, "Continue with So&#60;b&#62;cial");
        assert_eq!(page.links("/sso/"), ["/sso/social/start?next=%2Fe%2Fx%3Fa%3D1"]);
        assert!(visitor.get("/sign-in").await.links("/sign-in/organisation").is_empty(), "nobody confirmed the domain");

        // An organisation's is found by the domain alone, whether or not there is an account.
        identity::confirm_sso_domain(&t.app, kino, "kino.example", "tests").await.unwrap();
        let find = visitor.get("/sign-in?next=/checkout/x").await.links("/sign-in/organisation").remove(0);
        assert_eq!(visitor.get(&find).await.value("next"), "/checkout/x");
        for email in ["ana@kino.example", "nobody@kino.example"] {
            let found = visitor.send("/sign-in/organisation", &[("email", email), ("next", "/checkout/x")]).await;
            found.says(200, "Continue with Kino");
            let local = email.split('@').next().unwrap();
            assert_eq!(found.links("/sso/"), [format!("/sso/kino-siska/start?email={local}%40kino.example&next=%2Fcheckout%2Fx")]);
        }
        for wrong in ["", "kino", "ana@elsewhere.example", "\"><script>"] {
            let refused = visitor.send("/sign-in/organisation", &[("email", wrong), ("next", "//evil.example")]).await;
            refused.says(422, "href=\"#email\"").says(422, "aria-invalid=\"true\"");
            assert!(!refused.text.contains("<script>") && !refused.text.contains("evil"), "{}", refused.text);
        }

        // Whoever is signed in connects theirs; nothing is connected yet.
        let ana = signed_in(&t, "ana@kino.example", PASSWORD).await;
        ana.get("/account").await.says(200, "href=\"/account/identities\"");
        let mine = ana.get("/account/identities?done=unlinked").await;
        mine.says(200, "None yet.").says(200, "It is not connected any more.");
        assert_eq!(mine.links("/sso/").len(), 2);
        assert!(mine.links("/sso/")[0].starts_with("/sso/kino-siska/start?link=1&next=%2Faccount%2Fidentities"));
        for (path, status) in [("/account/identities/sso_x/end", 404), ("/account/identities/x/end", 404)] {
            ana.send(path, &[]).await.page(status);
        }
        t.clock.advance(Duration::from_secs(11 * 60));
        ana.get("/account/identities").await.leads_to("/sign-in/again?next=%2Faccount%2Fidentities");
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn a_mailed_link_signs_in_once(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = Visitor::new(&t);
        visitor.send("/sign-in/link", &[("email", "ana@example.com"), ("password", "")]).await.leads_to("/check-mail?for=link");
        let link = mailed(&t, "ana@example.com", "/sign-in/link?").await;
        let token = visitor.get(&link).await.value("token");
        visitor.get("/account").await.leads_to("/sign-in");
        assert_eq!(visitor.send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/"), "/account");
        visitor.get("/account").await.says(200, "Ana");
        Visitor::new(&t).send("/sign-in/link/use", &[("token", &token)]).await.says(410, "identity.link_unknown");
        t.stop().await;
    }
}
