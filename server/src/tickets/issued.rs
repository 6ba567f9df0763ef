//! Tickets that were issued a moment ago, for the request that paid for them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::model::Ticket;
use crate::sales::OrderId;

/// Tickets by order, from the commit that issued them until the buyer's answer takes them: at a hot
/// sale, reading them back costs more than selling them. Whatever is not taken is read instead.
#[derive(Default)]
pub struct Issued(Mutex<HashMap<OrderId, Vec<Ticket>>>);

/// How many orders are kept at most; those paid by a provider's call are never taken.
const KEPT: usize = 4_096;

impl Issued {
    pub(super) fn put(&self, tickets: Vec<Ticket>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        for ticket in tickets {
            kept.entry(ticket.order_id).or_default().push(ticket);
        }
    }

    /// Forgets an order's tickets, since one of them changed.
    pub(super) fn forget(&self, order: OrderId) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&order);
    }

    /// An order's tickets in the order in which they are always shown.
    pub(super) fn take(&self, order: OrderId) -> Option<Vec<Ticket>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tickets = kept.remove(&order)?;
        drop(kept);
        tickets.sort_by_key(|ticket| (ticket.tier_number, ticket.id));
        Some(tickets)
    }
}
