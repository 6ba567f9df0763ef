//! What a form sent, and what is wrong with it.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bilten_kernel::error::{FieldError, Problem};
use bilten_kernel::random::{self, Random};

use super::problem::sentence;
use super::shell::Privacy;

/// The fields of a form as they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// One field, as if it had been sent.
    pub(super) fn of(name: &str, text: &str) -> Self {
        Self(vec![(name.to_owned(), text.to_owned())])
    }

    /// The same with one more.
    pub(super) fn and(mut self, name: &str, text: &str) -> Self {
        self.0.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The text of a field, empty if it was not sent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, text)| text.trim())
    }

    /// The text of a field exactly as it was sent, for passwords; empty if it was not sent.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, text)| text)
    }

    /// All texts of a field that was sent several times, such as boxes that were ticked.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, text)| text.trim())
            .collect()
    }

    /// A key that a page put into its form, if it can be one of ours.
    pub(super) fn key(&self) -> Option<String> {
        let key = self.text("key");
        ((16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .then(|| key.to_owned())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let form = axum::Form::<Vec<(String, String)>>::from_request(request, state).await;
        form.map(|form| Self(form.0)).map_err(|rejection| {
            let status = rejection.status();
            Problem::new(
                status,
                "web.form",
                "The form did not arrive as it should. Please send it again.",
            )
        })
    }
}

/// A new key for a form: what is sent twice with it is done once.
pub(super) fn new_key(random: &dyn Random) -> String {
    random::token(random, 26)
}

/// Something wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The field that it is about; empty if it is about the whole form.
    pub(super) field: String,
    /// A sentence that says how to mend it.
    pub(super) text: String,
}

/// All that is wrong with a form, in the order of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// One fault.
    pub(super) fn one(field: impl Into<String>, text: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(field, text);
        faults
    }

    /// The faults that a service found, with its names of fields turned into the form's.
    pub(super) fn from_errors(errors: &[FieldError], name: impl Fn(&str) -> String) -> Self {
        Self(
            errors
                .iter()
                .map(|e| Fault {
                    field: name(&e.field),
                    text: e.detail.clone(),
                })
                .collect(),
        )
    }

    /// Adds a fault.
    pub(super) fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.0.push(Fault {
            field: field.into(),
            text: text.into(),
        });
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// What is wrong with a field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|fault| fault.field == field)
            .map(|fault| fault.text.as_str())
    }

    /// The heading over all of them.
    pub(super) fn title(&self) -> &'static str {
        if self.0.len() == 1 {
            "There is a problem"
        } else {
            "There are some problems"
        }
    }
}

/// How a form comes back: with which status and faults; `default` is the form as it is first shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal {
    /// The status of the page.
    pub(super) status: StatusCode,
    /// What is wrong.
    pub(super) faults: Faults,
    /// When to try again, and the like.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// What a service refused of a form, with its names of fields turned into the form's.
    ///
    /// # Errors
    /// The problem itself if it is about something else than what was sent.
    pub(super) fn of(
        problem: impl Into<Problem>,
        name: impl Fn(&str) -> String,
    ) -> Result<Self, Problem> {
        let problem = problem.into();
        let status = match problem.status() {
            // Both would mean the page itself.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StatusCode::UNPROCESSABLE_ENTITY,
            status @ (StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::CONFLICT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE) => status,
            _ => return Err(problem),
        };
        let mut faults = match problem.errors() {
            [] if problem.code() == "identity.password_wrong" => {
                Faults::one(name("current"), problem.detail())
            }
            [] => Faults::one("", problem.detail()),
            errors => Faults::from_errors(errors, name),
        };
        for fault in &mut faults.0 {
            fault.text = sentence(&fault.text);
        }
        Ok(Self {
            status,
            faults,
            headers: problem.headers().to_vec(),
        })
    }

    /// What a page found wrong itself.
    pub(super) fn with(faults: Faults) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            faults,
            headers: Vec::new(),
        }
    }

    /// Takes the faults out, for the page to show.
    pub(super) fn take_faults(&mut self) -> Faults {
        std::mem::take(&mut self.faults)
    }

    /// Renders the page that shows the faults.
    ///
    /// # Errors
    /// As [`page`](super::shell::page).
    pub(super) fn page(
        self,
        template: &impl askama::Template,
        privacy: Privacy,
    ) -> Result<Response, Problem> {
        let mut response = super::shell::page(self.status, template, privacy)?;
        response.headers_mut().extend(self.headers);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ours_or_none() {
        let key = |text: &str| Fields(vec![("key".to_owned(), text.to_owned())]).key();
        assert_eq!(key(&"a".repeat(26)), Some("a".repeat(26)));
        for strange in [
            "",
            "short",
            "has space has space",
            "\0aaaaaaaaaaaaaaaa",
            &"a".repeat(65),
        ] {
            assert_eq!(key(strange), None);
        }
    }
}
