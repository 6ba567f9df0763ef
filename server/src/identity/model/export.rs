//! Copies of somebody's data.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, text_enum};
use serde::Serialize;
use utoipa::ToSchema;

use super::ExportId;

text_enum! {
    /// Whether a copy can be had.
    pub enum ExportState {
        /// It is being made.
        Pending = "pending",
        /// It can be downloaded.
        Ready = "ready",
    }
}

record! {
    /// A copy of everything held about somebody.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct Export {
        /// Its id.
        pub id: ExportId,
        /// Whether it can be had.
        pub state: ExportState,
        /// How large the file is.
        pub size_bytes: Option<i64>,
        /// When it was asked for.
        pub created_at: Timestamp,
        /// Until when it is kept.
        pub expires_at: Timestamp,
    }
}
