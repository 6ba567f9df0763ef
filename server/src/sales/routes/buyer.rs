//! From where a buyer asks.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bilten_kernel::http::ClientIp;

use crate::app::App;
use crate::identity::{self, Principal};
use crate::sales::limits::BuyerOrigin;

/// From where a request of a buyer comes, and in which account they are signed in, if in any; buying needs
/// none, so that a credential which does not do is none.
#[derive(Clone, Copy, Debug)]
pub struct BuyerFrom(pub BuyerOrigin);

impl FromRequestParts<App> for BuyerFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientIp(address) = ClientIp::from_request_parts(parts, app).await?;
        let account = match identity::caller(parts, app).await {
            Ok(principal) => match &*principal {
                Principal::Person(person) => Some(person.user),
                Principal::Program(_) => None,
            },
            Err(_) => None,
        };
        Ok(Self(BuyerOrigin {
            address: Some(address),
            account,
        }))
    }
}
