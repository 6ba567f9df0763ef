//! The door in types, and the rules that need no database.

mod device;
mod gate;
mod list;
mod now;
mod report;
mod scan;

pub use device::*;
pub use gate::*;
pub use list::*;
pub use now::*;
pub use report::*;
pub use scan::*;

use std::fmt::Display;

use bilten_core::id::IdError;
use bilten_kernel::db::DbError;
use bilten_kernel::error::FieldError;
use bilten_kernel::typed_id;

typed_id!(pub ListId, "lst", "Names a check-in list.");
typed_id!(pub GateId, "gat", "Names a gate.");
typed_id!(pub DeviceId, "dev", "Names a device.");
typed_id!(pub PairingId, "par", "Names an invitation of a device.");
typed_id!(pub ScanId, "scn", "Names one presentation of a code.");

/// A name of ours in the core's words, where it is opaque text.
///
/// # Errors
/// [`DbError::Fault`] if the text is none that a device would take; ours all are.
pub fn opaque<T: TryFrom<String, Error = IdError>>(id: impl Display) -> Result<T, DbError> {
    T::try_from(id.to_string()).map_err(|error| DbError::Fault {
        at: "access::opaque",
        detail: error.to_string(),
    })
}

/// Collects what is wrong with an input.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub(super) fn add(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        self.0.push(FieldError {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        });
    }

    /// A text of one line.
    pub(super) fn line(&mut self, field: &str, text: &str, max: usize) {
        if text.trim().is_empty() {
            self.add(field, "required", "must not be empty");
        } else if text.chars().count() > max {
            self.add(
                field,
                "too_long",
                format!("may have at most {max} characters"),
            );
        } else if text.chars().any(char::is_control) {
            self.add(
                field,
                "control_characters",
                "must not contain control characters",
            );
        }
    }

    pub(super) fn check(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}
