//! Finding one's orders again: the address that bought them is sent the way to them.
//!
//! Whoever asks always gets the same answer, after the same work: what is found, and whether anything is, is
//! for the mail alone. A job looks, by a keyed hash of the address, and writes to the address that the
//! orders have.

use bilten_kernel::jobs::{self, JobError};
use serde::{Deserialize, Serialize};

use super::super::store::find;
use super::buyers::{lookup, opened};
use super::review::send;
use super::{SalesError, order_path};
use crate::app::App;
use crate::catalog::{self, EventId};
use crate::identity::mail::{self, MailTemplate};
use crate::identity::{Email, MAIL, MAIL_NETWORK, Throttle};
use crate::sales::limits::BuyerOrigin;

/// The job that looks for orders and mails the way to them.
pub const FIND_JOB: &str = "sales.find_orders";
/// How many orders a mail leads to: the newest ones.
const MOST_FOUND: i64 = 20;

/// Orders that somebody looks for.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindJob {
    event: EventId,
    /// The keyed hash of the address, in hexadecimal digits: the row of a job names nobody.
    address: String,
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Has the way to the orders of an address mailed to it, if there are any.
///
/// # Errors
/// [`SalesError::Invalid`] if that is no address, [`SalesError::TooOften`], or a fault of the database.
pub async fn find_orders(
    app: &App,
    event: &str,
    email: &str,
    origin: BuyerOrigin,
) -> Result<(), SalesError> {
    let email: Email = email.parse().map_err(|_| {
        SalesError::Invalid(vec![bilten_kernel::error::FieldError {
            field: "email".to_owned(),
            code: "email".into(),
            detail: "Please give an e-mail address such as ana@example.com.".to_owned(),
        }])
    })?;
    let event = match event.trim().parse::<EventId>() {
        Ok(id) => Some(id),
        Err(_) if !catalog::can_be_slug(event.trim()) => None,
        Err(_) => match catalog::id_by_slug(app, event.trim()).await {
            Ok(id) => Some(id),
            Err(catalog::CatalogError::NotFound) => None,
            Err(other) => return Err(other.into()),
        },
    };
    let address = lookup(app, &email.lookup());
    let by_address = Throttle::new(app, MAIL, &[b"orders".as_slice(), address.as_slice()]);
    let by_network = origin
        .address
        .map(|ip| Throttle::network(app, MAIL_NETWORK, ip));
    let now = app.now();
    app.db
        .write(move |c| {
            Box::pin(async move {
                if let Some(network) = by_network
                    && let Err(wait) = network.pass(c, now).await?
                {
                    return Ok(Err(wait));
                }
                if let Err(wait) = by_address.pass(c, now).await? {
                    return Ok(Err(wait));
                }
                // An event that is none costs as much as one that is.
                let job = FindJob {
                    event: event.unwrap_or(EventId::from_bytes([0; 16])),
                    address: hex(address),
                };
                jobs::enqueue(c, FIND_JOB, &job, now).await?;
                Ok::<_, SalesError>(Ok(()))
            })
        })
        .await?
        .map_err(SalesError::TooOften)
}

/// Looks for orders and mails the way to them.
///
/// # Errors
/// A fault of the database, so that it is tried again.
pub async fn mail_found_orders(app: &App, job: FindJob) -> Result<(), JobError> {
    let Some(address) = unhex(&job.address) else {
        return Err(JobError::Dead("no address".to_owned()));
    };
    let (work, event) = (app.clone(), job.event);
    let found = app
        .db
        .write(move |c| {
            Box::pin(async move {
                let app = work;
                let rows = find::of_address(c, event, address, MOST_FOUND).await?;
                let Some(event) = catalog::event_in(c, event).await? else {
                    return Ok(());
                };
                let mut orders = Vec::with_capacity(rows.len());
                // A sandbox writes to no buyer.
                for row in rows.into_iter().filter(|row| !row.sandbox) {
                    orders.push(opened(&app, row)?);
                }
                let to = orders
                    .first()
                    .and_then(|order| order.email.parse::<Email>().ok());
                let Some(to) = to else {
                    return Ok(());
                };
                let template = MailTemplate::OrdersFound {
                    at: app.now(),
                    event: event.name,
                    links: orders
                        .iter()
                        .map(|order| mail::link(&app, &order_path(&app, order.id, "")))
                        .collect(),
                };
                send(&app, c, &to, template).await
            })
        })
        .await;
    found.map_err(|error: SalesError| JobError::Retry(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i * 8).unwrap_or(255));
        assert_eq!(unhex(&hex(key)), Some(key));
        for wrong in ["", "00", &"g".repeat(64), &"ž".repeat(32), &"0".repeat(65)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
