//! The home of an account: what somebody is called, and how they sign in.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use bilten_kernel::error::Problem;
use bilten_kernel::http::Query;

use super::sign_in::Wish;
use super::{Holder, Place, done};
use crate::web::shell::{self, Privacy, Shell};

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    shell: Shell,
    done: Option<&'static str>,
    name: String,
    email: String,
    has_password: bool,
}

/// `GET /account`
pub(super) async fn show(holder: Holder, Query(wish): Query<Wish>) -> Result<Response, Problem> {
    let page = ProfilePage {
        shell: Shell::account("Profile", &holder, Place::Profile),
        done: done(&wish.done),
        name: holder.profile.name.clone(),
        email: holder.profile.email.as_str().to_owned(),
        has_password: holder.has_password,
    };
    shell::page(StatusCode::OK, &page, Privacy::Form)
}
