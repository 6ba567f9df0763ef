//! Programs of third parties that act for an organisation: the words of OAuth 2.0.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | clients, and what their makers may ask for |
//! | `redirect.rs` | the addresses to which a browser may be sent back |
//! | `parameters.rs` | the parameters of a request, each at most once |
//! | `error.rs` | refusals in the words of RFC 6749 |

mod client;
mod error;
mod parameters;
mod redirect;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

pub use client::*;
pub use error::*;
pub use parameters::*;
pub use redirect::*;

use super::Permission;

/// What an access token starts with, so that leaked ones are found by scanners.
pub const ACCESS_TOKEN_PREFIX: &str = "biltenat_";
/// What a refresh token starts with.
pub const REFRESH_TOKEN_PREFIX: &str = "biltenrt_";
/// What a client's secret starts with.
pub const CLIENT_SECRET_PREFIX: &str = "biltencs_";

/// How long an access token lasts, in seconds.
pub const ACCESS_TOKEN_S: u64 = 30 * 60;
/// How long a refresh token lasts if nobody uses it, in seconds.
pub const REFRESH_TOKEN_S: u64 = 30 * 86_400;
/// How long a program has to fetch its tokens after somebody agreed, in seconds.
pub const CODE_S: u64 = 60;

/// The permissions that a program may ask for, in the order in which people read them.
pub fn program_scopes() -> impl Iterator<Item = Permission> {
    Permission::ALL
        .iter()
        .copied()
        .filter(|permission| permission.is_for_programs())
}

/// Permissions as the `scope` of OAuth.
pub fn scope_text(scopes: &[Permission]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

/// The permissions that a `scope` names, if all of them are among `allowed`; all of those if it
/// names none.
///
/// # Errors
/// `invalid_scope`, if a word is unknown or more than what is allowed.
pub fn scopes_within(
    scope: Option<&str>,
    allowed: &[Permission],
) -> Result<Vec<Permission>, OAuthError> {
    let Some(scope) = scope else {
        return Ok(allowed.to_vec());
    };
    let mut scopes = Vec::new();
    for word in scope.split(' ').filter(|word| !word.is_empty()) {
        let known = allowed.iter().find(|allowed| allowed.as_str() == word);
        let Some(known) = known else {
            return Err(OAuthError::new(
                OAuthCode::InvalidScope,
                "The scope names a permission that is unknown, or more than this client may have.",
            ));
        };
        if !scopes.contains(known) {
            scopes.push(*known);
        }
    }
    if scopes.is_empty() {
        return Err(OAuthError::new(
            OAuthCode::InvalidScope,
            "The scope names nothing.",
        ));
    }
    Ok(scopes)
}

/// Whether a text can be a challenge of PKCE by S256: a SHA-256 in base64url.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && URL_SAFE_NO_PAD
            .decode(text)
            .is_ok_and(|hash| hash.len() == 32)
}

/// The challenge that a verifier of PKCE answers (RFC 7636, section 4.6), if it can be a verifier.
pub fn challenge_of(verifier: &str) -> Option<String> {
    let is_verifier = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_verifier.then(|| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())))
}

/// What a permission lets a program do, for the person who is asked.
pub const fn plain_words(permission: Permission) -> &'static str {
    match permission {
        Permission::EventsRead => "See events with their dates, tiers and stock",
        Permission::EventsCreate => "Make new events, venues and seat maps",
        Permission::EventsWrite => "Change and delete events",
        Permission::EventsPublish => "Publish, cancel and archive events",
        Permission::CodesRead => "See promo codes and what they were used for",
        Permission::CodesManage => "Make, change and archive promo codes",
        Permission::OrdersRead => "See orders with the names and addresses of buyers",
        Permission::OrdersWrite => "Make orders, decide on suspicious ones, write notes and tags",
        Permission::OrdersRefund => "Give money back to buyers",
        Permission::TicketsRead => "See tickets with the names of their holders",
        Permission::TicketsWrite => "Revoke and reissue tickets",
        Permission::CheckInRead => "See check-in lists, gates and the door report",
        Permission::CheckInScan => "Let people in",
        Permission::CheckInManage => "Change check-in lists and gates",
        Permission::DevicesManage => "Pair, see and revoke devices",
        Permission::OrganisationRead => "See the organisation and its settings",
        Permission::OrganisationManage => "Change the organisation and its settings",
        Permission::MembersRead => "See members and invitations",
        Permission::MembersManage => "Invite, change and remove members",
        Permission::KeysManage => "Make and end keys and programs",
        Permission::SsoManage => "Set up single sign-on",
        Permission::AuditRead => "Read the audit log",
        Permission::WebhooksManage => "Have other programs told of what happens",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_standard() {
        // RFC 7636, appendix B.
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(&challenge));
        for wrong in [
            "",
            "short",
            &challenge[1..],
            &format!("{challenge}="),
            &"+".repeat(43),
        ] {
            assert!(!is_challenge(wrong), "{wrong}");
        }
        for wrong in [
            &"a".repeat(42),
            &"a".repeat(129),
            &"ä".repeat(43),
            &" ".repeat(43),
        ] {
            assert_eq!(challenge_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_scope_is_never_more_than_what_is_allowed() {
        let allowed = [Permission::EventsRead, Permission::OrdersRead];
        let of = |scope| scopes_within(scope, &allowed);
        assert_eq!(of(None).unwrap(), allowed);
        assert_eq!(
            of(Some("orders.read  orders.read")).unwrap(),
            [Permission::OrdersRead]
        );
        for wrong in [
            "",
            " ",
            "events.write",
            "events.read events.write",
            "EVENTS.READ",
            "events.read,orders.read",
            "keys.manage",
            "*",
        ] {
            assert_eq!(
                of(Some(wrong)).unwrap_err().code,
                OAuthCode::InvalidScope,
                "{wrong}"
            );
        }
        assert_eq!(scope_text(&allowed), "events.read orders.read");
        assert!(program_scopes().all(|scope| scope != Permission::KeysManage));
    }
}
