//! Passing a ticket on in a browser without scripts.

use bilten_kernel::on_both_engines;

use super::evening;
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
    /// covers: WEB-4, WEB-7
    async fn a_ticket_is_passed_on_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let visitor = Visitor::new(&t);
        let order = visitor.buy(&event, &[1], "succeed").await;
        let give = visitor.get(&order).await.links("/transfer/")[0].clone();
        visitor.get(&give).await.says(200, "Give a ticket to somebody").says(200, "Ana Novak");
        visitor.send(&give, &[("email", "nobody")]).await.says(422, "id=\"email-fault\"").says(422, "aria-invalid");
        assert_eq!(visitor.send(&give, &[("email", "bor@example.com")]).await.leads_to("/orders/"), give);
        visitor.get(&give).await.says(200, "bor@example.com").says(200, "Take the offer back");

        let page = t.mail_to("bor@example.com").await.link();
        let accept = page.replace('?', "/accept?");
        let offered = visitor.get(&page).await;
        offered.says(200, "A ticket for you").says(200, "Accept the ticket");
        assert!(!offered.text.contains("<svg"));
        assert_eq!(offered.headers["cache-control"], "no-store");
        visitor.send(&accept, &[("name", "")]).await.says(422, "id=\"name-fault\"");
        for _ in 0..2 {
            // A form that is sent twice leads to the ticket as well.
            assert_eq!(visitor.send(&accept, &[("name", "Bor Kos")]).await.leads_to("/transfers/"), page);
        }
        let mine = visitor.get(&page).await;
        mine.says(200, "Bor Kos").says(200, "Your ticket").says(200, "Give it to somebody else");
        assert_eq!(mine.text.matches("<svg").count(), 1);
        let picture = mine.links("/ticket.png")[0].clone();
        assert_eq!(visitor.get(&picture).await.headers["content-type"], "image/png");
        let old = visitor.get(&order).await;
        old.says(200, "One ticket of this order was passed on");
        assert!(!old.text.contains("<svg"));
        visitor.get(&give).await.says(404, "tickets.not_found");

        // On to the next, and back.
        let onward = page.replace('?', "/offer?");
        visitor.send(&onward, &[("email", "x")]).await.says(422, "id=\"email-fault\"");
        visitor.send(&onward, &[("email", "cene@example.com")]).await.leads_to("/transfers/");
        visitor.get(&page).await.says(200, "cene@example.com");
        let declined = t.mail_to("cene@example.com").await.link();
        visitor.send(&declined.replace('?', "/decline?"), &[]).await.leads_to("/transfers/");
        visitor.get(&declined).await.says(200, "You declined this ticket");
        visitor.send(&onward, &[("email", "cene@example.com")]).await.leads_to("/transfers/");
        visitor.send(&page.replace('?', "/keep?"), &[]).await.leads_to("/transfers/");
        let over = t.mail_to("cene@example.com").await.link();
        visitor.get(&over).await.says(200, "This offer is over");
        visitor.get(&page).await.says(200, "Give it to somebody else");
        for wrong in [page.replace("token=", "token=0"), page.split('?').next().unwrap().to_owned()] {
            visitor.get(&wrong).await.says(404, "tickets.transfer_not_found");
        }
        visitor.send_with(&accept, &[("name", "Eve")], &[("sec-fetch-site", "cross-site")]).await.says(403, "web.other_site");
        t.stop().await;
    }
}
