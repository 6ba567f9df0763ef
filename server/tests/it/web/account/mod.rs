//! The pages of accounts, as a browser without scripts uses them.

mod organisations;
mod passwords;
mod profile;
mod register;
mod sessions;
mod sign_in;

use bilten_server::identity::{self, UserId};

use super::Visitor;
use crate::app::TestApp;

pub(super) const PASSWORD: &str = "kozolec brez strehe 42";
const OTHER: &str = "trije mostovi ponoci 7";

/// Makes an account with a password.
pub(super) async fn registered(t: &TestApp, email: &str, name: &str) -> UserId {
    let profile = identity::checked_profile(email, name, None).unwrap();
    let password = Some(PASSWORD.to_owned().into());
    identity::create_person(&t.app, profile, password, true)
        .await
        .unwrap()
}

/// A browser in which somebody signed in by password.
pub(super) async fn signed_in(t: &TestApp, email: &str, password: &str) -> Visitor {
    let visitor = Visitor::new(t);
    let fields = [("email", email), ("password", password)];
    visitor.send("/sign-in", &fields).await.leads_to("/account");
    visitor
}

/// The link in the mail to somebody that leads to this page; other mail may come before it.
async fn mailed(t: &TestApp, email: &str, page: &str) -> String {
    loop {
        let link = t.mail_to(email).await.link();
        if link.starts_with(page) {
            return link;
        }
    }
}
