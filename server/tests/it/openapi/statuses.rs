//! Which refusals an operation names: those of its kind, and no others.

use bilten_server::router;
use serde_json::Value;

fn statuses(method: &str, path: &str) -> Vec<u16> {
    let operation = &router::openapi()["paths"][path][method];
    let all = operation["responses"].as_object().unwrap();
    all.keys().map(|status| status.parse().unwrap()).collect()
}

/// covers: BE-6, GW-7
#[test]
fn operations_name_the_refusals_of_their_kind() {
    for (method, path, wanted) in [
        ("get", "/livez", vec![204, 400, 403, 408]),
        ("get", "/api", vec![200, 400, 403, 408, 429, 503]),
        (
            "get",
            "/api/v1/shop/events/{event}",
            vec![200, 304, 400, 403, 404, 408, 422, 429, 503],
        ),
        (
            "get",
            "/api/v1/events",
            vec![200, 304, 400, 401, 403, 404, 408, 422, 429, 503],
        ),
        (
            "post",
            "/api/v1/events",
            vec![201, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503],
        ),
        (
            "delete",
            "/api/v1/events/{event}",
            vec![204, 400, 401, 403, 404, 408, 409, 412, 429, 503],
        ),
        (
            "post",
            "/api/v1/auth/tokens",
            vec![
                200, 400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 429, 503,
            ],
        ),
        (
            "get",
            "/api/v1/shop/holds/{hold}",
            vec![200, 304, 400, 403, 404, 408, 410, 429, 503],
        ),
        (
            "get",
            "/api/v1/events/{event}/stock",
            vec![200, 304, 400, 401, 403, 404, 408, 410, 429, 503],
        ),
        (
            "get",
            "/api/v2/events/{event}/stock",
            vec![200, 304, 400, 401, 403, 404, 408, 429, 503],
        ),
    ] {
        assert_eq!(statuses(method, path), wanted, "{method} {path}");
    }
}

/// covers: BE-6, GW-7
#[test]
fn what_many_operations_have_is_said_once() {
    let document = router::openapi();
    let create = &document["paths"]["/api/v1/events"]["post"];
    assert_eq!(
        create["responses"]["409"]["$ref"],
        "#/components/responses/Conflict"
    );
    assert_eq!(create["operationId"], "createEvent");
    let parameters = create["parameters"].as_array().unwrap();
    assert!(
        parameters
            .iter()
            .any(|one| one["$ref"] == "#/components/parameters/IdempotencyKey")
    );
    assert!(
        create["description"]
            .as_str()
            .unwrap()
            .contains("`events.create`")
    );
    let list = document["paths"]["/api/v1/events"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = list.iter().filter_map(|one| one["$ref"].as_str()).collect();
    let wanted = ["Limit", "Cursor", "Fields", "IfNoneMatch"]
        .map(|name| format!("#/components/parameters/{name}"));
    assert_eq!(names, wanted);
    // People act by a browser's cookie or an app's token, programs by keys, unless they are refused.
    let ways = |path: &str, method: &str| -> Vec<String> {
        let all = document["paths"][path][method]["security"]
            .as_array()
            .unwrap();
        let all = all
            .iter()
            .flat_map(|one| one.as_object().unwrap().keys().cloned());
        all.collect()
    };
    assert_eq!(
        ways("/api/v1/events", "get"),
        ["api_key", "session", "oauth2", "access_token"]
    );
    assert_eq!(ways("/api/v1/keys", "post"), ["session", "access_token"]);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["servers"][0]["url"], "/");
    // What pages refuse is a page for people and a problem for programs.
    let page = &document["components"]["responses"]["BadRequestPage"]["content"];
    let kinds: Vec<&String> = page.as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["application/problem+json", "text/html"]);
    let token = &document["paths"]["/oauth/token"]["post"]["responses"]["400"]["content"];
    assert_eq!(
        token["application/json"]["schema"]["$ref"],
        "#/components/schemas/OAuthRefusal"
    );
    // Strangers have no keys at the edge, and the shop keeps its own.
    for (path, has) in [
        ("/api/v1/auth/tokens", false),
        ("/api/v1/shop/holds", false),
        ("/api/v1/keys", true),
    ] {
        let parameters = &document["paths"][path]["post"]["parameters"];
        let mut all = parameters.as_array().into_iter().flatten();
        let found = all.any(|one: &Value| one["$ref"] == "#/components/parameters/IdempotencyKey");
        assert_eq!(found, has, "{path}");
    }
}
