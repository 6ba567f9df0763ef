//! Which client calls, by the `Authorization` header or by the form (RFC 6749, section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::OAuthFailure;
use crate::app::App;
use crate::identity::model::*;
use crate::identity::store::oauth as store;
use crate::platform::token_hash;

/// What a client says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    id: String,
    secret: Option<String>,
}

/// Reads `Basic …`. Ids and secrets of ours hold letters, digits and `_` only, which the encoding
/// of RFC 6749, section 2.3.1, leaves as they are.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| is_basic)?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn claim(authorization: Option<&str>, parameters: &Parameters) -> Result<Claim, OAuthError> {
    let id = parameters.get("client_id")?;
    let secret = parameters.get("client_secret")?;
    let Some(authorization) = authorization else {
        return Ok(Claim {
            id: id.ok_or(OAuthError::client())?.to_owned(),
            secret: secret.map(str::to_owned),
        });
    };
    let (basic_id, basic_secret) = basic(authorization).ok_or(OAuthError::client())?;
    if secret.is_some() || id.is_some_and(|id| id != basic_id) {
        return Err(OAuthError::request(
            "The client proves who it is in one way: by the header or by the form, not by both.",
        ));
    }
    Ok(Claim {
        id: basic_id,
        secret: Some(basic_secret),
    })
}

/// Which client calls: by its secret, or by its name alone if it is public.
///
/// # Errors
/// `invalid_client` or `invalid_request`, or a fault of the database.
pub async fn oauth_caller(
    app: &App,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<OAuthClient, OAuthFailure> {
    if parameters.has_doubles() {
        return Err(OAuthError::request("A parameter was sent more than once.").into());
    }
    let claim = claim(authorization, parameters)?;
    let unknown = OAuthError::client();
    let Ok(id) = claim.id.parse::<OAuthClientId>() else {
        return Err(unknown.into());
    };
    let now = app.now();
    let hash = claim.secret.as_deref().map(token_hash);
    let found = app
        .db
        .read(move |c| {
            Box::pin(async move {
                match hash {
                    Some(hash) => store::client_by_secret(c, id, hash, now).await,
                    None => store::client(c, id).await,
                }
            })
        })
        .await?;
    found
        .filter(|client| client.is_enabled && (hash.is_some() || !client.kind.has_secret()))
        .ok_or(unknown.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_client_proves_who_it_is_in_one_way() {
        let claim = |authorization: Option<&str>, form: &str| {
            claim(authorization, &Parameters::parse(form.as_bytes()).unwrap())
        };
        let of = |id: &str, secret: Option<&str>| {
            Ok(Claim {
                id: id.to_owned(),
                secret: secret.map(str::to_owned),
            })
        };
        assert_eq!(claim(None, "client_id=a"), of("a", None));
        assert_eq!(
            claim(None, "client_id=a&client_secret=b"),
            of("a", Some("b"))
        );
        assert_eq!(claim(Some(&header("a:b:c")), ""), of("a", Some("b:c")));
        assert_eq!(
            claim(Some(&header("a:b")), "client_id=a"),
            of("a", Some("b"))
        );
        let code =
            |authorization: Option<&str>, form: &str| claim(authorization, form).unwrap_err().code;
        assert_eq!(
            code(Some(&header("a:b")), "client_id=x"),
            OAuthCode::InvalidRequest
        );
        assert_eq!(
            code(Some(&header("a:b")), "client_secret=b"),
            OAuthCode::InvalidRequest
        );
        assert_eq!(
            code(None, "client_id=a&client_id=a"),
            OAuthCode::InvalidRequest
        );
        for odd in [
            "",
            "Basic",
            "Basic ???",
            "Bearer YTpi",
            &header("no colon"),
            "basic",
        ] {
            assert_eq!(code(Some(odd), ""), OAuthCode::InvalidClient, "{odd}");
        }
        assert_eq!(code(None, "client_secret=b"), OAuthCode::InvalidClient);
    }
}
