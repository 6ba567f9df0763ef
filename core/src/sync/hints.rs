//! Hints that the feed has grown, as server-sent events.
//!
//! They are only hints: one that is lost costs a little time, since devices also ask by themselves.

use super::SyncError;
use reqwest::Response;
use serde::Deserialize;

/// Nothing that a hint says is longer.
const MAX_LINE: usize = 4_096;

/// An open stream of hints.
pub struct Hints {
    answer: Response,
    lines: Lines,
}

#[derive(Deserialize)]
struct Hint {
    to: u64,
}

impl Hints {
    pub(super) fn new(answer: Response) -> Self {
        Self {
            answer,
            lines: Lines::default(),
        }
    }

    /// Waits for the next hint and returns the position up to which the feed goes now; nothing
    /// once the server has closed the stream.
    ///
    /// # Errors
    /// [`SyncError`] if the connection broke.
    pub async fn next(&mut self) -> Result<Option<u64>, SyncError> {
        loop {
            if let Some(to) = self.lines.next_hint()? {
                return Ok(Some(to));
            }
            match self.answer.chunk().await? {
                Some(bytes) => self.lines.rest.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// The part of a stream that came but was not read yet, and the event that is under way.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    is_hint: bool,
    to: Option<u64>,
}

impl Lines {
    fn next_hint(&mut self) -> Result<Option<u64>, SyncError> {
        while let Some(end) = self.rest.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = line.trim_ascii();
            if line.is_empty() {
                let hint = self.to.take().filter(|_| self.is_hint);
                self.is_hint = false;
                if hint.is_some() {
                    return Ok(hint);
                }
            } else if let Some(name) = line.strip_prefix(b"event:") {
                self.is_hint = name.trim_ascii() == b"hint";
            } else if let Some(data) = line.strip_prefix(b"data:") {
                self.to = serde_json::from_slice::<Hint>(data)
                    .ok()
                    .map(|hint| hint.to);
            }
            // Comments and other fields mean nothing to us.
        }
        if self.rest.len() > MAX_LINE {
            return Err(SyncError::Garbled("a hint is longer than any hint"));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(chunks: &[&str]) -> Vec<u64> {
        let mut lines = Lines::default();
        let mut hints = Vec::new();
        for chunk in chunks {
            lines.rest.extend_from_slice(chunk.as_bytes());
            while let Some(to) = lines.next_hint().unwrap() {
                hints.push(to);
            }
        }
        hints
    }

    #[test]
    fn hints_are_read_however_they_are_cut() {
        let text = ": hello\n\nevent: hint\r\ndata: {\"to\": 7}\r\n\r\nevent: other\ndata: {\"to\":1}\n\n\
                    event:hint\ndata:{\"to\":9}\n\n";
        assert_eq!(hints(&[text]), [7, 9]);
        let single: Vec<_> = text.split("").collect();
        assert_eq!(hints(&single), [7, 9]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines {
            rest: vec![b'x'; MAX_LINE + 1],
            ..Lines::default()
        };
        assert!(lines.next_hint().is_err());
    }
}
