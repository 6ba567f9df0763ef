//! What somebody says of themselves, and what is kept of them.

use std::time::Duration;

use bilten_kernel::on_both_engines;
use reqwest::Method;

use super::{OTHER, PASSWORD, mailed, registered, signed_in};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
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
}
