//! The organisations that somebody belongs to.

use bilten_kernel::on_both_engines;
use bilten_server::identity::{self, Role};

use super::{PASSWORD, mailed, registered, signed_in};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
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
