//! Files: pictures of tickets, calendar entries, and what robots may read.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use bilten_kernel::http::{Path, Query};

use super::order::Key;
use crate::app::App;
use crate::catalog;
use crate::sales::OrderId;
use crate::tickets::{self, QrFormat, SignedTicket, TicketError, TicketId, TicketState};

/// A file for one person, with the name it is saved under.
fn personal(bytes: Vec<u8>, media_type: &'static str, name: &str) -> Result<Response, Problem> {
    let mut response = bytes.into_response();
    let name = HeaderValue::from_str(&format!("inline; filename=\"{name}\""))
        .map_err(|error| Problem::fault(&error))?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Ok(response)
}

/// `GET /orders/{order}/tickets/{ticket}.png|svg?token=`
pub(super) async fn ticket(
    State(app): State<App>,
    Path((order, file)): Path<(OrderId, String)>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let bought = tickets::bought(&app, order, &key.token).await?;
    let named = file.split_once('.').and_then(|(id, format)| {
        Some((
            id.parse::<TicketId>().ok()?,
            format.parse::<QrFormat>().ok()?,
        ))
    });
    let (id, format) = named.ok_or(TicketError::NotFound)?;
    let signed = bought
        .tickets
        .iter()
        .find(|signed| signed.ticket.id == id)
        .ok_or(TicketError::NotFound)?;
    picture(signed.clone(), format, &file).await
}

/// The code of a ticket as a picture, if it lets somebody in.
pub(super) async fn picture(
    signed: SignedTicket,
    format: QrFormat,
    name: &str,
) -> Result<Response, Problem> {
    match signed.ticket.state {
        TicketState::Valid => {}
        TicketState::Unpaid
        | TicketState::Blocked
        | TicketState::Cancelled
        | TicketState::Revoked => {
            return Err(Problem::gone(
                "tickets.dead",
                "This ticket lets nobody in any more, so it has no code.",
            ));
        }
    }
    let picture = tickets::draw_aside(format, move || signed.picture(format)).await?;
    let media_type = match format {
        QrFormat::Png => "image/png",
        QrFormat::Svg => "image/svg+xml",
    };
    personal(picture, media_type, name)
}

/// `GET /orders/{order}/calendar.ics?token=`
pub(super) async fn calendar(
    State(app): State<App>,
    Path(order): Path<OrderId>,
    Query(key): Query<Key>,
) -> Result<Response, Problem> {
    let bought = tickets::bought(&app, order, &key.token).await?;
    let order = &bought.purchased.order.order;
    let offer = catalog::offer(&app, order.event_id).await?;
    let (url, now) = (super::shell::public_url(&app), app.now());
    let text = super::calendar::of_order(&offer, order, &bought.tickets, url, now);
    personal(
        text.into_bytes(),
        "text/calendar; charset=utf-8",
        &format!("{}.ics", order.reference),
    )
}

/// `GET /robots.txt`
pub(super) async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /account\nDisallow: /api/\nDisallow: /checkout/\nDisallow: /invitation\nDisallow: /orders/\n\
     Disallow: /reset\nDisallow: /sign-in\nDisallow: /transfers/\nDisallow: /verify\nDisallow: /waitlist/\n"
}
