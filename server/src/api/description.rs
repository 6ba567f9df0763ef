//! What the document says of the API as a whole.

use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, AuthorizationCode, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder,
    OAuth2, Scopes, SecurityScheme,
};
use utoipa::{Modify, OpenApi as _};

use bilten_kernel::error::Problem;

use crate::identity;
use crate::inspect::StatusClass;
use crate::tickets::QrFormat;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Bilten",
        description = "Sells tickets and lets people in.\n\n\
            **Errors** are `application/problem+json` (RFC 9457) with a stable `code`. \
            **Lists** answer `items` and, unless it is the last page, `next`, which is the `cursor` of the next one. \
            **Amounts** are integers in minor units (`…_minor`) beside a `currency`; **times** are RFC 3339 in UTC (`…_at`). \
            **Limits** are told by `RateLimit` and `RateLimit-Policy`, and by `Retry-After` when too much was asked. \
            **Versions** are side by side, each in its paths; `GET /api` lists them and what is deprecated. \
            People who belong to several organisations name one in the header `Bilten-Organisation`, by its id or short name.\n\n\
            Any address may answer 405 with `Allow`, and 431 when the head of a request is too large; whatever we did wrong is 500.",
        contact(name = "Bilten")
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "shop", description = "Buying: what is on sale, holds, orders. No account and no key is needed"),
        (name = "catalog", description = "Events, their dates and tiers; venues and seat maps"),
        (name = "waiting-rooms", description = "Waiting rooms of events, as the organiser sees them"),
        (name = "sales", description = "Orders and stock, as the organiser sees them"),
        (name = "payments", description = "Money that was paid"),
        (name = "tickets", description = "Tickets and the keys that sign them"),
        (name = "door", description = "Check-in lists, gates, devices, checking in"),
        (name = "sync", description = "What paired devices talk to"),
        (name = "webhooks", description = "Being told of what happens"),
        (name = "organisations", description = "Organisations and what was done in them"),
        (name = "members", description = "Members, roles, invitations, PINs"),
        (name = "keys", description = "API keys"),
        (name = "programs", description = "OAuth 2.0: programs that act for people, or as services"),
        (name = "sso", description = "Signing in by other identity providers"),
        (name = "sign-in", description = "Registering, signing in, second factors"),
        (name = "me", description = "One's own account"),
        (name = "platform", description = "What administrators of the platform do"),
        (name = "dashboards", description = "What a screen needs at once"),
        (name = "requests", description = "What programs asked, for their developers"),
        (name = "operations", description = "How the service is, and the API itself")
    ),
    modifiers(&Security),
    // What no body names is not collected by itself.
    components(schemas(Problem, QrFormat, StatusClass))
)]
struct Description;

/// The description without any route.
pub fn description() -> OpenApi {
    Description::openapi()
}

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut OpenApi) {
        let Some(components) = &mut openapi.components else {
            return;
        };
        let schemes = [
            (
                "api_key",
                "An organisation's API key, as `bilten key create` prints it.",
            ),
            (
                "order_token",
                "The secret of one order, as buying answers it.",
            ),
            (
                "transfer_token",
                "The secret of one ticket that was passed on, as the mail to its receiver has it.",
            ),
            (
                "waitlist_token",
                "The secret of one entry of a waitlist, as the mail to whoever waits has it.",
            ),
            ("device_session", "The token of a paired device's session."),
            (
                "access_token",
                "The access token of somebody who is signed in with an app (JWT).",
            ),
        ];
        for (name, description) in schemes {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(description))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        let cookie = ApiKeyValue::with_description(
            "bilten_session",
            "The cookie of somebody who is signed in; over https its name begins with __Host-.",
        );
        let scopes = || {
            let scopes = identity::program_scopes();
            Scopes::from_iter(scopes.map(|scope| (scope.as_str(), identity::plain_words(scope))))
        };
        let flows = [
            Flow::AuthorizationCode(AuthorizationCode::with_refresh_url(
                "/oauth/authorize",
                "/oauth/token",
                scopes(),
                "/oauth/token",
            )),
            Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes())),
        ];
        let oauth = OAuth2::with_description(
            flows,
            "A program of a third party, for a person who agreed or as a service; the scopes are the permissions \
             that `x-permission` names.",
        );
        components.add_security_scheme("oauth2", SecurityScheme::OAuth2(oauth));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}
