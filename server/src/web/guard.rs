//! Refuses forms that other sites send in a visitor's name.
//!
//! The storefront has no cookies, so such a form could do little; it is refused all the same,
//! before anything is held.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use bilten_kernel::error::Problem;

use crate::app::App;
use crate::identity::is_same_site;

/// Lets a request through unless it changes something and comes from another site.
pub(super) async fn refuse_other_sites(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || is_same_site(request.headers(), super::shell::public_url(&app)) {
        return Ok(next.run(request).await);
    }
    Err(Problem::forbidden(
        "web.other_site",
        "This form was sent from another site, so it was not carried out. Please use the form on our own page.",
    ))
}
