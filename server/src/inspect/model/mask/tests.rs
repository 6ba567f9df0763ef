//! What is masked, and that nothing else changes.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// covers: GW-7, GW-9
#[test]
fn secrets_and_people_go_and_what_helps_stays() {
    let shown = mask_json(&json!({
        "event": "evt_01jx0000000000000000000000",
        "currency": "EUR", "price_minor": 2500, "starts_at": "2030-01-01T12:00:00.123456789Z",
        "buyer": {"email": "ana@example.com", "name": "Ana Novak", "phone": "040 123 456"},
        "order_token": "abc", "pin": 1234, "has_pin": true, "venue_name": "Kino",
        "tickets": [{"code": "BT1:AB C/D+E", "id": "tkt_01jx0000000000000000000000", "holder": "Ana"}],
        "note": "call +386 40/123-456 or write to ana@example.com, card 4111 1111 1111 1111",
        "type": "/problems/sales.sold_out", "problem": {"code": "sales.sold_out", "errors": [{"code": "too_long"}]},
        "otp_code": "123456", "promo_code": "SUMMER", "code": 4711, "payment": {"method": "sandbox", "card": "visa_1"},
        "request_id": "abcdefgh0123456789abcdefgh", "empty_secret": "", "gone": null,
        "ana@example.com": 1, "eva@example.com": 2,
    }));
    assert_eq!(
        shown,
        json!({
            "event": "evt_01jx0000000000000000000000",
            "currency": "EUR", "price_minor": 2500, "starts_at": "2030-01-01T12:00:00.123456789Z",
            "buyer": {"email": MASK, "name": MASK, "phone": MASK},
            "order_token": MASK, "pin": MASK, "has_pin": true, "venue_name": "Kino",
            "tickets": [{"code": MASK, "id": "tkt_01jx0000000000000000000000", "holder": MASK}],
            "note": "call [masked] or write to [masked], card [masked]",
            "type": "/problems/sales.sold_out", "problem": {"code": "sales.sold_out", "errors": [{"code": "too_long"}]},
            "otp_code": MASK, "promo_code": MASK, "code": MASK, "payment": {"method": "sandbox", "card": MASK},
            "request_id": "abcdefgh0123456789abcdefgh", "empty_secret": "", "gone": null,
            "[masked]": 1, "[masked] 2": 2,
        })
    );
}

/// covers: GW-7, GW-9
#[test]
fn headers_and_addresses_are_masked_by_what_they_are() {
    for (name, value, shown) in [
        ("authorization", "Bearer bilten_abc", "Bearer [masked]"),
        ("authorization", "abc", MASK),
        ("cookie", "bilten_session=1", MASK),
        ("set-cookie", "a=b", MASK),
        ("waiting-pass", "bwp1.a.b", MASK),
        ("waiting-place", "bwl1.a.b", MASK),
        ("x-api-token", "1", MASK),
        ("x-real-ip", "203.0.113.7", MASK),
        ("x-forwarded-for", "203.0.113.7", MASK),
        (
            "idempotency-key",
            "4f0c2d7a6b1e4c3d9a8b7c6d5e4f3a2b",
            "4f0c2d7a6b1e4c3d9a8b7c6d5e4f3a2b",
        ),
        ("idempotency-key", "ana@example.com", MASK),
        (
            "content-type",
            "application/json; charset=utf-8",
            "application/json; charset=utf-8",
        ),
        ("location", "/a?token=1&x=2", "/a?token=[masked]&x=2"),
        ("from", "ana@example.com", MASK),
    ] {
        assert_eq!(mask_header(name, value), shown, "{name}: {value}");
    }
    for (path, shown) in [
        (
            "/api/v1/events?limit=2&sort=-starts_at",
            "/api/v1/events?limit=2&sort=-starts_at",
        ),
        (
            "/api/v1/members?email=ana%40example.com",
            "/api/v1/members?email=[masked]",
        ),
        (
            "/api/v1/members?q=ana%40example.com",
            "/api/v1/members?q=[masked]",
        ),
        ("/api/v1/x/ana%40example.com/y", "/api/v1/x/[masked]/y"),
        ("/api/v1/tickets/BT1%3AAB/CD", "/api/v1/tickets/[masked]"),
        ("/api/v1/tickets/bl1:AB/CD?a=b", "/api/v1/tickets/[masked]"),
        ("/api/v1/x?phone=%2B38640123456", "/api/v1/x?phone=[masked]"),
        ("/api/v1/x?q=%2B386+40+123+456", "/api/v1/x?q=[masked]"),
        ("/api/v1/x?token=", "/api/v1/x?token="),
        (
            "/api/v1/orders/ord_01jx0000000000000000000000",
            "/api/v1/orders/ord_01jx0000000000000000000000",
        ),
        ("/%", "/%"),
        ("/%4", "/%4"),
        ("/%zz%ff", "/%zz%ff"),
    ] {
        assert_eq!(mask_path(path), shown, "{path}");
    }
}

/// What must not survive, wherever it is.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "bilten(at|cs|dv|em|ot|rt|se|st)?_[0-9a-z]{10,40}",
        "whsec_[A-Za-z0-9+/]{20,44}",
        "B[TL]1:[0-9A-Z $%*+./-]{8,60}[0-9A-Z]",
        "[a-z]{2,8}\\.[a-z]{2,8}@[a-z]{3,9}\\.(com|si|org)",
        "\\+[1-9][0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3}",
        "eyJ[A-Za-z0-9]{20,30}\\.eyJ[A-Za-z0-9]{20,40}\\.[A-Za-z0-9]{30,43}",
        "[a-z][0-9][0-9a-z]{38}",
    ]
}

/// Something harmless before or after a secret.
fn around() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z]{1,8} ",
        " [a-z]{1,8}",
        "\"[(<]",
        " = "
    ]
}

/// A document, and what must not survive of it.
fn document() -> impl Strategy<Value = (Value, Vec<String>)> {
    let hidden = prop_oneof![
        Just("password"),
        Just("clientSecret"),
        Just("order_token"),
        Just("email"),
        Just("Phone"),
        Just("name"),
        Just("holder-name"),
        Just("otp"),
        Just("billing_address"),
    ];
    let leaf = prop_oneof![
        Just((json!(null), Vec::<String>::new())),
        any::<bool>().prop_map(|is| (json!(is), Vec::new())),
        (0i64..1_000_000).prop_map(|n| (json!(n), Vec::new())),
        "[a-z ]{0,12}".prop_map(|text| (json!(text), Vec::new())),
        (around(), secret(), around()).prop_map(|(before, secret, after)| {
            (json!(format!("{before} {secret} {after}")), vec![secret])
        }),
        // Under such a name, anything is a secret.
        (hidden, "Qx[a-z]{6,12}Zz").prop_map(|(name, secret)| {
            (json!({name: {"deep": [secret.clone()]}}), vec![secret])
        }),
        secret().prop_map(|secret| (json!({secret.clone(): 1}), vec![secret])),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                let secrets: Vec<String> = items
                    .iter()
                    .flat_map(|(_, secrets)| secrets.clone())
                    .collect();
                (
                    Value::Array(items.into_iter().map(|(item, _)| item).collect()),
                    secrets,
                )
            }),
            prop::collection::vec(("[a-z]{1,3}", inner), 0..5).prop_map(|fields| {
                let fields: std::collections::BTreeMap<String, (Value, Vec<String>)> =
                    fields.into_iter().collect();
                let secrets: Vec<String> = fields
                    .values()
                    .flat_map(|(_, secrets)| secrets.clone())
                    .collect();
                let fields = fields.into_iter().map(|(name, (value, _))| (name, value));
                (Value::Object(fields.collect()), secrets)
            }),
        ]
    })
}

/// How a document is built, whatever it says.
fn structure(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        // A masked number is a text.
        Value::Number(_) | Value::String(_) => json!("some"),
        Value::Array(items) => Value::Array(items.iter().map(structure).collect()),
        Value::Object(fields) => {
            let mut kinds: Vec<String> = fields
                .values()
                .map(|value| structure(value).to_string())
                .collect();
            kinds.sort();
            json!({ "fields": kinds })
        }
    }
}

proptest! {
    /// covers: GW-7, GW-9
    #[test]
    fn no_secret_survives_and_the_structure_stays((document, secrets) in document()) {
        let shown = mask_json(&document);
        let text = shown.to_string();
        for secret in &secrets {
            prop_assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
        prop_assert_eq!(structure(&shown), structure(&document));
        prop_assert_eq!(mask_json(&shown), shown, "masking again changes nothing");
    }

    /// covers: GW-9
    #[test]
    fn no_secret_survives_in_an_address(
        start in "/[a-z]{1,5}", secret in secret(), is_query in any::<bool>(), is_encoded in any::<bool>(),
    ) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let given = if is_encoded { encoded } else { secret.replace(' ', "%20") };
        let path = if is_query { format!("{start}?q={given}&b=1") } else { format!("{start}/{given}") };
        let shown = mask_path(&path);
        prop_assert!(!shown.contains(&given) && !decoded(&shown, b' ').contains(&secret), "{path}: {shown}");
        prop_assert!(shown.starts_with(&start), "{shown}");
    }

    #[test]
    fn no_text_is_too_strange(name in ".{0,20}", text in ".{0,200}") {
        for shown in [mask_text(&text), mask_path(&text), mask_header(&name, &text)] {
            prop_assert!(shown.len() <= text.len() * 8 + 64);
        }
        mask_json(&json!({name: text}));
    }
}
