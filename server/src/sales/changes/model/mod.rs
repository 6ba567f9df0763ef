//! What is asked and answered about changes of orders, and what is to be done: a file for each.

mod answer;
mod asked;
mod plan;

use bilten_kernel::{text_enum, typed_id};

pub use answer::*;
pub use asked::*;
pub use plan::*;

typed_id!(pub ChangeId, "chg", "Names a change of an order.");

/// The most steps of one change.
pub const MAX_STEPS: usize = 20;

text_enum! {
    /// Where a change stands.
    pub enum ChangeState {
        /// Nothing was done.
        Preview = "preview",
        /// It is done.
        Done = "done",
        /// It is done when its supplement is paid.
        Pending = "pending",
        /// Its supplement was not paid in time, or the order was changed before.
        Void = "void",
    }
}

text_enum! {
    /// Why units are in a line.
    pub enum LineReason {
        /// They stay as they are, and cost what they cost.
        Kept = "kept",
        /// They are for something else now.
        Changed = "changed",
        /// They come.
        Added = "added",
        /// They go, and are given back.
        Cancelled = "cancelled",
        /// They go to, or come from, another order.
        Moved = "moved",
    }
}

text_enum! {
    /// Why a ticket cannot be changed.
    pub enum TicketRefusal {
        /// It let somebody in.
        Used = "ticket_used",
        /// It is blocked, cancelled or revoked.
        NotValid = "ticket_not_valid",
        /// It belongs to somebody else by now.
        PassedOn = "ticket_passed_on",
    }
}

text_enum! {
    /// What a change does with a code of the order.
    pub enum CodeEvent {
        /// It takes something off what comes.
        Applied = "applied",
        /// It does not hold for what comes.
        NotApplied = "not_applied",
        /// What it took off goes back to it, with the units that go.
        Returned = "returned",
        /// What is left is not what it asks for: what it took off is taken from what goes back.
        Lost = "lost",
    }
}
