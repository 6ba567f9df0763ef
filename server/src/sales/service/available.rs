//! What is left of tiers, told as it changes: one task for each event that somebody listens to looks once
//! a second, writes down what there is to tell and tells all of them, so that a thousand listeners cost the
//! database as much as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::super::model::*;
use super::{SalesError, availability, public_event};
use crate::app::App;
use crate::catalog::{self, EventId};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How many listen on a node at most.
const MOST: usize = 20_000;

/// What is told, and the same as JSON: written once for all who listen.
#[derive(Debug)]
pub struct ToldLeft {
    left: EventLeft,
    json: String,
}

impl ToldLeft {
    /// What is told, as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }
}

/// What is told last; nothing before the first look.
type Told = Option<Arc<ToldLeft>>;

/// Who listens to what is left, on this node.
#[derive(Default)]
pub struct Listeners(Mutex<Events>);

#[derive(Default)]
struct Events {
    by_event: HashMap<EventId, watch::Sender<Told>>,
    is_closed: bool,
}

impl Listeners {
    fn events(&self) -> MutexGuard<'_, Events> {
        // Nothing panics while the lock is held, so the map is whole even if it is poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all listening, since the server stops.
    pub fn close(&self) {
        let mut events = self.events();
        events.is_closed = true;
        events.by_event.clear();
    }

    /// Tells those who listen to an event; says whether anybody still does.
    fn tell(&self, event: EventId, left: Option<EventLeft>) -> bool {
        let mut events = self.events();
        let Some(sender) = events.by_event.get(&event) else {
            return false;
        };
        if sender.receiver_count() == 0 {
            events.by_event.remove(&event);
            return false;
        }
        if let Some(left) = left {
            sender.send_if_modified(|told| {
                if told.as_deref().is_some_and(|told| told.left == left) {
                    return false;
                }
                let Ok(json) = serde_json::to_string(&left) else {
                    return false;
                };
                *told = Some(Arc::new(ToldLeft { left, json }));
                true
            });
        }
        true
    }

    /// Ends listening to an event that is gone.
    fn end(&self, event: EventId) {
        self.events().by_event.remove(&event);
    }
}

/// What one listener hears.
pub struct Left {
    told: watch::Receiver<Told>,
    /// What they heard last.
    last: Told,
}

impl Left {
    /// Waits until there is something to tell: the first time at once, then when it changes; nothing
    /// once the server stops or the event is gone.
    pub async fn next(&mut self) -> Option<Arc<ToldLeft>> {
        loop {
            let told = self.told.borrow_and_update().clone();
            if let Some(told) = told {
                let is_new = self
                    .last
                    .as_ref()
                    .is_none_or(|last| !Arc::ptr_eq(last, &told));
                if is_new {
                    self.last = Some(Arc::clone(&told));
                    return Some(told);
                }
            }
            self.told.changed().await.ok()?;
        }
    }
}

/// What is left of an event's tiers now, in steps.
///
/// # Errors
/// [`SalesError::EventNotFound`], or a fault of the database.
pub async fn left(app: &App, event: &str) -> Result<EventLeft, SalesError> {
    let offer = public_event(app, event).await?;
    left_of(app, offer.event.id).await
}

async fn left_of(app: &App, event: EventId) -> Result<EventLeft, SalesError> {
    let offer = catalog::offer(app, event).await?;
    let exact = availability(app, &offer, None).await?;
    Ok(EventLeft {
        event_id: event,
        tiers: exact.iter().map(TierLeft::of).collect(),
    })
}

/// Listens to what is left of an event's tiers.
///
/// # Errors
/// [`SalesError::EventNotFound`], [`SalesError::TooManyListen`] if as many as can listen to something
/// already or the server is about to stop, or a fault of the database.
pub async fn listen_to_left(app: &App, event: &str) -> Result<Left, SalesError> {
    let offer = public_event(app, event).await?;
    let event = offer.event.id;
    let (told, is_new) = {
        let mut events = app.left.events();
        let count: usize = events
            .by_event
            .values()
            .map(watch::Sender::receiver_count)
            .sum();
        if events.is_closed || count >= MOST {
            return Err(SalesError::TooManyListen);
        }
        match events.by_event.get(&event) {
            Some(sender) => (sender.subscribe(), false),
            None => {
                let (sender, told) = watch::channel(None);
                events.by_event.insert(event, sender);
                (told, true)
            }
        }
    };
    if is_new {
        let app = app.clone();
        tokio::spawn(async move {
            loop {
                let left = match left_of(&app, event).await {
                    Ok(left) => Some(left),
                    Err(SalesError::EventNotFound) => {
                        app.left.end(event);
                        return;
                    }
                    Err(error) => {
                        // What was told last stays until the database answers again.
                        tracing::warn!(%error, "what is left cannot be told");
                        None
                    }
                };
                if !app.left.tell(event, left) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }
    Ok(Left { told, last: None })
}
