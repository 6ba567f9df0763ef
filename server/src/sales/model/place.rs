//! Orders that are to be placed, and what became of them.

use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::telemetry::Cause;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Buyer, HOLD_MS, HeldCart, OrderDetail, OrderId, REVIEW_MS, StaffSale, Verdict};
use crate::catalog::{EventId, TierId};
use crate::sales::fraud::FraudDecision;
use crate::sales::limits::BuyerOrigin;
use crate::sales::service::{Cart, People};

/// Where an order's stock and price come from.
#[derive(Clone, Debug)]
pub enum Basis {
    /// A hold has both.
    Hold(Arc<HeldCart>),
    /// Nothing is held: the stock is taken with the order.
    Cart(Arc<Cart>),
}

impl Basis {
    /// How many of which tier it has, line by line.
    pub fn tiers(&self) -> Vec<(TierId, u32)> {
        match self {
            Self::Hold(held) => held
                .items
                .iter()
                .map(|item| (item.tier_id, item.quantity))
                .collect(),
            Self::Cart(cart) => cart
                .lines
                .iter()
                .map(|line| (line.tier, line.quantity))
                .collect(),
        }
    }
}

/// How an order is paid when it is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    /// It is paid by now.
    Now,
    /// It is paid if it costs nothing.
    IfFree,
    /// Its stock is held until it is paid.
    Later,
}

impl Pays {
    /// Whether an order that costs so much is paid.
    pub const fn settles(self, total_minor: i64) -> bool {
        match self {
            Self::Now => true,
            Self::IfFree => total_minor == 0,
            Self::Later => false,
        }
    }
}

/// An order to be placed.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// Its id, made beforehand.
    pub id: OrderId,
    /// The event.
    pub event: EventId,
    /// Who buys.
    pub buyer: Buyer,
    /// Who comes, and what was answered.
    pub people: Arc<People>,
    /// What is bought, and where stock and price come from.
    pub basis: Basis,
    /// How many tickets it gives that let people in: what purchase limits count.
    pub tickets: u32,
    /// How it is paid.
    pub pays: Pays,
    /// Makes it happen once.
    pub idempotency_key: String,
    /// Tells a repeated request from another one with the same key.
    pub request_hash: [u8; 32],
    /// Whether it is of a sandbox.
    pub sandbox: bool,
    /// From where it is bought.
    pub origin: BuyerOrigin,
    /// The fingerprint of the means of payment by which it is paid, as its provider gives it, if it does.
    pub means: Option<String>,
    /// How suspicious it looks, if that was asked.
    pub verdict: Option<Verdict>,
    /// What there is to say of it if staff makes it.
    pub staff: Option<StaffSale>,
    /// Now.
    pub at: Timestamp,
    /// What asked for it.
    pub cause: Cause,
}

impl NewOrder {
    /// Whether somebody has to look at it before it can be paid.
    pub fn is_to_review(&self) -> bool {
        self.decision() == Some(FraudDecision::Review)
    }

    /// Whether it costs something, as far as is known.
    pub fn may_cost(&self) -> bool {
        match &self.basis {
            Basis::Hold(held) => held.total.minor > 0,
            Basis::Cart(cart) => cart.known_total() != Some(0),
        }
    }

    /// Lets it wait for its payment, however it was to be paid, and whatever by.
    pub fn put_off_payment(&mut self) {
        self.pays = Pays::Later;
        self.means = None;
    }

    /// How long it waits to be paid, in milliseconds.
    pub fn waits_ms(&self) -> i64 {
        if self.is_to_review() {
            REVIEW_MS
        } else {
            HOLD_MS
        }
    }

    /// What is done with it by how it looks.
    pub fn decision(&self) -> Option<FraudDecision> {
        self.verdict.as_ref().map(|verdict| verdict.score.decision)
    }

    /// The hash of everything the buyer asked for.
    pub fn hash_of(request: &impl Serialize) -> [u8; 32] {
        // Serialising our own request types cannot fail; an empty text would only make replays differ.
        Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).into()
    }
}

/// What became of an order that was to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was placed now.
    New(OrderDetail),
    /// It had been placed by an earlier request with the same key.
    Before(OrderDetail),
}

impl Placed {
    /// The order.
    pub fn into_order(self) -> OrderDetail {
        match self {
            Self::New(order) | Self::Before(order) => order,
        }
    }
}
