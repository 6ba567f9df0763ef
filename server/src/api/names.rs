//! `operationId`s, which become the names of methods in SDKs: a verb and a noun in camelCase.
//!
//! A name follows from the address: `GET /api/v1/events` is `listEvents`, `POST` to it (201)
//! `createEvent`, `POST /api/v1/events/{event}/publish` is `publishEvent`. Where that reads badly
//! there is a better name in [`BETTER`], or in the operation itself (`operation_id = "…"`).

use super::operation::{Operation, resolved};

/// Better names, by method and address.
const BETTER: &[(&str, &str)] = &[
    ("GET /.well-known/jwks.json", "getSigningKeys"),
    (
        "GET /.well-known/oauth-authorization-server",
        "getOauthMetadata",
    ),
    ("GET /api", "getVersions"),
    ("GET /api/v1/audit", "listAuditEntries"),
    ("POST /api/v1/auth/email/undo", "undoEmailChange"),
    ("POST /api/v1/auth/links", "requestSignInLink"),
    ("POST /api/v1/auth/links/use", "signInWithLink"),
    ("POST /api/v1/auth/passkey", "signInWithPasskey"),
    ("POST /api/v1/auth/passkey/begin", "beginPasskeySignIn"),
    ("POST /api/v1/auth/password-resets", "requestPasswordReset"),
    ("POST /api/v1/auth/password-resets/use", "resetPassword"),
    ("POST /api/v1/auth/registrations", "registerAccount"),
    (
        "POST /api/v1/auth/registrations/resend",
        "resendRegistration",
    ),
    (
        "POST /api/v1/auth/registrations/verify",
        "verifyRegistration",
    ),
    ("POST /api/v1/auth/second-factor", "completeSecondFactor"),
    (
        "POST /api/v1/auth/second-factor/code",
        "sendSecondFactorCode",
    ),
    (
        "POST /api/v1/auth/second-factor/passkey",
        "beginSecondFactorPasskey",
    ),
    ("POST /api/v1/auth/tokens", "signInWithPassword"),
    ("POST /api/v1/auth/tokens/refresh", "refreshTokens"),
    ("POST /api/v1/batch", "readBatch"),
    ("DELETE /api/v1/devices/{device}", "revokeDevice"),
    ("POST /api/v1/events/{event}/check-in", "checkInTicket"),
    ("POST /api/v1/events/{event}/keys", "rotateEventKey"),
    (
        "DELETE /api/v1/invitations/{invitation}",
        "revokeInvitation",
    ),
    ("POST /api/v1/invitations/look", "lookUpInvitation"),
    ("GET /api/v1/keys", "listApiKeys"),
    ("POST /api/v1/keys", "createApiKey"),
    ("GET /api/v1/keys/{key}", "getApiKey"),
    ("PATCH /api/v1/keys/{key}", "updateApiKey"),
    ("DELETE /api/v1/keys/{key}", "revokeApiKey"),
    ("POST /api/v1/keys/{key}/rotate", "rotateApiKey"),
    ("GET /api/v1/me/consents", "listMyConsents"),
    ("POST /api/v1/me/consents", "setMyConsent"),
    ("POST /api/v1/me/email", "requestMyEmailChange"),
    ("POST /api/v1/me/email/confirm", "confirmMyEmailChange"),
    ("POST /api/v1/me/erase", "eraseMyAccount"),
    ("POST /api/v1/me/exports", "requestMyExport"),
    (
        "GET /api/v1/me/exports/{export}/archive",
        "downloadMyExport",
    ),
    ("GET /api/v1/me/factors", "listMyFactors"),
    ("POST /api/v1/me/factors/email", "addMyEmailFactor"),
    ("POST /api/v1/me/factors/sms", "addMySmsFactor"),
    ("POST /api/v1/me/factors/totp", "addMyTotpFactor"),
    ("GET /api/v1/me/identities", "listMyIdentities"),
    (
        "DELETE /api/v1/me/identities/{connection}",
        "unlinkMyIdentity",
    ),
    ("POST /api/v1/me/password", "changeMyPassword"),
    (
        "POST /api/v1/me/reauthenticate",
        "reauthenticateWithPassword",
    ),
    (
        "POST /api/v1/me/reauthenticate/code",
        "sendReauthenticationCode",
    ),
    (
        "POST /api/v1/me/reauthenticate/factor",
        "reauthenticateWithFactor",
    ),
    (
        "POST /api/v1/me/reauthenticate/passkey",
        "beginReauthenticationPasskey",
    ),
    ("POST /api/v1/me/recovery-codes", "renewMyRecoveryCodes"),
    ("GET /api/v1/me/sessions", "listMySessions"),
    ("POST /api/v1/me/sessions/end", "endMySessions"),
    ("DELETE /api/v1/me/sessions/{session}", "endMySession"),
    ("DELETE /api/v1/members/{member}", "removeMember"),
    (
        "POST /api/v1/oauth/clients/{client}/secret",
        "rotateOauthClientSecret",
    ),
    ("GET /api/v1/organisations", "listMyOrganisations"),
    (
        "DELETE /api/v1/organisations/{organisation}/membership",
        "leaveOrganisation",
    ),
    ("POST /api/v1/platform/admins", "grantPlatformAdmin"),
    (
        "DELETE /api/v1/platform/admins/{user}",
        "revokePlatformAdmin",
    ),
    ("GET /api/v1/platform/audit", "listPlatformAuditEntries"),
    ("GET /api/v1/platform/audit/export", "exportPlatformAudit"),
    (
        "DELETE /api/v1/platform/impersonations/{impersonation}",
        "endPlatformImpersonation",
    ),
    ("POST /api/v1/platform/keys/rotate", "rotatePlatformKeys"),
    (
        "POST /api/v1/platform/maintenance",
        "beginPlatformMaintenance",
    ),
    (
        "GET /api/v1/platform/sso/connections",
        "listPlatformSsoConnections",
    ),
    ("GET /api/v1/platform/users", "findPlatformUsers"),
    ("DELETE /api/v1/shop/holds/{hold}", "releaseShopHold"),
    ("DELETE /api/v1/shop/orders/{order}", "cancelShopOrder"),
    ("GET /api/v1/sso/connections", "listSsoConnections"),
    ("GET /api/v1/sso/providers", "listSsoProviders"),
    ("GET /api/v1/status", "getStatus"),
    ("POST /api/v1/sync/challenge", "createSyncChallenge"),
    ("POST /api/v1/sync/pair", "pairDevice"),
    ("POST /api/v1/sync/redemptions", "pushRedemptions"),
    ("POST /api/v1/sync/session", "openSyncSession"),
    ("DELETE /api/v1/sync/staff", "endStaffSession"),
    ("POST /api/v1/sync/staff", "beginStaffSession"),
    ("GET /livez", "getLiveness"),
    ("GET /oauth/authorize", "showAuthorisation"),
    ("POST /oauth/authorize", "decideAuthorisation"),
    ("POST /oauth/introspect", "introspectToken"),
    ("POST /oauth/revoke", "revokeToken"),
    ("POST /oauth/token", "issueToken"),
    ("GET /readyz", "getReadiness"),
    ("GET /sso/{slug}/callback", "completeSsoCallback"),
    ("POST /sso/{slug}/callback", "completePostedSsoCallback"),
    ("GET /sso/{slug}/confirm", "confirmSsoAddress"),
    ("GET /sso/{slug}/finish", "finishSsoSignIn"),
    ("POST /sso/{slug}/saml/acs", "completeSamlSignIn"),
    ("GET /sso/{slug}/saml/metadata", "getSamlMetadata"),
    ("GET /sso/{slug}/start", "startSsoSignIn"),
];

/// Names an operation.
pub(super) fn complete(operation: &mut Operation<'_>) {
    let given = operation.fields.get("operationId");
    let given = given
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    // Unless it is said, it is the name of the handler: small letters.
    if given.contains(|c: char| c.is_ascii_uppercase()) {
        return;
    }
    let key = format!("{} {}", operation.method.to_uppercase(), operation.path);
    let better = BETTER.iter().find(|(one, _)| *one == key);
    let name = better.map_or_else(|| derived(operation), |(_, name)| (*name).to_owned());
    operation
        .fields
        .insert("operationId".to_owned(), name.into());
}

/// The name that follows from the address.
fn derived(operation: &Operation<'_>) -> String {
    let mut parts: Vec<&str> = operation
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let mut version = String::new();
    if parts.first() == Some(&"api") {
        let rest: Vec<&str> = parts.drain(..).skip(1).collect();
        let mut rest = rest.into_iter();
        match rest.next() {
            // Names of the first version are as short as can be.
            Some("v1") | None => {}
            Some(other) => version = camel(other),
        }
        parts = rest.collect();
    }
    let is_parameter = |part: &&str| part.starts_with('{');
    let is_one = parts.last().is_some_and(is_parameter);
    let mut nouns: Vec<&str> = parts
        .into_iter()
        .filter(|part| !is_parameter(part))
        .collect();
    let last = nouns.pop().unwrap_or_default();
    let owners: String = nouns
        .iter()
        .map(|noun| {
            if *noun == "me" {
                "My".to_owned()
            } else {
                camel(&singular(noun))
            }
        })
        .collect();
    let one = format!("{owners}{}", camel(&singular(last)));
    let all = format!("{owners}{}", camel(last));
    let name = match (operation.method, is_one) {
        ("get", true) => format!("get{one}"),
        ("get", false) if is_list(operation) => format!("list{all}"),
        ("get", false) => format!("get{all}"),
        ("patch", true) => format!("update{one}"),
        ("patch", false) => format!("update{all}"),
        ("put", true) => format!("set{one}"),
        ("put", false) => format!("set{all}"),
        ("delete", true) => format!("delete{one}"),
        ("delete", false) => format!("delete{all}"),
        (_, true) => format!("confirm{one}"),
        (_, false) if makes_one(operation) => format!("create{one}"),
        (_, false) => {
            // The last part is what is done, such as `publish`.
            let verb = camel(last);
            let (first, rest) = verb.split_at_checked(1).unwrap_or_default();
            format!("{}{rest}{owners}", first.to_ascii_lowercase())
        }
    };
    format!("{name}{version}")
}

/// Whether something new is there afterwards.
fn makes_one(operation: &Operation<'_>) -> bool {
    let responses = operation.fields.get("responses");
    responses.is_some_and(|responses| responses.get("201").is_some())
}

/// Whether it answers a list: a page, or all of it.
fn is_list(operation: &Operation<'_>) -> bool {
    let Some(schema) = operation.answer("200") else {
        return false;
    };
    let schema = resolved(operation.schemas, schema);
    schema["type"] == "array" || schema["properties"].get("items").is_some()
}

/// `check-in` as `CheckIn`.
fn camel(text: &str) -> String {
    let words = text.split(['-', '_', '.']);
    words
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or_default();
            format!("{}{rest}", first.to_ascii_uppercase())
        })
        .collect()
}

/// One of what a part of an address names.
fn singular(text: &str) -> String {
    if let Some(stem) = text.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let is_plural = text.ends_with('s') && !text.ends_with("ss") && !text.ends_with("us");
    match text.strip_suffix('s') {
        Some(stem) if is_plural => stem.to_owned(),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn named(method: &str, path: &str, operation: &Value) -> String {
        let mut fields: Map<String, Value> = operation.as_object().unwrap().clone();
        let mut operation = Operation {
            method,
            path,
            fields: &mut fields,
            schemas: &Value::Null,
        };
        complete(&mut operation);
        fields["operationId"].as_str().unwrap().to_owned()
    }

    /// covers: GW-7
    #[test]
    fn names_follow_from_addresses_unless_there_is_a_better_one() {
        let plain = json!({"operationId": "list", "responses": {"200": {}}});
        let makes = json!({"responses": {"201": {}}});
        let list = json!({"responses": {"200": {"content": {"application/json": {"schema": {"type": "array"}}}}}});
        for (method, path, operation, name) in [
            ("get", "/api/v1/events", &list, "listEvents"),
            ("post", "/api/v1/events", &makes, "createEvent"),
            ("get", "/api/v1/events/{event}", &plain, "getEvent"),
            (
                "patch",
                "/api/v1/events/{event}/tiers/{tier}",
                &plain,
                "updateEventTier",
            ),
            (
                "post",
                "/api/v1/events/{event}/publish",
                &plain,
                "publishEvent",
            ),
            (
                "delete",
                "/api/v1/me/passkeys/{passkey}",
                &plain,
                "deleteMyPasskey",
            ),
            (
                "put",
                "/api/v1/platform/log-level",
                &plain,
                "setPlatformLogLevel",
            ),
            (
                "get",
                "/api/v2/events/{event}/stock",
                &plain,
                "getEventStockV2",
            ),
            ("post", "/api/v1/auth/tokens", &plain, "signInWithPassword"),
            ("get", "/api", &plain, "getVersions"),
        ] {
            assert_eq!(named(method, path, operation), name, "{method} {path}");
        }
        let said = json!({"operationId": "doThis", "responses": {}});
        assert_eq!(named("get", "/api/v1/events", &said), "doThis");
    }

    #[test]
    fn every_better_name_is_of_an_operation_that_is_there() {
        for (operation, name) in BETTER {
            let (method, path) = operation.split_once(' ').unwrap();
            let found = &crate::router::openapi()["paths"][path][method.to_lowercase()];
            assert_eq!(found["operationId"], *name, "{operation}");
        }
    }
}
