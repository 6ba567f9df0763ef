//! Roles: named sets of permissions.

use bilten_kernel::text_enum;

use super::Permission;

text_enum! {
    /// What somebody is in an organisation, or for one of its events.
    pub enum Role {
        /// May do everything.
        Owner = "owner",
        /// Runs the events and the team.
        Manager = "manager",
        /// Sells and helps buyers.
        BoxOffice = "box_office",
        /// Lets people in.
        DoorStaff = "door_staff",
        /// Runs the door.
        DoorSupervisor = "door_supervisor",
        /// Looks after the money.
        Finance = "finance",
        /// Tells people about the events.
        Marketing = "marketing",
        /// Looks on.
        Viewer = "viewer",
    }
}

impl Role {
    /// What the role may do.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Owner => P::ALL,
            Self::Manager => &[
                P::EventsRead,
                P::EventsCreate,
                P::EventsWrite,
                P::EventsPublish,
                P::CodesRead,
                P::CodesManage,
                P::OrdersRead,
                P::OrdersWrite,
                P::OrdersRefund,
                P::TicketsRead,
                P::TicketsWrite,
                P::CheckInRead,
                P::CheckInScan,
                P::CheckInManage,
                P::DevicesManage,
                P::OrganisationRead,
                P::MembersRead,
                P::MembersManage,
                P::AuditRead,
                P::WebhooksManage,
            ],
            Self::BoxOffice => &[
                P::EventsRead,
                P::OrdersRead,
                P::OrdersWrite,
                P::TicketsRead,
                P::TicketsWrite,
                P::CheckInRead,
                P::OrganisationRead,
            ],
            Self::DoorStaff => &[
                P::EventsRead,
                P::CheckInRead,
                P::CheckInScan,
                P::OrganisationRead,
            ],
            Self::DoorSupervisor => &[
                P::EventsRead,
                P::TicketsRead,
                P::CheckInRead,
                P::CheckInScan,
                P::CheckInManage,
                P::DevicesManage,
                P::OrganisationRead,
            ],
            Self::Finance => &[
                P::EventsRead,
                P::CodesRead,
                P::OrdersRead,
                P::OrdersRefund,
                P::OrganisationRead,
            ],
            Self::Marketing => &[
                P::EventsRead,
                P::CodesRead,
                P::CodesManage,
                P::OrganisationRead,
            ],
            Self::Viewer => &[P::EventsRead, P::OrganisationRead],
        }
    }

    /// Whether the role may do that.
    pub fn may(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Whether somebody with this role may give `other` to others: nobody gives more than they have.
    pub fn may_grant(self, other: Self) -> bool {
        self.may(Permission::MembersManage) && other.permissions().iter().all(|p| self.may(*p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_more_than_they_have() {
        for giver in Role::ALL {
            for given in Role::ALL {
                let more = given.permissions().iter().any(|p| !giver.may(*p));
                assert!(!(more && giver.may_grant(*given)), "{giver} gives {given}");
            }
        }
        assert!(Role::Owner.may_grant(Role::Owner) && Role::Manager.may_grant(Role::Manager));
        assert!(!Role::Manager.may_grant(Role::Owner) && !Role::Viewer.may_grant(Role::Viewer));
    }

    #[test]
    fn every_permission_belongs_to_the_owner_and_every_role_can_look() {
        for permission in Permission::ALL {
            assert!(Role::Owner.may(*permission));
        }
        for role in Role::ALL {
            assert!(role.may(Permission::EventsRead), "{role}");
        }
    }
}
