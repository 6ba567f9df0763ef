//! Clients of the outside world, behind traits: the server says what it wants, the configuration
//! says who does it. Each has a default that needs nobody else, and each heavy client is a feature.
//!
//! | module | trait | default | others |
//! |---|---|---|---|
//! | [`mail`] | [`mail::Mailer`] | a folder with one `.eml` file for each mail | SMTP (`smtp`) |
//! | [`sms`] | [`sms::SmsSender`] | nobody: text messages are not offered | a gateway by HTTP (`sms-http`) |
//! | [`limits`] | [`SharedLimits`](bilten_kernel::http::SharedLimits) | nobody: each node counts by itself | Redis (`redis`) |
//! | [`nodes`] | [`Nodes`](bilten_kernel::db::Nodes) | the database itself: PostgreSQL's NOTIFY | Redis (`redis`) |
//! | [`countries`] | [`Countries`](bilten_kernel::http::Countries) | nobody: no country is known | a file (`countries`) |
//! | [`telemetry`] | layers and a text | nobody: log lines only | OTLP (`otlp`), Prometheus (`prometheus`) |
//!
//! Two more are chosen by each connection that somebody sets up, and speak a protocol: [`oidc`] (`oidc`)
//! and [`saml`] (`saml`), by which other identity providers say who somebody is. Whatever calls somebody
//! else goes through [`outgoing`], by HTTP with the feature of that name.
//!
//! To add a client: a file that implements the trait, a feature if it needs a library, and a line
//! in the function that chooses by the configuration.

use std::future::Future;
use std::pin::Pin;

#[cfg(feature = "countries")]
pub mod countries;
pub mod limits;
pub mod mail;
pub mod nodes;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod outgoing;
#[cfg(feature = "saml")]
pub mod saml;
pub mod sms;
pub mod telemetry;

/// What an object-safe asynchronous function gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
