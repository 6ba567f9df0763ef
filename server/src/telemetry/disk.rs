//! How much room there is.

use std::io;
use std::path::{Path, PathBuf};

/// A mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;
/// With less room than this, somebody should look.
pub(crate) const LITTLE: u64 = 1024 * MIB;
/// With less room than this, sales may stop any minute.
pub(crate) const TOO_LITTLE: u64 = 64 * MIB;

/// The room of a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// What is left for us.
    pub(crate) free: u64,
    /// The whole disk.
    pub(crate) size: u64,
}

/// The room on the disk of a folder; nothing where the system is not asked.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub(crate) fn room(folder: &Path) -> io::Result<Option<Room>> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(Some(Room {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        size: disk.f_blocks.saturating_mul(disk.f_frsize),
    }))
}

#[cfg(not(unix))]
pub(crate) fn room(_: &Path) -> io::Result<Option<Room>> {
    Ok(None)
}

/// The nearest folder above a file that exists.
pub(crate) fn existing_folder(file: &Path) -> PathBuf {
    let mut above = file.ancestors().skip(1);
    above
        .find(|folder| folder.is_dir())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_will_be_made_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/c.db");
        assert_eq!(existing_folder(&file), folder.path());
        assert_eq!(existing_folder(Path::new("c.db")), Path::new("."));
        let room = room(folder.path()).unwrap();
        assert!(room.is_none_or(|room| room.free <= room.size));
    }
}
