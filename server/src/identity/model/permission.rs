//! What may be done.

/// Declares [`Permission`] and, for each, a type by which a route names it.
macro_rules! permissions {
    ($($(#[$meta:meta])* $name:ident = $word:literal $scope:ident,)+) => {
        bilten_kernel::text_enum! {
            /// Something that may be done in an organisation.
            pub enum Permission {
                $($(#[$meta])* $name = $word,)+
            }
        }

        impl Permission {
            /// Whether it can be held for single events; the others are held for a whole
            /// organisation or not at all.
            pub const fn is_for_events(self) -> bool {
                match self {
                    $(Self::$name => permissions!(@ $scope),)+
                }
            }
        }

        /// The permissions as types, for [`Organiser`](crate::identity::Organiser).
        pub mod permit {
            use super::{Permission, Permit};
            $(
                $(#[$meta])*
                #[derive(Clone, Copy, Debug)]
                pub struct $name;

                impl Permit for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )+
        }
    };
    (@ events) => { true };
    (@ organisation) => { false };
}

/// A type that stands for a permission.
pub trait Permit: Send + Sync + 'static {
    /// Which one.
    const PERMISSION: Permission;
}

permissions! {
    /// Read events with their dates, tiers and stock.
    EventsRead = "events.read" events,
    /// Make new events; make, change and delete venues and seat maps.
    EventsCreate = "events.create" organisation,
    /// Change and delete events.
    EventsWrite = "events.write" events,
    /// Publish, cancel and archive events, and change their keys.
    EventsPublish = "events.publish" events,
    /// Read promo codes and what they were used for.
    CodesRead = "codes.read" events,
    /// Make, change and archive promo codes.
    CodesManage = "codes.manage" events,
    /// Read orders with their buyers.
    OrdersRead = "orders.read" events,
    /// Make orders, decide on suspicious ones, write notes and tags.
    OrdersWrite = "orders.write" events,
    /// Give money back.
    OrdersRefund = "orders.refund" events,
    /// Read tickets with their holders.
    TicketsRead = "tickets.read" events,
    /// Revoke and reissue tickets.
    TicketsWrite = "tickets.write" events,
    /// Read check-in lists, gates and the door report.
    CheckInRead = "check_in.read" events,
    /// Let people in.
    CheckInScan = "check_in.scan" events,
    /// Change check-in lists and gates.
    CheckInManage = "check_in.manage" events,
    /// Pair, see and revoke devices.
    DevicesManage = "devices.manage" events,
    /// See the organisation and its settings.
    OrganisationRead = "organisation.read" organisation,
    /// Change the organisation and its settings.
    OrganisationManage = "organisation.manage" organisation,
    /// See members and invitations.
    MembersRead = "members.read" organisation,
    /// Invite, change and remove members.
    MembersManage = "members.manage" organisation,
    /// Make and end API keys, OAuth clients and service credentials.
    KeysManage = "keys.manage" organisation,
    /// Set up single sign-on.
    SsoManage = "sso.manage" organisation,
    /// Read the audit log.
    AuditRead = "audit.read" organisation,
    /// Set up webhooks, and see what was sent to them.
    WebhooksManage = "webhooks.manage" organisation,
}

impl Permission {
    /// Whether a program may be given it; who belongs to the organisation is for people to decide.
    pub const fn is_for_programs(self) -> bool {
        match self {
            Self::EventsRead
            | Self::EventsCreate
            | Self::EventsWrite
            | Self::EventsPublish
            | Self::CodesRead
            | Self::CodesManage
            | Self::OrdersRead
            | Self::OrdersWrite
            | Self::OrdersRefund
            | Self::TicketsRead
            | Self::TicketsWrite
            | Self::CheckInRead
            | Self::CheckInScan
            | Self::CheckInManage
            | Self::DevicesManage
            | Self::OrganisationRead
            | Self::MembersRead
            | Self::AuditRead
            | Self::WebhooksManage => true,
            Self::OrganisationManage | Self::MembersManage | Self::KeysManage | Self::SsoManage => {
                false
            }
        }
    }
}
