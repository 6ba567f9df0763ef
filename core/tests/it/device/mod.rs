//! The device side driven from outside: gates with real files, against a server in memory.

mod http;
mod server;
mod sync;
mod world;
