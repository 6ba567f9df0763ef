//! Wakes devices that wait for news of an event.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::catalog::EventId;

/// The newest feed position of each event that somebody listens to, in this node.
///
/// Nodes tell each other, but may not be heard: whoever listens also looks for itself now and then.
#[derive(Default)]
pub struct Hints(Mutex<HashMap<EventId, watch::Sender<i64>>>);

impl Hints {
    /// Says that an event's feed has come to a position.
    pub fn tell(&self, event: EventId, position: i64) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = events.get(&event) {
            // Commits may be told out of order; the position only grows.
            let grew = sender.send_if_modified(|known| {
                let grows = position > *known;
                *known = position.max(*known);
                grows
            });
            if !grew && sender.is_closed() {
                events.remove(&event);
            }
        }
    }

    /// Takes what a node has told: the id of an event and its position. What is none is for others.
    pub fn heard(&self, about: &str, position: i64) {
        if let Ok(event) = about.parse() {
            self.tell(event, position);
        }
    }

    /// Ends all listening, since the server stops.
    pub fn close(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Listens for news of an event.
    pub fn listen(&self, event: EventId) -> watch::Receiver<i64> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .entry(event)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }
}
