//! A whole sale, from the first draft to a ticket that somebody else has in the end, through the API alone:
//! a seated, recurring event in several languages, with a shared pool, add-ons, codes and a waiting room.
//!
//! Each step is a function, in the order in which the test calls them.
//!
//! | file | step |
//! |---|---|
//! | `made.rs` | the event is made |
//! | `sold.rs` | it is sold out through the waiting room |
//! | `later.rs` | the offer is changed, a date is called off |
//! | `changed.rs` | orders are changed: another seat, another holder, less of it, in two |
//! | `hands.rs` | tickets are given on, and what is given back goes to who waits |
//! | `resold.rs` | a holder sells a ticket on |

mod changed;
mod hands;
mod later;
mod made;
mod resold;
mod sold;

use bilten_kernel::on_both_engines;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Client, TestApp};
use crate::selling::{balance, text};

/// How many seats, places on the floor and friends a date has, and how many cars there is room for.
const SEATS: usize = 10;
const FLOOR: usize = 8;
const FRIENDS: usize = 2;
const CARS: usize = 3;
const DATES: usize = 3;

/// The event and all that is needed to buy of it.
struct Sale<'t> {
    t: &'t TestApp,
    event: String,
    map: String,
    pool: String,
    dates: Vec<String>,
    seat: String,
    standing: String,
    reduced: String,
    parking: String,
    friends: String,
    tenth: String,
}

impl Sale<'_> {
    fn path(&self, more: &str) -> String {
        format!("/api/v1/events/{}{more}", self.event)
    }

    fn shop(&self, more: &str) -> String {
        format!("/api/v1/shop/events/{}{more}", self.event)
    }

    async fn event(&self) -> Value {
        self.t.organiser.get(&self.path("")).await.expect(200)
    }

    async fn do_it(&self, what: &str) -> Value {
        let path = self.path(what);
        self.t.organiser.post(&path, json!({})).await.expect(200)
    }

    async fn put(&self, path: &str, body: &Value) -> Value {
        let request = self.t.organiser.request(Method::PUT, path).json(body);
        self.t.organiser.send(request).await.expect(200)
    }

    async fn uses_of_tenth(&self) -> i64 {
        let path = format!("/api/v1/promo-codes/{}", self.tenth);
        let code = self.t.organiser.get(&path).await.expect(200);
        code["uses"].as_i64().unwrap()
    }

    /// How many are sold in all.
    async fn sold(&self) -> usize {
        let path = format!("/api/v2/events/{}/stock", self.event);
        let stock = self.t.organiser.get(&path).await.expect(200);
        assert_eq!(stock["held"], 0);
        usize::try_from(stock["sold"].as_i64().unwrap()).unwrap()
    }

    /// How much is left of a tier on a date, as buyers are told.
    async fn left(&self, tier: &str, date: usize) -> i64 {
        let path = self.shop(&format!("/occurrences/{}/availability", self.dates[date]));
        let told = self.t.stranger.get(&path).await.expect(200);
        let all = told["tiers"].as_array().unwrap();
        let one = all.iter().find(|one| one["tier"] == tier).unwrap();
        one["left"].as_i64().unwrap()
    }

    /// Buys what a hold has.
    async fn pay(&self, hold: &str, email: &str) -> Bought {
        let body = json!({
            "event": self.event, "hold": hold, "buyer": {"email": email, "name": email},
            "payment": {"method": "sandbox", "outcome": "succeed"},
        });
        let answer = self
            .t
            .stranger
            .post_once("/api/v1/shop/orders", hold, &body)
            .await;
        Bought::of(self.t, answer.expect(201))
    }
}

/// An order, and its buyer.
struct Bought {
    buyer: Client,
    answer: Value,
}

impl Bought {
    fn of(t: &TestApp, answer: Value) -> Self {
        assert_eq!(answer["order"]["state"], "paid");
        let buyer = t.stranger.with_token(answer["token"].as_str().unwrap());
        Self { buyer, answer }
    }

    fn id(&self) -> String {
        text(&self.answer["order"]["id"])
    }

    fn total(&self) -> i64 {
        self.answer["order"]["total_minor"].as_i64().unwrap()
    }

    fn tickets(&self) -> &Vec<Value> {
        self.answer["tickets"].as_array().unwrap()
    }
}

on_both_engines! {
    /// covers: BE-2, DB-2, DB-4, ORG-2, ORG-3, PAY-5, MKT-2, WEB-2, WEB-4, I18N-2, I18N-5
    async fn a_whole_sale_goes_through_the_api(db: TestDb) {
        let t = TestApp::start(db).await;
        let sale = made::created(&t).await;
        let bought = sold::sold_out(&sale).await;
        balance(&t.app.db).await;
        let felix = later::offer_changed(&sale).await;
        balance(&t.app.db).await;
        later::partly_cancelled(&sale, &bought).await;
        balance(&t.app.db).await;
        hands::transferred(&sale, &bought[0]).await;
        balance(&t.app.db).await;
        hands::sold_again(&sale, &felix).await;
        balance(&t.app.db).await;
        changed::seat_changed(&sale, &bought[5]).await;
        changed::order_parted(&sale, &bought[8]).await;
        resold::resold_by_holder(&sale, &bought[1]).await;
        t.stop().await;
    }
}
