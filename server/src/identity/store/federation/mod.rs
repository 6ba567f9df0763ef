//! Connections to identity providers, who is linked to whom, and sign-ins on their way.

mod connections;
mod domains;
mod links;
mod members;
mod states;

pub(in crate::identity) use connections::*;
pub(in crate::identity) use domains::*;
pub(in crate::identity) use links::*;
pub(in crate::identity) use members::*;
pub(in crate::identity) use states::*;
