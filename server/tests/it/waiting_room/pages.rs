//! The pages of a waiting room, without scripts, and the notice while the database is away.

use std::time::Duration;

use bilten_kernel::db::DbError;
use bilten_kernel::{on_both_engines, sql, vals};
use reqwest::Method;
use serde_json::json;

use super::{Waiter, draw, room, step, visitors};
use crate::app::TestApp;
use crate::web::Visitor;

on_both_engines! {
    /// covers: WEB-4
    async fn people_wait_by_links_and_forms_alone(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        let (home, shown) = (format!("/wait/{}/", event.id), format!("/e/{}", event.slug));
        let visitor = Visitor::new(&t);
        assert!(!visitor.get(&shown).await.page(200).contains("waiting room"));
        room(&t, &event, json!({})).await;
        visitor.get(&shown).await.says(200, &format!("href=\"{home}\""));
        let key = visitor.get(&shown).await.value("key");
        let tier = format!("q_{}", event.tiers[0]);
        let wish = [("key", key.as_str()), (tier.as_str(), "1")];
        visitor.send(&format!("{shown}/hold"), &wish).await.leads_to(&home);
        visitor.get(&format!("/wait/{}", event.id)).await.leads_to(&home);
        let page = visitor.get(&home).await;
        page.says(200, "action=\"join\"").says(200, "aria-live=\"polite\"").says(200, "href=\"place\"");
        assert!(page.headers["cache-control"].to_str().unwrap().starts_with("public"), "{:?}", page.headers);
        assert!(!page.text.contains(&event.id), "one file for all rooms");

        let place = format!("{home}place");
        visitor.get(&place).await.says(200, "You have no place yet");
        for _ in 0..2 {
            visitor.send(&format!("{home}join"), &[]).await.leads_to(&place);
        }
        visitor.get(&place).await.says(200, "You are in the draw").says(200, "The draw is held on");
        let room = t.organiser.get(&crate::waiting_room::organisers(&event, "")).await.expect(200);
        assert_eq!(room["places"], 1, "pressing twice gives one place");
        visitor.send(&format!("{home}enter"), &[]).await.leads_to(&place);

        draw(&t, &event).await;
        step(&t).await;
        visitor.get(&place).await.says(200, "It is your turn").says(200, "action=\"enter\"");
        visitor.send(&format!("{home}enter"), &[]).await.leads_to(&shown);
        let checkout = visitor.reserve(&event, &[1]).await;
        visitor.get(&place).await.says(200, "You had your turn");
        visitor.pay(&checkout, "succeed").await;
        // Nobody else is let in by it, and they only once.
        for other in [&visitor, &Visitor::new(&t)] {
            other.send(&format!("{shown}/hold"), &[(tier.as_str(), "1")]).await.leads_to(&home);
        }
        t.stop().await;
    }

    /// covers: WEB-4, GW-6
    async fn the_notice_and_numbers_stay_while_the_database_is_away(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 100)]).await;
        room(&t, &event, json!({})).await;
        let waiter = Waiter::join(&t, &event).await;
        let json = format!("/wait/{}/notice.json", event.id);
        let policy: String = t.app.db.scalars(sql!("SELECT policy FROM waiting_rooms"), vals![]).await.unwrap().remove(0);
        let set = async |text: String| {
            t.app.db.write(move |c| Box::pin(async move {
                c.exec(sql!("UPDATE waiting_rooms SET policy = $1"), vals![text]).await?;
                Ok::<_, DbError>(())
            })).await.unwrap();
        };
        let by_api = t.stranger.get(&visitors(&event, "/notice")).await.expect(200);
        let before = t.stranger.get(&json).await.expect(200);
        assert_eq!((&before["room"], before["state"].as_str()), (&by_api["room"], Some("gathering")));
        assert!(before["seed"].is_null());

        // Whatever is read of the room from now on is a fault.
        set("away".to_owned()).await;
        for _ in 0..3 {
            t.clock.advance(Duration::from_secs(5));
            let kept = t.stranger.get(&json).await;
            assert_eq!(kept.expect(200), before);
            assert!(kept.headers["cache-control"].to_str().unwrap().starts_with("public"), "{:?}", kept.headers);
            assert_eq!(waiter.standing(&t, &event).await["state"], "gathering");
            let page = t.stranger.request(Method::GET, &format!("/wait/{}/", event.id));
            assert_eq!(page.send().await.unwrap().status(), 200);
        }
        set(policy).await;
        t.clock.advance(Duration::from_secs(5));
        assert_ne!(t.stranger.get(&json).await.expect(200)["at"], before["at"]);
        t.stop().await;
    }
}
