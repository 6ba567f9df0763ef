//! The checked-in description of the API is the one that the code generates.

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

/// covers: BE-6
#[test]
fn every_operation_says_how_it_refuses() {
    let description = serde_json::to_value(router::openapi()).unwrap();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            assert!(operation["tags"].is_array(), "{name} has no tag");
            if path.starts_with("/api/") {
                let responses = operation["responses"].as_object().unwrap();
                assert!(
                    responses.keys().any(|status| status.starts_with('4')),
                    "{name} says nothing of refusals"
                );
            }
        }
    }
}
