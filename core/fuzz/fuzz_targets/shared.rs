//! What the targets share: the event, its keys, and the writing of seeds.

use bilten_core::id::EventId;
use bilten_core::key::{EventKey, KeySet};
use bilten_core::ticket::Issuer;
use bilten_core::time::{Timestamp, Validity};
use std::path::Path;

pub const NOW: Timestamp = Timestamp(1_795_000_000_000);

pub fn issuer() -> Issuer {
    Issuer::from_secret(&[1; 32])
}

pub fn event() -> EventId {
    EventId::new("evt_fuzz").unwrap()
}

pub fn keys() -> KeySet {
    let mut keys = KeySet::default();
    keys.put(EventKey {
        event: event(),
        public_key: *issuer().public_key(),
        validity: Validity::ALWAYS,
        revoked: false,
    });
    keys
}

/// Writes the seeds into the folder that `BILTEN_FUZZ_SEEDS` names, where scripts/fuzz wants them.
pub fn write_seeds(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = std::env::var_os("BILTEN_FUZZ_SEEDS") else {
        return;
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        std::fs::write(Path::new(&folder).join(format!("seed-{number:02}")), seed).unwrap();
    }
}
