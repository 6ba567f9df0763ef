//! Registering by forms, and where whoever comes by a mail goes on to.

use bilten_kernel::on_both_engines;

use super::{OTHER, PASSWORD, mailed};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
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
}
