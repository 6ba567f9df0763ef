//! What was read.

use super::Rung;

/// What a code holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Text, exactly as it was written into the code.
    Text(String),
    /// Bytes that are not UTF-8 and name no character set; no ticket looks like this.
    Binary(Vec<u8>),
}

impl Payload {
    /// Text if the bytes are UTF-8.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Binary(error.into_bytes()),
        }
    }

    /// Whether this begins like a ticket of ours.
    pub(super) fn looks_like_ticket(&self) -> bool {
        match self {
            Self::Text(text) => text.starts_with("BT1:") || text.starts_with("BL1:"),
            Self::Binary(_) => false,
        }
    }
}

/// A place in the frame that was handed in, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corner {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// A code that was found and read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the code holds.
    pub payload: Payload,
    /// The rung that read it.
    pub rung: Rung,
    /// The code's corners, in the code's own order: upper left, upper right, lower right, lower left.
    pub corners: [Corner; 4],
}

impl Reading {
    /// The text of the code, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.payload {
            Payload::Text(text) => Some(text),
            Payload::Binary(_) => None,
        }
    }

    /// Whether the text begins like a ticket of ours (`BT1:` or `BL1:`); says nothing of its truth.
    #[must_use]
    pub fn looks_like_ticket(&self) -> bool {
        self.text()
            .is_some_and(|text| text.starts_with("BT1:") || text.starts_with("BL1:"))
    }
}
