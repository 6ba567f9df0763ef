//! What the API's description says of each operation.

use bilten_server::identity::Permission;
use bilten_server::router;
use serde_json::Value;

/// Who may call an operation, by what it says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Access {
    /// Whoever holds the permission in an organisation.
    Permission(Permission),
    /// A person.
    SignedIn,
    /// A person who proved only just who they are.
    Recent,
    /// An administrator of the platform.
    Admin,
    /// A person or a program, each of whom sees something else.
    Authenticated,
    /// Whoever has the order's token.
    Order,
    /// A paired device with a session.
    Device,
    /// A credential that only its own tests know.
    Other(String),
    /// Everybody.
    Public,
}

impl Access {
    /// How the golden file says it.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Order => "order_token",
            Self::Device => "device_session",
            Self::Public => "public",
            Self::Other(kind) => kind,
            Self::Permission(_)
            | Self::SignedIn
            | Self::Recent
            | Self::Admin
            | Self::Authenticated => "identity",
        }
    }
}

/// An operation of the API.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) access: Access,
    /// Whether it also wants its caller to have proved only just who they are.
    pub(super) is_recent: bool,
    /// Whether programs are refused even with the permission.
    pub(super) is_for_people: bool,
    /// The schemas of what must follow the path after `?`.
    pub(super) query: Vec<(String, Value)>,
    /// The names of all that may follow it.
    pub(super) queries: Vec<String>,
    /// The schema of its body, if it takes JSON.
    pub(super) body: Option<Value>,
    /// The statuses that it names.
    pub(super) statuses: Vec<String>,
    /// What is wrong with what it says.
    pub(super) contradiction: Option<String>,
}

impl Operation {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it ends what all others need: an account, or the service itself.
    pub(super) fn comes_last(&self) -> Option<usize> {
        const LAST: [&str; 4] = ["/erase", "/keys/rotate", "/maintenance", "/maintenance/end"];
        LAST.iter()
            .position(|end| self.path.ends_with(end))
            .filter(|_| self.method != "GET")
    }

    pub(super) fn parameters(&self) -> Vec<&str> {
        let named = |part: &str| part.starts_with('{') && part.ends_with('}');
        self.path
            .split('/')
            .filter(|part| named(part))
            .map(|part| part.trim_matches(['{', '}', '*']))
            .collect()
    }

    /// Whether it names something that belongs to somebody: regions are everybody's.
    pub(super) fn has_parameters(&self) -> bool {
        self.parameters().iter().any(|name| *name != "region")
    }
}

/// The schemes that stand for people and programs.
const IDENTITY: [&str; 3] = ["api_key", "session", "access_token"];

fn access(operation: &Value) -> (Access, Option<String>) {
    let schemes: Vec<&str> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|scheme| scheme.keys().map(String::as_str))
        .collect();
    let is_identity = schemes.iter().any(|scheme| IDENTITY.contains(scheme));
    let permission = operation["x-permission"].as_str();
    let access = match permission {
        Some("signed_in") => Access::SignedIn,
        Some("recently_authenticated") => Access::Recent,
        Some("platform_admin") => Access::Admin,
        Some("authenticated") => Access::Authenticated,
        Some(word) => match word.parse() {
            Ok(permission) => Access::Permission(permission),
            Err(_) if schemes == ["device_session"] => Access::Device,
            Err(_) => {
                return (
                    Access::Public,
                    Some(format!("there is no permission {word}")),
                );
            }
        },
        None => match *schemes {
            [] => Access::Public,
            ["order_token"] => Access::Order,
            ["device_session"] => Access::Device,
            [other] => Access::Other(other.to_owned()),
            _ => Access::Other(schemes.join("+")),
        },
    };
    // A device says which permission of a member its work is under, and is still a device.
    let access = if schemes == ["device_session"] {
        Access::Device
    } else {
        access
    };
    let contradiction = match (is_identity, permission) {
        (true, None) => Some("has security but no x-permission".to_owned()),
        (false, Some(_)) if schemes.is_empty() => {
            Some("has x-permission but no security".to_owned())
        }
        _ => None,
    };
    (access, contradiction)
}

/// All operations, in the order of the description.
pub(super) fn operations() -> Vec<Operation> {
    let description = serde_json::to_value(router::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let (access, contradiction) = access(operation);
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters
                .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
                .map(|parameter| {
                    (
                        parameter["name"].as_str().unwrap().to_owned(),
                        parameter["schema"].clone(),
                    )
                })
                .collect();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let queries = parameters
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect();
            let statuses = operation["responses"].as_object().unwrap().keys();
            all.push(Operation {
                query,
                queries,
                statuses: statuses.cloned().collect(),
                method: method.to_uppercase(),
                path: path.clone(),
                access,
                is_recent: operation["x-recently-authenticated"] == true,
                is_for_people: operation["x-people-only"] == true
                    || operation["x-recently-authenticated"] == true,
                body: (!schema.is_null()).then(|| schema.clone()),
                contradiction,
            });
        }
    }
    assert!(all.len() > 40, "the description is not read any more");
    all
}
