//! Turns the effects of the [machine](super::machine) into work, and what comes of the work into
//! events.

use super::SyncError;
use super::client::Client;
use super::lanes::{Bench, Pulled, Pushed, pull, push};
use super::machine::{Effect, Event, Lane, Link, Membership, State, transition};
use super::pairing::Session;
use super::report::{Problem, SyncReport, trouble};
use super::runner::Runner;
use crate::store::{SharedStore, Store, StoreError};
use crate::system::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How often a device asks although nobody hinted.
const POLL: Duration = Duration::from_secs(30);
/// How long to wait before listening for hints again.
const LISTEN_AGAIN: Duration = Duration::from_secs(15);
/// A session that ends sooner than this is not begun with.
const SESSION_MARGIN_MS: i64 = 60_000;

/// Something that was worked on has come to an end.
enum Done {
    Opened(Result<(Session, bool), SyncError>),
    Pulled(Pulled, Result<(), SyncError>),
    Pushed(Pushed, Result<(), SyncError>),
    Wiped(Result<(), SyncError>),
    HintsEnded,
}

/// One run of the machine.
pub(super) struct Drive<'a> {
    runner: &'a Runner,
    session: &'a mut Option<Session>,
    client: Client,
    pub(super) state: State,
    pub(super) report: SyncReport,
    work: JoinSet<Done>,
    pull_at: Option<Instant>,
    push_at: Option<Instant>,
    /// When to ask without a hint, and when to listen for hints; only while the drive goes on.
    poll_at: Option<Instant>,
    listen_at: Option<Instant>,
    hints: (mpsc::Sender<()>, mpsc::Receiver<()>),
    was_asked: bool,
}

impl<'a> Drive<'a> {
    pub(super) async fn new(
        runner: &'a Runner,
        session: &'a mut Option<Session>,
    ) -> Result<Self, SyncError> {
        let clock = runner.clock.clone();
        let read = move |store: &mut Store| {
            let device = store.device();
            let server = device.identity()?.server.clone();
            Ok((
                server,
                device.revoked_at.is_some(),
                device.correct(clock.now()),
            ))
        };
        let (server, is_revoked, now) = runner.store.run(read).await?;
        session.take_if(|session| session.expires_at < now.plus_ms(SESSION_MARGIN_MS));
        let membership = if is_revoked {
            Membership::Revoked
        } else {
            Membership::Active
        };
        let link = if session.is_some() {
            Link::Open
        } else {
            Link::Closed
        };
        Ok(Self {
            client: Client::new(&server, &runner.software)?,
            state: State {
                membership,
                link,
                ..State::default()
            },
            report: SyncReport::default(),
            runner,
            session,
            work: JoinSet::new(),
            pull_at: None,
            push_at: None,
            poll_at: None,
            listen_at: None,
            hints: mpsc::channel(8),
            was_asked: false,
        })
    }

    /// Goes on after the first time, by hints and by the clock.
    pub(super) fn keep_listening(&mut self) {
        self.poll_at = Some(Instant::now() + POLL);
        self.listen_at = Some(Instant::now());
    }

    /// Whether somebody asked for a sync since the last time this was asked.
    pub(super) const fn was_asked(&mut self) -> bool {
        std::mem::replace(&mut self.was_asked, false)
    }

    pub(super) async fn wake(&mut self, urgent: bool) {
        for lane in [Lane::Pull, Lane::Push] {
            self.take(Event::Wake { lane, urgent }).await;
        }
    }

    /// Waits for the next thing that happens, and does what follows.
    pub(super) async fn step(&mut self) {
        tokio::select! {
            Some(done) = self.work.join_next() => match done {
                Ok(done) => self.done(done).await,
                // A fault of ours: let it be seen, not waited for.
                Err(fault) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
                Err(_) => {}
            },
            () = until(self.pull_at) => {
                self.pull_at = None;
                self.take(Event::Elapsed(Lane::Pull)).await;
            }
            () = until(self.push_at) => {
                self.push_at = None;
                self.take(Event::Elapsed(Lane::Push)).await;
            }
            () = until(self.poll_at) => {
                self.poll_at = Some(Instant::now() + POLL);
                self.wake(false).await;
            }
            () = until(self.listen_at) => self.listen(),
            Some(()) = self.hints.1.recv() => {
                self.take(Event::Wake { lane: Lane::Pull, urgent: true }).await;
            }
            () = self.runner.scanned.notified() => {
                self.take(Event::Wake { lane: Lane::Push, urgent: false }).await;
            }
            () = self.runner.asked.notified(), if self.poll_at.is_some() => {
                self.was_asked = true;
                self.wake(true).await;
            }
        }
    }

    async fn take(&mut self, event: Event) {
        let mut jitter = [128];
        // Without randomness all devices come back at once: unpleasant, not wrong.
        let _ = self.runner.randomness.fill(&mut jitter);
        let (state, effects) = transition(self.state, event, jitter[0]);
        self.state = state;
        if state.link != Link::Open {
            *self.session = None;
        }
        for effect in effects {
            self.act(effect).await;
        }
    }

    async fn act(&mut self, effect: Effect) {
        let store = self.runner.store.clone();
        let clock = self.runner.clock.clone();
        match effect {
            Effect::Open => {
                let client = self.client.clone();
                self.work
                    .spawn(async { Done::Opened(open(client, store, clock).await) });
            }
            Effect::Run(lane) => self.run(lane),
            Effect::RestartFeed => {
                // If the store fails now, it fails again when the page is applied.
                let _ = store.run(Store::restart_feed).await;
            }
            Effect::Wait(Lane::Pull, wait) => self.pull_at = Some(Instant::now() + wait),
            Effect::Wait(Lane::Push, wait) => self.push_at = Some(Instant::now() + wait),
            Effect::Wipe => {
                let wipe = move |store: &mut Store| store.wipe(clock.now());
                self.work
                    .spawn(async move { Done::Wiped(store.run(wipe).await) });
            }
        }
    }

    fn run(&mut self, lane: Lane) {
        let listener = self.runner.listener.clone();
        let bench = self.session.as_ref().map(|session| Bench {
            client: self.client.clone(),
            token: session.token.clone(),
            store: self.runner.store.clone(),
            clock: self.runner.clock.clone(),
            on_change: Arc::new(move || listener.changed()),
        });
        self.work.spawn(async move {
            match (lane, bench) {
                (Lane::Pull, Some(bench)) => {
                    let (pulled, result) = pull(bench).await;
                    Done::Pulled(pulled, result)
                }
                (Lane::Push, Some(bench)) => {
                    let (pushed, result) = push(bench).await;
                    Done::Pushed(pushed, result)
                }
                (Lane::Pull, None) => Done::Pulled(Pulled::default(), Err(SyncError::Unauthorised)),
                (Lane::Push, None) => Done::Pushed(Pushed::default(), Err(SyncError::Unauthorised)),
            }
        });
    }

    async fn done(&mut self, done: Done) {
        let listener = self.runner.listener.clone();
        match done {
            Done::Opened(Ok((session, revoked))) => {
                listener.exchanged(None);
                *self.session = Some(session);
                self.take(Event::Opened { revoked }).await;
            }
            Done::Opened(Err(error)) => {
                listener.exchanged(Some(&error));
                let problem = Problem::from(&error);
                self.report.pull_problem = Some(problem.clone());
                self.report.push_problem = Some(problem);
                self.take(Event::OpenFailed(trouble(&error))).await;
            }
            Done::Pulled(pulled, result) => {
                listener.exchanged(result.as_ref().err());
                self.report.pulled.pages += pulled.pages;
                self.report.pulled.changes += pulled.changes;
                self.report.pull_problem = result.as_ref().err().map(Problem::from);
                self.finish(Lane::Pull, result).await;
            }
            Done::Pushed(pushed, result) => {
                listener.exchanged(result.as_ref().err());
                self.report.pushed.add(pushed);
                self.report.push_problem = result.as_ref().err().map(Problem::from);
                self.finish(Lane::Push, result).await;
            }
            Done::Wiped(Ok(())) => {
                self.report.wiped = true;
                listener.changed();
                self.take(Event::Wiped).await;
            }
            Done::Wiped(Err(error)) => {
                listener.exchanged(Some(&error));
                self.take(Event::WipeFailed(trouble(&error))).await;
            }
            Done::HintsEnded => self.listen_at = Some(Instant::now() + LISTEN_AGAIN),
        }
    }

    async fn finish(&mut self, lane: Lane, result: Result<(), SyncError>) {
        let event = match result {
            Ok(()) => Event::Finished(lane),
            Err(error) => Event::Failed(lane, trouble(&error)),
        };
        self.take(event).await;
    }

    /// Listens for hints on the session that there is; without one, looks again soon.
    fn listen(&mut self) {
        let Some(session) = self.session.as_ref() else {
            self.listen_at = Some(Instant::now() + LISTEN_AGAIN / 15);
            return;
        };
        self.listen_at = None;
        let (client, token) = (self.client.clone(), session.token.clone());
        let sender = self.hints.0.clone();
        self.work.spawn(async move {
            if let Ok(mut hints) = client.hints(&token).await {
                while let Ok(Some(_)) = hints.next().await {
                    // When the queue is full, the pull that is to come sees it all anyway.
                    let _ = sender.try_send(());
                }
            }
            Done::HintsEnded
        });
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Opens a session, learns the time from it, and looks whether it came with an order to wipe.
async fn open(
    client: Client,
    store: SharedStore,
    clock: Arc<dyn Clock>,
) -> Result<(Session, bool), SyncError> {
    let read = |store: &mut Store| {
        let device = store.identity()?.device.clone();
        Ok((device, store.signing_key()?.ok_or(StoreError::NotPaired)?))
    };
    let (device, key) = store.run(read).await?;
    let opened = client.open_session(&device, &key, &*clock).await?;
    let session = opened.session;
    let order = session.wipe.clone();
    let note = move |store: &mut Store| {
        store.correct_clock(opened.clock.offset_ms, opened.clock.error_ms)?;
        let Some(order) = order else { return Ok(None) };
        let event = &store.identity()?.event;
        let keys: Vec<_> = store
            .known()
            .keys
            .keys()
            .iter()
            .filter(|key| &key.event == event)
            .map(|key| key.public_key)
            .collect();
        let is_genuine = order.device == device && order.is_genuine(&keys);
        if is_genuine {
            store.revoke(order.revoked_at)?;
        }
        Ok(Some(is_genuine))
    };
    match store.run(note).await? {
        None => Ok((session, false)),
        Some(true) => Ok((session, true)),
        Some(false) => Err(SyncError::ForgedWipe),
    }
}
