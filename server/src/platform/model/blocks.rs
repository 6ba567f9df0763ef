//! Addresses that are shut out for a while.

use std::net::IpAddr;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::{record, typed_id};
use serde::Serialize;
use utoipa::ToSchema;

typed_id!(pub BlockId, "blk", "Names a block of an address.");

record! {
    /// A block as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct BlockRow {
        pub id: BlockId,
        pub address: String,
        pub blocked_at: Timestamp,
        pub until_at: Timestamp,
    }
}

/// An address that is shut out because too many of its requests were refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddressBlock {
    /// Its id.
    pub id: BlockId,
    /// The address; of IPv6 the first one of its /64, all of which is shut out.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
}
