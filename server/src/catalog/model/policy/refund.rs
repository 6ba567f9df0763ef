//! Whether an order gets its money back, and how much of it.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;

use super::{Policy, RefundWindow, after, before, part};

/// What became of the event that an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFate {
    /// It takes place as it was sold.
    AsSold,
    /// It takes place at another time, or at one not known yet; holders were told at this moment.
    Moved(Timestamp),
    /// It does not take place.
    Cancelled,
}

/// All of an order that decides about a refund; of a part of it, if only that part is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// How many tickets it is about.
    pub tickets: u32,
    /// What was paid for the tickets, in minor units, taxes included.
    pub price_minor: i64,
    /// What was paid in fees, in minor units.
    pub fees_minor: i64,
    /// What of the price went back already.
    pub refunded_price_minor: i64,
    /// What of the fees went back already.
    pub refunded_fees_minor: i64,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// When the first date that its tickets are for starts.
    pub starts_at: Timestamp,
    /// Whether one of its tickets was let in.
    pub is_used: bool,
    /// Whether one of its tickets was transferred or sold on: its money is somebody else's affair.
    pub is_passed_on: bool,
    /// Whether its payment is disputed: the bank decides then.
    pub is_disputed: bool,
    /// What became of the event.
    pub fate: EventFate,
}

text_enum! {
    /// Why money goes back.
    pub enum RefundReason {
        /// The event does not take place.
        EventCancelled = "event_cancelled",
        /// It takes place at another time.
        EventMoved = "event_moved",
        /// The buyer withdrew soon after purchase.
        Withdrawal = "withdrawal",
        /// A window of the policy is open.
        Window = "window",
    }
}

text_enum! {
    /// Why no money goes back.
    pub enum RefundRefusal {
        /// Its payment is disputed.
        Disputed = "refund_disputed",
        /// All of it went back already, or nothing was paid.
        NothingLeft = "refund_nothing_left",
        /// A ticket was let in.
        Used = "refund_used",
        /// A ticket belongs to somebody else by now.
        PassedOn = "refund_passed_on",
        /// The policy knows no refund at will.
        NotOffered = "refund_not_offered",
        /// The last window is closed.
        TooLate = "refund_too_late",
        /// What is kept is all there is.
        AllKept = "refund_all_kept",
    }
}

/// What goes back, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundParts {
    /// Of the price.
    pub price_minor: i64,
    /// Of the fees.
    pub fees_minor: i64,
    /// What of the price is kept.
    pub kept_minor: i64,
    /// Why.
    pub reason: RefundReason,
    /// Until when the same holds, if that is limited; to be shown along with it.
    pub until: Option<Timestamp>,
}

/// Whether money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundDecision {
    /// This much.
    Allowed(RefundParts),
    /// None.
    Refused(RefundRefusal),
}

/// Whether an order gets its money back at a moment, and how much of it.
///
/// What the buyer has a right to comes first (cancelled, moved, withdrawal), the windows after it.
/// What is kept is rounded down: a fraction of a cent is the buyer's.
pub fn may_refund(policy: &Policy, order: &OrderFacts, at: Timestamp) -> RefundDecision {
    match decide(policy, order, at) {
        Ok(parts) => RefundDecision::Allowed(parts),
        Err(refusal) => RefundDecision::Refused(refusal),
    }
}

fn decide(
    policy: &Policy,
    order: &OrderFacts,
    at: Timestamp,
) -> Result<RefundParts, RefundRefusal> {
    let refund = &policy.refund;
    let price = order
        .price_minor
        .saturating_sub(order.refunded_price_minor)
        .max(0);
    let fees = order
        .fees_minor
        .saturating_sub(order.refunded_fees_minor)
        .max(0);
    if order.is_disputed {
        return Err(RefundRefusal::Disputed);
    }
    if price == 0 && fees == 0 {
        return Err(RefundRefusal::NothingLeft);
    }
    let parts = |fees_minor, kept_minor, reason, until| RefundParts {
        price_minor: price - kept_minor,
        fees_minor,
        kept_minor,
        reason,
        until,
    };
    if order.fate == EventFate::Cancelled {
        return Ok(parts(fees, 0, RefundReason::EventCancelled, None));
    }
    if order.is_used {
        return Err(RefundRefusal::Used);
    }
    if order.is_passed_on {
        return Err(RefundRefusal::PassedOn);
    }
    let usual_fees = if refund.fees_too { fees } else { 0 };
    if let EventFate::Moved(told_at) = order.fate {
        let until = after(told_at, refund.moved_minutes);
        if at < until {
            let parts = parts(usual_fees, 0, RefundReason::EventMoved, Some(until));
            return nonzero(parts);
        }
    }
    let withdrawal = after(order.paid_at, refund.withdrawal_minutes).min(order.starts_at);
    if at < withdrawal {
        return Ok(parts(fees, 0, RefundReason::Withdrawal, Some(withdrawal)));
    }
    if refund.windows.is_empty() {
        return Err(RefundRefusal::NotOffered);
    }
    let open = refund
        .windows
        .iter()
        .filter(|window| at < before(order.starts_at, window.until_minutes_before));
    let best = open
        .map(|window| (kept(window, order, price), window.until_minutes_before))
        .min()
        .ok_or(RefundRefusal::TooLate)?;
    let until = before(order.starts_at, best.1);
    nonzero(parts(usual_fees, best.0, RefundReason::Window, Some(until)))
}

/// A refund of nothing is none.
fn nonzero(parts: RefundParts) -> Result<RefundParts, RefundRefusal> {
    if parts.price_minor == 0 && parts.fees_minor == 0 {
        return Err(RefundRefusal::AllKept);
    }
    Ok(parts)
}

/// What a window keeps of what is left of the price.
fn kept(window: &RefundWindow, order: &OrderFacts, left: i64) -> i64 {
    let flat = window
        .keep_minor
        .max(0)
        .saturating_mul(i64::from(order.tickets));
    part(order.price_minor, window.keep_basis_points)
        .saturating_add(flat)
        .min(left)
}
