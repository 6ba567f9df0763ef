//! Buyers: orders through the public shop, tickets as pictures.

use std::path::PathBuf;

use bilten_kernel::random::{self, OsRandom};
use serde_json::{Value, json};

use super::api::{Api, list, number, text};
use super::folder::Folder;
use super::organiser::{Event, Scenery};
use super::pages;
use super::stage::Stage;
use crate::cli::Failure;

/// A ticket in its holder's hands.
pub(super) struct Ticket {
    /// Its id.
    pub(super) id: String,
    /// The text of its code.
    pub(super) code: String,
    /// Its picture.
    pub(super) picture: PathBuf,
    /// The server's own words of it.
    pub(super) answer: Value,
}

/// Everybody's tickets.
pub(super) struct Sold {
    /// Two for standing.
    pub(super) ana: Vec<Ticket>,
    /// Two for the balcony.
    pub(super) ben: Vec<Ticket>,
    /// One for standing, which is passed on.
    pub(super) cilka: Vec<Ticket>,
    /// One for the soundcheck, which is over.
    pub(super) emma: Vec<Ticket>,
    /// One for the balcony, bought in the browser.
    pub(super) filip: Vec<Ticket>,
    /// One for the day after.
    pub(super) greta: Vec<Ticket>,
    /// One for standing, paid at the second attempt.
    pub(super) ivo: Vec<Ticket>,
}

/// Sells tickets to everybody who comes before the doors.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn sell(
    stage: &mut Stage,
    api: &Api,
    folder: &Folder,
    scenery: &Scenery,
) -> Result<Sold, Failure> {
    let (concert, other) = (&scenery.concert, &scenery.other);
    let mut shop = Shop { stage, api, folder };
    let sold = Sold {
        ana: shop.buy(concert, "Ana Novak", "Standing", 2).await?,
        ben: shop.buy(concert, "Ben Okafor", "Balcony", 2).await?,
        cilka: shop.buy(concert, "Cilka Zupan", "Standing", 1).await?,
        emma: shop.buy(concert, "Emma Rossi", "Soundcheck", 1).await?,
        greta: shop.buy(other, "Greta Lind", "Standing", 1).await?,
        ivo: shop
            .buy_at_second_attempt(concert, "Ivo Kranjc", "Standing")
            .await?,
        filip: shop
            .buy_in_the_browser(concert, "Filip Horvat", "Balcony")
            .await?,
    };
    stage.say(format_args!(
        "The pictures are in {}",
        folder.path().join("tickets").display()
    ))?;
    Ok(sold)
}

/// Sells one more ticket, while the gates have no network.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn sell_late(
    stage: &mut Stage,
    api: &Api,
    folder: &Folder,
    scenery: &Scenery,
) -> Result<Vec<Ticket>, Failure> {
    let mut shop = Shop { stage, api, folder };
    shop.buy(&scenery.concert, "Hana Sato", "Standing", 1).await
}

/// Whether the shop's own books agree with what was sold of the concert.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn count(
    stage: &mut Stage,
    api: &Api,
    concert: &Event,
    expected: i64,
) -> Result<(), Failure> {
    let stock = api
        .get(&format!("/api/v2/events/{}/stock", concert.id))
        .await?;
    stage.step(
        "tickets sold, by the stock of the concert's tiers",
        expected,
        number(&stock, "/sold")?,
    )
}

struct Shop<'a> {
    stage: &'a mut Stage,
    api: &'a Api,
    folder: &'a Folder,
}

impl Shop<'_> {
    async fn buy(
        &mut self,
        event: &Event,
        buyer: &str,
        tier: &str,
        quantity: usize,
    ) -> Result<Vec<Ticket>, Failure> {
        let order = order(event, buyer, tier, quantity, "succeed")?;
        let answer = self
            .api
            .buy("/api/v1/shop/orders", &once(), None, &order)
            .await?;
        let what = format!("{buyer} buys {quantity} × {tier}");
        self.stage
            .step(what, "paid", text(&answer, "/order/state")?)?;
        self.fetch(&answer, quantity).await
    }

    async fn buy_at_second_attempt(
        &mut self,
        event: &Event,
        buyer: &str,
        tier: &str,
    ) -> Result<Vec<Ticket>, Failure> {
        let order = order(event, buyer, tier, 1, "decline")?;
        let refused = self
            .api
            .buy("/api/v1/shop/orders", &once(), None, &order)
            .await?;
        let what = format!("{buyer} buys 1 × {tier}, with an empty card");
        self.stage
            .step(what, "declined", text(&refused, "/payment/state")?)?;
        let path = format!(
            "/api/v1/shop/orders/{}/payments",
            text(&refused, "/order/id")?
        );
        let token = text(&refused, "/token")?;
        let payment = json!({ "payment": { "method": "sandbox", "outcome": "succeed" } });
        let answer = self.api.buy(&path, &once(), Some(token), &payment).await?;
        let what = format!("{buyer} pays the same order with another card");
        self.stage
            .step(what, "paid", text(&answer, "/order/state")?)?;
        self.fetch(&answer, 1).await
    }

    async fn buy_in_the_browser(
        &mut self,
        event: &Event,
        buyer: &str,
        tier: &str,
    ) -> Result<Vec<Ticket>, Failure> {
        let bought = pages::buy(self.api, event, buyer, &email(buyer), tier).await?;
        let answer = self.api.order(&bought.order, &bought.token).await?;
        let what = format!("{buyer} buys 1 × {tier} on the shop's pages, without scripts");
        self.stage
            .step(what, "paid", text(&answer, "/order/state")?)?;
        let shown = self.api.file(&bought.picture, None).await?;
        let tickets = self.fetch(&answer, 1).await?;
        let is_same = tickets
            .first()
            .is_some_and(|ticket| std::fs::read(&ticket.picture).is_ok_and(|own| own == shown));
        self.stage
            .done("the page shows the same picture of the ticket", is_same)?;
        Ok(tickets)
    }

    /// Writes the pictures of an order's tickets, as the server draws them.
    async fn fetch(&mut self, answer: &Value, quantity: usize) -> Result<Vec<Ticket>, Failure> {
        let (order, token) = (text(answer, "/order/id")?, text(answer, "/token")?);
        let name = text(answer, "/order/name")?.split(' ').next();
        let name = name.unwrap_or_default().to_lowercase();
        let mut tickets = Vec::new();
        for (place, ticket) in list(answer, "/tickets")?.iter().enumerate() {
            let id = text(ticket, "/id")?;
            let path = format!("/api/v1/shop/orders/{order}/tickets/{id}/qr/png");
            let picture = self.api.file(&path, Some(token)).await?;
            tickets.push(Ticket {
                id: id.to_owned(),
                code: text(ticket, "/code")?.to_owned(),
                picture: self
                    .folder
                    .picture(&format!("{name}-{}.png", place + 1), &picture)?,
                answer: ticket.clone(),
            });
        }
        if tickets.len() != quantity {
            let what = "tickets of an order that was paid";
            self.stage.step(what, quantity, tickets.len())?;
            return Err(Failure::new(
                "demo.answer",
                "there are not as many tickets as were bought",
            ));
        }
        self.stage.sold += tickets.len();
        Ok(tickets)
    }
}

fn once() -> String {
    random::token(&OsRandom, 24)
}

fn email(buyer: &str) -> String {
    format!("{}@example.com", buyer.to_lowercase().replace(' ', "."))
}

fn order(
    event: &Event,
    buyer: &str,
    tier: &str,
    quantity: usize,
    outcome: &str,
) -> Result<Value, Failure> {
    Ok(json!({
        "event": event.id,
        "items": [{ "tier": event.tier(tier)?, "quantity": quantity }],
        "buyer": { "name": buyer, "email": email(buyer) },
        "payment": { "method": "sandbox", "outcome": outcome },
    }))
}
