//! The pages of accounts, as a browser without scripts uses them.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, UserId};
use futures_util::future::join_all;
use reqwest::Method;

use super::Visitor;
use crate::app::{Answer, TestApp};

const PASSWORD: &str = "kozolec brez strehe 42";
const OTHER: &str = "trije mostovi ponoci 7";

/// Makes an account with a password.
async fn registered(t: &TestApp, email: &str, name: &str) -> UserId {
    let profile = identity::checked_profile(email, name, None).unwrap();
    let password = Some(PASSWORD.to_owned().into());
    identity::create_person(&t.app, profile, password, true)
        .await
        .unwrap()
}

/// A browser in which somebody signed in by password.
async fn signed_in(t: &TestApp, email: &str, password: &str) -> Visitor {
    let visitor = Visitor::new(t);
    let fields = [("email", email), ("password", password)];
    visitor.send("/sign-in", &fields).await.leads_to("/account");
    visitor
}

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

    /// covers: AUTH-1, AUTH-2, WEB-7
    async fn what_is_wrong_with_a_form_is_said_at_its_fields(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let empty = visitor.send("/sign-in", &[("email", ""), ("password", "")]).await;
        empty.says(422, "<title>Problem: Sign in").says(422, "href=\"#email\"").says(422, "href=\"#password\"").says(422, "aria-invalid=\"true\"");
        let evil = "\"><script>alert(1)</script>";
        let wrong = visitor.send("/sign-in", &[("email", evil), ("password", evil), ("next", evil)]).await;
        wrong.says(422, "is not right");
        assert!(!wrong.text.contains("<script>alert") && !wrong.text.contains("alert(1)&#60;/script&#62;\" name=\"password"), "{}", wrong.text);
        for (fields, text) in [
            ([("name", ""), ("email", "x@example.com"), ("password", PASSWORD)], "A name has 1 to 100 characters"),
            ([("name", "X"), ("email", "nothing"), ("password", PASSWORD)], "not an e-mail address"),
            ([("name", "X"), ("email", "x@example.com"), ("password", "short")], "at least 10 characters"),
            ([("name", "X"), ("email", "x@example.com"), ("password", "password12345")], "easy to guess"),
        ] {
            let page = visitor.send("/register", &fields).await;
            page.says(422, text).says(422, "aria-invalid=\"true\"");
            // What was written stays, but for the password.
            assert!(!page.text.contains(fields[2].1), "{}", page.text);
        }
        visitor.send("/sign-in/link", &[("email", "nothing")]).await.says(422, "href=\"#email\"");
        visitor.send("/forgotten", &[("email", "nothing")]).await.says(422, "href=\"#email\"");
        for path in ["/reset?token=x", "/reset"] {
            let answer = visitor.get(path).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
            answer.says(answer.status, "<h1>");
        }
        for path in ["/reset", "/verify", "/sign-in/link/use"] {
            visitor.send(path, &[("token", "x"), ("password", PASSWORD)]).await.says(410, "identity.link_unknown");
        }
        t.stop().await;
    }

    /// covers: AUTH-7
    async fn a_password_is_chosen_by_a_link_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let user = registered(&t, "ana@example.com", "Ana").await;
        let elsewhere = signed_in(&t, "ana@example.com", PASSWORD).await;
        let visitor = Visitor::new(&t);
        visitor.send("/forgotten", &[("email", "Ana@Example.com")]).await.leads_to("/check-mail?for=reset");
        visitor.get("/check-mail?for=reset").await.says(200, "If there is an account");
        let link = identity::set_password_link(&t.app, user).await.unwrap();
        let link = link.strip_prefix(&t.url).unwrap();
        let page = visitor.get(link).await;
        let token = page.value("token");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "strict-origin");
        let short = visitor.send("/reset", &[("token", &token), ("password", "short")]).await;
        short.says(422, "at least 10 characters").says(422, &format!("value=\"{token}\""));
        let fields = [("token", token.as_str()), ("password", OTHER)];
        visitor.send("/reset", &fields).await.leads_to("/sign-in?done=reset");
        visitor.send("/reset", &fields).await.says(410, "Ask for a new link");
        visitor.get(link).await.says(410, "href=\"/forgotten\"");
        elsewhere.get("/account").await.leads_to("/sign-in");
        visitor.send("/sign-in", &[("email", "ana@example.com"), ("password", PASSWORD)]).await.page(422);
        signed_in(&t, "ana@example.com", OTHER).await;
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
            "/reset", "/account/password", "/account/sessions/end"] {
            for headers in [[("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site")], [("origin", "https://evil.example")], [("origin", "null")]] {
                visitor.send_with(path, &fields, &headers).await.says(403, "web.other_site");
            }
        }
        visitor.get("/account").await.says(200, "Ana");
        t.stop().await;
    }

    /// covers: AUTH-6
    async fn a_password_is_changed_by_who_knows_the_old_one(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let (visitor, elsewhere) = (signed_in(&t, "ana@example.com", PASSWORD).await, signed_in(&t, "ana@example.com", PASSWORD).await);
        visitor.get("/account/password").await.says(200, "Your password until now");
        let wrong = visitor.send("/account/password", &[("password", OTHER), ("new_password", OTHER)]).await;
        wrong.says(422, "The password is not right.").says(422, "href=\"#password\"");
        let weak = visitor.send("/account/password", &[("password", PASSWORD), ("new_password", "short")]).await;
        weak.says(422, "href=\"#new_password\"");
        let right = [("password", PASSWORD), ("new_password", OTHER)];
        visitor.send("/account/password", &right).await.leads_to("/account?done=password");
        visitor.get("/account?done=password").await.says(200, "Your password is changed.");
        elsewhere.get("/account").await.leads_to("/sign-in");
        signed_in(&t, "ana@example.com", OTHER).await;
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

        let other = ends(&elsewhere.get("/account/sessions").await);
        for end in join_all(other.iter().map(|end| visitor.send(end, &[]))).await {
            // One of them is its own.
            assert_eq!(end.status, 303);
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
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        let page = "/account/sessions?x=1";
        let again = "/sign-in/again?next=%2Faccount%2Fsessions%3Fx%3D1";
        visitor.get(again).await.says(200, "Is it you?").says(200, "ana@example.com");
        visitor.send("/sign-in/again", &[("password", OTHER), ("next", page)]).await.says(422, "The password is not right.");
        visitor.send("/sign-in/again", &[("password", ""), ("next", page)]).await.says(422, "Please give your password.");
        assert_eq!(visitor.send("/sign-in/again", &[("password", PASSWORD), ("next", page)]).await.leads_to("/"), page);
        t.stop().await;
    }

    /// covers: WEB-3
    async fn pages_of_accounts_are_for_who_is_signed_in(db: TestDb) {
        let t = TestApp::start(db).await;
        for path in ["/account", "/account/password", "/account/sessions", "/account/organisations", "/sign-in/again"] {
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
