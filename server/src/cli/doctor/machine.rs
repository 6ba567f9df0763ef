//! The master key and the disk.

use std::path::{Path, PathBuf};

use bilten_kernel::db::Db;

use super::Finding;
use crate::config::{Config, SecretsConfig};
use crate::platform;
use crate::telemetry::disk::{self, LITTLE, MIB, TOO_LITTLE, existing_folder};

/// Whether the master key can be read, only by whom it should, and is the right one.
pub(super) async fn master_key(secrets: &SecretsConfig, db: Option<&Db>) -> Finding {
    const CHECK: &str = "master key";
    let file = secrets.master_key_file.as_path();
    let restore =
        "Put back the key that this database was made with; without it no ticket can be signed";
    let masters = match secrets.existing_masters() {
        Ok(masters) => masters,
        Err(error) => {
            let detail = format!("{error} ({})", error.code());
            return Finding::fail(CHECK, detail, restore);
        }
    };
    let opens = match db {
        Some(db) => platform::opens_keys(db, masters.as_ref()).await,
        None => Ok(None),
    };
    let place = file.display();
    match (masters, opens) {
        (_, Err(error)) => {
            let detail = format!("the database's keys cannot be read: {error}");
            Finding::fail(CHECK, detail, "See what is said of the database above")
        }
        (None, Ok(Some(_))) => Finding::fail(
            CHECK,
            format_args!(
                "{place} is missing, but the database holds keys that were sealed with it"
            ),
            restore,
        ),
        (None, Ok(None)) => Finding::ok(
            CHECK,
            format_args!("{place} will be made at the first start; keep a copy of it"),
        ),
        (Some(_), Ok(Some(false))) => Finding::fail(
            CHECK,
            "it does not open the keys in this database (platform.master_key_wrong)",
            restore,
        ),
        (Some(_), Ok(opens)) => match others_may_read(file) {
            true if secrets.master_key.is_empty() => Finding::warn(
                CHECK,
                format_args!("others may read {place}"),
                format_args!("chmod 600 {place}"),
            ),
            true | false if opens.is_some() => Finding::ok(CHECK, "it opens the database's keys"),
            true | false => Finding::ok(CHECK, "it can be read; the database holds no keys yet"),
        },
    }
}

#[cfg(unix)]
fn others_may_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

/// Whether there is room, and whether this user may write.
pub(super) fn disk(config: &Config) -> Vec<Finding> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut add = |file: &Path| {
        let folder = existing_folder(file);
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    };
    if let Ok(Some(file)) = config.database.lite_file() {
        add(&file.path);
    }
    if config.secrets.master_key.is_empty() {
        add(&config.secrets.master_key_file);
    }
    if config.mail.smtp_url.is_empty() {
        // Mails are files in it.
        add(&config.mail.folder.join("mail"));
    }
    folders.iter().map(|folder| room(folder)).collect()
}

fn room(folder: &Path) -> Finding {
    const CHECK: &str = "disk";
    let shown = folder.display();
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        if access(folder, Access::WRITE_OK).is_err() {
            return Finding::fail(
                CHECK,
                format_args!("this user may not write in {shown}"),
                format_args!("chown or chmod {shown}, or run as another user"),
            );
        }
    }
    match disk::room(folder) {
        Ok(Some(room)) => judge(folder, room.free),
        Ok(None) => Finding::ok(CHECK, format_args!("{shown}: not looked at on this system")),
        Err(error) => Finding::warn(
            CHECK,
            format_args!("{shown} cannot be looked at: {error}"),
            "Check that the disk is mounted",
        ),
    }
}

fn judge(folder: &Path, free: u64) -> Finding {
    const CHECK: &str = "disk";
    let detail = format!("{} MiB are free in {}", free / MIB, folder.display());
    let mend = "Free some space, or move the data to a larger disk";
    if free < TOO_LITTLE {
        Finding::fail(CHECK, detail, mend)
    } else if free < LITTLE {
        Finding::warn(CHECK, detail, mend)
    } else {
        Finding::ok(CHECK, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_full_disk_is_found() {
        let status = |mib: u64| judge(Path::new("."), mib * MIB).status;
        assert_eq!(status(10), Status::Fail);
        assert_eq!(status(500), Status::Warn);
        assert_eq!(status(5_000), Status::Ok);
    }
}
