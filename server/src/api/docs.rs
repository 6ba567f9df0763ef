//! The interactive documentation: Swagger UI, from a crate that holds its files, with nothing from
//! another host. Unpacked when somebody first asks for it.

use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bilten_kernel::error::Problem;
use sha2::{Digest as _, Sha256};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;
use zip::result::ZipError;

use super::DOCS;
use crate::app::App;

/// Where the files of the page are; the first part names their content.
pub(super) const FILES: &str = "/api/docs/{hash}/{name}";

/// Our own script: it starts Swagger UI.
const START: &[u8] = include_bytes!("../../assets/docs.js");

/// Icons of Swagger UI are written into its style; all else is ours. Its code sets styles by the
/// document's interface, which no policy is asked about.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<App> {
    Router::new().route(DOCS, get(page)).route(FILES, get(file))
}

/// A file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    bytes: Bytes,
}

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    hash.update(START);
    hash.update(SWAGGER_UI_VENDORED);
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

static UNPACKED: LazyLock<Result<[File; 3], ZipError>> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    Ok([
        File {
            name: "swagger-ui.css",
            media_type: "text/css; charset=utf-8",
            bytes: unpacked("/dist/swagger-ui.css")?,
        },
        File {
            name: "swagger-ui-bundle.js",
            media_type: script,
            bytes: unpacked("/dist/swagger-ui-bundle.js")?,
        },
        File {
            name: "docs.js",
            media_type: script,
            bytes: Bytes::from_static(START),
        },
    ])
});

/// A file of Swagger UI, by the end of its name: it begins with the version.
fn unpacked(end: &str) -> Result<Bytes, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let name = archive
        .file_names_raw()
        .find(|name| name.ends_with(end.as_bytes()))
        .map(|name| String::from_utf8_lossy(name).into_owned());
    let mut file = archive.by_name(&name.unwrap_or_default())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// `GET /api/docs`
async fn page() -> Response {
    let hash = &*HASH;
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>Bilten API</title>\n\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"{icon}\">\n\
         <link rel=\"stylesheet\" href=\"{DOCS}/{hash}/swagger-ui.css\">\n\
         <script src=\"{DOCS}/{hash}/swagger-ui-bundle.js\" defer></script>\n\
         <script src=\"{DOCS}/{hash}/docs.js\" defer></script>\n</head>\n<body>\n\
         <main id=\"docs\"></main>\n\
         <noscript>The interactive documentation needs scripts. The description itself is at \
         <a href=\"{description}\">{description}</a>.</noscript>\n</body>\n</html>\n",
        icon = crate::web::assets::url("icon.svg"),
        description = super::DESCRIPTION,
    );
    let mut response = html.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// `GET /api/docs/{hash}/{name}`
async fn file(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let files = UNPACKED.as_ref().map_err(|error| Problem::fault(error))?;
    let found = files.iter().find(|file| file.name == name);
    let found = found
        .ok_or_else(|| Problem::not_found("not_found", "There is nothing at this address."))?;
    // A page of an older or newer node may name another hash: it gets what this node has.
    let keep = if hash == *HASH {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, found.media_type),
        (header::CACHE_CONTROL, keep),
    ];
    Ok((headers, found.bytes.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_in_the_archive() {
        let files = UNPACKED.as_ref().unwrap();
        assert!(files.iter().all(|file| file.bytes.len() > 100));
        unpacked("/dist/not-there.css").unwrap_err();
    }
}
