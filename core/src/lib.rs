//! Bilten ticket core.
