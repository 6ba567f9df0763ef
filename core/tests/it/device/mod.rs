//! The device side driven from outside: gates with real files, against a server in memory.

mod converge;
mod crash;
mod feed;
mod http;
mod machine;
mod revoked;
mod server;
mod store;
mod sync;
mod venue;
mod world;
