//! The work of the two lanes: reading the feed to its end, and emptying the outbox.
//!
//! While one page is verified and applied on a thread of its own, the next is fetched already:
//! where to go on stands in the header. That header is not trusted for anything else; if the page
//! turns out false, what was fetched after it is thrown away.

use super::client::{Client, ClockReading};
use super::push::{Conflict, Unplaced};
use super::{MAX_PUSH, SyncError, page};
use crate::store::{Applied, SharedStore, Store, StoreError};
use crate::system::Clock;
use serde::Deserialize;
use std::sync::Arc;

/// What one run of the pull lane did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Pages that were new.
    pub pages: u32,
    /// Changes that were new.
    pub changes: u64,
}

/// What one run of the push lane did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Scans that the server has now.
    pub sent: u64,
    /// Those that were new to it.
    pub accepted: u64,
    /// Those that it had before, since an answer got lost.
    pub repeated: u64,
    /// Those that do not count, and which one does.
    pub conflicts: Vec<Conflict>,
    /// Those that the server could not place.
    pub unplaced: Vec<Unplaced>,
}

impl Pushed {
    /// Adds what a further run did.
    pub(super) fn add(&mut self, more: Self) {
        self.sent += more.sent;
        self.accepted += more.accepted;
        self.repeated += more.repeated;
        self.conflicts.extend(more.conflicts);
        self.unplaced.extend(more.unplaced);
    }
}

/// What the lanes work with.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) client: Client,
    pub(super) token: String,
    pub(super) store: SharedStore,
    pub(super) clock: Arc<dyn Clock>,
    /// Called whenever the store has changed.
    pub(super) on_change: Arc<dyn Fn() + Send + Sync>,
}

/// What is taken from a page's header before the page is verified: only where to go on.
#[derive(Deserialize)]
struct Peek {
    page: PeekHeader,
}

#[derive(Deserialize)]
struct PeekHeader {
    to: u64,
    more: bool,
    next: String,
}

fn peek(bytes: &[u8]) -> Result<PeekHeader, SyncError> {
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<Peek>(line)
        .map(|peek| peek.page)
        .map_err(|_| SyncError::Page(page::PageFault::Malformed))
}

/// Reads the feed to its end.
pub(super) async fn pull(bench: Bench) -> (Pulled, Result<(), SyncError>) {
    let mut pulled = Pulled::default();
    let result = pull_into(&bench, &mut pulled).await;
    (pulled, result)
}

async fn pull_into(bench: &Bench, pulled: &mut Pulled) -> Result<(), SyncError> {
    let cursor = bench
        .store
        .run(|store| Ok(store.device().place.cursor.clone()))
        .await?;
    let mut bytes = bench.client.feed(&bench.token, cursor.as_deref()).await?;
    let mut reached = None;
    loop {
        let head = peek(&bytes)?;
        if head.more && reached.is_some_and(|reached| head.to <= reached) {
            return Err(SyncError::Garbled("the feed does not move on"));
        }
        reached = Some(head.to);
        let fetch = async {
            if head.more {
                Some(bench.client.feed(&bench.token, Some(&head.next)).await)
            } else {
                None
            }
        };
        let (applied, next) = tokio::join!(apply(bench, bytes), fetch);
        match applied? {
            Applied::New { changes, .. } => {
                pulled.pages += 1;
                pulled.changes += u64::from(changes);
                (bench.on_change)();
            }
            Applied::Repeat => {}
        }
        match next {
            Some(next) => bytes = next?,
            None => return Ok(()),
        }
    }
}

async fn apply(bench: &Bench, bytes: Vec<u8>) -> Result<Applied, SyncError> {
    let (store, clock) = (bench.store.clone(), bench.clock.clone());
    let work = move || {
        let (event, keys, at) = store.with(|store| {
            let device = store.device();
            let event = device.identity()?.event.clone();
            Ok::<_, StoreError>((
                event,
                store.known().keys.clone(),
                device.correct(clock.now()),
            ))
        })?;
        // Scans go on while the page is verified.
        let page = page::read(&bytes, &event, &keys, at)?;
        drop(bytes);
        Ok(store.with(|store| store.apply(&page, clock.now()))?)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| SyncError::BrokenOff)?
}

/// Sends all scans that were not sent yet, oldest first.
pub(super) async fn push(bench: Bench) -> (Pushed, Result<(), SyncError>) {
    let mut pushed = Pushed::default();
    let result = push_into(&bench, &mut pushed).await;
    (pushed, result)
}

async fn push_into(bench: &Bench, pushed: &mut Pushed) -> Result<(), SyncError> {
    loop {
        let read =
            |store: &mut Store| Ok((store.outbox(MAX_PUSH)?, store.device().clock_offset_ms));
        let (batch, offset) = bench.store.run(read).await?;
        if batch.is_empty() {
            return Ok(());
        }
        let asked = bench.clock.now();
        let receipt = bench
            .client
            .push(&bench.token, asked.plus_ms(offset), &batch)
            .await?;
        let answered = bench.clock.now();
        let reading = ClockReading::new(asked, answered, receipt.server_time);
        let covered =
            receipt.accepted as usize + receipt.repeated as usize + receipt.unplaced.len();
        if covered < batch.len() {
            return Err(SyncError::Garbled("the receipt does not cover all scans"));
        }

        pushed.sent += batch.len() as u64;
        pushed.accepted += u64::from(receipt.accepted);
        pushed.repeated += u64::from(receipt.repeated);
        pushed.conflicts.extend(receipt.conflicts.iter().cloned());
        pushed.unplaced.extend(receipt.unplaced.iter().cloned());
        let write = move |store: &mut Store| {
            store.correct_clock(reading.offset_ms, reading.error_ms)?;
            store.acknowledge(&batch, &receipt, answered)
        };
        bench.store.run(write).await?;
        (bench.on_change)();
    }
}
