//! Configuration: documented defaults, a file over them, the environment over that.
//!
//! The defaults are a TOML text that holds every key with a comment, so it is the documentation and
//! the list of what may be set. The file has the same form and names only what differs. A variable
//! `BILTEN_SECTION__KEY` sets `key` of `[section]`; variables without `__` are not ours. Every
//! error names where the value came from, the key, and how to mend it; an unknown key names the
//! nearest known one.
//!
//! To add a key: a field in the struct, a line with a comment in the defaults. A key that may be
//! unset has an empty text as its default; an empty section (`[labels]`) takes any keys.

use std::collections::HashMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// What is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {}{problem}. {mend}", key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
pub struct ConfigError {
    /// The file or variable that it came from.
    pub source_name: String,
    /// The key, such as `http.listen`, if one is to blame.
    pub key: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

/// Where a value came from, by its key.
type Origins = HashMap<String, String>;

/// Reads the configuration: `defaults`, then the file if there is one, then the environment.
///
/// # Errors
/// [`ConfigError`] when the file cannot be read, a key is unknown, or a value is not as it should
/// be.
pub fn load<T: DeserializeOwned>(
    file: Option<&Path>,
    defaults: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    load_with_values(file, defaults, env).map(|(config, _)| config)
}

/// What the keys of a configuration are set to, for comparing two; shown to nobody, since some are
/// secrets.
#[derive(Clone, PartialEq)]
pub struct Values(Table);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Values").field(&keys(&self.0)).finish()
    }
}

impl Values {
    /// The keys that are set to something else in `other`, in order.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let mut all = keys(&self.0);
        all.extend(keys(&other.0));
        all.sort();
        all.dedup();
        all.retain(|key| at(&self.0, key) != at(&other.0, key));
        all
    }
}

/// What a key is set to; the dot after a section stands for the whole of it.
fn at<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    let mut parts = key.trim_end_matches('.').split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// Like [`load`], with what the keys are set to.
///
/// # Errors
/// As [`load`].
pub fn load_with_values<T: DeserializeOwned>(
    file: Option<&Path>,
    defaults: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(T, Values), ConfigError> {
    let mut values: Table = defaults
        .parse()
        .map_err(|error| syntax("the defaults", &error))?;
    let known = keys(&values);
    let mut origins = Origins::new();
    if let Some(path) = file {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            source_name: name.clone(),
            key: None,
            problem: format!("cannot be read: {error}"),
            mend: "Give the path of a readable file, or none to use the defaults".to_owned(),
        })?;
        let table: Table = text.parse().map_err(|error| syntax(&name, &error))?;
        merge(&mut values, table, "", &name, &known, &mut origins)?;
    }
    let mut env: Vec<_> = env
        .filter(|(name, _)| name.starts_with("BILTEN_") && name.contains("__"))
        .collect();
    env.sort();
    for (name, text) in env {
        set(&mut values, &name, text, &known, &mut origins)?;
    }
    let kept = Values(values.clone());
    let config = serde_path_to_error::deserialize(Value::Table(values)).map_err(|error| {
        let key = error.path().to_string();
        // A value inside a list came from where the list came from.
        let list = key.split('[').next().unwrap_or(&key);
        let origin = origins.get(&key).or_else(|| origins.get(list));
        ConfigError {
            source_name: origin.cloned().unwrap_or_else(|| "the defaults".to_owned()),
            mend: format!("Set {key} to a value of the right kind; the default file shows one"),
            problem: error.into_inner().to_string().trim().replace('\n', " "),
            key: Some(key),
        }
    })?;
    Ok((config, kept))
}

fn syntax(name: &str, error: &toml::de::Error) -> ConfigError {
    ConfigError {
        source_name: name.to_owned(),
        key: None,
        problem: format!(
            "is not TOML: {}",
            error.to_string().trim().replace('\n', " ")
        ),
        mend: "Correct that line".to_owned(),
    }
}

/// The keys of all values, `section.key`; a section that takes any keys ends in a dot.
fn keys(table: &Table) -> Vec<String> {
    table
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Table(inner) if inner.is_empty() => vec![format!("{name}.")],
            Value::Table(inner) => keys(inner)
                .into_iter()
                .map(|key| format!("{name}.{key}"))
                .collect(),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => vec![name.clone()],
        })
        .collect()
}

fn is_known(known: &[String], key: &str) -> bool {
    known
        .iter()
        .any(|one| one == key || (one.ends_with('.') && key.starts_with(one.as_str())))
}

fn unknown(source_name: &str, key: String, known: &[String]) -> ConfigError {
    let nearest = known.iter().min_by_key(|one| distance(one, &key));
    ConfigError {
        source_name: source_name.to_owned(),
        problem: "there is no such key".to_owned(),
        mend: nearest.map_or_else(
            || "Remove it".to_owned(),
            |nearest| {
                format!(
                    "Did you mean {}? If not, remove it",
                    nearest.trim_end_matches('.')
                )
            },
        ),
        key: Some(key),
    }
}

fn merge(
    into: &mut Table,
    from: Table,
    path: &str,
    source_name: &str,
    known: &[String],
    origins: &mut Origins,
) -> Result<(), ConfigError> {
    for (name, value) in from {
        let key = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match (into.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => {
                merge(inner, value, &key, source_name, known, origins)?;
            }
            (Some(Value::Table(_)), _) => {
                return Err(ConfigError {
                    source_name: source_name.to_owned(),
                    problem: "this is a section, not a value".to_owned(),
                    mend: format!("Write [{key}] and its keys below it"),
                    key: Some(key),
                });
            }
            (_, value) if is_known(known, &key) => {
                into.insert(name, value);
                origins.insert(key, source_name.to_owned());
            }
            _ => return Err(unknown(source_name, key, known)),
        }
    }
    Ok(())
}

/// Sets the key of a variable.
fn set(
    values: &mut Table,
    variable: &str,
    text: String,
    known: &[String],
    origins: &mut Origins,
) -> Result<(), ConfigError> {
    let name = variable.trim_start_matches("BILTEN_").to_ascii_lowercase();
    let key = name.replace("__", ".");
    if !is_known(known, &key) {
        return Err(unknown(variable, key, known));
    }
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut table = values;
    for part in parts {
        let Some(Value::Table(inner)) = table.get_mut(part) else {
            return Err(unknown(variable, key, known));
        };
        table = inner;
    }
    // The default says which kind of value it is; what is not a text is written as in TOML.
    let value = match table.get(last) {
        None | Some(Value::String(_)) => Value::String(text),
        Some(_) => format!("value = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or(Value::String(text)),
    };
    table.insert(last.to_owned(), value);
    origins.insert(key, variable.to_owned());
    Ok(())
}

/// How many letters must change to make one text the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::DatabaseConfig;
    use crate::http::HttpConfig;
    use crate::telemetry::{LogConfig, LogFormat};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        http: HttpConfig,
        database: DatabaseConfig,
        log: LogConfig,
        labels: HashMap<String, String>,
    }

    const DEFAULTS: &str = r#"
        [http]
        listen = "127.0.0.1:8080"
        public_url = "http://127.0.0.1:8080"
        body_limit_bytes = 1048576
        request_timeout_ms = 30000
        header_timeout_ms = 30000
        header_limit_bytes = 32768
        write_timeout_ms = 30000
        max_connections = 20000
        connections_per_address = 2000
        drain_delay_ms = 0
        shutdown_grace_ms = 20000
        trusted_proxies = []
        proxy_protocol_from = []
        max_in_flight = 1024
        slow_ms = 3000
        cors_origins = []
        [http.tls]
        certificate = ""
        key = ""
        [database]
        url = "sqlite:bilten.db"
        max_connections = 16
        acquire_timeout_ms = 5000
        [log]
        format = "pretty"
        level = "info"
        [labels]
    "#;

    fn load_with(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bilten.toml");
        std::fs::write(&path, file).unwrap();
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(Some(&path), DEFAULTS, env).map_err(|error| ConfigError {
            source_name: error
                .source_name
                .replace(&path.display().to_string(), "FILE"),
            ..error
        })
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file =
            "[http]\nlisten = \"0.0.0.0:1\"\nbody_limit_bytes = 5\n[labels]\ncolour = \"red\"";
        let env = [
            ("BILTEN_HTTP__BODY_LIMIT_BYTES", "7"),
            ("BILTEN_HTTP__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
            ("BILTEN_LOG__FORMAT", "json"),
            ("BILTEN_DATABASE__URL", "postgres://u@h/1"),
            ("BILTEN_TEST_POSTGRES", "not ours"),
            ("PATH__X", "not ours"),
        ];
        let config = load_with(file, &env).unwrap();
        assert_eq!(config.http.listen, "0.0.0.0:1");
        assert_eq!(config.http.body_limit_bytes, 7);
        assert_eq!(config.http.trusted_proxies.len(), 1);
        assert_eq!(config.http.request_timeout_ms, 30_000);
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.database.url, "postgres://u@h/1");
        assert_eq!(config.labels["colour"], "red");
        assert!(load::<Config>(None, DEFAULTS, std::iter::empty()).is_ok());
    }

    #[test]
    fn keys_that_changed_are_named_and_their_values_are_not() {
        let values = |file: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("bilten.toml");
            std::fs::write(&path, file).unwrap();
            let loaded = load_with_values::<Config>(Some(&path), DEFAULTS, std::iter::empty());
            loaded.unwrap().1
        };
        let old = values("[labels]\ncolour = \"red\"");
        let new =
            values("[log]\nlevel = \"warn\"\n[labels]\ncolour = \"blue\"\nsize = \"topsecret\"");
        assert_eq!(
            old.changed(&new),
            ["labels.colour", "labels.size", "log.level"]
        );
        assert!(old.changed(&old).is_empty());
        let none = values("");
        assert!(none.changed(&new).contains(&"labels.size".to_owned()));
        assert!(!format!("{new:?}").contains("topsecret"));
    }

    #[test]
    fn every_error_names_place_key_and_cure() {
        for (file, env, wanted) in [
            (
                "[http]\nlissten = \"\"",
                None,
                "FILE: http.lissten: there is no such key. Did you mean http.listen? If not, remove it",
            ),
            (
                "[htpp]\nlisten = \"\"",
                None,
                "FILE: htpp: there is no such key. Did you mean ",
            ),
            (
                "http = 1",
                None,
                "FILE: http: this is a section, not a value. Write [http] and its keys below it",
            ),
            ("[http", None, "FILE: is not TOML: "),
            (
                "[http]\nbody_limit_bytes = \"much\"",
                None,
                "FILE: http.body_limit_bytes: invalid type",
            ),
            (
                "[http]\ntrusted_proxies = [\"10.0.0.0/99\"]",
                None,
                "FILE: http.trusted_proxies[0]: expected an address",
            ),
            (
                "[log]\nformat = \"xml\"",
                None,
                "FILE: log.format: expected one of: pretty, json",
            ),
            (
                "",
                Some(("BILTEN_HTTP__LISTENN", "x")),
                "BILTEN_HTTP__LISTENN: http.listenn: there is no such key. Did you mean http.listen?",
            ),
            (
                "",
                Some(("BILTEN_HTTP__BODY_LIMIT_BYTES", "much")),
                "BILTEN_HTTP__BODY_LIMIT_BYTES: http.body_limit_bytes: invalid type",
            ),
            (
                "",
                Some(("BILTEN_HTTP__BODY_LIMIT_BYTES", "-1")),
                "BILTEN_HTTP__BODY_LIMIT_BYTES: http.body_limit_bytes: invalid value",
            ),
        ] {
            let env: Vec<_> = env.into_iter().collect();
            let error = load_with(file, &env).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{error}\nwanted {wanted}");
        }
        let missing = load::<Config>(
            Some(Path::new("nowhere.toml")),
            DEFAULTS,
            std::iter::empty(),
        );
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("nowhere.toml: cannot be read: ")
        );
    }
}
