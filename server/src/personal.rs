//! What all domains hold of a person: the one place that knows whom to ask.
//!
//! A copy of somebody's data holds what every domain gives here; forgetting somebody is the domain
//! event `PersonErased`, to which those domains react (see `events`). A domain that begins to hold
//! something personal adds a line to both.

use bilten_kernel::db::{Conn, DbError};
use serde_json::{Value, json};

use crate::app::App;
use crate::identity::{Email, UserId};
use crate::{inspect, platform, sales, tickets};

/// A kind of thing that is held of somebody: a file of their copy.
#[derive(Clone, Debug)]
pub struct Held {
    /// The file's name, without its ending.
    pub name: &'static str,
    /// What it holds.
    pub content: Value,
}

/// What the domains other than identity hold of somebody; by their address only if that is known to
/// be theirs.
///
/// # Errors
/// A fault of the database.
pub async fn held_by_others(
    app: &App,
    c: &mut Conn,
    user: UserId,
    email: Option<&Email>,
) -> Result<Vec<Held>, DbError> {
    let mut orders = Vec::new();
    if let Some(email) = email {
        for order in sales::orders_of_buyer_in(app, c, &email.lookup()).await? {
            let tickets = tickets::of_order_in(app, c, order.order.id).await?;
            let said = sales::people_of_order_in(app, c, order.order.id).await?;
            let notes = sales::order_notes_in(app, c, order.order.id).await?;
            let reasons = sales::changes::reasons_in(app, c, order.order.id).await?;
            orders.push(json!({
                "order": order, "tickets": tickets, "said": said, "notes": notes,
                "reasons_of_changes": reasons,
            }));
        }
    }
    let (mut received, mut waited) = (Vec::new(), Vec::new());
    if let Some(email) = email {
        let lookup = email.lookup();
        waited = sales::waitlist::of_person_in(app, c, &lookup).await?;
        for (transfer, ticket) in tickets::transfers::of_receiver_in(app, c, &lookup).await? {
            received.push(json!({"transfer": transfer, "ticket": ticket}));
        }
    }
    let requests = inspect::requests_of_person_in(app, c, user).await?;
    let trail = platform::audit_of_person_in(app, c, &user.to_string()).await?;
    Ok(vec![
        Held {
            name: "orders",
            content: json!(orders),
        },
        Held {
            name: "received_tickets",
            content: json!(received),
        },
        Held {
            name: "recorded_actions",
            content: json!(trail),
        },
        Held {
            name: "requests_of_programs",
            content: json!(requests),
        },
        Held {
            name: "waitlists",
            content: json!(waited),
        },
    ])
}
