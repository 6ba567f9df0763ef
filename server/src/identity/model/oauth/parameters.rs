//! The parameters of a request of OAuth, from its query or its form.

use super::OAuthError;

/// How long the parameters of a request may be together, in bytes.
pub const MOST_PARAMETERS: usize = 16 * 1024;
/// How long one may be.
const MOST_VALUE: usize = 4_000;

/// The parameters of a request, as they were sent.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters of a query or of a form's body.
    ///
    /// # Errors
    /// `invalid_request`, if they are too long or hold control characters.
    pub fn parse(encoded: &[u8]) -> Result<Self, OAuthError> {
        if encoded.len() > MOST_PARAMETERS {
            return Err(OAuthError::request("The parameters are too long."));
        }
        let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded).into_owned().collect();
        let is_odd = |text: &str| text.len() > MOST_VALUE || text.chars().any(char::is_control);
        if pairs
            .iter()
            .any(|(name, value)| is_odd(name) || is_odd(value))
        {
            return Err(OAuthError::request(
                "A parameter is too long or holds control characters.",
            ));
        }
        Ok(Self(pairs))
    }

    /// A parameter; one without a value counts as not sent (RFC 6749, section 3.1).
    ///
    /// # Errors
    /// `invalid_request`, if it was sent more than once.
    pub fn get(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::request("A parameter was sent more than once."));
        }
        Ok(first
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty()))
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `invalid_request`, with `missing` as its description, or if it was sent more than once.
    pub fn need(&self, name: &str, missing: &'static str) -> Result<&str, OAuthError> {
        self.get(name)?.ok_or(OAuthError::request(missing))
    }

    /// Whether something was sent more than once.
    pub fn has_doubles(&self) -> bool {
        let names = self.0.iter().map(|(name, _)| name);
        let mut seen = std::collections::HashSet::new();
        names.into_iter().any(|name| !seen.insert(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_sent_once_and_is_text() {
        let parameters = Parameters::parse(b"a=1&b=&c=x+%C5%A1&d=1&d=2").unwrap();
        assert_eq!(parameters.get("a"), Ok(Some("1")));
        assert_eq!(parameters.get("b"), Ok(None));
        assert_eq!(parameters.get("c"), Ok(Some("x š")));
        assert_eq!(parameters.get("e"), Ok(None));
        assert!(parameters.get("d").is_err() && parameters.has_doubles());
        assert!(parameters.need("b", "It is missing.").is_err());
        assert!(!Parameters::parse(b"a=1&b=2").unwrap().has_doubles());
        assert!(Parameters::parse(b"a=%00").is_err());
        assert!(Parameters::parse(b"%0A=1").is_err());
        assert!(Parameters::parse(&[b'a'; MOST_VALUE + 1]).is_err());
        assert!(Parameters::parse(&[b'&'; MOST_PARAMETERS + 1]).is_err());
        assert_eq!(
            Parameters::parse(b"a=%ff").unwrap().get("a"),
            Ok(Some("\u{fffd}"))
        );
    }
}
