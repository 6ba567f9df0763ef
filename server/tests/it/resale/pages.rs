//! Selling and buying in a browser without scripts.

use bilten_kernel::on_both_engines;

use super::{evening, for_sale, text};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
    /// covers: WEB-4
    async fn whoever_got_it_by_a_transfer_sells_it_by_forms(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let (ana, cene) = (Visitor::new(&t), Visitor::new(&t));
        let order = ana.buy(&event, &[1], "succeed").await;
        let give = ana.get(&order).await.links("/transfer/")[0].clone();
        ana.send(&give, &[("email", "cene@example.com")]).await.leads_to("/orders/");
        let page = t.mail_to("cene@example.com").await.link();
        cene.send(&page.replace('?', "/accept?"), &[("name", "Cene Hren")]).await.leads_to("/transfers/");
        let sell = cene.get(&page).await.links("/sell?")[0].clone();
        cene.get(&sell).await.says(200, "Sell a ticket").says(200, "Cene Hren");
        cene.send(&sell, &[("price", "x")]).await.says(422, "id=\"price-fault\"");
        assert_eq!(cene.send(&sell, &[("price", "24")]).await.leads_to("/transfers/"), sell);
        cene.get(&sell).await.says(200, "It is for sale");
        let listing = text(&for_sale(&t, &event).await[0]["id"]);
        let withdraw = sell.replace("/sell?", "/sell/withdraw?");
        assert_eq!(cene.send(&withdraw, &[("listing", &listing)]).await.leads_to("/transfers/"), sell);
        assert!(for_sale(&t, &event).await.is_empty());
        cene.get(&sell.replace("token=", "token=0")).await.says(404, "tickets.transfer_not_found");
        t.stop().await;
    }

    /// covers: WEB-2, WEB-4, WEB-7
    async fn a_ticket_is_sold_and_bought_by_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = evening(&t).await;
        let (ana, bor) = (Visitor::new(&t), Visitor::new(&t));
        let page = format!("/e/{}", event.slug);
        let order = ana.buy(&event, &[2], "succeed").await;
        assert!(!bor.get(&page).await.says(200, "Standing").text.contains("Sold by their holders"));
        let sell = ana.get(&order).await.links("/sell/")[0].clone();
        ana.get(&sell).await.says(200, "Sell a ticket").says(200, "25.00").says(200, "keeps 5 %");
        for wrong in ["", "x", "-1", "25.01", "20.005", "99999999999999999999"] {
            ana.send(&sell, &[("price", wrong)]).await.says(422, "id=\"price-fault\"").says(422, "aria-invalid");
        }
        for _ in 0..2 {
            // A form that is sent twice leads to what is for sale as well.
            assert_eq!(ana.send(&sell, &[("price", "20,50")]).await.leads_to("/orders/"), sell);
        }
        ana.get(&sell).await.says(200, "It is for sale").says(200, "20.50").says(200, "Take it back");
        bor.get(&page).await.says(200, "Sold by their holders").says(200, "20.50");

        // Taken back, and listed again.
        let withdraw = sell.replace('?', "/withdraw?");
        let listing = text(&for_sale(&t, &event).await[0]["id"]);
        for _ in 0..2 {
            assert_eq!(ana.send(&withdraw, &[("listing", &listing)]).await.leads_to("/orders/"), sell);
        }
        ana.send(&withdraw, &[("listing", "x")]).await.says(404, "sales.resale_not_found");
        let take = format!("{page}/resale/{listing}");
        bor.send(&take, &[("key", &"a".repeat(26))]).await.says(409, "sales.resale_gone");
        ana.send(&sell, &[("price", "20")]).await.leads_to("/orders/");

        let listing = text(&for_sale(&t, &event).await[0]["id"]);
        let take = format!("{page}/resale/{listing}");
        let key = "b".repeat(26);
        let checkout = bor.send(&take, &[("key", &key)]).await.leads_to("/checkout/");
        assert_eq!(bor.send(&take, &[("key", &key)]).await.leads_to("/checkout/"), checkout);
        Visitor::new(&t).send(&take, &[("key", &"c".repeat(26))]).await.says(409, "sales.resale_gone");
        ana.get(&sell).await.says(200, "Somebody is buying it");
        ana.send(&withdraw, &[("listing", &listing)]).await.leads_to("/orders/");
        let bought = bor.pay(&checkout, "succeed").await;
        assert_eq!(bor.get(&bought).await.says(200, "Your tickets").text.matches("<svg").count(), 1);
        let sold = ana.get(&order).await;
        assert_eq!(sold.says(200, "<b>Sold</b>").text.matches("<svg").count(), 1);
        ana.get(&sell).await.says(200, "This ticket lets nobody in");
        bor.send_with(&take, &[], &[("sec-fetch-site", "cross-site")]).await.says(403, "web.other_site");
        ana.get(&sell.replace("token=", "token=0")).await.says(404, "sales.order_not_found");
        t.stop().await;
    }
}
