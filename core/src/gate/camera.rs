//! A gate with a camera.

use super::{Gate, GateError, ScanOutcome};
use crate::checkin::Direction;
use crate::qr::{Frame, FrameError, Payload, Reader};
use std::sync::PoisonError;

impl Gate {
    /// Reads the code in a camera frame without judging it, so that an app can wait until the same
    /// code is gone before it scans again. Bytes that are no text come with replacement characters.
    #[must_use]
    pub fn read_frame(&self, frame: &Frame<'_>) -> Option<String> {
        // A reader that panicked holds nothing but whose turn it is.
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        match reader.read_next(frame)?.payload {
            Payload::Text(text) => Some(text),
            Payload::Binary(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Reads the code in a camera frame, judges it and writes the scan down; nothing if the frame
    /// shows no code.
    ///
    /// # Errors
    /// As [`Gate::scan_text`].
    pub fn scan_frame(
        &self,
        frame: &Frame<'_>,
        direction: Direction,
    ) -> Result<Option<ScanOutcome>, GateError> {
        self.read_frame(frame)
            .map(|text| self.scan_text(&text, direction))
            .transpose()
    }

    pub(super) fn camera() -> Reader {
        Reader::new(crate::qr::Budget::CAMERA)
    }
}

impl From<FrameError> for GateError {
    fn from(error: FrameError) -> Self {
        Self::NotAPicture {
            detail: error.to_string(),
        }
    }
}
