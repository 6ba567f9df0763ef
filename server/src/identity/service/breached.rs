//! Looking a password up in a list of leaked ones that is too large to load.
//!
//! The list has the form of the Pwned Passwords export: a line `SHA-1 in hexadecimal:count` for
//! each password, sorted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use sha1::{Digest, Sha1};

/// No line is longer than this.
const LINE_MOST: u64 = 128;
/// Hexadecimal digits of a SHA-1.
const DIGITS: usize = 40;

/// Whether the password is in the list.
///
/// # Errors
/// If the file cannot be read, or is no such list.
pub(super) fn is_breached(list: &Path, password: &str) -> io::Result<bool> {
    let mut wanted = [0; DIGITS];
    for (pair, byte) in wanted
        .chunks_exact_mut(2)
        .zip(Sha1::digest(password.as_bytes()))
    {
        for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = b"0123456789ABCDEF"[usize::from(half)];
        }
    }
    let mut file = File::open(list)?;
    // What is wanted can only begin in `low..high`, which both are beginnings of lines.
    let (mut low, mut high) = (0, file.metadata()?.len());
    while low < high {
        let start = line_start(&mut file, low, low + (high - low) / 2)?;
        let (found, next) = line(&mut file, start)?;
        match found.cmp(&wanted) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => low = next,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    Ok(false)
}

fn wrong() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "not a sorted list of SHA-1 hashes",
    )
}

fn read(file: &mut File, from: u64, most: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut part = Vec::new();
    Read::take(file, most).read_to_end(&mut part)?;
    Ok(part)
}

/// Where the line begins that holds `at`.
fn line_start(file: &mut File, low: u64, at: u64) -> io::Result<u64> {
    let from = low.max(at.saturating_sub(LINE_MOST));
    let before = read(file, from, at - from)?;
    match before.iter().rposition(|byte| *byte == b'\n') {
        Some(place) => Ok(from + place as u64 + 1),
        None if from == low => Ok(low),
        None => Err(wrong()),
    }
}

/// The hash in the line that begins here, and where the next one begins.
fn line(file: &mut File, start: u64) -> io::Result<([u8; DIGITS], u64)> {
    let part = read(file, start, LINE_MOST)?;
    let (hash, rest) = part.split_first_chunk::<DIGITS>().ok_or_else(wrong)?;
    let end = match rest.iter().position(|byte| *byte == b'\n') {
        Some(place) => place + 1,
        None if (part.len() as u64) < LINE_MOST => rest.len(),
        None => return Err(wrong()),
    };
    let hash = hash.map(|digit| digit.to_ascii_uppercase());
    Ok((hash, start + (DIGITS + end) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(passwords: &[String], ending: &str) -> tempfile::NamedTempFile {
        let mut lines: Vec<String> = passwords
            .iter()
            .enumerate()
            .map(|(i, password)| {
                let hash = Sha1::digest(password.as_bytes());
                let hex: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
                format!("{hex}:{}", i * i * 1_000)
            })
            .collect();
        lines.sort();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.join(ending)).unwrap();
        file
    }

    #[test]
    fn every_line_is_found_and_nothing_else() {
        for ending in ["\n", "\r\n"] {
            for count in [0, 1, 2, 3, 100, 1_000] {
                let passwords: Vec<_> = (0..count).map(|i| format!("password{i}")).collect();
                let file = list(&passwords, ending);
                for password in &passwords {
                    assert!(is_breached(file.path(), password).unwrap(), "{password}");
                }
                for i in 0..200 {
                    assert!(!is_breached(file.path(), &format!("other{i}")).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_is_no_such_list_is_an_error_and_not_an_answer() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for text in ["short", &"x".repeat(1_000), &"\n".repeat(100)] {
            std::fs::write(file.path(), text).unwrap();
            assert!(is_breached(file.path(), "a").is_err(), "{text}");
        }
        assert!(is_breached(Path::new("/nowhere/at/all"), "a").is_err());
    }
}
