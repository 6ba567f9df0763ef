//! What a session may do, and where it ends.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};
use reqwest::Method;

use super::{OTHER, PASSWORD, registered, signed_in};
use crate::app::{Answer, TestApp};
use crate::web::Visitor;

on_both_engines! {
    /// covers: AUTH-3, WEB-3
    async fn whoever_lacks_a_second_step_that_is_asked_for_is_led_to_it(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = registered(&t, "ana@example.com", "Ana").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        identity::add_member(&t.app, organisation.id, user, Some(Role::Owner)).await.unwrap();
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        assert!(!visitor.get("/account").await.text.contains("Your role asks"));
        let require = bilten_kernel::sql!("UPDATE organisations SET requires_mfa = TRUE WHERE id = $1");
        let which = bilten_kernel::vals![organisation.id];
        t.app.db.write(move |c| Box::pin(async move { c.exec(require, which).await })).await.unwrap();
        t.app.principals.clear();
        visitor.get("/account").await.says(200, "href=\"/account/factors\">Set up a second step");
        let factors = visitor.get("/account/factors").await;
        factors.says(200, "Please add one to go on.");
        assert!(!factors.text.contains("Set up a second step"));
        let fields = [("email", "bor@example.com"), ("role", "viewer")];
        let refused = visitor.send("/account/organisations/kino-siska/invitations", &fields).await;
        refused.says(403, "identity.mfa_required").says(403, "To your second step");
        // There is one by now, but this session did not show it.
        let insert = bilten_kernel::sql!(
            "INSERT INTO mfa_methods (id, user_id, kind, sealed_secret, last_step, created_at, confirmed_at)
             VALUES ($1, $2, 'totp', $3, 0, $4, $4)"
        );
        let id = identity::FactorId::new(&*t.app.clock, &*t.app.random);
        let row = bilten_kernel::vals![id, user, [7_u8; 32], t.app.now()];
        t.app.db.write(move |c| Box::pin(async move { c.exec(insert, row).await })).await.unwrap();
        t.app.principals.clear();
        visitor.get("/account").await.says(200, "href=\"/sign-in/again?next=/account\">Show your second step");
        t.stop().await;
    }

    /// covers: AUTH-2, AUTH-6
    async fn sessions_are_listed_and_ended(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        registered(&t, "eva@example.com", "Eva").await;
        let eva = signed_in(&t, "eva@example.com", PASSWORD).await;
        let (visitor, elsewhere) = (signed_in(&t, "ana@example.com", PASSWORD).await, signed_in(&t, "ana@example.com", PASSWORD).await);
        let page = visitor.get("/account/sessions").await;
        page.says(200, "This one").says(200, "127.0.0.x").says(200, "by password");
        let ends = |page: &Answer| -> Vec<String> {
            let forms = page.text.split("action=\"/account/sessions/ses_").skip(1);
            forms.map(|rest| format!("/account/sessions/ses_{}", rest.split('"').next().unwrap())).collect()
        };
        assert_eq!(ends(&page).len(), 2);
        // Somebody else's session is not theirs to end.
        let of_eva = ends(&eva.get("/account/sessions").await);
        visitor.send(&of_eva[0], &[]).await.leads_to("/account/sessions");
        eva.get("/account").await.says(200, "Eva");

        // Ids sort by age: the newer one first, their own last.
        let mut all = ends(&elsewhere.get("/account/sessions").await);
        all.sort_unstable();
        for end in all.iter().rev() {
            assert_eq!(visitor.send(end, &[]).await.status, 303);
        }
        visitor.get("/account").await.leads_to("/sign-in");
        elsewhere.get("/account").await.leads_to("/sign-in");

        let (one, two) = (signed_in(&t, "ana@example.com", PASSWORD).await, signed_in(&t, "ana@example.com", PASSWORD).await);
        one.send("/account/sessions/end", &[]).await.leads_to("/sign-in?done=everywhere");
        assert!(!one.cookies().contains_key("bilten_session"));
        two.get("/account").await.leads_to("/sign-in");
        for path in ["/account/sessions/ses_x/end", "/account/sessions/x/end"] {
            let answer = signed_in(&t, "ana@example.com", PASSWORD).await.send(path, &[]).await;
            assert!((400..500).contains(&answer.status), "{}", answer.status);
            answer.says(answer.status, "<h1>");
        }
        t.stop().await;
    }

    /// covers: AUTH-2
    async fn dangerous_things_ask_once_more_who_it_is(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = registered(&t, "ana@example.com", "Ana").await;
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        identity::add_member(&t.app, organisation.id, user, Some(Role::Viewer)).await.unwrap();
        t.clock.advance(Duration::from_secs(11 * 60));
        let page = "/account/organisations/kino-siska";
        visitor.get(page).await.says(200, "Leave");
        let (referrer, leave) = (format!("{}{page}", t.url), format!("{page}/leave"));
        let asked = visitor.send_with(&leave, &[], &[("sec-fetch-site", "same-origin"), ("referer", &referrer)]).await;
        let again = asked.leads_to("/sign-in/again?next=");
        assert_eq!(again, "/sign-in/again?next=%2Faccount%2Forganisations%2Fkino-siska");
        let elsewhere = [("sec-fetch-site", "same-origin"), ("referer", "https://evil.example/account")];
        assert_eq!(visitor.send_with(&leave, &[], &elsewhere).await.leads_to("/"), "/sign-in/again?next=%2Faccount");

        visitor.get(&again).await.says(200, "Is it you?").says(200, "ana@example.com");
        visitor.send("/sign-in/again", &[("password", OTHER), ("next", page)]).await.says(422, "The password is not right.");
        visitor.send("/sign-in/again", &[("password", ""), ("next", page)]).await.says(422, "Please give your password.");
        assert_eq!(visitor.send("/sign-in/again", &[("password", PASSWORD), ("next", page)]).await.leads_to("/"), page);
        visitor.send(&leave, &[]).await.leads_to("/account/organisations?done=left");
        visitor.get("/account/organisations?done=left").await.says(200, "You belong to no organisation.").says(200, "You have left");
        visitor.get(page).await.page(404);
        t.stop().await;
    }

    /// covers: WEB-3
    async fn pages_of_accounts_are_for_who_is_signed_in(db: TestDb) {
        let t = TestApp::start(db).await;
        for path in ["/account", "/account/password", "/account/email", "/account/privacy", "/account/sessions", "/account/organisations", "/account/organisations/kino-siska", "/sign-in/again"] {
            // A token of an app is none of a browser, and a made-up one is nobody's.
            for token in [None, Some("biltense_x"), Some(""), Some("x; bilten_session=y")] {
                let stranger = Visitor::new(&t);
                if let Some(token) = token {
                    stranger.set_cookie("bilten_session", token);
                }
                let away = stranger.get(&format!("{path}?x=1&y=/")).await;
                let next = format!("{path}?x=1&y=/").replace('/', "%2F").replace('?', "%3F").replace('=', "%3D").replace('&', "%26");
                assert_eq!(away.leads_to("/sign-in"), format!("/sign-in?next={next}"));
            }
        }
        // Programs are told in their words.
        let request = t.stranger.request(Method::GET, "/account/nowhere").header("accept", "application/json");
        t.stranger.send(request).await.refused(404, "not_found");
        t.stop().await;
    }
}
