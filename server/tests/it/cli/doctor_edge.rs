//! `bilten doctor`: what stands in front of the server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::doctor::{doctor, finding, status};
use super::{bilten, finish};

/// A certificate and the key of another one.
fn strangers(folder: &std::path::Path) -> (String, String) {
    let make = || rcgen::generate_simple_self_signed(["tickets.example.org".to_owned()]).unwrap();
    let pem = |name: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
    };
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, pem("CERTIFICATE", make().cert.der())).unwrap();
    let secret = make().signing_key.serialize_der();
    std::fs::write(&key, pem("PRIVATE KEY", &secret)).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

/// covers: MON-5, GW-2
#[test]
fn what_is_wrong_in_front_of_the_server_is_named_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = strangers(folder.path());
    let ended = doctor(
        folder.path(),
        &[
            ("BILTEN_HTTP__TLS__CERTIFICATE", &certificate),
            ("BILTEN_HTTP__TLS__KEY", &key),
            ("BILTEN_LIMITS__URL", "redis://u:hunter2@127.0.0.1:1"),
            ("BILTEN_VISITORS__COUNTRY_FILE", &certificate),
        ],
    );
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    for (check, wanted) in [
        ("certificate", "fail"),
        // Each node counts by itself then: it works.
        ("limits", "warn"),
        ("countries", "fail"),
    ] {
        assert_eq!(status(&ended, check), wanted, "{}", ended.stdout);
        assert!(finding(&ended, check)["mend"].is_string());
    }
    assert!(!ended.stdout.contains("hunter2"), "{}", ended.stdout);

    let ended = doctor(folder.path(), &[("BILTEN_LIMITS__URL", "redsi://x")]);
    assert_eq!(status(&ended, "limits"), "fail", "{}", ended.stdout);
    let ended = doctor(
        folder.path(),
        &[("BILTEN_VISITORS__NEVER_COUNTRIES", "[\"XX\"]")],
    );
    assert_eq!(status(&ended, "countries"), "fail", "{}", ended.stdout);
    let ended = doctor(folder.path(), &[("BILTEN_OUTGOING__AT_ONCE", "0")]);
    let detail = finding(&ended, "mail")["detail"].to_string();
    assert!(detail.contains("outgoing.at_once"), "{detail}");
}

/// covers: MON-5
#[cfg(unix)]
#[test]
fn connections_that_do_not_fit_are_found() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(status(&doctor(folder.path(), &[]), "open files"), "ok");
    let program = bilten(folder.path());
    let mut limited = std::process::Command::new("sh");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BILTEN_") {
            limited.env_remove(name);
        }
    }
    limited
        .args(["-c", "ulimit -n 300 && exec \"$0\" doctor --json"])
        .arg(program.get_program())
        .current_dir(folder.path())
        .env("BILTEN_HTTP__LISTEN", "127.0.0.1:0")
        .env("BILTEN_HTTP__MAX_CONNECTIONS", "200");
    let found = finding(&finish(&mut limited), "open files");
    assert_eq!(found["status"], "warn", "{found}");
    assert!(found["detail"].as_str().unwrap().contains("300"), "{found}");
}
