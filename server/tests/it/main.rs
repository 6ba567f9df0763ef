//! The server's tests: the real application on a real port, on both databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod access;
mod app;
mod catalog;
mod catalog_event;
mod changes;
mod cli;
mod codes;
mod crash;
mod edge;
mod identity;
mod inspect;
mod nodes;
mod openapi;
mod platform;
mod post;
mod reads;
mod sales;
mod sandbox;
mod security_page;
mod selling;
mod shop;
mod statements;
mod telemetry;
mod tickets;
mod walk;
mod web;
mod webhooks;
