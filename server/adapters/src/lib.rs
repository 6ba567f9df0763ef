//! Clients of the outside world, behind traits: the server says what it wants, the configuration
//! says who does it. Each has a default that needs nobody else, and each heavy client is a feature.
//!
//! | module | trait | default | others |
//! |---|---|---|---|
//! | [`mail`] | [`mail::Mailer`] | a folder with one `.eml` file for each mail | SMTP (`smtp`) |
//! | [`sms`] | [`sms::SmsSender`] | nobody: text messages are not offered | a gateway by HTTP (`sms-http`) |
//!
//! Two more are chosen by each connection that somebody sets up, and speak a protocol: [`oidc`] (`oidc`)
//! and [`saml`] (`saml`), by which other identity providers say who somebody is.
//!
//! To add a client: a file that implements the trait, a feature if it needs a library, and a line
//! in the function that chooses by the configuration.

use std::future::Future;
use std::pin::Pin;

pub mod mail;
#[cfg(feature = "oidc")]
pub mod oidc;
#[cfg(feature = "saml")]
pub mod saml;
pub mod sms;

/// What an object-safe asynchronous function gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
