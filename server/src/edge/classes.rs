//! Of which class a request is.

use axum::http::Method;
use bilten_kernel::http::{Class, Priority};

/// Signs of life.
static PROBE: Class = Class {
    name: "probe",
    priority: Priority::Always,
    kept_percent: 0,
    is_watched: false,
};
/// Devices at gates and box offices: people stand in front of them.
pub(super) static DEVICE: Class = Class {
    name: "device",
    priority: Priority::High,
    kept_percent: 10,
    // A device that was revoked is refused until it notices.
    is_watched: false,
};
/// Holding, buying, and seeing what was bought: whoever is here has chosen.
pub(super) static BUY: Class = Class {
    name: "buy",
    priority: Priority::High,
    kept_percent: 10,
    is_watched: true,
};
/// Signing in and all that leads to it.
pub(super) static SIGN_IN: Class = Class {
    name: "sign_in",
    priority: Priority::Middle,
    kept_percent: 5,
    is_watched: true,
};
/// All else of the API.
pub(super) static API: Class = Class {
    name: "api",
    priority: Priority::Middle,
    kept_percent: 5,
    is_watched: true,
};
/// Looking around.
pub(super) static BROWSE: Class = Class {
    name: "browse",
    priority: Priority::Low,
    kept_percent: 5,
    is_watched: true,
};

/// All classes, for which places are kept as each says.
pub(super) static ALL: &[&Class] = &[&PROBE, &DEVICE, &BUY, &SIGN_IN, &API, &BROWSE];

/// How addresses begin, and their class; the first that fits.
const BEGINNINGS: &[(&str, &Class)] = &[
    ("/livez", &PROBE),
    ("/readyz", &PROBE),
    ("/api/v1/sync/", &DEVICE),
    ("/api/v1/shop/holds", &BUY),
    ("/api/v1/shop/orders", &BUY),
    ("/api/v1/shop/transfers", &BUY),
    ("/api/v1/shop/", &BROWSE),
    ("/checkout/", &BUY),
    ("/orders/", &BUY),
    ("/transfers/", &BUY),
    ("/api/v1/auth/", &SIGN_IN),
    ("/api/v1/me/reauthenticate", &SIGN_IN),
    ("/oauth/", &SIGN_IN),
    ("/sso/", &SIGN_IN),
    ("/sign-in", &SIGN_IN),
    ("/register", &SIGN_IN),
    ("/forgotten", &SIGN_IN),
    ("/reset", &SIGN_IN),
    ("/verify", &SIGN_IN),
    ("/api/", &API),
];

/// Of which class a request is.
pub(super) fn classify(method: &Method, path: &str) -> &'static Class {
    // A gate that scans through the API, and a page that holds seats.
    let is_scan = path.starts_with("/api/v1/events/") && path.ends_with("/check-in");
    if is_scan {
        return &DEVICE;
    }
    // Whoever waited for this has waited long enough.
    if path.ends_with("/waiting-room/pass") {
        return &BUY;
    }
    let holds = |beginning: &str, end: &str| path.starts_with(beginning) && path.ends_with(end);
    let is_hold = holds("/e/", "/hold")
        || holds("/api/v1/shop/events/", "/holds")
        // What a purchase needs.
        || holds("/api/v1/shop/events/", "/files")
        || (path.starts_with("/e/") && path.contains("/resale/"));
    if method == Method::POST && is_hold {
        return &BUY;
    }
    BEGINNINGS
        .iter()
        .find(|(beginning, _)| path.starts_with(beginning))
        .map_or(&BROWSE, |(_, class)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_and_orders_go_before_the_api_and_that_before_looking_around() {
        for (method, path, class) in [
            (Method::GET, "/livez", &PROBE),
            (Method::POST, "/api/v1/sync/redemptions", &DEVICE),
            (Method::POST, "/api/v1/events/evt_1/check-in", &DEVICE),
            (Method::POST, "/api/v1/shop/orders", &BUY),
            (Method::POST, "/e/gala/hold", &BUY),
            (
                Method::POST,
                "/api/v1/shop/events/evt_1/resale-listings/rsl_1/holds",
                &BUY,
            ),
            (
                Method::POST,
                "/api/v1/shop/events/evt_1/questions/qst_1/files",
                &BUY,
            ),
            (Method::GET, "/e/gala", &BROWSE),
            (
                Method::POST,
                "/api/v1/shop/events/evt_1/waiting-room/pass",
                &BUY,
            ),
            (
                Method::GET,
                "/api/v1/shop/events/evt_1/waiting-room/notice",
                &BROWSE,
            ),
            (Method::GET, "/orders/ord_1", &BUY),
            (Method::GET, "/transfers/trf_1", &BUY),
            (Method::POST, "/api/v1/shop/transfers/trf_1/accept", &BUY),
            (Method::GET, "/api/v1/shop/events/evt_1", &BROWSE),
            (Method::POST, "/api/v1/auth/tokens", &SIGN_IN),
            (Method::GET, "/api/v1/events", &API),
            (Method::GET, "/", &BROWSE),
            (Method::GET, "/nowhere", &BROWSE),
        ] {
            assert_eq!(classify(&method, path), class, "{method} {path}");
        }
        assert!(DEVICE.priority > API.priority && BUY.priority > API.priority);
        assert!(API.priority > BROWSE.priority && PROBE.priority > DEVICE.priority);
    }
}
