//! Work that keeps a core busy: pictures, signatures, archives.
//!
//! It is done away from the threads that answer requests, and of each kind so many pieces at once and
//! no more: a thousand exports must not take the cores from the gates. Others of the kind wait.
//!
//! ```
//! use bilten_kernel::busy::Busy;
//!
//! /// Drawing: half of the cores at most.
//! static DRAWING: Busy = Busy::new(|cores| cores / 2);
//!
//! # async fn draw() -> Result<(), bilten_kernel::busy::NotDone> {
//! let picture: Vec<u8> = DRAWING.run(|| vec![0; 64]).await?;
//! # drop(picture);
//! # Ok(())
//! # }
//! ```

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

/// The work panicked, or the process is about to end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the work was not done: {0}")]
pub struct NotDone(String);

/// One kind of work that keeps a core busy.
#[derive(Debug)]
pub struct Busy {
    at_once: fn(usize) -> usize,
    permits: OnceLock<Arc<Semaphore>>,
}

impl Busy {
    /// Work of which so many pieces are done at once, by how many cores there are; one at least.
    pub const fn new(at_once: fn(usize) -> usize) -> Self {
        Self {
            at_once,
            permits: OnceLock::new(),
        }
    }

    /// Does a piece of work when its turn comes.
    ///
    /// # Errors
    /// [`NotDone`] if it panicked.
    pub async fn run<T, W>(&self, work: W) -> Result<T, NotDone>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let permits = self.permits.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Arc::new(Semaphore::new((self.at_once)(cores).max(1)))
        });
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.map_err(|error| NotDone(error.to_string()))?;
        // The permit goes along: who stops waiting does not stop the work.
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| NotDone(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// covers: GW-6
    #[tokio::test]
    async fn so_many_pieces_are_done_at_once_and_other_kinds_go_on() {
        static ARCHIVES: Busy = Busy::new(|_| 2);
        static GATES: Busy = Busy::new(|_| 0);
        static WORKING: AtomicUsize = AtomicUsize::new(0);
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let pieces: Vec<_> = (0..6)
            .map(|_| {
                let released = Arc::clone(&released);
                tokio::spawn(ARCHIVES.run(move || {
                    let now = WORKING.fetch_add(1, Ordering::SeqCst) + 1;
                    // Nobody ever sends: it ends when nobody can any more.
                    let _ = released.lock().unwrap().recv();
                    WORKING.fetch_sub(1, Ordering::SeqCst);
                    now
                }))
            })
            .collect();
        while WORKING.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        // One of another kind is done meanwhile.
        assert_eq!(GATES.run(|| 7).await, Ok(7));
        assert_eq!(WORKING.load(Ordering::SeqCst), 2);
        drop(release);
        for piece in pieces {
            assert!(piece.await.unwrap().unwrap() <= 2);
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_gives_its_place_back() {
        static WORK: Busy = Busy::new(|_| 1);
        let done = WORK.run(|| -> u8 { panic!("on purpose") }).await;
        assert!(done.is_err());
        assert_eq!(WORK.run(|| 1).await, Ok(1));
    }
}
