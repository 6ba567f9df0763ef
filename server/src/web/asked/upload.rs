//! The fields of a checkout's form, with the files that answer its questions.

use std::net::IpAddr;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use bilten_kernel::error::Problem;

use super::super::form::{Faults, Fields};
use super::super::problem::sentence;
use super::Asked;
use crate::app::App;
use crate::catalog::questions::{QuestionId, QuestionKind};
use crate::sales::files::{self, FileError, Received};

/// How much more than the questions take may come, to be thrown away: a photograph that is too large is to be
/// refused beside its field, not with the whole form.
const THROWN_AWAY: usize = 32 * 1024 * 1024;
/// What a part takes beside its name and its text.
const OF_A_PART: usize = 64;

/// The fields of a form, and what is wrong with its files: each file that is taken has become the answer of its
/// question, and stays sent if the form is refused.
///
/// # Errors
/// A problem if the form did not arrive as it should, or for a fault of the database.
pub(in crate::web) async fn fields(
    app: &App,
    mut request: Request,
    asked: &Asked,
    (event, sender): (&str, IpAddr),
) -> Result<(Fields, Faults), Problem> {
    let files = asked.files();
    let mut most = app.config.http.body_limit_bytes;
    if files.is_empty() || !is_multipart(&request) {
        let fields = Fields::from_request(request, app).await?;
        return Ok((fields, Faults::default()));
    }
    let mut texts_left = most;
    for (_, question) in &files {
        if let QuestionKind::File { max_bytes, .. } = &question.asks {
            most = most.saturating_add(usize::try_from(*max_bytes).unwrap_or(usize::MAX));
        }
    }
    DefaultBodyLimit::max(most.saturating_add(THROWN_AWAY)).apply(&mut request);
    let mut form = Multipart::from_request(request, app)
        .await
        .map_err(|rejection| broken(rejection.status()))?;
    let mut sent: Vec<(String, String)> = Vec::new();
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut faults = Faults::default();
    while let Some(part) = form.next_field().await.map_err(not_read)? {
        let name = part.name().unwrap_or_default().to_owned();
        let of_file = name.strip_suffix("-file");
        let question = of_file.and_then(|name| files.iter().find(|(field, _)| field == name));
        if let Some((field, question)) = question {
            let is_first = sent.iter().all(|(done, _)| done != field) && faults.of(field).is_none();
            if !is_first {
                continue;
            }
            match keep(app, event, question.id, sender, part).await {
                Ok(Some((id, name))) => {
                    sent.push((field.clone(), id));
                    sent.push((format!("{field}-name"), name));
                }
                Ok(None) => {}
                Err(NotKept::Refused(text)) => faults.add(field.clone(), text),
                Err(NotKept::Problem(problem)) => return Err(problem),
            }
        } else {
            let taken = name.len().saturating_add(OF_A_PART);
            texts_left = texts_left.checked_sub(taken).ok_or_else(too_long)?;
            let text = text_of(part, &mut texts_left).await?;
            texts.push((name, text));
        }
    }
    // A new file is before the one that it replaces.
    let all = sent.iter().chain(&texts);
    let fields = all.fold(Fields::default(), |fields, (name, text)| {
        fields.and(name, text)
    });
    Ok((fields, faults))
}

fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("multipart/form-data")
        })
}

/// Why a file is not kept.
enum NotKept {
    /// The buyer can do something about it: this says what.
    Refused(String),
    /// They cannot.
    Problem(Problem),
}

impl NotKept {
    fn not_read(error: MultipartError) -> Self {
        Self::Problem(not_read(error))
    }
}

impl From<FileError> for NotKept {
    fn from(error: FileError) -> Self {
        let problem = Problem::from(error);
        let status = problem.status();
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            return Self::Problem(problem);
        }
        Self::Refused(match problem.errors() {
            [] => sentence(problem.detail()),
            // Its name is all that is said of a file.
            faults => {
                let details: Vec<&str> = faults.iter().map(|one| one.detail.as_str()).collect();
                format!("The name of the file {}.", details.join(", "))
            }
        })
    }
}

/// Keeps a file, if one was chosen; gives its id and its name.
async fn keep(
    app: &App,
    event: &str,
    question: QuestionId,
    sender: IpAddr,
    mut part: Field<'_>,
) -> Result<Option<(String, String)>, NotKept> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let wanted = files::wanted_file(app, event, question).await?;
    let mut received = Received::nothing()?;
    let mut is_empty = true;
    while let Some(chunk) = part.chunk().await.map_err(NotKept::not_read)? {
        received.add(&chunk, wanted.max_bytes)?;
        is_empty = is_empty && chunk.is_empty();
    }
    if is_empty {
        // Browsers send an empty file without a name where none was chosen.
        return if name.is_empty() {
            Ok(None)
        } else {
            Err(NotKept::Refused("The file is empty.".to_owned()))
        };
    }
    let kept = files::keep_file(app, wanted, sender, Some(&name), received).await?;
    Ok(Some((kept.id.to_string(), kept.name.unwrap_or_default())))
}

/// The text of a field, while all of them together are no more than is left.
async fn text_of(mut part: Field<'_>, left: &mut usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(not_read)? {
        *left = left.checked_sub(chunk.len()).ok_or_else(too_long)?;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| broken(StatusCode::BAD_REQUEST))
}

fn too_long() -> Problem {
    broken(StatusCode::PAYLOAD_TOO_LARGE)
}

fn not_read(error: MultipartError) -> Problem {
    // What the library calls a fault of ours is a connection that ended.
    match error.status() {
        status if status.is_client_error() => broken(status),
        _ => broken(StatusCode::BAD_REQUEST),
    }
}

fn broken(status: StatusCode) -> Problem {
    Problem::new(
        status,
        "web.form",
        "The form did not arrive as it should. Please send it again.",
    )
}
