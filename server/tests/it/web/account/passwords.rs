//! Passwords that are forgotten, chosen and changed.

use bilten_kernel::on_both_engines;
use bilten_server::identity;

use super::{OTHER, PASSWORD, mailed, registered, signed_in};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
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
}
