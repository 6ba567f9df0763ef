//! Organisations that somebody belongs to.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;

use super::{Holder, Place};
use crate::identity::{Membership, Role};
use crate::web::shell::{self, Privacy, Shell};

#[derive(Template)]
#[template(path = "account/organisations.html")]
struct OrganisationsPage {
    shell: Shell,
    organisations: Vec<OrganisationView>,
}

struct OrganisationView {
    slug: String,
    name: String,
    roles: String,
}

/// A role, as people call it.
pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Manager => "Manager",
        Role::BoxOffice => "Box office",
        Role::DoorStaff => "Door staff",
        Role::DoorSupervisor => "Door supervisor",
        Role::Finance => "Finance",
        Role::Marketing => "Marketing",
        Role::Viewer => "Viewer",
    }
}

/// The roles of a member in a line.
fn roles(membership: &Membership) -> String {
    let mut parts: Vec<String> = membership
        .role
        .map(|role| role_name(role).to_owned())
        .into_iter()
        .collect();
    match membership.event_roles.len() {
        0 => {}
        1 => parts.push("a role for 1 event".to_owned()),
        n => parts.push(format!("roles for {n} events")),
    }
    parts.join(", ")
}

/// `GET /account/organisations`
pub(super) async fn show(holder: Holder) -> Result<Response, Problem> {
    let page = OrganisationsPage {
        shell: Shell::account("Organisations", &holder, Place::Organisations),
        organisations: holder
            .person
            .memberships
            .iter()
            .map(|membership| OrganisationView {
                slug: membership.slug.clone(),
                name: membership.name.clone(),
                roles: roles(membership),
            })
            .collect(),
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}
