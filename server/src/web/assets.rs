//! Style, script and icon: part of the program, served under addresses that name their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: [Asset; 5] = [
    Asset {
        name: "bilten.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/bilten.css"),
    },
    Asset {
        name: "bilten.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/bilten.js"),
    },
    Asset {
        name: "passkeys.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/passkeys.js"),
    },
    Asset {
        name: "waiting.js",
        media_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/waiting.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/icon.svg"),
    },
];

/// One hash of all of them: whatever changes, pages ask anew.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ASSETS {
        hash.update(asset.bytes);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// The address of an asset.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

/// `GET /assets/{hash}/{name}`
///
/// A page of an older or newer node may name another hash: it gets what this node has, uncached.
pub(super) async fn serve(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset
        .ok_or_else(|| Problem::not_found("not_found", "There is nothing at this address."))?;
    let keep = if hash == *HASH {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = asset.bytes.into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.media_type),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Ok(response)
}
