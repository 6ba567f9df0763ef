//! What people have by mail: the links by which a ticket is accepted and a place on the waitlist is known.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;

use crate::client::LoadError;

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder that a server writes mail to.
pub(super) struct Mails {
    folder: PathBuf,
    /// The files that were looked at.
    known: BTreeSet<OsString>,
    /// The texts of mails that were not asked for yet, by whom they are to.
    texts: BTreeMap<String, Vec<String>>,
}

fn fault(error: impl std::fmt::Display) -> LoadError {
    LoadError::Mail(error.to_string())
}

impl Mails {
    /// Looks on from now: what is there already is of no interest. A server that has sent nothing yet has
    /// no folder.
    pub(super) fn open(folder: PathBuf) -> Result<Self, LoadError> {
        let mut mails = Self {
            folder,
            known: BTreeSet::new(),
            texts: BTreeMap::new(),
        };
        let there = mails.new_files()?;
        mails.known.extend(there);
        Ok(mails)
    }

    /// The mails that came since.
    fn new_files(&self) -> Result<Vec<OsString>, LoadError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fault(error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(fault)?.file_name();
            let is_mail = name.to_string_lossy().ends_with(".eml");
            if is_mail && !self.known.contains(&name) {
                files.push(name);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Reads what came since.
    fn read(&mut self) -> Result<(), LoadError> {
        for name in self.new_files()? {
            let raw = std::fs::read(self.folder.join(&name)).map_err(fault)?;
            self.known.insert(name);
            let head = String::from_utf8_lossy(&raw);
            let to = head.lines().find_map(|line| line.strip_prefix("To: "));
            let mail = MessageParser::default().parse(raw.as_slice());
            let text = mail
                .as_ref()
                .and_then(|mail| mail.body_text(0))
                .map(std::borrow::Cow::into_owned);
            if let (Some(to), Some(text)) = (to, text) {
                let texts = self.texts.entry(to.trim().to_owned()).or_default();
                texts.push(text);
            }
        }
        Ok(())
    }

    /// Waits for a mail to somebody that leads to such a page; the id in the link, and its token.
    pub(super) async fn link(
        &mut self,
        to: &str,
        page: &str,
    ) -> Result<(String, String), LoadError> {
        let began = Instant::now();
        loop {
            self.read()?;
            let texts = self.texts.get(to).into_iter().flatten();
            let found = texts.filter_map(|text| link_in(text, page)).next_back();
            if let Some(found) = found {
                self.texts.remove(to);
                return Ok(found);
            }
            if began.elapsed() > PATIENCE {
                let folder = self.folder.display();
                return Err(fault(format!("nothing to {to} came into {folder}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The id and the token in a link to a page, such as `/transfers/`.
fn link_in(text: &str, page: &str) -> Option<(String, String)> {
    let (_, rest) = text.split_once(page)?;
    let link = rest.split_whitespace().next()?;
    let (id, query) = link.split_once('?')?;
    let token = query
        .split('&')
        .find_map(|part| part.strip_prefix("token="))?;
    Some((id.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_texts() {
        let text = "Hello\n\nSee it:\nhttp://127.0.0.1:8080/transfers/trf_1?token=abc&x=1\n\nBye";
        let found = Some(("trf_1".to_owned(), "abc".to_owned()));
        assert_eq!(link_in(text, "/transfers/"), found);
        assert_eq!(link_in(text, "/waitlist/"), None);
    }
}
