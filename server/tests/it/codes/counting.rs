//! How codes are counted for holds and orders, whoever comes at the same time.

use bilten_core::price::{CodeRefusal, Refusal};
use bilten_kernel::db::DbError;
use bilten_kernel::on_both_engines;
use bilten_server::catalog::EventId;
use bilten_server::identity;
use bilten_server::sales::codes::{self, CodesError, PromoCodeId};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{PATH, confirm, give_back, make, now, of, reserve, tenth, text, with};
use crate::app::{Client, TestApp};

/// Why a code was not to be had.
fn why(result: Result<(), Refusal>) -> Option<CodeRefusal> {
    match result {
        Ok(()) => None,
        Err(Refusal::CodeNotApplicable { why, .. }) => Some(why),
        Err(other) => panic!("{other}"),
    }
}

async fn rename(t: &TestApp, from: &str, to: &str) {
    let (from, to) = (from.to_owned(), to.to_owned());
    t.app
        .db
        .write(move |c| Box::pin(async move { codes::rename(c, &from, &to).await }))
        .await
        .unwrap();
}

async fn name_buyer(t: &TestApp, holder: &str, buyer: [u8; 32]) -> Option<CodeRefusal> {
    let holder = holder.to_owned();
    let named: Result<_, DbError> = t
        .app
        .db
        .write(move |c| Box::pin(async move { codes::name_buyer(c, &holder, buyer).await }))
        .await;
    why(named.unwrap())
}

/// How often a code is used, and what it takes off.
async fn counted(t: &TestApp, code: &Value) -> (i64, i64) {
    let code = now(&t.organiser, code).await;
    let number = |field: &str| code[field].as_i64().unwrap();
    (number("uses"), number("spent_minor"))
}

on_both_engines! {
    /// Fifty rivals for ten uses, and for a budget.
    ///
    /// covers: MKT-2, PAY-5, BE-2
    async fn rivals_never_use_a_code_more_than_it_may_be(db: TestDb) {
        let t = TestApp::start(db).await;
        let limited = make(&t.organiser, "Ten", None, with(tenth(), json!({"max_uses": 10}))).await;
        let budget = make(&t.organiser, "Budget", None, with(tenth(), json!({"budget_minor": 1_000, "currency": "EUR"}))).await;
        let rivals = (0..50).map(|rival| {
            let (t, limited, budget) = (&t, &limited, &budget);
            async move {
                let by_count = reserve(t, &format!("count-{rival}"), vec![of(limited, 100)], None).await;
                let by_budget = reserve(t, &format!("budget-{rival}"), vec![of(budget, 150)], None).await;
                (why(by_count), why(by_budget))
            }
        });
        let results = join_all(rivals).await;
        let by_count: Vec<_> = results.iter().filter_map(|(count, _)| *count).collect();
        assert_eq!(by_count, [CodeRefusal::UsedUp; 40]);
        let by_budget: Vec<_> = results.iter().filter_map(|(_, budget)| *budget).collect();
        assert_eq!(by_budget, [CodeRefusal::BudgetSpent; 44], "six times 150 fit into 1,000");
        assert_eq!(counted(&t, &limited).await, (10, 1_000));
        assert_eq!(counted(&t, &budget).await, (6, 900));
        // What is left goes to whoever needs no more.
        assert_eq!(why(reserve(&t, "small", vec![of(&budget, 100)], None).await), None);
        assert_eq!(why(reserve(&t, "late", vec![of(&budget, 1)], None).await), Some(CodeRefusal::BudgetSpent));
        assert_eq!(counted(&t, &budget).await, (7, 1_000));
        t.stop().await;
    }

    /// Several codes at once, in whatever order they come, are had all or not at all.
    ///
    /// covers: MKT-2, BE-2
    async fn several_codes_are_had_together_or_not_at_all(db: TestDb) {
        let t = TestApp::start(db).await;
        let free = make(&t.organiser, "Free", None, tenth()).await;
        let scarce = make(&t.organiser, "Scarce", None, with(tenth(), json!({"max_uses": 5, "max_uses_per_buyer": 1}))).await;
        let rivals = (0..30u8).map(|rival| {
            let (t, free, scarce) = (&t, &free, &scarce);
            async move {
                let mut uses = vec![of(free, 10), of(scarce, 20)];
                if rival % 2 == 0 {
                    uses.reverse();
                }
                why(reserve(t, &format!("rival-{rival}"), uses, Some([rival; 32])).await)
            }
        });
        let had = join_all(rivals).await.into_iter().filter(Option::is_none).count();
        assert_eq!(had, 5);
        assert_eq!((counted(&t, &free).await, counted(&t, &scarce).await), ((5, 50), (5, 100)));
        // Whoever got nothing has nothing to give back, and was not counted as a buyer.
        for rival in 0..30 {
            give_back(&t, &format!("rival-{rival}")).await;
        }
        assert_eq!((counted(&t, &free).await, counted(&t, &scarce).await), ((0, 0), (0, 0)));
        for rival in 0..5u8 {
            let had = reserve(&t, &format!("again-{rival}"), vec![of(&scarce, 20)], Some([rival; 32])).await;
            assert_eq!(why(had), None);
        }
        t.stop().await;
    }

    /// covers: MKT-2, BE-2
    async fn a_use_is_counted_once_and_given_back_once(db: TestDb) {
        let t = TestApp::start(db).await;
        let code = make(&t.organiser, "Rock", None, with(tenth(), json!({"max_uses": 3}))).await;
        let same = (0..8).map(|_| reserve(&t, "hold", vec![of(&code, 100)], Some([7; 32])));
        for result in join_all(same).await {
            assert_eq!(why(result), None);
        }
        assert_eq!(counted(&t, &code).await, (1, 100));
        rename(&t, "hold", "order").await;
        give_back(&t, "hold").await;
        assert_eq!(counted(&t, &code).await, (1, 100), "the order has it now");
        confirm(&t, "order").await;
        join_all((0..8).map(|_| give_back(&t, "order"))).await;
        assert_eq!(counted(&t, &code).await, (0, 0));
        // Paid late: it is counted anew, and given back anew.
        assert_eq!(why(reserve(&t, "order", vec![of(&code, 80)], Some([7; 32])).await), None);
        assert_eq!(counted(&t, &code).await, (1, 80));
        confirm(&t, "order").await;
        confirm(&t, "order").await;
        give_back(&t, "order").await;
        give_back(&t, "never").await;
        assert_eq!(counted(&t, &code).await, (0, 0));
        // Nothing is left of it with the buyer either.
        for holder in ["a", "b", "c"] {
            assert_eq!(why(reserve(&t, holder, vec![of(&code, 1)], None).await), None);
        }
        assert_eq!(why(reserve(&t, "d", vec![of(&code, 1)], None).await), Some(CodeRefusal::UsedUp));
        t.stop().await;
    }

    /// covers: MKT-2, PAY-5
    async fn a_buyer_uses_a_code_as_often_as_they_may(db: TestDb) {
        let t = TestApp::start(db).await;
        let code = make(&t.organiser, "Rock", None, with(tenth(), json!({"max_uses_per_buyer": 2}))).await;
        let open = make(&t.organiser, "Open", None, tenth()).await;
        let (ana, bor) = ([1; 32], [2; 32]);
        let rivals = (0..12).map(|rival| {
            let (t, code) = (&t, &code);
            async move { why(reserve(t, &format!("ana-{rival}"), vec![of(code, 10)], Some(ana)).await) }
        });
        let results = join_all(rivals).await;
        assert_eq!(results.iter().filter(|why| why.is_none()).count(), 2);
        assert_eq!(results.iter().filter(|why| **why == Some(CodeRefusal::UsedUpByBuyer)).count(), 10);
        assert_eq!(counted(&t, &code).await, (2, 20));

        // Held before anybody knew who it is for: it is counted for them once they are named.
        assert_eq!(why(reserve(&t, "hold", vec![of(&open, 5), of(&code, 10)], None).await), None);
        assert_eq!(name_buyer(&t, "hold", ana).await, Some(CodeRefusal::UsedUpByBuyer));
        assert_eq!(counted(&t, &code).await, (3, 30), "the hold has it still");
        for _ in 0..2 {
            assert_eq!(name_buyer(&t, "hold", bor).await, None);
        }
        assert_eq!(why(reserve(&t, "bor", vec![of(&code, 10)], Some(bor)).await), None);
        assert_eq!(why(reserve(&t, "bor-2", vec![of(&code, 10)], Some(bor)).await), Some(CodeRefusal::UsedUpByBuyer));
        // What is given back is theirs again.
        give_back(&t, "hold").await;
        assert_eq!(why(reserve(&t, "bor-2", vec![of(&code, 10)], Some(bor)).await), None);

        // Who was forgotten is nobody, and how often the code was used stays.
        let before = counted(&t, &code).await;
        t.app.db.write(move |c| Box::pin(async move { codes::forget_buyer(c, bor).await })).await.unwrap();
        assert_eq!(counted(&t, &code).await, before);
        assert_eq!(why(reserve(&t, "bor-3", vec![of(&code, 10)], Some(bor)).await), None);
        give_back(&t, "bor").await;
        assert_eq!(counted(&t, &code).await, before);
        t.stop().await;
    }

    /// Whoever buys is counted, whoever was named when it was held.
    ///
    /// covers: MKT-2, PAY-5
    async fn another_name_for_a_hold_uses_a_code_no_more_often(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        make(&t.organiser, "Rock", Some(&event.id), with(tenth(), json!({"max_uses_per_buyer": 1}))).await;
        let items = json!([{"tier": event.tiers[0], "quantity": 1}]);
        let buy = async |held_for: &str, buyer: &str| {
            let wish = json!({"event": event.id, "items": items, "codes": ["Rock"], "email": held_for});
            let held = t.stranger.post_once("/api/v1/shop/holds", &format!("{held_for}-{buyer}"), &wish).await.expect(201);
            let order = json!({
                "event": event.id, "hold": held["id"], "buyer": {"email": buyer, "name": "Ana Novak"},
                "payment": {"method": "sandbox", "outcome": "succeed"},
            });
            t.stranger.post_once("/api/v1/shop/orders", text(&held, "id"), &order).await
        };
        buy("ana@example.com", "ana@example.com").await.expect(201);
        let refused = buy("eve@example.com", "ana@example.com").await.refused(409, "sales.code_not_applicable");
        assert_eq!(refused["errors"][0]["code"], "used_up_by_buyer");
        // Eve, who did not buy, has not used it; the refused hold is there for whoever may.
        buy("eva@example.com", "eve@example.com").await.expect(201);
        buy("bor@example.com", "eve@example.com").await.refused(409, "sales.code_not_applicable");
        t.stop().await;
    }

    /// covers: MKT-2
    async fn prices_are_told_what_codes_there_are(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let other = t.event(&[("Standing", 2500, 10)]).await;
        let here = make(&t.organiser, "Rock", Some(&event.id), with(tenth(), json!({"max_uses": 3, "until_at": "2040-01-01T00:00:00Z"}))).await;
        let everywhere = make(&t.organiser, "Jazz", None, tenth()).await;
        for (holder, minor) in [("a", 100), ("b", 50)] {
            reserve(&t, holder, vec![of(&here, minor)], Some([1; 32])).await.unwrap();
        }
        let organisation = identity::organisation_by_slug(&t.app, "kino-siska").await.unwrap().id;
        let facts = async |event: &str, typed: &[&str]| {
            let event: EventId = event.parse().unwrap();
            let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
            t.app
                .db
                .write(move |c| {
                    Box::pin(async move {
                        codes::lock(c, organisation, &typed).await?;
                        codes::facts(c, organisation, event, &typed, Some([1; 32])).await
                    })
                })
                .await
        };
        let found = facts(&event.id, &["j-a-z-z", "R0ck", "jazz"]).await.unwrap();
        let ids: Vec<PromoCodeId> = found.iter().map(|(id, _, _)| *id).collect();
        let wanted = [&everywhere, &here, &everywhere].map(|code| text(code, "id").parse::<PromoCodeId>().unwrap());
        assert_eq!(ids, wanted, "as they were typed, twice if it was");
        let (_, code, fact) = &found[1];
        assert_eq!((code.id.as_str(), code.max_uses, code.until_at.map(|at| at.ms())), (text(&here, "id"), Some(3), Some(2_208_988_800_000)));
        assert_eq!((fact.used, fact.used_by_buyer, fact.spent_minor), (2, 2, 150));
        for (event, typed, place) in [
            (&event.id, &["jazz", "unknown"][..], 1),
            (&event.id, &["50%"][..], 0),
            (&other.id, &["jazz", "jazz", "rock"][..], 2),
        ] {
            match facts(event, typed).await {
                Err(CodesError::Unknown { place: found }) => assert_eq!(found, place),
                other => panic!("{typed:?}: {other:?}"),
            }
        }
        assert!(matches!(facts(&event.id, &["jazz"; 21]).await, Err(CodesError::TooMany(20))));
        assert!(facts(&event.id, &[]).await.unwrap().is_empty());
        t.stop().await;
    }

    /// covers: MKT-2, GW-7
    async fn an_emptied_sandbox_gives_codes_back(db: TestDb) {
        let t = TestApp::start(db).await;
        let made = identity::create_sandbox(&t.app, "Try Out").await.unwrap();
        let (_, key) = identity::create_api_key(&t.app, made.id, "tests").await.unwrap();
        let keyed = Client::new(&t.url, Some(&key));
        // Only people empty what is theirs.
        let owner = t.person("owner").await;
        identity::add_member(&t.app, made.id, owner, Some(identity::Role::Owner)).await.unwrap();
        let tester = t.signed_in(owner, false).await;
        let event = t.event_of(&keyed, &[("Standing", 2500, 10)]).await;
        let everywhere = make(&keyed, "Jazz", None, tenth()).await;
        let here = make(&keyed, "Rock", Some(&event.id), tenth()).await;
        let bought = t.stranger.buy(&event, 0, 1, "succeed", "k").await.expect(201);
        let order = text(&bought["order"], "id");
        reserve(&t, order, vec![of(&everywhere, 250), of(&here, 250)], Some([1; 32])).await.unwrap();
        confirm(&t, order).await;
        assert_eq!(now(&keyed, &everywhere).await["uses"], 1);
        tester.post("/api/v1/organisation/reset", json!({})).await.expect(200);
        let kept = now(&keyed, &everywhere).await;
        assert_eq!((&kept["uses"], &kept["spent_minor"]), (&json!(0), &json!(0)));
        keyed.get(&format!("{}/{}", PATH, text(&here, "id"))).await.refused(404, "sales.code_not_found");
        t.stop().await;
    }
}
