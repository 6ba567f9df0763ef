//! What an event's organiser asks of those who buy.

use bilten_kernel::record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

record! {
    /// What an event's organiser asks of those who buy.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub struct SaleRules {
        /// Nobody may leave a single free seat between taken ones, where it can be avoided.
        pub no_single_seats: bool,
        /// A companion's seat is only sold together with the place that it belongs to.
        pub companions_with_their_place: bool,
        /// Every order waits, unpaid, until the organiser accepts it; those of staff do not. A tier can say the
        /// same for orders with one of it.
        #[serde(default)]
        pub needs_approval: bool,
    }
}

impl Default for SaleRules {
    fn default() -> Self {
        Self {
            no_single_seats: false,
            companions_with_their_place: true,
            needs_approval: false,
        }
    }
}
