//! The pages of second factors, as a browser without scripts uses them.

use std::time::Duration;

use bilten_kernel::on_both_engines;

use super::Visitor;
use super::account::{PASSWORD, registered, signed_in};
use crate::app::TestApp;
use crate::identity::factors::{app_codes, code};

/// What stands in a page between two texts.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// What the form of a second step sends.
fn step<'a>(ticket: &'a str, method: &'a str, code: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("ticket", ticket),
        ("next", "/account/sessions"),
        ("method", method),
        ("code", code),
    ]
}

on_both_engines! {
    /// covers: AUTH-3, WEB-3
    async fn an_app_is_set_up_asked_for_and_removed_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let ana = signed_in(&t, "ana@example.com", PASSWORD).await;
        ana.get("/account/factors").await.says(200, "Nothing yet.").says(200, "action=\"/account/factors/sms\"");
        ana.send("/account/factors/sms", &[("phone", "040 123 456")]).await.says(422, "href=\"#phone\"");
        let page = ana.send("/account/factors/totp", &[]).await.leads_to("/account/factors/mfa_");
        let set_up = ana.get(&page).await;
        set_up.says(200, "<svg").says(200, "otpauth://totp/");
        let totp = app_codes(between(&set_up.text, "<code class=\"secret\" dir=\"ltr\">", "<"));
        ana.send(&page, &[("code", "")]).await.says(422, "Please write the code.");
        ana.send(&page, &[("code", "x")]).await.says(422, "This code is wrong").says(422, "aria-invalid=\"true\"");
        let added = ana.send(&page, &[("code", &code(&t, &totp, 0))]).await;
        added.says(200, "Your recovery codes").says(200, "It is asked for from now on");
        let recovery = between(&added.text, "<li><code>", "<").to_owned();
        // They are shown once, and the page that waited for a code is gone.
        assert_eq!(ana.get(&page).await.leads_to("/"), "/account/factors");
        let listed = ana.get("/account/factors").await;
        listed.says(200, "Authenticator app").says(200, "10 are left");
        assert!(!listed.text.contains(&recovery));

        let other = Visitor::new(&t);
        let fields = [("email", "ana@example.com"), ("password", PASSWORD), ("next", "/account/sessions")];
        let asked = other.send("/sign-in", &fields).await.leads_to("/sign-in/second-step?ticket=");
        other.get("/account").await.leads_to("/sign-in?next=");
        let form = other.get(&asked).await;
        form.says(200, "Code of the app").says(200, "name=\"next\" value=\"/account/sessions\"");
        assert_eq!(form.headers["cache-control"], "no-store");
        let ticket = form.value("ticket");
        other.send("/sign-in/second-step", &step(&ticket, "totp", "")).await.says(422, "href=\"#totp\"");
        other.send("/sign-in/second-step", &step(&ticket, "totp", "x")).await.says(422, "id=\"totp-fault\"");
        other.send("/sign-in/second-step/code", &step(&ticket, "email", "")).await.page(404);
        let done = other.send("/sign-in/second-step", &step(&ticket, "recovery", &recovery)).await;
        assert_eq!(done.leads_to("/"), "/account/sessions");
        other.get("/account/factors").await.says(200, "9 are left");
        other.send("/sign-in/second-step", &step(&ticket, "recovery", &recovery)).await.says(410, "identity.ticket_unknown");
        other.get("/sign-in/second-step?ticket=x").await.says(410, "Sign in again");

        // What is dangerous asks for both once more after a while.
        t.clock.advance(Duration::from_secs(601));
        ana.send("/account/recovery-codes", &[]).await.leads_to("/sign-in/again?next=");
        let fields = [("password", PASSWORD), ("next", "/account/factors")];
        let asked = ana.send("/sign-in/again", &fields).await.leads_to("/sign-in/second-step?ticket=");
        let ticket = ana.get(&asked).await.value("ticket");
        let now = code(&t, &totp, 0);
        ana.send("/sign-in/second-step", &step(&ticket, "totp", &now)).await.leads_to("/account/sessions");
        let renewed = ana.send("/account/recovery-codes", &[]).await;
        renewed.says(200, "They are shown only now");
        assert!(!renewed.text.contains(&recovery));
        let removed = ana.send(&format!("{page}/remove"), &[]).await.leads_to("/account/factors");
        ana.get(&removed).await.says(200, "It is removed.").says(200, "Nothing yet.");
        t.stop().await;
    }

    /// covers: AUTH-3, WEB-3
    async fn codes_by_mail_are_asked_for_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        registered(&t, "ana@example.com", "Ana").await;
        let ana = signed_in(&t, "ana@example.com", PASSWORD).await;
        let page = ana.send("/account/factors/email", &[]).await.leads_to("/account/factors/mfa_");
        ana.get(&page).await.says(200, "a•••@example.com");
        let mailed = t.mail_to("ana@example.com").await.code();
        ana.send(&page, &[("code", &mailed)]).await.says(200, "Your recovery codes");
        assert_eq!(t.mail_to("ana@example.com").await.subject, "How you sign in was changed");

        let other = Visitor::new(&t);
        let fields = [("email", "ana@example.com"), ("password", PASSWORD)];
        let asked = other.send("/sign-in", &fields).await.leads_to("/sign-in/second-step?ticket=");
        let form = other.get(&asked).await;
        form.says(200, "We send six digits to your e-mail address.");
        let ticket = form.value("ticket");
        let sent = other.send("/sign-in/second-step/code", &step(&ticket, "email", "")).await;
        let sent = sent.leads_to("/sign-in/second-step?ticket=");
        other.get(&sent).await.says(200, "a moment ago").says(200, "Send another code");
        let mailed = t.mail_to("ana@example.com").await.code();
        let done = other.send("/sign-in/second-step", &step(&ticket, "email", &mailed)).await;
        assert_eq!(done.leads_to("/"), "/account/sessions");
        t.stop().await;
    }
}
