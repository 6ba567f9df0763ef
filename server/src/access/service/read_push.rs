//! Reading what a device sends: untrusted bytes become reports, or nothing at all.

use std::io::Read;

use bilten_core::sync::push::{Header, ScanReport};
use bilten_core::sync::{MAX_MESSAGE_BYTES, MAX_PUSH};
use bilten_core::ticket::MAX_CODE_LEN;
use bilten_kernel::clock::Timestamp;
use bilten_kernel::http::is_unique_json;
use serde_json::{Map, Value};

use super::AccessError;
use crate::access::model::*;

/// The longest reason that is kept; ours are shorter, and those of newer devices will be.
const MAX_REASON: usize = 64;

/// A push whose form is right; nobody has looked at what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPush {
    /// How far the device's clock is behind ours, in milliseconds.
    pub clock_skew_ms: i64,
    /// The scans.
    pub reports: Vec<Report>,
}

/// Unpacks the body of a push.
///
/// # Errors
/// [`AccessError::PushEncoding`], [`AccessError::PushTooLarge`], or [`AccessError::PushMalformed`]
/// if the compressed bytes are torn.
pub fn unpack(body: &[u8], encoding: Option<&str>) -> Result<Vec<u8>, AccessError> {
    let plain = match encoding.map(str::trim) {
        None | Some("" | "identity") => body.to_vec(),
        Some("zstd") => {
            let torn = |_| AccessError::PushMalformed { line: 1 };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(torn)?;
            // A frame may ask for a window of gigabytes; no push needs more than its own limit.
            decoder.window_log_max(24).map_err(torn)?;
            let limit = MAX_MESSAGE_BYTES as u64 + 1;
            let mut plain = Vec::new();
            decoder.take(limit).read_to_end(&mut plain).map_err(torn)?;
            plain
        }
        Some(_) => return Err(AccessError::PushEncoding),
    };
    if plain.len() > MAX_MESSAGE_BYTES {
        return Err(AccessError::PushTooLarge);
    }
    Ok(plain)
}

/// Reads the lines of a push that was received at `received`.
///
/// # Errors
/// [`AccessError::PushMalformed`], [`AccessError::PushCount`] or [`AccessError::PushTooMany`].
pub fn read_push(lines: &[u8], received: Timestamp) -> Result<ReadPush, AccessError> {
    let mut lines = (1..)
        .zip(lines.split(|&byte| byte == b'\n'))
        .map(|(number, line)| (number, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty());
    let (_, first) = lines.next().ok_or(AccessError::PushMalformed { line: 1 })?;
    let header: Header =
        serde_json::from_slice(first).map_err(|_| AccessError::PushMalformed { line: 1 })?;
    if header.count as usize > MAX_PUSH {
        return Err(AccessError::PushTooMany);
    }
    let mut reports = Vec::with_capacity(header.count as usize);
    for (line, bytes) in lines {
        if reports.len() == MAX_PUSH {
            return Err(AccessError::PushTooMany);
        }
        let report = read_report(bytes, header.device_time.ms(), received);
        reports.push(report.ok_or(AccessError::PushMalformed { line })?);
    }
    if reports.len() != header.count as usize {
        return Err(AccessError::PushCount {
            said: header.count,
            found: reports.len(),
        });
    }
    Ok(ReadPush {
        clock_skew_ms: received.ms().saturating_sub(header.device_time.ms()),
        reports,
    })
}

fn read_report(line: &[u8], device_time: i64, received: Timestamp) -> Option<Report> {
    // Of two fields of one name we must not take another one than others do.
    if !is_unique_json(line) {
        return None;
    }
    let mut fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
    // A newer device may refuse for reasons that are not known here; that must not hold up the
    // rest of what it has to say.
    let refused = match fields.remove("refused") {
        None | Some(Value::Null) => None,
        Some(Value::String(reason)) if is_reason(&reason) => Some(reason),
        Some(_) => return None,
    };
    // What is no member's id tells us nothing, and must not hold up the scan either.
    let staff = fields.remove("staff");
    let staff = staff.and_then(|staff| staff.as_str()?.parse().ok());
    let report: ScanReport = serde_json::from_value(Value::Object(fields)).ok()?;
    let at = report.at.ms();
    Some(Report {
        id: ScanId::from_bytes(report.id.0),
        list: report.list.into(),
        gate: report.gate.map(String::from),
        reported_at: Timestamp::from_ms(at),
        at: effective_at(at, device_time, received),
        way: report.direction.into(),
        refused,
        ticket: report.ticket.map(Into::into),
        version: report.version,
        code: report.code.map(cut_code),
        staff,
    })
}

fn is_reason(reason: &str) -> bool {
    (1..=MAX_REASON).contains(&reason.len())
        && reason
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Cuts a code to what any ticket has at most. PostgreSQL stores no NUL in a text.
pub(super) fn cut_code(code: String) -> String {
    let code = code.replace('\0', "\u{fffd}");
    let end = code.floor_char_boundary(MAX_CODE_LEN);
    code[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_000);
    const SCAN: &str = r#"{"id":"scn_00000000000000000000000001","list":"lst_1","at":1799999999000,"ticket":"tkt_00000000000000000000000002","version":1}"#;

    fn header(count: usize) -> String {
        format!(r#"{{"device_time":{},"count":{count}}}"#, NOW.ms())
    }

    #[test]
    fn a_push_is_read() {
        let text = format!("{}\n{SCAN}\r\n\n", header(1));
        let push = read_push(text.as_bytes(), NOW).unwrap();
        assert_eq!((push.clock_skew_ms, push.reports.len()), (0, 1));
        let report = &push.reports[0];
        assert_eq!((report.list.as_str(), report.version), ("lst_1", Some(1)));
        assert_eq!(report.at.ms(), 1_799_999_999_000);
        assert_eq!((report.way, &report.refused), (Way::Entry, &None));
    }

    /// covers: SCAN-10
    #[test]
    fn a_reason_from_the_future_is_kept() {
        let scan = SCAN.replace(
            r#""version""#,
            r#""refused":"full_moon","mood":[1],"version""#,
        );
        let text = format!("{}\n{scan}", header(1));
        let push = read_push(text.as_bytes(), NOW).unwrap();
        assert_eq!(push.reports[0].refused.as_deref(), Some("full_moon"));
    }

    /// covers: SCAN-10
    #[test]
    fn who_held_the_device_is_kept_if_it_says_so() {
        let member = "mem_00000000000000000000000001";
        for (staff, kept) in [
            (format!("{member:?}"), Some(member.to_owned())),
            ("null".to_owned(), None),
            ("7".to_owned(), None),
            ("\"Ana\"".to_owned(), None),
        ] {
            let scan = SCAN.replace(r#""version""#, &format!(r#""staff":{staff},"version""#));
            let push = read_push(format!("{}\n{scan}", header(1)).as_bytes(), NOW).unwrap();
            assert_eq!(push.reports[0].staff.map(|id| id.to_string()), kept);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let code = |text: String| match read_push(text.as_bytes(), NOW) {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(code(String::new()), "line 1 of the push cannot be read");
        assert_eq!(code(SCAN.into()), "line 1 of the push cannot be read");
        assert_eq!(
            code(format!("{}\n{SCAN}", header(2))),
            "the push says 2 scans and has 1"
        );
        assert_eq!(
            code(format!("{}\n{SCAN}\n{{}}", header(2))),
            "line 3 of the push cannot be read"
        );
        assert_eq!(code(header(MAX_PUSH + 1)), "the push has too many scans");
        let many = vec![SCAN; MAX_PUSH + 1].join("\n");
        assert_eq!(
            code(format!("{}\n{many}", header(MAX_PUSH))),
            "the push has too many scans"
        );
        for odd in [r#""refused":"Ü","version""#, r#""version":7,"version""#] {
            let odd = SCAN.replace(r#""version""#, odd);
            assert_eq!(
                code(format!("{}\n{odd}", header(1))),
                "line 2 of the push cannot be read"
            );
        }
    }

    #[test]
    fn what_is_packed_too_tightly_is_refused() {
        let bomb = zstd::stream::encode_all(std::io::repeat(0).take(1 << 28), 3).unwrap();
        assert!(matches!(
            unpack(&bomb, Some("zstd")),
            Err(AccessError::PushTooLarge)
        ));
        assert!(matches!(
            unpack(b"x", Some("br")),
            Err(AccessError::PushEncoding)
        ));
        let whole = zstd::stream::encode_all(&b"{}"[..], 3).unwrap();
        assert_eq!(unpack(&whole, Some("zstd")).unwrap(), b"{}");
        for length in 1..whole.len() {
            assert!(unpack(&whole[..length], Some("zstd")).is_err(), "{length}");
        }
    }

    #[test]
    fn long_codes_are_cut_between_characters() {
        assert_eq!(cut_code("é".repeat(MAX_CODE_LEN)).len(), MAX_CODE_LEN);
        assert_eq!(cut_code("a\0b".into()), "a\u{fffd}b");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read_push(&bytes, NOW);
            if let Ok(plain) = unpack(&bytes, Some("zstd")) {
                let _ = read_push(&plain, NOW);
            }
        }
    }
}
