#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod checkin;
mod codes;
#[cfg(feature = "store")]
pub mod gate;
pub mod id;
pub mod key;
pub mod money;
#[cfg(feature = "price")]
pub mod price;
#[cfg(feature = "qr")]
pub mod qr;
pub mod signed;
#[cfg(feature = "store")]
pub mod store;
pub mod sync;
#[cfg(feature = "store")]
pub mod system;
pub mod ticket;
pub mod time;
