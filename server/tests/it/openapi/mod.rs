//! The description of the API: it is current, it keeps the house's rules, its examples work, and
//! versions live side by side.
//!
//! | file | holds |
//! |---|---|
//! | `lint.rs` | [`RULES`](lint::RULES) over a whole document, each with a document that breaks it |
//! | `rules.rs` | the rules about addresses, operations and answers |
//! | `fields.rs` | the rules about fields and parameters |
//! | `statuses.rs` | which refusals an operation of a kind names |
//! | `examples.rs` | the examples, sent to the server |
//! | `versions.rs` | v1 and v2 side by side, deprecation and sunset, the documentation's page |

mod examples;
mod fields;
mod lint;
mod rules;
mod statuses;
mod versions;

use bilten_server::router;

/// covers: BE-6
#[test]
fn the_checked_in_description_is_current() {
    let generated = router::openapi_text().unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        generated == checked_in,
        "server/openapi.json is not what the code says; run: cargo run -q --bin bilten -- openapi > server/openapi.json"
    );
    assert!(generated.contains("\"openapi\": \"3.1.0\""));
}

/// covers: BE-6, GW-1
#[test]
fn the_description_keeps_the_rules() {
    let faults = lint::faults(router::openapi());
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}
