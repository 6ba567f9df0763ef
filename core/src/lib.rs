#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod checkin;
mod codes;
pub mod id;
pub mod key;
#[cfg(feature = "qr")]
pub mod qr;
pub mod signed;
pub mod sync;
pub mod ticket;
pub mod time;
