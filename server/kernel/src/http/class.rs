//! Classes of requests: what they have in common for limits and when there is too much to do.

use axum::http::Method;

/// Who goes first when there is too much to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// What can wait: looking around.
    Low,
    /// Work that somebody does.
    Middle,
    /// What must not stop.
    High,
    /// Signs of life: never refused.
    Always,
}

/// A class of requests.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name in the configuration and in logs.
    pub name: &'static str,
    /// Who goes first.
    pub priority: Priority,
    /// How many of a hundred places are kept for it: whatever flood comes, there is room for these.
    pub kept_percent: usize,
    /// Whether refusals count against the address that asked: somebody who gets nothing but
    /// refusals is looking for a hole.
    pub is_watched: bool,
}

/// Says of which class a request is.
pub type Classify = fn(&Method, &str) -> &'static Class;

/// The class of requests where there are no others.
pub static EVERYTHING: Class = Class {
    name: "everything",
    priority: Priority::Middle,
    kept_percent: 0,
    is_watched: true,
};
