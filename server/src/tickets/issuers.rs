//! Event keys in use, opened once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bilten_core::ticket::Issuer;

/// Opened private keys by their public key's id and event, so that a sale does not unseal one for
/// each ticket. They are wiped from memory when dropped.
#[derive(Default)]
pub struct Issuers(Mutex<HashMap<String, Arc<Issuer>>>);

/// How many opened keys are kept at most.
const KEPT: usize = 256;

impl Issuers {
    pub(super) fn get(&self, name: &str) -> Option<Arc<Issuer>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    pub(super) fn put(&self, name: String, issuer: Arc<Issuer>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(name, issuer);
    }
}
