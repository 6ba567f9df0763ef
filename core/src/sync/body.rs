//! Bodies of messages: compressed, and never larger than agreed.

use super::{MAX_MESSAGE_BYTES, SyncError, push};
use crate::sync::push::ScanReport;
use std::io::{Cursor, Read};

/// Feed pages and pushes compress well at the fastest level; phones have better things to do.
const LEVEL: i32 = 1;
/// The largest window that is accepted, as a power of two: no page is larger.
const MAX_WINDOW_LOG: u32 = 24;

/// Decompresses a message; one that grows beyond the limit is refused before it fills the memory.
pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, SyncError> {
    let torn = |_| SyncError::Garbled("the compressed body is torn");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(Cursor::new(bytes)).map_err(torn)?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(torn)?;
    let mut plain = Vec::with_capacity(bytes.len().saturating_mul(6).min(MAX_MESSAGE_BYTES));
    let limit = MAX_MESSAGE_BYTES as u64 + 1;
    decoder.take(limit).read_to_end(&mut plain).map_err(torn)?;
    if plain.len() > MAX_MESSAGE_BYTES {
        return Err(SyncError::Garbled("the body is larger than agreed"));
    }
    Ok(plain)
}

/// Writes a push as lines of JSON and compresses it.
pub(super) fn write_push(
    header: &push::Header,
    scans: &[ScanReport],
) -> Result<Vec<u8>, SyncError> {
    let failed = |_| SyncError::BrokenOff;
    let mut lines = Vec::with_capacity(64 + 256 * scans.len());
    serde_json::to_writer(&mut lines, header).map_err(failed)?;
    lines.push(b'\n');
    for scan in scans {
        serde_json::to_writer(&mut lines, scan).map_err(failed)?;
        lines.push(b'\n');
    }
    zstd::stream::encode_all(lines.as_slice(), LEVEL).map_err(|_| SyncError::BrokenOff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_large_is_refused() {
        let zeros = vec![0; MAX_MESSAGE_BYTES];
        let fits = zstd::stream::encode_all(zeros.as_slice(), 3).unwrap();
        assert_eq!(decompress(&fits).unwrap().len(), MAX_MESSAGE_BYTES);
        let bomb = zstd::stream::encode_all(std::io::repeat(0).take(1 << 30), 3).unwrap();
        assert!(bomb.len() < 200_000);
        assert!(matches!(decompress(&bomb), Err(SyncError::Garbled(_))));
    }

    #[test]
    fn what_is_torn_is_refused() {
        let whole = zstd::stream::encode_all(&b"{}\n".repeat(100)[..], 3).unwrap();
        for len in 0..whole.len() {
            let cut = decompress(&whole[..len]);
            assert!(
                len == 0 || matches!(cut, Err(SyncError::Garbled(_))),
                "{len}: {cut:?}"
            );
        }
        assert!(decompress(b"plain").is_err());
    }
}
