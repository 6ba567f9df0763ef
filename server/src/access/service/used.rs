//! Whether tickets were used.

use bilten_kernel::db::{Conn, DbError};

use crate::access::store;
use crate::tickets::TicketId;

/// Whether one of these tickets has let somebody in, on any list.
///
/// # Errors
/// A fault of the database.
pub async fn have_let_in(c: &mut Conn, tickets: &[TicketId]) -> Result<bool, DbError> {
    store::scans::have_let_in(c, tickets).await
}
