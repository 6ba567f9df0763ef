//! The key of a gate's store, in a file beside it.
//!
//! On phones the platform's key store keeps this key. A headless gate has none, so the key is in a
//! file that only its owner may read; who steals the store alone reads no names.

use std::io::Write;
use std::path::{Path, PathBuf};

use bilten_core::store::StorageKey;
use bilten_core::system::SystemRandomness;

use crate::cli::{Failure, output};

/// The key file of a store, if none is named: beside it, with `.key` at the end.
pub(super) fn usual(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

/// Reads the key; makes one if there is neither key nor store.
///
/// # Errors
/// `key_file`, `key_form`, or `key_missing` if there is a store that the key was lost of.
pub(super) fn of_store(store: &Path, file: &Path) -> Result<StorageKey, Failure> {
    let fault = |error: std::io::Error| {
        Failure::new(
            "key_file",
            format_args!("{} cannot be used: {error}", file.display()),
        )
    };
    match std::fs::read_to_string(file) {
        Ok(text) => {
            warn_if_others_may_read(file);
            read(&text, file)
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(fault(error)),
        Err(_) if store.exists() => Err(Failure::new(
            "key_missing",
            format_args!(
                "the store {} needs its key, but {} is missing. Put it back, or name it with --key-file.",
                store.display(),
                file.display()
            ),
        )),
        Err(_) => {
            let key = StorageKey::generate(&SystemRandomness)
                .map_err(|error| Failure::new("no_randomness", error))?;
            let text: String = key.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut made = options.open(file).map_err(fault)?;
            writeln!(made, "{text}")
                .and_then(|()| made.sync_all())
                .map_err(fault)?;
            Ok(key)
        }
    }
}

fn read(text: &str, file: &Path) -> Result<StorageKey, Failure> {
    let text = text.trim();
    let mut key = [0; 32];
    let is_form = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    for (place, byte) in key.iter_mut().enumerate().filter(|_| is_form) {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).unwrap_or_default();
    }
    if is_form {
        return Ok(StorageKey::from_bytes(key));
    }
    Err(Failure::new(
        "key_form",
        format_args!("{} does not hold 64 hexadecimal digits", file.display()),
    ))
}

fn warn_if_others_may_read(file: &Path) {
    #[cfg(unix)]
    if let Ok(about) = std::fs::metadata(file)
        && std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
    {
        output::note(format_args!(
            "bilten: others may read the key {0}; mend it: chmod 600 {0}",
            file.display()
        ));
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_instead_of_a_lost_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("gate.db");
        let file = usual(&store);
        assert_eq!(file, folder.path().join("gate.db.key"));
        let made = of_store(&store, &file).unwrap();
        assert_eq!(of_store(&store, &file).unwrap().as_bytes(), made.as_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            std::fs::write(&file, bad).unwrap();
            assert_eq!(of_store(&store, &file).unwrap_err().code, "key_form");
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&store, "a store").unwrap();
        assert_eq!(of_store(&store, &file).unwrap_err().code, "key_missing");
        assert!(!file.exists());
    }
}
