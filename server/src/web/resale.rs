//! Selling a ticket on from the page of its order, or of the transfer that brought it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};
use bilten_kernel::money::{Currency, Money};

use super::form::{Faults, Fields, Refusal};
use super::order::{self, Key};
use super::shell::{self, Privacy, Shell};
use super::text::{self, Moment};
use super::view::EventView;
use crate::app::App;
use crate::catalog::{self, EventDetail};
use crate::sales::OrderId;
use crate::sales::resale::{
    ListingId, ListingState, MAX_LISTINGS, ResaleError, ResaleListing, ResaleTerms,
};
use crate::tickets::transfers::{self, Holding, TransferId};
use crate::tickets::{self, SignedTicket, TicketError, TicketId};

/// Who sells a ticket.
#[derive(Clone, Copy)]
enum Seller {
    /// Whoever knows the secret of its order.
    Order(OrderId),
    /// Whoever got it by this transfer.
    Transfer(TransferId),
}

impl Seller {
    const fn holding(self) -> Holding {
        match self {
            Self::Order(order) => Holding::Order(order),
            Self::Transfer(transfer) => Holding::Transfer(transfer),
        }
    }

    const fn transfer(self) -> Option<TransferId> {
        match self {
            Self::Order(_) => None,
            Self::Transfer(transfer) => Some(transfer),
        }
    }

    /// The address of a page on which they sell a ticket.
    fn address(self, app: &App, ticket: TicketId, page: &str) -> String {
        match self {
            Self::Order(order) => order::address(app, order, &format!("/sell/{ticket}{page}")),
            Self::Transfer(transfer) => transfers::path(app, transfer, &format!("/sell{page}")),
        }
    }

    /// Where they have it.
    fn back(self, app: &App) -> String {
        match self {
            Self::Order(order) => order::address(app, order, ""),
            Self::Transfer(transfer) => transfers::path(app, transfer, ""),
        }
    }
}

/// A ticket that is for sale.
struct ListedView {
    id: ListingId,
    price: String,
    fee: Option<String>,
    until: Moment,
    is_held: bool,
}

impl ListedView {
    fn of(event: &EventDetail, listing: &ResaleListing) -> Self {
        let zone = text::zone(&event.event.time_zone);
        let money = |minor: i64| text::price(Money::new(minor, listing.currency));
        Self {
            id: listing.id,
            price: money(listing.price_minor),
            fee: (listing.fee_minor > 0).then(|| money(listing.fee_minor)),
            until: text::date_and_time(listing.closes_at, &zone),
            is_held: listing.state == ListingState::Held,
        }
    }
}

/// At what price it can be listed, in words.
struct TermsView {
    hint: String,
    most: Option<String>,
    /// What the organiser keeps, in percent.
    fee: Option<String>,
    until: Moment,
}

impl TermsView {
    fn of(event: &EventDetail, terms: ResaleTerms) -> Self {
        let zone = text::zone(&event.event.time_zone);
        let most = terms.most_minor;
        let most = most.map(|most| text::amount(Money::new(most, terms.currency)));
        let (whole, part) = (terms.fee_basis_points / 100, terms.fee_basis_points % 100);
        let fee = if part == 0 {
            format!("{whole} %")
        } else {
            format!("{whole}.{part:02} %")
        };
        Self {
            hint: format!("In {}, all included.", terms.currency.code()),
            most,
            fee: (terms.fee_basis_points > 0).then_some(fee),
            until: text::date_and_time(terms.closes_at, &zone),
        }
    }
}

#[derive(Template)]
#[template(path = "resale_list.html")]
struct SellPage {
    shell: Shell,
    faults: Faults,
    event: EventView,
    tier: String,
    holder: String,
    listed: Option<ListedView>,
    terms: Option<TermsView>,
    /// Why it cannot be sold.
    why_not: String,
    action: String,
    withdraw: String,
    price: String,
    back: String,
}

async fn page(
    app: &App,
    seller: Seller,
    ticket: &SignedTicket,
    price: &str,
    mut refusal: Refusal,
) -> Result<Response, Problem> {
    let id = ticket.ticket.id;
    let event = catalog::offer(app, ticket.ticket.event_id).await?;
    let of = (ticket.ticket.order_id, id);
    let all = tickets::listings(app, of, seller.transfer(), None, MAX_LISTINGS).await?;
    let open = all.iter().find(|listing| match listing.state {
        ListingState::Listed | ListingState::Held => true,
        ListingState::Sold | ListingState::Withdrawn | ListingState::Ended => false,
    });
    let (terms, why_not) = match tickets::terms(app, seller.holding(), id).await {
        Ok(terms) => (Some(TermsView::of(&event, terms)), String::new()),
        Err(error) => {
            let faults = Refusal::of(error, str::to_owned)?.take_faults();
            let why = faults.iter().next().map(|fault| fault.text.clone());
            (None, why.unwrap_or_default())
        }
    };
    let faults = refusal.take_faults();
    let page = SellPage {
        shell: Shell::personal("Sell a ticket")
            .of_event(event.event.sandbox)
            .with_faults(!faults.is_empty()),
        faults,
        event: EventView::of(&event),
        tier: event
            .tier(ticket.ticket.tier_id)
            .map_or_else(|| "Ticket".to_owned(), |tier| tier.name.clone()),
        holder: ticket.ticket.holder_name.clone(),
        listed: open.map(|listing| ListedView::of(&event, listing)),
        terms,
        why_not,
        action: seller.address(app, id, ""),
        withdraw: seller.address(app, id, "/withdraw"),
        price: price.to_owned(),
        back: seller.back(app),
    };
    refusal.page(&page, Privacy::SecretForm)
}

/// A ticket of an order that is still its buyer's.
async fn of_order(
    app: &App,
    order: OrderId,
    ticket: TicketId,
    key: &Key,
) -> Result<SignedTicket, Problem> {
    let bought = tickets::bought(app, order, &key.token).await?;
    let mut all = bought.tickets.into_iter();
    let found = all.find(|signed| signed.ticket.id == ticket);
    Ok(found.ok_or(TicketError::NotFound)?)
}

/// A ticket that is still theirs who got it by a transfer.
async fn of_transfer(app: &App, transfer: TransferId, key: &Key) -> Result<SignedTicket, Problem> {
    let offered = transfers::offered(app, transfer, &key.token).await?;
    Ok(offered.ticket.ok_or(TicketError::NotFound)?)
}

async fn list(
    app: &App,
    seller: Seller,
    ticket: &SignedTicket,
    fields: &Fields,
) -> Result<Response, Problem> {
    let (id, by, written) = (ticket.ticket.id, seller.holding(), fields.text("price"));
    let currency = tickets::terms(app, by, id)
        .await
        .map(|terms| terms.currency);
    let listed = match currency {
        Ok(currency) => match minor_of(written, currency) {
            Some(minor) => tickets::list(app, by, id, minor).await,
            None => {
                let text = "Please give an amount such as 25 or 25.00.";
                let refusal = Refusal::with(Faults::one("price", text));
                return page(app, seller, ticket, written, refusal).await;
            }
        },
        Err(error) => Err(error),
    };
    match listed {
        // Sent twice: the page says that it is for sale.
        Ok(_) | Err(TicketError::Resale(ResaleError::Listed)) => {
            Ok(shell::see_other(&seller.address(app, id, "")))
        }
        Err(TicketError::Resale(ResaleError::AboveCap(most))) => {
            let text = format!("At most {}, all included.", text::amount(most));
            let refusal = Refusal::with(Faults::one("price", text));
            page(app, seller, ticket, written, refusal).await
        }
        Err(error) => {
            let refusal = Refusal::of(error, |_| "price".to_owned())?;
            page(app, seller, ticket, written, refusal).await
        }
    }
}

async fn withdraw(
    app: &App,
    seller: Seller,
    ticket: TicketId,
    fields: &Fields,
) -> Result<Response, Problem> {
    let Ok(listing) = fields.text("listing").parse::<ListingId>() else {
        return Err(ResaleError::NotFound.into());
    };
    match tickets::withdraw(app, seller.holding(), ticket, listing).await {
        // Whatever came in between, the page shows how it stands.
        Ok(()) | Err(TicketError::Resale(ResaleError::State(_))) => {
            Ok(shell::see_other(&seller.address(app, ticket, "")))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /orders/{order}/sell/{ticket}?token=`
pub(super) async fn show_of_order(
    State(app): State<App>,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let ticket = of_order(&app, order, ticket, &key).await?;
    let seller = Seller::Order(order);
    page(&app, seller, &ticket, "", Refusal::default()).await
}

/// `POST /orders/{order}/sell/{ticket}?token=`
pub(super) async fn list_of_order(
    State(app): State<App>,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = of_order(&app, order, ticket, &key).await?;
    list(&app, Seller::Order(order), &ticket, &fields).await
}

/// `POST /orders/{order}/sell/{ticket}/withdraw?token=`
pub(super) async fn withdraw_of_order(
    State(app): State<App>,
    Path((order, ticket)): Path<(OrderId, TicketId)>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    tickets::bought(&app, order, &key.token).await?;
    withdraw(&app, Seller::Order(order), ticket, &fields).await
}

/// `GET /transfers/{transfer}/sell?token=`
pub(super) async fn show_of_transfer(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let ticket = of_transfer(&app, transfer, &key).await?;
    let seller = Seller::Transfer(transfer);
    page(&app, seller, &ticket, "", Refusal::default()).await
}

/// `POST /transfers/{transfer}/sell?token=`
pub(super) async fn list_of_transfer(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = of_transfer(&app, transfer, &key).await?;
    list(&app, Seller::Transfer(transfer), &ticket, &fields).await
}

/// `POST /transfers/{transfer}/sell/withdraw?token=`
pub(super) async fn withdraw_of_transfer(
    State(app): State<App>,
    Path(transfer): Path<TransferId>,
    Query(key): Query<Key>,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = of_transfer(&app, transfer, &key).await?.ticket.id;
    withdraw(&app, Seller::Transfer(transfer), ticket, &fields).await
}

/// An amount as people write it, in minor units: with a point or a comma, and no more places than the
/// currency has.
fn minor_of(text: &str, currency: Currency) -> Option<i64> {
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let places = usize::try_from(currency.exponent()).ok()?;
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: WEB-4
    #[test]
    fn amounts_are_read_as_people_write_them() {
        let yen: Currency = "JPY".parse().unwrap();
        for (text, currency, wanted) in [
            ("25", Currency::EUR, Some(2_500)),
            ("25.5", Currency::EUR, Some(2_550)),
            ("25,50", Currency::EUR, Some(2_550)),
            ("0", Currency::EUR, Some(0)),
            ("25.", Currency::EUR, Some(2_500)),
            ("25", yen, Some(25)),
            ("25.5", yen, None),
            ("25.505", Currency::EUR, None),
            ("-1", Currency::EUR, None),
            ("1e3", Currency::EUR, None),
            ("1.000,00", Currency::EUR, None),
            ("", Currency::EUR, None),
            (".5", Currency::EUR, None),
            ("99999999999999999999", Currency::EUR, None),
        ] {
            assert_eq!(minor_of(text, currency), wanted, "{text}");
        }
    }
}
