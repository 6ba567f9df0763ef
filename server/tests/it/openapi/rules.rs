//! Rules about addresses, operations and answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lint::{Operation, everywhere, operations, resolved};

/// Words that mean what Bilten has another word for.
pub(super) const STRANGE_WORDS: &[(&str, &str)] = &[
    ("attendee", "holder"),
    ("attendees", "holders"),
    ("booking", "order"),
    ("bookings", "orders"),
    ("customer", "buyer"),
    ("customers", "buyers"),
    ("organization", "organisation"),
    ("organizations", "organisations"),
    ("organizer", "organisation"),
    ("performance", "occurrence"),
    ("scanner", "device"),
    ("tenant", "organisation"),
    ("tenants", "organisations"),
];

/// How names of files end, which are the last part of an address.
const FILES: &[&str] = &[".csv", ".xlsx"];

/// Lists that came before the rule; the next version of each is a page.
const BARE_LISTS: &[&str] = &[
    "/api/v1/me/consents",
    "/api/v1/me/exports",
    "/api/v1/me/passkeys",
    "/api/v1/platform/settings",
    "/api/v1/webhooks/event-types",
];

/// What is part of an address before a parameter and is one of a kind.
const SINGLE: &[&str] = &["qr"];

/// What is made by a POST and has no answer: granting twice changes nothing.
const MAKES_NOTHING: &[&str] = &["/api/v1/platform/admins"];

/// What ends something of which there is always one, and tells what it is now.
const ENDS_AND_TELLS: &[&str] = &["/api/v1/platform/log-level"];

/// Whose refusals are those of OAuth (RFC 6749).
const OAUTH: &str = "/oauth/";

fn is_words(text: &str, between: char) -> bool {
    text.split(between).all(|word| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{')
}

fn in_paths(document: &Value, fault: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let paths: BTreeSet<&str> = operations(document)
        .iter()
        .filter(|operation| operation.is_api() && operation.path != "/api")
        .map(|operation| operation.path)
        .collect();
    let found = paths
        .into_iter()
        .filter_map(|path| Some(format!("{path}: {}", fault(path)?)));
    found.collect()
}

fn in_operations(
    document: &Value,
    fault: impl Fn(&Operation<'_>) -> Option<String>,
) -> Vec<String> {
    let all = operations(document);
    let found = all
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.name(), fault(one)?)));
    found.collect()
}

/// `/api/v1/check-in-lists/{list}`.
pub(super) fn paths_kebab_case(document: &Value) -> Vec<String> {
    in_paths(document, |path| {
        let mut parts = path.split('/').skip(2);
        let version = parts.next().unwrap_or_default();
        let number = version.strip_prefix('v').unwrap_or_default();
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            return Some("no version".to_owned());
        }
        let strange = parts.find(|part| {
            // A file is named like one.
            let part = FILES
                .iter()
                .find_map(|ending| part.strip_suffix(ending))
                .unwrap_or(part);
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            name.map_or_else(|| !is_words(part, '-'), |name| !is_words(name, '_'))
        });
        strange.map(|part| format!("{part} is not in kebab-case"))
    })
}

/// What holds several has a plural.
pub(super) fn paths_plural(document: &Value) -> Vec<String> {
    in_paths(document, |path| {
        let parts: Vec<&str> = path.split('/').collect();
        let strange = parts.windows(2).find(|two| {
            !is_parameter(two[0])
                && is_parameter(two[1])
                && !two[0].ends_with('s')
                && !SINGLE.contains(&two[0])
        });
        strange.map(|two| format!("{} before {} is no plural", two[0], two[1]))
    })
}

/// Bilten's words, and no others for the same.
pub(super) fn words(document: &Value) -> Vec<String> {
    let strange = |text: &str, between: char| {
        let mut words = text.split(between);
        words.find_map(|word| STRANGE_WORDS.iter().find(|(one, _)| *one == word))
    };
    let mut found = in_paths(document, |path| {
        let mut parts = path.split('/').filter(|part| !is_parameter(part));
        let (word, better) = parts.find_map(|part| strange(part, '-'))?;
        Some(format!("{word} is {better}"))
    });
    everywhere(document, &mut |value| {
        for name in value["properties"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            if let Some((word, better)) = strange(name, '_') {
                found.push(format!("{name}: {word} is {better}"));
            }
        }
    });
    found
}

/// Unique, a verb and a noun in camelCase.
pub(super) fn operation_ids(document: &Value) -> Vec<String> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let all = operations(document);
    for operation in &all {
        *seen
            .entry(operation.it["operationId"].as_str().unwrap_or_default())
            .or_default() += 1;
    }
    in_operations(document, |operation| {
        let id = operation.it["operationId"].as_str().unwrap_or_default();
        let is_camel = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.contains(|c: char| c.is_ascii_uppercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_camel {
            return Some(format!("{id:?} is not a verb and a noun in camelCase"));
        }
        (seen.get(id) != Some(&1)).then(|| format!("{id} is there twice"))
    })
}

/// One line without a full stop.
pub(super) fn summaries(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        match operation.it["summary"].as_str() {
            None | Some("") => Some("no summary".to_owned()),
            Some(summary) if summary.ends_with('.') => {
                Some("the summary ends in a full stop".to_owned())
            }
            Some(summary) if summary.starts_with(|c: char| c.is_lowercase()) => {
                Some("the summary begins with a small letter".to_owned())
            }
            Some(_) => None,
        }
    })
}

/// One tag of those that the document describes.
pub(super) fn tags(document: &Value) -> Vec<String> {
    let known = document["tags"].as_array().into_iter().flatten();
    let known: Vec<&str> = known
        .filter(|tag| tag["description"].is_string())
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    in_operations(document, |operation| {
        let tags = operation.it["tags"].as_array().cloned().unwrap_or_default();
        let is_known = |tag: &Value| tag.as_str().is_some_and(|tag| known.contains(&tag));
        (tags.len() != 1 || !tags.iter().all(is_known)).then(|| format!("tags {tags:?}"))
    })
}

/// Ways to prove who one is are described, and asked for where somebody must hold a permission.
pub(super) fn security_known(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let asked = operation.it["security"].as_array().into_iter().flatten();
        let asked: Vec<&str> = asked
            .filter_map(Value::as_object)
            .flat_map(|one| one.keys().map(String::as_str))
            .collect();
        if asked.is_empty() && operation.it["x-permission"].is_string() {
            return Some("a permission and no security".to_owned());
        }
        let schemes = &document["components"]["securitySchemes"];
        let strange = asked.into_iter().find(|one| schemes.get(one).is_none());
        strange.map(|one| format!("{one} is not described"))
    })
}

/// Each status by its number; none that only a fault of ours has.
pub(super) fn statuses_exact(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let all = operation.answers(document);
        let strange = all.iter().find(|(status, _)| {
            status.parse::<u16>().is_err()
                || (status.starts_with('5') && !["502", "503"].contains(status))
        });
        if let Some((status, _)) = strange {
            return Some(format!("{status} is no status to be documented"));
        }
        let is_success =
            |(status, _): &(&str, &Value)| status.starts_with(['2', '3']) && *status != "304";
        (!all.iter().any(is_success)).then(|| "no success".to_owned())
    })
}

/// Refusals are problem+json; of pages, HTML as well.
pub(super) fn errors_are_problems(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let all = operation.answers(document);
        let errors = all
            .iter()
            .filter(|(status, _)| status.starts_with(['4', '5']));
        for (status, answer) in errors {
            for kind in answer["content"]
                .as_object()
                .into_iter()
                .flat_map(|content| content.keys())
            {
                let is_right = match kind.as_str() {
                    "application/problem+json" => true,
                    "text/html" => !operation.is_api(),
                    "application/json" => operation.path.starts_with(OAUTH),
                    _ => false,
                };
                if !is_right {
                    return Some(format!("{status} is {kind}"));
                }
            }
        }
        None
    })
}

/// A list is a page: `items`, perhaps `next`, nothing else.
pub(super) fn lists_are_pages(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let answer = &operation.it["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = resolved(document, answer);
        let is_known = BARE_LISTS.contains(&operation.path) || operation.it["deprecated"] == true;
        if schema["type"] == "array" {
            return (!is_known).then(|| "a bare list".to_owned());
        }
        let fields = schema["properties"].as_object()?;
        let is_of_one = operation.path.ends_with('}');
        if !fields.contains_key("items") || operation.method != "get" || is_of_one {
            return None;
        }
        let strange = fields
            .keys()
            .find(|name| !["items", "next"].contains(&name.as_str()));
        strange.map(|name| format!("a page with {name}"))
    })
}

/// A POST to what holds several makes one.
pub(super) fn making_answers_201(document: &Value) -> Vec<String> {
    let paths: BTreeSet<&str> = operations(document).iter().map(|one| one.path).collect();
    in_operations(document, |operation| {
        let begins = format!("{}/{{", operation.path);
        let holds_several = paths.iter().any(|path| {
            path.strip_prefix(&begins)
                .is_some_and(|rest| !rest.contains('/'))
        });
        let makes = operation.is_api() && operation.method == "post" && holds_several;
        let is_known = MAKES_NOTHING.contains(&operation.path);
        let is_right = operation.it["responses"].get("201").is_some();
        (makes && !is_known && !is_right).then(|| "makes one and does not answer 201".to_owned())
    })
}

/// What is gone has no body.
pub(super) fn deleting_answers_204(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let is_known = ENDS_AND_TELLS.contains(&operation.path);
        let is_right = operation.it["responses"].get("204").is_some();
        (operation.method == "delete" && !is_known && !is_right)
            .then(|| "does not answer 204".to_owned())
    })
}

/// Whoever must leave is told when and where to.
pub(super) fn deprecated_have_successors(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let it = operation.it;
        if it["deprecated"] != true {
            return None;
        }
        if !it["x-sunset"].is_string() {
            return Some("deprecated without x-sunset".to_owned());
        }
        let successor = it["x-successor"].as_str().unwrap_or_default();
        let is_there = document["paths"][successor].get(operation.method).is_some();
        (!is_there).then(|| format!("its successor {successor} is not there"))
    })
}

/// All references lead somewhere.
pub(super) fn references(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    everywhere(document, &mut |value| {
        if let Some(reference) = value["$ref"].as_str()
            && resolved(document, value).is_null()
        {
            found.push(format!("{reference} is not there"));
        }
    });
    found
}

/// All answers have an id; 429 and 503 say when to come back.
pub(super) fn headers(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        for (status, answer) in operation.answers(document) {
            let has = |name: &str| answer["headers"].get(name).is_some();
            if !has("X-Request-Id") {
                return Some(format!("{status} has no X-Request-Id"));
            }
            if ["429", "503"].contains(&status) && !has("Retry-After") {
                return Some(format!("{status} has no Retry-After"));
            }
        }
        None
    })
}

/// Every answer says what it is, which OpenAPI asks for.
pub(super) fn answers_described(document: &Value) -> Vec<String> {
    in_operations(document, |operation| {
        let all = operation.answers(document);
        let is_silent = |(_, answer): &&(&str, &Value)| {
            answer["description"].as_str().is_none_or(str::is_empty)
        };
        let silent = all.iter().find(is_silent);
        silent.map(|(status, _)| format!("{status} has no description"))
    })
}
