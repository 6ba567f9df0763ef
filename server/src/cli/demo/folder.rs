//! The demo's folder: everything it makes is in there.
//!
//! `bilten.db`, `master.key`, `api-key`, `tickets/` with pictures, `gates/` with the gates' stores,
//! and in the end `demo.json`, by which a finished demo is known again.

use std::io::Write;
use std::path::{Path, PathBuf};

use bilten_kernel::random::{self, OsRandom};
use serde::{Deserialize, Serialize};

use crate::cli::Failure;

const MARKER: &str = "demo.json";
const API_KEY: &str = "api-key";
const USUAL: &str = "bilten-demo";

/// What a finished demo leaves for the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The short name of the organisation.
    pub(super) organisation: String,
    /// The last part of the address of the concert's page.
    pub(super) slug: String,
    /// Where the gates look for the server.
    pub(super) gates_server: String,
    /// The database, if it is not in the folder: its engine.
    pub(super) engine: String,
}

/// The folder; a temporary one goes away with this value.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_temporary: bool,
    /// What an earlier demo left here.
    pub(super) marker: Option<Marker>,
}

impl Folder {
    /// Takes the folder that was asked for, the usual one, or for a check a temporary one.
    ///
    /// # Errors
    /// `demo.folder_not_empty`, or `demo.folder` if it is no folder.
    pub(super) fn prepare(wanted: Option<&Path>, is_check: bool) -> Result<Self, Failure> {
        let is_temporary = is_check && wanted.is_none();
        let path = match wanted {
            Some(path) => path.to_owned(),
            None if is_check => {
                std::env::temp_dir().join(format!("bilten-demo-{}", random::token(&OsRandom, 8)))
            }
            None => PathBuf::from(USUAL),
        };
        let marker = match std::fs::read(path.join(MARKER)) {
            Ok(bytes) if !is_check => serde_json::from_slice(&bytes).ok(),
            Ok(_) | Err(_) => None,
        };
        let folder = Self {
            path,
            is_temporary,
            marker,
        };
        if folder.marker.is_none() {
            folder.must_be_empty()?;
        }
        Ok(folder)
    }

    fn must_be_empty(&self) -> Result<(), Failure> {
        let path = &self.path;
        let entries = match path.read_dir() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unusable(path, &error)),
            Ok(mut entries) => entries.next(),
        };
        match entries {
            None => Ok(()),
            Some(_) => Err(Failure::new(
                "demo.folder_not_empty",
                format_args!(
                    "the folder {} is not empty, and holds no finished demo. Remove it, or name another one: --folder",
                    path.display()
                ),
            )),
        }
    }

    /// Makes the folder and what is in it; only once the demo can begin, so that a port in use
    /// leaves nothing behind.
    ///
    /// # Errors
    /// `demo.folder` if it cannot be made.
    pub(super) fn make(&self) -> Result<(), Failure> {
        for part in ["tickets", "gates"] {
            let path = self.path.join(part);
            std::fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The database, unless another one was named.
    pub(super) fn database_url(&self) -> String {
        format!("sqlite:{}", self.path.join("bilten.db").display())
    }

    /// Where mail is written to.
    pub(super) fn mail(&self) -> PathBuf {
        self.path.join("mail")
    }

    /// The key that seals the server's secrets.
    pub(super) fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The store of a gate.
    pub(super) fn gate(&self, name: &str) -> PathBuf {
        self.path.join("gates").join(format!("{name}.db"))
    }

    /// Writes a picture and says where.
    ///
    /// # Errors
    /// `demo.folder` if it cannot be written.
    pub(super) fn picture(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join("tickets").join(name);
        std::fs::write(&path, bytes).map_err(|error| unusable(&path, &error))?;
        Ok(path)
    }

    /// Where the API key is.
    pub(super) fn api_key_file(&self) -> PathBuf {
        self.path.join(API_KEY)
    }

    /// The API key that an earlier demo left.
    pub(super) fn api_key(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.api_key_file()).ok()?;
        Some(text.trim().to_owned())
    }

    /// Keeps the API key, for its owner only.
    ///
    /// # Errors
    /// `demo.folder` if it cannot be written.
    pub(super) fn keep_api_key(&self, key: &str) -> Result<(), Failure> {
        let path = self.api_key_file();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .and_then(|mut file| writeln!(file, "{key}"))
            .map_err(|error| unusable(&path, &error))
    }

    /// Notes that the demo is complete, so that it can go on another time.
    ///
    /// # Errors
    /// `demo.folder` if it cannot be written.
    pub(super) fn finish(&self, marker: &Marker) -> Result<(), Failure> {
        let path = self.path.join(MARKER);
        let text = serde_json::to_vec_pretty(marker)
            .map_err(|error| Failure::new("demo.folder", error))?;
        std::fs::write(&path, text).map_err(|error| unusable(&path, &error))
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        "demo.folder",
        format_args!(
            "{} cannot be used: {error}. Name another folder: --folder",
            path.display()
        ),
    )
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary {
            // Whoever cleans the temporary folder up will find the rest.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_or_a_finished_demo_is_taken() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("new");
        let folder = Folder::prepare(Some(&path), false).unwrap();
        assert!(!path.exists());
        folder.make().unwrap();
        let code = |is_check| Folder::prepare(Some(&path), is_check).unwrap_err().code;
        // It did not finish.
        assert_eq!(code(false), "demo.folder_not_empty");
        let marker = Marker {
            organisation: "demo".into(),
            slug: "concert".into(),
            gates_server: "http://127.0.0.1:1".into(),
            engine: "sqlite".into(),
        };
        folder.finish(&marker).unwrap();
        drop(folder);
        let again = Folder::prepare(Some(&path), false).unwrap();
        assert_eq!(again.marker.as_ref(), Some(&marker));
        assert_eq!(code(true), "demo.folder_not_empty");

        let file = above.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert_eq!(
            Folder::prepare(Some(&file), true).unwrap_err().code,
            "demo.folder"
        );
    }

    #[test]
    fn the_folder_of_a_check_goes_away() {
        let folder = Folder::prepare(None, true).unwrap();
        folder.make().unwrap();
        let path = folder.path().to_owned();
        assert!(path.join("tickets").is_dir());
        drop(folder);
        assert!(!path.exists());
    }
}
