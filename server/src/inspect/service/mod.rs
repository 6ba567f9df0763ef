//! Use cases of the inspector.

mod error;
mod show;
mod tidy;
mod write;

pub use error::InspectError;
pub use show::*;
pub use tidy::*;
pub use write::write_down;
pub(super) use write::{detail_purpose, head_purpose};

use bilten_kernel::clock::Timestamp;

use super::model::LoggedRequestId;

/// The least id of those that were drawn at a time or later.
fn id_at(at: Timestamp) -> LoggedRequestId {
    let ms = u64::try_from(at.ms()).unwrap_or(0).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&ms[2..]);
    LoggedRequestId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use bilten_kernel::clock::{Clock, ManualClock};
    use bilten_kernel::random::SeededRandom;
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let (clock, random) = (ManualClock::default(), SeededRandom::new(1));
        let first = LoggedRequestId::new(&clock, &random);
        assert!(id_at(clock.now()) < first);
        assert!(first < id_at(clock.now() + Duration::from_millis(1)));
        assert!(id_at(Timestamp::from_ms(-1)) < first);
    }
}
