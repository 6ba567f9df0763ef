//! The pages of accounts, as a browser without scripts uses them.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role, UserId};
use reqwest::Method;
use serde_json::{Value, json};

use super::Visitor;
use crate::app::{Answer, TestApp};

pub(super) const PASSWORD: &str = "kozolec brez strehe 42";
const OTHER: &str = "trije mostovi ponoci 7";

/// Makes an account with a password.
pub(super) async fn registered(t: &TestApp, email: &str, name: &str) -> UserId {
    let profile = identity::checked_profile(email, name, None).unwrap();
    let password = Some(PASSWORD.to_owned().into());
    identity::create_person(&t.app, profile, password, true)
        .await
        .unwrap()
}

/// A browser in which somebody signed in by password.
pub(super) async fn signed_in(t: &TestApp, email: &str, password: &str) -> Visitor {
    let visitor = Visitor::new(t);
    let fields = [("email", email), ("password", password)];
    visitor.send("/sign-in", &fields).await.leads_to("/account");
    visitor
}

/// The link in the mail to somebody that leads to this page; other mail may come before it.
async fn mailed(t: &TestApp, email: &str, page: &str) -> String {
    loop {
        let link = t.mail_to(email).await.link();
        if link.starts_with(page) {
            return link;
        }
    }
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
        // Mail is for who wants it, and nobody agrees to texts that they were not shown.
        assert!(!visitor.get("/register").await.page(200).contains("checked"));
        let fields = [("name", "X"), ("email", "x@example.com"), ("password", PASSWORD), ("marketing", "yes"), ("terms", "0")];
        let page = visitor.send("/register", &fields).await;
        page.says(422, "The terms of use have changed.").says(422, "value=\"yes\" checked").says(422, "name=\"terms\" value=\"1\"");
        visitor.send("/sign-in/link", &[("email", "nothing")]).await.says(422, "href=\"#email\"");
        visitor.send("/forgotten", &[("email", "nothing")]).await.says(422, "href=\"#email\"");
        for path in ["/reset?token=x", "/reset", "/invitation?token=x", "/invitation"] {
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
            "/reset", "/account", "/account/email", "/account/password", "/account/privacy/erase", "/account/sessions/end", "/invitation"] {
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

    /// covers: WEB-3
    async fn members_are_invited_changed_and_removed(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        for (email, name, role) in [("ana@example.com", "Ana", Some(Role::Owner)), ("ivo@example.com", "Ivo", Some(Role::Viewer)),
            ("mia@example.com", "Mia", Some(Role::Finance)), ("eva@example.com", "Eva", None)] {
            let user = registered(&t, email, name).await;
            if role.is_some() {
                identity::add_member(&t.app, organisation.id, user, role).await.unwrap();
            }
        }
        let (ana, eva, ivo) = (signed_in(&t, "ana@example.com", PASSWORD).await, signed_in(&t, "eva@example.com", PASSWORD).await,
            signed_in(&t, "ivo@example.com", PASSWORD).await);
        let page = "/account/organisations/kino-siska";
        let invitations = format!("{page}/invitations");
        ana.get(page).await.says(200, "Invite somebody").says(200, "ivo@example.com").says(200, "<b>Owner</b>");
        ana.send(&invitations, &[("email", "eva@example.com")]).await.says(422, "Please choose what they are to be.").says(422, "value=\"eva@example.com\"");
        ana.send(&invitations, &[("email", "eva"), ("role", "viewer")]).await.says(422, "not an e-mail address");
        ana.send(&invitations, &[("email", "ivo@example.com"), ("role", "viewer")]).await.page(409);
        ana.send(&invitations, &[("email", "eva@example.com"), ("role", "finance")]).await.leads_to(page);
        let waiting = ana.get(page).await;
        waiting.says(200, "eva@example.com").says(200, "Take back");
        let (_, rest) = waiting.text.split_once(&format!("action=\"{invitations}/")).unwrap();
        let end = format!("{invitations}/{}", rest.split('"').next().unwrap());
        ivo.send(&end, &[]).await.page(403);
        ana.send(&end, &[]).await.leads_to(page);
        assert!(!ana.get(page).await.page(200).contains("Take back"));

        // Who may not is told so, and who does not belong there finds nothing.
        ivo.send(&invitations, &[("email", "x@example.com"), ("role", "viewer")]).await.page(403);
        assert!(!ivo.get(page).await.page(200).contains("Invite somebody"));
        eva.get(page).await.page(404);
        eva.send(&invitations, &[("email", "x@example.com"), ("role", "viewer")]).await.page(404);

        let member = ana.get(page).await.links("/members/").into_iter().next_back().unwrap();
        ana.get(&member).await.says(200, "value=\"finance\" checked").says(200, "mia@example.com");
        ana.send(&member, &[("role", "nothing")]).await.says(422, "Please choose what they are to be.");
        ana.send(&member, &[("role", "marketing")]).await.leads_to(page);
        ana.get(page).await.says(200, "Marketing");
        for wrong in [&ivo, &eva] {
            for path in [&member, &format!("{member}/end")] {
                let answer = wrong.send(path, &[("role", "owner")]).await;
                assert!([403, 404].contains(&answer.status), "{}", answer.status);
            }
        }
        ana.send(&format!("{member}/end"), &[]).await.leads_to(page);
        ana.get(&member).await.page(404);
        // The last owner stays.
        ana.send(&format!("{page}/leave"), &[]).await.says(409, "owner");
        t.stop().await;
    }

    /// covers: WEB-3
    async fn a_pin_for_shared_phones_is_set_and_taken_away(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        let user = registered(&t, "ana@example.com", "Ana").await;
        identity::add_member(&t.app, organisation.id, user, Some(Role::DoorStaff)).await.unwrap();
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        let page = "/account/organisations/kino-siska";
        let pin = format!("{page}/pin");
        visitor.get(page).await.says(200, "Set the PIN");
        for wrong in ["", "12", "abcd", "1234", "123456789"] {
            visitor.send(&pin, &[("pin", wrong)]).await.says(422, "href=\"#pin\"");
        }
        visitor.send(&pin, &[("pin", "4071")]).await.leads_to(page);
        let has = visitor.get(page).await;
        has.says(200, "Change the PIN");
        assert!(!has.text.contains("4071"));
        visitor.send(&format!("{pin}/end"), &[]).await.leads_to(page);
        visitor.get(page).await.says(200, "Set the PIN");
        visitor.send("/account/organisations/nowhere/pin", &[("pin", "4071")]).await.page(404);
        t.stop().await;
    }

    /// covers: AUTH-1, AUTH-2, WEB-3
    async fn somebody_registers_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let visitor = Visitor::new(&t);
        let fields = [("name", "Ana <b> Novak"), ("email", "ana@example.com"), ("password", PASSWORD)];
        visitor.send("/register", &fields).await.leads_to("/check-mail?for=registration");
        visitor.get("/check-mail?for=registration").await.says(200, "Check your mail");
        // Not before the link was followed.
        let sign_in = [("email", "ana@example.com"), ("password", PASSWORD), ("next", "/account/sessions?x=1")];
        visitor.send("/sign-in", &sign_in).await.says(422, "is not right");
        let link = mailed(&t, "ana@example.com", "/verify?").await;
        for _ in 0..2 {
            // Programs that look at mail use nothing up.
            visitor.get(&link).await.says(200, "Confirm your address");
        }
        let page = visitor.get(&link).await;
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "strict-origin");
        let token = page.value("token");
        visitor.send("/verify", &[("token", &token)]).await.leads_to("/sign-in?done=verified");
        visitor.get("/sign-in?done=verified").await.says(200, "Your address is confirmed.");
        visitor.send("/verify", &[("token", &token)]).await.says(410, "identity.link_unknown").says(410, "href=\"/sign-in\"");

        assert_eq!(visitor.send("/sign-in", &sign_in).await.leads_to("/"), "/account/sessions?x=1");
        visitor.get("/account").await.says(200, "Ana &#60;b&#62; Novak");

        // Whoever registers an address that has an account gets no second one; its owner is told.
        let again = [("name", "Mallory"), ("email", "ANA@example.com"), ("password", OTHER)];
        Visitor::new(&t).send("/register", &again).await.leads_to("/check-mail?for=registration");
        mailed(&t, "ana@example.com", "/sign-in").await;
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

    /// covers: AUTH-7
    async fn a_forgotten_password_comes_by_mail(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = Visitor::new(&t);
        visitor.send("/forgotten", &[("email", "ana@example.com")]).await.leads_to("/check-mail?for=reset");
        let link = mailed(&t, "ana@example.com", "/reset?").await;
        let token = visitor.get(&link).await.value("token");
        visitor.send("/reset", &[("token", &token), ("password", OTHER)]).await.leads_to("/sign-in?done=reset");
        signed_in(&t, "ana@example.com", OTHER).await;
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

    /// covers: AUTH-1, AUTH-2, WEB-3
    async fn whoever_comes_by_a_mail_goes_on_to_where_they_wanted(db: TestDb) {
        let t = TestApp::start(db).await;
        let next = "/oauth/authorize?client_id=x&scope=events.read";
        let visitor = Visitor::new(&t);
        let fields = [("name", "Ana"), ("email", "ana@example.com"), ("password", PASSWORD), ("next", next)];
        visitor.send("/register", &fields).await.leads_to("/check-mail?for=registration");
        let way = "/sign-in?next=%2Foauth%2Fauthorize%3Fclient_id%3Dx%26scope%3Devents.read";
        visitor.get("/check-mail?for=registration").await.says(200, &format!("href=\"{way}\""));
        let link = mailed(&t, "ana@example.com", "/verify?").await;
        assert!(!link.contains("next") && !link.contains("oauth"), "{link}");
        let token = visitor.get(&link).await.value("token");
        let on = visitor.send("/verify", &[("token", &token)]).await.leads_to("/sign-in?done=verified&next=%2Foauth%2F");
        visitor.get(&on).await.says(200, "Your address is confirmed.").says(200, "value=\"/oauth/authorize?client_id=x&#38;scope=events.read\"");
        assert!(!visitor.cookies().contains_key("bilten_next"));

        let ask = async |visitor: &Visitor, next: &str| {
            let fields = [("email", "ana@example.com"), ("next", next)];
            visitor.send("/sign-in/link", &fields).await.leads_to("/check-mail?for=link");
            let link = mailed(&t, "ana@example.com", "/sign-in/link?").await;
            visitor.get(&link).await.value("token")
        };
        let token = ask(&visitor, next).await;
        assert_eq!(visitor.send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/"), next);
        assert!(!visitor.cookies().contains_key("bilten_next"));
        // What a stranger asked for leads nobody anywhere, and what was wanted before is forgotten.
        let stranger = Visitor::new(&t);
        let token = ask(&stranger, next).await;
        assert_eq!(Visitor::new(&t).send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/"), "/account");
        let token = ask(&stranger, "").await;
        assert_eq!(stranger.send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/"), "/account");
        // Nor does a cookie that is not ours lead away.
        let token = ask(&stranger, "//evil.example").await;
        assert_eq!(stranger.send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/"), "/");
        for planted in ["Ly9ldmlsLmV4YW1wbGU", "!", "_w"] {
            let token = ask(&stranger, next).await;
            stranger.set_cookie("bilten_next", planted);
            let landed = stranger.send("/sign-in/link/use", &[("token", &token)]).await.leads_to("/");
            assert!(landed == "/" || landed == "/account", "{landed}");
        }
        t.stop().await;
    }

    /// covers: AUTH-6, WEB-3
    async fn a_profile_and_its_address_are_changed(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        visitor.send("/account", &[("name", ""), ("phone", "x"), ("locale", "sl")]).await.says(422, "href=\"#name\"").says(422, "href=\"#phone\"");
        let fields = [("name", "Ana <i>"), ("phone", "+386 40 123 456"), ("locale", "sl")];
        visitor.send("/account", &fields).await.leads_to("/account?done=profile");
        let page = visitor.get("/account?done=profile").await;
        page.says(200, "Saved.").says(200, "value=\"Ana &#60;i&#62;\"").says(200, "+38640123456").says(200, "value=\"sl\" lang=\"sl\" selected");

        let wish = |password: &'static str, new: &'static str| [("password", password), ("new_email", new)];
        visitor.send("/account/email", &wish(OTHER, "nova@example.com")).await.says(422, "href=\"#password\"");
        visitor.send("/account/email", &wish(PASSWORD, "nova")).await.says(422, "href=\"#new_email\"");
        visitor.send("/account/email", &wish(PASSWORD, "nova@example.com")).await.leads_to("/check-mail?for=email");
        visitor.get("/account").await.says(200, "ana@example.com").says(200, "nova@example.com");
        let link = mailed(&t, "nova@example.com", "/account/email/confirm?").await;
        // Not for whoever only has the link.
        Visitor::new(&t).get(&link).await.leads_to("/sign-in?next=");
        let token = visitor.get(&link).await.value("token");
        visitor.send("/account/email/confirm", &[("token", &token)]).await.leads_to("/account?done=email");
        visitor.send("/account/email/confirm", &[("token", &token)]).await.says(410, "Ask for a new link");
        signed_in(&t, "nova@example.com", PASSWORD).await;

        // The old address can take it back, also after the thief changed it.
        let undo = mailed(&t, "ana@example.com", "/account/email/undo?token=").await;
        let token = visitor.get(&undo).await.value("token");
        visitor.send("/account/email/undo", &[("token", &token)]).await.leads_to("/forgotten?done=undone");
        visitor.get("/forgotten?done=undone").await.says(200, "You have your old address back.");
        visitor.get("/account").await.leads_to("/sign-in");
        visitor.send("/forgotten", &[("email", "ana@example.com")]).await.leads_to("/check-mail");
        let token = visitor.get(&mailed(&t, "ana@example.com", "/reset?").await).await.value("token");
        visitor.send("/reset", &[("token", &token), ("password", OTHER)]).await.leads_to("/sign-in?done=reset");
        signed_in(&t, "ana@example.com", OTHER).await;
        t.stop().await;
    }

    /// covers: AUTH-6
    async fn the_privacy_centre_shows_copies_and_forgets(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let visitor = signed_in(&t, "ana@example.com", PASSWORD).await;
        let page = visitor.get("/account/privacy").await;
        page.says(200, "Mail about events").says(200, "Ask for a copy").says(200, "Erase my account");
        let (_, rest) = page.text.split_once("name=\"kind\" value=\"marketing\">").unwrap();
        let version = rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let consent = |given: &'static str| [("kind", "marketing".to_owned()), ("version", version.clone()), ("given", given.to_owned())];
        for given in ["yes", "no"] {
            let fields = consent(given);
            let fields: Vec<_> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
            visitor.send("/account/privacy/consents", &fields).await.leads_to("/account/privacy?done=consent");
        }
        visitor.get("/account/privacy").await.says(200, "Last changed");
        visitor.send("/account/privacy/consents", &[("kind", "nothing")]).await.page(422);
        visitor.send("/account/privacy/consents", &[("kind", "marketing"), ("version", "old"), ("given", "yes")]).await.page(409);

        visitor.send("/account/privacy/exports", &[]).await.leads_to("/account/privacy?done=export");
        let mut found = Vec::new();
        for _ in 0..200 {
            found = visitor.get("/account/privacy").await.links("/account/privacy/exports/");
            if !found.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let zip = t.stranger.request(Method::GET, &found[0]).header("cookie", format!("bilten_session={}", visitor.cookies()["bilten_session"]));
        let zip = zip.send().await.unwrap();
        assert_eq!((zip.status().as_u16(), zip.headers()["content-type"].to_str().unwrap()), (200, "application/zip"));
        assert_eq!(zip.headers()["cache-control"], "no-store");
        assert!(zip.bytes().await.unwrap().starts_with(b"PK"));
        // Somebody else's copy is not there.
        registered(&t, "eva@example.com", "Eva").await;
        signed_in(&t, "eva@example.com", PASSWORD).await.get(&found[0]).await.page(404);

        visitor.send("/account/privacy/erase", &[("word", "")]).await.says(422, "href=\"#word\"");
        visitor.send("/account/privacy/erase", &[("word", "erase")]).await.leads_to("/sign-in?done=erased");
        assert!(!visitor.cookies().contains_key("bilten_session"));
        visitor.send("/sign-in", &[("email", "ana@example.com"), ("password", PASSWORD)]).await.page(422);
        t.stop().await;
    }

    /// covers: WEB-3
    async fn an_invitation_is_accepted_by_whom_it_is_for(db: TestDb) {
        let t = TestApp::start(db).await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        let owner = registered(&t, "ana@example.com", "Ana").await;
        identity::add_member(&t.app, organisation.id, owner, Some(Role::Owner)).await.unwrap();
        registered(&t, "eva@example.com", "Eva").await;
        registered(&t, "ivo@example.com", "Ivo").await;
        let page = "/account/organisations/kino-siska";
        let ana = signed_in(&t, "ana@example.com", PASSWORD).await;
        ana.send(&format!("{page}/invitations"), &[("email", "eva@example.com"), ("role", "finance")]).await.leads_to(page);
        let link = mailed(&t, "eva@example.com", "/invitation?").await;
        Visitor::new(&t).get(&link).await.says(200, "Kino Šiška").says(200, "Finance").says(200, "Create an account");
        let (eva, ivo) = (signed_in(&t, "eva@example.com", PASSWORD).await, signed_in(&t, "ivo@example.com", PASSWORD).await);
        let shown = ivo.get(&link).await;
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert_eq!(shown.headers["referrer-policy"], "strict-origin");
        // He is told for whom it is, and led to the sign-in and back.
        shown.says(200, "You are signed in as <b><bdi>ivo@example.com</bdi></b>, but the invitation is for <b><bdi>eva@example.com</bdi></b>.");
        assert!(!shown.text.contains(">Join</button>"), "{}", shown.text);
        let token = eva.get(&link).await.says(200, ">Join</button>").value("token");
        let not_his = ivo.send("/invitation", &[("token", &token)]).await;
        assert!((400..500).contains(&not_his.status), "{}", not_his.status);
        let next = shown.value("next");
        assert_eq!(next, link);
        let away = ivo.send("/sign-out", &[("next", &next)]).await.leads_to("/sign-in?done=signed-out&next=%2Finvitation%3Ftoken%3D");
        assert_eq!(ivo.get(&away).await.value("next"), link);
        let fields = [("email", "eva@example.com"), ("password", PASSWORD), ("next", &*next)];
        assert_eq!(ivo.send("/sign-in", &fields).await.leads_to("/"), link);
        ivo.get(&link).await.says(200, ">Join</button>");
        assert_eq!(eva.send("/invitation", &[("token", &token)]).await.leads_to("/"), format!("{page}?done=joined"));
        eva.get(page).await.says(200, "Finance");
        let again = eva.send("/invitation", &[("token", &token)]).await;
        assert!((400..500).contains(&again.status), "{}", again.status);
        eva.get(&link).await.page(410);
        t.stop().await;
    }
}
