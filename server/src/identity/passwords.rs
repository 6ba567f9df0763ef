//! Hashing passwords with Argon2id, away from the threads that serve requests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
};
use bilten_kernel::random::Random;
use tokio::sync::Semaphore;

use super::{IdentityConfig, Password};

/// How many may wait for each one that is hashed, before further ones are told to come back.
const WAITING_EACH: usize = 64;

/// Hashes passwords, a few at a time.
pub struct Passwords {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

struct Shared {
    params: Params,
    /// The hash of no password, to spend the same time on accounts that do not exist.
    nobody: OnceLock<Option<String>>,
    breached: PathBuf,
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait.
    #[error("too many passwords wait to be looked at")]
    Busy,
    /// It cannot be done.
    #[error("a password cannot be hashed: {0}")]
    Fault(String),
}

/// What comparing a password with a hash showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the right one.
    pub is_right: bool,
    /// Its hash at today's cost, if the stored one was made at another.
    pub upgraded: Option<String>,
}

/// Counts itself among those who wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    fn hash(&self, password: &Password, salt: &[u8; 16]) -> Result<String, HashError> {
        let hash = self
            .argon2()
            .hash_password_with_salt(password.reveal().as_bytes(), salt);
        hash.map(|hash| hash.to_string())
            .map_err(|error| HashError::Fault(error.to_string()))
    }

    fn verify(&self, stored: Option<&str>, password: &Password, salt: &[u8; 16]) -> Verified {
        let nobody = self
            .nobody
            .get_or_init(|| self.hash(&Password::from(String::new()), salt).ok());
        // What is too long is nobody's, and takes as long as what is wrong.
        let hash = stored
            .filter(|_| password.is_possible())
            .or(nobody.as_deref());
        let empty = Password::from("-".to_owned());
        let tried = if password.is_possible() {
            password
        } else {
            &empty
        };
        let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok());
        let is_equal = parsed.as_ref().is_some_and(|parsed| {
            self.argon2()
                .verify_password(tried.reveal().as_bytes(), parsed)
                .is_ok()
        });
        let is_right = is_equal && stored.is_some() && password.is_possible();
        let is_current = parsed.as_ref().is_some_and(|parsed| {
            parsed.algorithm.as_str() == ARGON2ID_IDENT.as_str()
                && Params::try_from(parsed).is_ok_and(|params| {
                    (params.m_cost(), params.t_cost(), params.p_cost())
                        == (
                            self.params.m_cost(),
                            self.params.t_cost(),
                            self.params.p_cost(),
                        )
                })
        });
        Verified {
            is_right,
            // If this fails, the old one goes on being good.
            upgraded: if is_right && !is_current {
                self.hash(password, salt).ok()
            } else {
                None
            },
        }
    }
}

fn salt(random: &dyn Random) -> [u8; 16] {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    salt
}

impl Passwords {
    /// Hashes at the cost that the configuration names.
    pub fn new(config: &IdentityConfig) -> Self {
        let lanes = config.argon2_lanes.max(1);
        let memory = config.argon2_memory_kib.max(lanes.saturating_mul(8));
        let params = Params::new(memory, config.argon2_iterations.max(1), lanes, None);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = match config.hashes_at_once {
            0 => cores.saturating_sub(1).max(1),
            count => count,
        };
        Self {
            shared: Arc::new(Shared {
                params: params.unwrap_or_default(),
                nobody: OnceLock::new(),
                breached: config.breached_passwords_file.clone(),
            }),
            permits: Arc::new(Semaphore::new(at_once)),
            waiting: AtomicUsize::new(0),
            most_waiting: at_once.saturating_mul(WAITING_EACH),
        }
    }

    /// The list of leaked passwords; an empty path if there is none.
    pub(super) fn breached_list(&self) -> PathBuf {
        self.shared.breached.clone()
    }

    /// Runs something that keeps a core busy, when it is its turn.
    ///
    /// # Errors
    /// [`HashError`].
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most_waiting {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(HashError::Busy);
        }
        let waiting = Waiting(&self.waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| HashError::Fault(error.to_string()))?;
        drop(waiting);
        // The permit goes along: who stops waiting does not stop the work.
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await
            .map_err(|error| HashError::Fault(error.to_string()))
    }

    /// Hashes a password.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, random: &dyn Random, password: Password) -> Result<String, HashError> {
        let (shared, salt) = (Arc::clone(&self.shared), salt(random));
        self.run(move || shared.hash(&password, &salt)).await?
    }

    /// Compares a password with a stored hash; without one it takes as long, and is wrong.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(
        &self,
        random: &dyn Random,
        stored: Option<String>,
        password: Password,
    ) -> Result<Verified, HashError> {
        let (shared, salt) = (Arc::clone(&self.shared), salt(random));
        self.run(move || shared.verify(stored.as_deref(), &password, &salt))
            .await
    }
}

#[cfg(test)]
mod tests {
    use bilten_kernel::config;
    use bilten_kernel::random::SeededRandom;

    use super::*;
    use crate::config::{Config, DEFAULTS};

    fn passwords(memory_kib: u32) -> Passwords {
        let config: Config = config::load(None, DEFAULTS, std::iter::empty()).unwrap();
        Passwords::new(&IdentityConfig {
            argon2_memory_kib: memory_kib,
            ..config.identity
        })
    }

    fn typed(text: &str) -> Password {
        Password::from(text.to_owned())
    }

    /// covers: AUTH-2, BE-1
    #[tokio::test]
    async fn only_the_right_password_is_right_and_old_costs_are_upgraded() {
        let random = SeededRandom::new(1);
        let (old, new) = (passwords(64), passwords(128));
        let stored = old.hash(&random, typed("a\0long pässword")).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=64,t=2,p=1$"),
            "{stored}"
        );
        let right = old
            .verify(&random, Some(stored.clone()), typed("a\0long pässword"))
            .await
            .unwrap();
        assert_eq!((right.is_right, right.upgraded), (true, None));
        for wrong in ["", "a", "a\0long passw\u{f6}rd", &"x".repeat(100_000)] {
            let wrong = old
                .verify(&random, Some(stored.clone()), typed(wrong))
                .await;
            assert!(!wrong.unwrap().is_right);
        }
        let newer = new
            .verify(&random, Some(stored), typed("a\0long pässword"))
            .await
            .unwrap();
        assert!(newer.is_right && newer.upgraded.unwrap().contains("m=128,"));
        for stored in [
            None,
            Some(String::new()),
            Some("$argon2id$nonsense".to_owned()),
        ] {
            for text in ["", "-", "a"] {
                let nobody = new.verify(&random, stored.clone(), typed(text)).await;
                assert!(!nobody.unwrap().is_right, "{stored:?} {text}");
            }
        }
    }

    /// covers: AUTH-2
    #[tokio::test]
    async fn when_too_many_wait_others_are_told_at_once() {
        let passwords = Arc::new(passwords(64));
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let blocked = Arc::new(std::sync::Mutex::new(blocked));
        let mut tasks = Vec::new();
        let all = passwords.permits.available_permits() + passwords.most_waiting;
        for _ in 0..all {
            let (passwords, blocked) = (Arc::clone(&passwords), Arc::clone(&blocked));
            tasks.push(tokio::spawn(async move {
                passwords
                    .run(move || blocked.lock().unwrap().recv().is_ok())
                    .await
            }));
        }
        while passwords.waiting.load(Ordering::Relaxed) < passwords.most_waiting {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.run(|| ()).await, Err(HashError::Busy)));
        for _ in 0..all {
            release.send(()).unwrap();
        }
        for task in tasks {
            assert!(task.await.unwrap().unwrap());
        }
        assert!(passwords.run(|| ()).await.is_ok());
    }
}
