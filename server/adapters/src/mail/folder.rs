//! Mail into a folder: for trying things out, and for tests.

use std::io;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use tokio::fs;

use super::message::message;
use super::{Mail, MailError, Mailer};
use crate::Answer;

/// Writes each mail to a file of its own, which mail programs can open.
#[derive(Clone, Debug)]
pub struct FolderMailer {
    folder: PathBuf,
    from: Mailbox,
}

impl FolderMailer {
    /// A mailer that writes into this folder, which it makes when the first mail comes.
    pub const fn new(folder: PathBuf, from: Mailbox) -> Self {
        Self { folder, from }
    }

    async fn write(&self, mail: &Mail) -> Result<(), MailError> {
        let content = message(mail, &self.from)?.formatted();
        // Names in the order of time; the same mail is the same file.
        let name = format!("{:013}-{}", mail.at.ms(), mail.id);
        write_private(&self.folder, &name, &content)
            .await
            .map_err(|error| MailError::Failed(error.to_string()))
    }
}

/// Writes a file that only its owner reads, and that is there as a whole or not at all.
async fn write_private(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;

    let mut make = fs::DirBuilder::new();
    make.recursive(true);
    #[cfg(unix)]
    make.mode(0o700);
    make.create(folder).await?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&unfinished).await?;
    file.write_all(content).await?;
    file.sync_all().await?;
    drop(file);
    fs::rename(&unfinished, folder.join(format!("{name}.eml"))).await
}

impl Mailer for FolderMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> Answer<'a, Result<(), MailError>> {
        Box::pin(self.write(mail))
    }
}

#[cfg(test)]
mod tests {
    use bilten_kernel::clock::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_mail_is_one_private_file_however_often_it_is_sent() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/mail");
        let mailer = FolderMailer::new(folder.clone(), "b@example.org".parse().unwrap());
        let mail = Mail {
            id: "abc".to_owned(),
            to: "ana@example.com".to_owned(),
            subject: "Hello".to_owned(),
            text: "Hello".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            at: Timestamp::from_ms(1_700_000_000_000),
        };
        mailer.send(&mail).await.unwrap();
        mailer.send(&mail).await.unwrap();
        let names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names, ["1700000000000-abc.eml"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&folder), 0o700);
            assert_eq!(mode(&folder.join(&names[0])), 0o600);
        }
        let unwritable =
            FolderMailer::new(folder.join(&names[0]), "b@example.org".parse().unwrap());
        assert!(matches!(
            unwritable.send(&mail).await,
            Err(MailError::Failed(_))
        ));
    }
}
