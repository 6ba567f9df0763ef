//! The pages of accounts.

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Origin, Proof, Role, SessionKind, UserId};

use super::Visitor;
use crate::app::TestApp;

/// A browser in which somebody is signed in.
async fn signed_in(t: &TestApp, user: UserId) -> Visitor {
    let app = t.app.clone();
    let session = t
        .app
        .db
        .write(move |c| {
            Box::pin(async move {
                let proof = Proof {
                    methods: "password".to_owned(),
                    is_mfa: false,
                };
                let origin = Origin {
                    ip: [127, 0, 0, 1].into(),
                    user_agent: "tests".to_owned(),
                };
                identity::begin_session(&app, c, user, SessionKind::Page, &proof, &origin, None)
                    .await
            })
        })
        .await
        .unwrap();
    let visitor = Visitor::new(t);
    visitor.set_cookie("bilten_session", &session.token);
    visitor
}

on_both_engines! {
    /// covers: WEB-3
    async fn pages_of_accounts_are_for_who_is_signed_in(db: TestDb) {
        let t = TestApp::start(db).await;
        let stranger = Visitor::new(&t);
        let away = stranger.get("/account/organisations?x=1&y=/").await;
        assert_eq!(away.leads_to("/sign-in"), "/sign-in?next=%2Faccount%2Forganisations%3Fx%3D1%26y%3D%2F");

        let user = t.person("ana").await;
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap();
        let visitor = signed_in(&t, user).await;
        visitor.get("/account/organisations").await.says(200, "You belong to no organisation.").says(200, "<bdi>ana</bdi>");
        identity::add_member(&t.app, organisation.id, user, Some(Role::BoxOffice)).await.unwrap();
        let page = visitor.get("/account/organisations").await;
        page.says(200, "Kino Šiška").says(200, "Box office").says(200, "Sign out");
        assert_eq!(page.headers["cache-control"], "no-store");
        // A token of an app is none of a browser, and a made-up one is nobody's.
        for token in ["biltense_x", "", "x; bilten_session=y"] {
            let other = Visitor::new(&t);
            other.set_cookie("bilten_session", token);
            other.get("/account/organisations").await.leads_to("/sign-in?next=");
        }
        t.stop().await;
    }
}
