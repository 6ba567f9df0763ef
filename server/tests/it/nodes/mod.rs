//! Two nodes on one PostgreSQL behave as one: real processes, with Redis and without.

mod killing;
mod node;
mod waking;
mod work;
