//! The layers around the whole router: one stack, top to bottom in the order in which they see a
//! request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::ServiceBuilder;

use super::class::{Class, Classify, EVERYTHING, Priority};
use super::client::ClientIp;
use super::cors::{self, Cors};
use super::fields::{self, Shapes};
use super::limits::{Counted, Limits};
use super::load::Load;
use super::visitors::Visitors;
use super::{HttpConfig, Network, compress, conditional, host, request_id, trace};
use crate::clock::{Clock, SystemClock};
use crate::db::{self, DbError};
use crate::error::Problem;
use crate::random::Random;

/// What the layers do besides what every server wants: who is let in, how often, and what first.
#[derive(Clone)]
pub struct Edge {
    /// Of which class a request is.
    pub classify: Classify,
    /// Who is let in.
    pub visitors: Option<Arc<Visitors>>,
    /// How often somebody may ask.
    pub limits: Option<Arc<Limits>>,
    /// How much is done at once.
    pub load: Option<Arc<Load>>,
    /// Which other sites may read answers.
    pub cors: Cors,
    /// Which fields answers have.
    pub shapes: Shapes,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for Edge {
    /// Everybody is let in, always.
    fn default() -> Self {
        Self {
            classify: |_, _| &EVERYTHING,
            visitors: None,
            limits: None,
            load: None,
            cors: Cors::default(),
            shapes: Shapes::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// What the layers need to know.
struct Around {
    time_limit: Duration,
    is_https: bool,
    trusted: Arc<[Network]>,
    random: Arc<dyn Random>,
    edge: Edge,
}

/// Wraps a router in what every route shares. Call it once, last, on the merged router.
///
/// What has no route is a problem 404 or 405, and passes the same layers.
pub fn layers(router: Router, config: &HttpConfig, random: Arc<dyn Random>, edge: Edge) -> Router {
    let (cors, shapes) = (edge.cors.clone(), edge.shapes.clone());
    let around = Arc::new(Around {
        time_limit: Duration::from_millis(config.request_timeout_ms),
        is_https: config.public_url.starts_with("https://"),
        trusted: trace::trusted(&config.trusted_proxies),
        random,
        edge,
    });
    let stack = ServiceBuilder::new()
        // Who asks, by which id, in which trace; one log line; security headers.
        .layer(from_fn_with_state(Arc::clone(&around), name))
        // Panics, time limit, plain texts of axum: all are problems.
        .layer(from_fn_with_state(Arc::clone(&around), catch))
        // One host and one end, and no doubt about them.
        .layer(from_fn(host::be_clear))
        // Which other sites' pages may read the answer.
        .layer(from_fn_with_state(cors, cors::share))
        // Lists of networks and countries, blocks.
        .layer(from_fn_with_state(Arc::clone(&around), let_in))
        // How often this address asks; extractors count on.
        .layer(from_fn_with_state(Arc::clone(&around), count))
        // What can wait goes last.
        .layer(from_fn_with_state(around, make_room))
        // gzip, brotli, zstd; never a secret beside what a stranger wrote.
        .layer(compress::layer())
        .layer(from_fn(compress::mark_secrets))
        // ETag, 304.
        .layer(from_fn(conditional::answer))
        // ?fields=
        .layer(from_fn_with_state(shapes, fields::cut));
    router
        .fallback(|| async { Problem::not_found("not_found", "There is nothing at this address.") })
        .method_not_allowed_fallback(|| async {
            Problem::method_not_allowed(
                "method_not_allowed",
                "This address does not take this method.",
            )
        })
        .layer(DefaultBodyLimit::max(config.body_limit_bytes))
        .layer(stack)
}

/// Names the request and what comes of it.
async fn name(State(around): State<Arc<Around>>, mut request: Request, next: Next) -> Response {
    let id = request_id::from_headers(request.headers(), &*around.random);
    let observed = trace::Observed::begin(&request, &id, &around.trusted, &*around.random);
    let client = ClientIp::of(request.extensions(), request.headers(), &around.trusted);
    let extensions = request.extensions_mut();
    extensions.insert(id.clone());
    extensions.insert(client);
    let work = observed.serve(next.run(request));
    let mut response = request_id::scope(id.clone(), work).await;
    finish(&mut response, &id.0, around.is_https);
    response
}

/// Answers whatever goes wrong with a problem.
async fn catch(State(around): State<Arc<Around>>, request: Request, next: Next) -> Response {
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(around.time_limit, run).await {
        Ok(Ok(response)) => as_problem(response),
        Ok(Err(payload)) => {
            let error = DbError::panicked(&*payload);
            tracing::error!(%error, "a handler panicked");
            Problem::internal().into_response()
        }
        Err(_) => {
            Problem::timed_out("request_timeout", "The request took too long.").into_response()
        }
    }
}

/// Lets in whom the lists let in, and notes who gets nothing but refusals.
async fn let_in(
    State(around): State<Arc<Around>>,
    ClientIp(client): ClientIp,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let visitors = around.edge.visitors.as_ref();
    let Some(visitors) = visitors.filter(|visitors| !visitors.is_always(client)) else {
        return Ok(next.run(request).await);
    };
    visitors.let_in(client)?;
    let class = (around.edge.classify)(request.method(), request.uri().path());
    let response = next.run(request).await;
    if class.is_watched {
        visitors.answered(client, response.status());
    }
    Ok(response)
}

/// Counts the request, and tells how often more are taken.
async fn count(
    State(around): State<Arc<Around>>,
    ClientIp(client): ClientIp,
    mut request: Request,
    next: Next,
) -> Response {
    let edge = &around.edge;
    let is_free = |visitors: &Arc<Visitors>| visitors.is_always(client);
    let (Some(limits), false) = (&edge.limits, edge.visitors.as_ref().is_some_and(is_free)) else {
        return next.run(request).await;
    };
    let class = (edge.classify)(request.method(), request.uri().path());
    let counted = Counted::new(Arc::clone(limits), class);
    let address = super::client::one_client(client).to_string();
    let quota = counted.quotas().address;
    let mut response = match counted.take("address", &address, quota).await {
        Ok(()) => {
            request.extensions_mut().insert(counted.clone());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    counted.tell(response.headers_mut());
    response
}

/// Refuses what can wait when there is too much to do.
async fn make_room(
    State(around): State<Arc<Around>>,
    ClientIp(client): ClientIp,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let edge = &around.edge;
    let class = (edge.classify)(request.method(), request.uri().path());
    let Some(load) = &edge.load else {
        return Ok(run(class, request, next).await);
    };
    let is_free = |visitors: &Arc<Visitors>| visitors.is_always(client);
    let is_free = edge.visitors.as_ref().is_some_and(is_free);
    let working = load.begin(class, (!is_free).then_some(client))?;
    let began = Instant::now();
    let response = run(class, request, next).await;
    drop(working);
    load.answered(began.elapsed(), edge.clock.now());
    Ok(response)
}

/// Runs a request; unless it must not stop, it leaves some connections to the database alone.
async fn run(class: &Class, request: Request, next: Next) -> Response {
    if class.priority < Priority::High {
        db::can_wait(next.run(request)).await
    } else {
        next.run(request).await
    }
}

/// Errors that axum answers by itself are plain text; everybody gets problems instead.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !is_error || !is_plain {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("body_too_large", "The body of the request is too large.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "media_type",
            "The body is of a type that is not taken here.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => (
            "invalid",
            "The request is understood, but something in it is wrong.",
        ),
        _ if status.is_client_error() => ("bad_request", "The request cannot be understood."),
        _ => ("internal", "Something went wrong on our side."),
    };
    let mut problem = Problem::new(status, code, detail);
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            problem = problem.header(name, value.clone());
        }
    }
    problem.into_response()
}

fn finish(response: &mut Response, id: &str, is_https: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(header::REFERRER_POLICY, "strict-origin-when-cross-origin");
    unless_set(header::X_FRAME_OPTIONS, "DENY");
    unless_set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    unless_set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    if is_https {
        unless_set(
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        );
    }
}
