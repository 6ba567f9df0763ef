//! A gate in front of a server.

use super::http::Handle;
use super::world::{EVENING, TestClock, open_gate};
use bilten_core::checkin::Policy;
use bilten_core::gate::Gate;
use std::sync::Arc;

/// A server, and a gate that is paired with it.
pub(super) struct Venue {
    pub(super) handle: Handle,
    pub(super) clock: Arc<TestClock>,
    pub(super) folder: tempfile::TempDir,
    pub(super) gate: Arc<Gate>,
}

impl Venue {
    /// Time goes by, for the device and for the server.
    pub(super) fn forward(&self, ms: i64) {
        self.clock.forward(ms);
        let mut fake = self.handle.lock();
        fake.server.now = fake.server.now.plus_ms(ms);
    }
}

pub(super) async fn venue(tickets: u32) -> Venue {
    let handle = Handle::start(Policy::Single).await;
    handle.lock().server.sell(0..tickets);
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::at(EVENING);
    let gate = open_gate(&folder.path().join("gate.db"), &clock);
    gate.pair(&handle.link(), "Phone 1").await.unwrap();
    Venue {
        handle,
        clock,
        folder,
        gate,
    }
}
