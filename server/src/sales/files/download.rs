//! A file as it is handed out: to be kept, never to be shown by a browser.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;

use super::model::FileContent;

/// The answer that a file is.
///
/// # Errors
/// A problem if its name cannot stand in a header, which is a fault.
pub(super) fn answer(file: FileContent) -> Result<Response, Problem> {
    let called = called(
        file.name.as_deref(),
        &file.id.to_string(),
        file.file_type.ending(),
    );
    let called = HeaderValue::try_from(called).map_err(|error| Problem::fault(&error))?;
    let media_type = HeaderValue::from_static(file.file_type.media_type());
    let mut response = Body::from(file.bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_DISPOSITION, called);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// What it is to be saved as (RFC 6266). It ends as its type does, whatever its sender called it: a picture
/// is saved under no name that makes something else of it.
fn called(name: Option<&str>, id: &str, ending: &str) -> String {
    let stem = name.map_or(id, |name| {
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    });
    let plain: String = stem
        .chars()
        .map(|c| if c == ' ' { '_' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    let plain = if plain.is_empty() { id } else { plain.as_str() };
    let mut encoded = String::new();
    for byte in stem.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let encoded = if encoded.is_empty() {
        id
    } else {
        encoded.as_str()
    };
    format!("attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{encoded}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_harmless_and_end_as_their_type_does() {
        for (name, ending, wanted) in [
            (
                None,
                "pdf",
                "filename=\"fil_1.pdf\"; filename*=UTF-8''fil_1.pdf",
            ),
            (
                Some("študentska izkaznica.PDF"),
                "pdf",
                "filename=\"tudentska_izkaznica.pdf\"; filename*=UTF-8''%C5%A1tudentska%20izkaznica.pdf",
            ),
            (
                Some("x\"; filename=evil.html"),
                "png",
                "filename=\"x_filenameevil.png\"; filename*=UTF-8''x%22%3B%20filename%3Devil.png",
            ),
            (
                Some(".htaccess"),
                "jpg",
                "filename=\"fil_1.jpg\"; filename*=UTF-8''fil_1.jpg",
            ),
            (
                Some("证件"),
                "webp",
                "filename=\"fil_1.webp\"; filename*=UTF-8''%E8%AF%81%E4%BB%B6.webp",
            ),
        ] {
            assert_eq!(
                called(name, "fil_1", ending),
                format!("attachment; {wanted}")
            );
        }
    }
}
