//! Files that are sent, and read.

use std::net::IpAddr;

use bilten_kernel::db::{Conn, DbError, Violation};

use super::body::{Received, room_for};
use super::error::FileError;
use super::model::*;
use super::seal::{self, About};
use super::store::{self, AboutRow, NewFile, Waiting};
use crate::app::App;
use crate::catalog::questions::{AskedAt, FileType, QuestionId, QuestionKind};
use crate::catalog::texts::{self, TextLimits};
use crate::catalog::{self, EventState, FileId};
use crate::identity::Tenant;
use crate::sales::{self, OrderId, SalesError};

/// The longest name of a file.
const LONGEST_NAME: usize = 200;

/// What a question of an event takes, if it is asked of those who buy and a file answers it.
///
/// # Errors
/// [`FileError::QuestionNotFound`], [`FileError::Closed`], or a fault of the database.
pub async fn wanted_file(
    app: &App,
    event: &str,
    question: QuestionId,
) -> Result<WantedFile, FileError> {
    let offer = sales::public_event(app, event).await?;
    let event = offer.event.id;
    if offer.event.state != EventState::Published {
        return Err(FileError::Closed);
    }
    let form = catalog::questions_of(app, event)
        .await
        .map_err(SalesError::from)?;
    let asked = form
        .questions
        .iter()
        .find(|one| one.id == question && one.at == AskedAt::Purchase);
    if let Some(QuestionKind::File { accept, max_bytes }) = asked.map(|one| &one.asks) {
        Ok(WantedFile {
            event,
            question,
            accept: accept.clone(),
            max_bytes: *max_bytes,
        })
    } else {
        Err(FileError::QuestionNotFound)
    }
}

/// A name as it is kept: without folders; none if it says nothing.
fn clean_name(name: &str) -> Result<Option<String>, FileError> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if last.trim().is_empty() {
        return Ok(None);
    }
    texts::plain("name", last, TextLimits::line(LONGEST_NAME))
        .map(Some)
        .map_err(|fault| FileError::Invalid(vec![fault]))
}

/// Whether there is no room for another file of so many bytes.
fn has_no_room(waiting: &Waiting, has_sender: bool, size_bytes: i64) -> Option<FileError> {
    let is_too_much = |files: i64, bytes: i64, most: i64, most_bytes: i64| {
        files >= most || bytes.saturating_add(size_bytes) > most_bytes
    };
    let (files, bytes) = (waiting.own_files, waiting.own_bytes);
    if has_sender && is_too_much(files, bytes, MOST_OF_ONE, MOST_BYTES_OF_ONE) {
        return Some(FileError::TooMany);
    }
    let (files, bytes) = (waiting.files, waiting.bytes);
    is_too_much(files, bytes, MOST_WAITING, MOST_WAITING_BYTES).then_some(FileError::Full)
}

/// Keeps a file that was sent for a question, for an order that names it within a day.
///
/// # Errors
/// [`FileError`] by why it is not taken.
pub(crate) async fn keep_file(
    app: &App,
    wanted: WantedFile,
    sender: IpAddr,
    name: Option<&str>,
    received: Received,
) -> Result<UploadedFile, FileError> {
    let name = match name {
        Some(name) => clean_name(name)?,
        None => None,
    };
    let Received { bytes, room } = received;
    let file_type = FileType::of(&bytes).filter(|one| wanted.accept.contains(one));
    let Some(file_type) = file_type else {
        return Err(FileError::Type(wanted.accept));
    };
    let (now, id) = (app.now(), FileId::new(&*app.clock, &*app.random));
    let expires_at = now + KEPT;
    let size_bytes = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let about = About::new(app, name.clone());
    let sender = network(sender).map_or_else(Vec::new, |network| {
        let of_event = format!("{} {network}", wanted.event);
        app.vault
            .blind_index("answer file sender", &of_event)
            .to_vec()
    });
    let new = NewFile {
        id,
        event: wanted.event,
        question: wanted.question,
        sender,
        file_type,
        size_bytes,
        created_at: now,
        expires_at,
        sealed_about: about.seal(app, id)?,
        content: seal::seal(about.key, id, bytes).await?,
    };
    let kept = app
        .db
        .write(move |c| {
            Box::pin(async move {
                store::take_turn(c, new.event, now).await?;
                let waiting = store::waiting(c, new.event, &new.sender).await?;
                if let Some(refused) = has_no_room(&waiting, !new.sender.is_empty(), new.size_bytes)
                {
                    return Err(refused);
                }
                store::insert(c, new).await?;
                Ok(())
            })
        })
        .await;
    drop(room);
    match kept {
        Ok(()) => Ok(UploadedFile {
            id,
            name,
            media_type: file_type.media_type().to_owned(),
            size_bytes,
            expires_at,
        }),
        // The event was deleted in this very moment.
        Err(FileError::Db(error)) if error.violates(Violation::ForeignKey) => {
            Err(FileError::QuestionNotFound)
        }
        Err(other) => Err(other),
    }
}

/// A file of an order of one of the organisation's events.
///
/// # Errors
/// [`FileError::NotFound`], [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn file_of(
    app: &App,
    tenant: &Tenant,
    order: OrderId,
    file: FileId,
) -> Result<FileContent, FileError> {
    sales::order_of(app, tenant, order).await?;
    content_of(app, order, file).await
}

/// A file of an order, for whoever knows the order's secret.
///
/// # Errors
/// [`FileError::NotFound`], [`SalesError::OrderNotFound`], or a fault of the database.
pub async fn own_file(
    app: &App,
    order: OrderId,
    token: &str,
    file: FileId,
) -> Result<FileContent, FileError> {
    if !sales::is_order_token(app, order, token) {
        return Err(SalesError::OrderNotFound.into());
    }
    content_of(app, order, file).await
}

async fn content_of(app: &App, order: OrderId, file: FileId) -> Result<FileContent, FileError> {
    let row = app
        .db
        .read(move |c| Box::pin(async move { store::about(c, order, file).await }))
        .await?
        .ok_or(FileError::NotFound)?;
    let room = room_for(usize::try_from(row.size_bytes).unwrap_or(usize::MAX))?;
    let about = About::open(app, file, &row.sealed_about)?;
    let sealed = app
        .db
        .read_long(move |c| Box::pin(async move { store::content(c, file).await }))
        .await?
        .ok_or(FileError::NotFound)?;
    let bytes = seal::open(about.key, file, sealed).await?;
    drop(room);
    Ok(FileContent {
        id: file,
        name: about.name,
        file_type: row.file_type,
        bytes,
    })
}

/// The files of an order, inside a read or write that is under way.
///
/// # Errors
/// A fault of the database.
pub async fn files_of_order_in(
    app: &App,
    c: &mut Conn,
    order: OrderId,
) -> Result<Vec<AnswerFile>, DbError> {
    let rows = store::of_order(c, order).await?;
    rows.into_iter().map(|row| shown(app, row)).collect()
}

fn shown(app: &App, row: AboutRow) -> Result<AnswerFile, DbError> {
    let number = u32::try_from(row.ticket).ok();
    Ok(AnswerFile {
        id: row.id,
        question_id: row.question_id,
        ticket_number: number.map(|number| number.saturating_add(1)),
        name: About::open(app, row.id, &row.sealed_about)?.name,
        media_type: row.file_type.media_type().to_owned(),
        size_bytes: row.size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders() {
        let of = |name: &str| clean_name(name).unwrap();
        assert_eq!(of("a.pdf").as_deref(), Some("a.pdf"));
        assert_eq!(of("../../etc/a.pdf").as_deref(), Some("a.pdf"));
        assert_eq!(of("C:\\Users\\Ana\\a.pdf").as_deref(), Some("a.pdf"));
        assert_eq!(of(""), None);
        assert_eq!(of("folder/ "), None);
        assert!(clean_name("a\u{0}b.pdf").is_err());
        assert!(clean_name("a\u{202e}fdp.exe").is_err());
        assert!(clean_name(&"a".repeat(201)).is_err());
    }

    #[test]
    fn room_is_for_everybody_and_for_each() {
        let waiting = |files, bytes, own_files, own_bytes| Waiting {
            files,
            bytes,
            own_files,
            own_bytes,
        };
        let refusal =
            |waiting: Waiting, has_sender: bool| match has_no_room(&waiting, has_sender, 10) {
                Some(FileError::Full) => "full",
                Some(FileError::TooMany) => "too many",
                Some(_) => "something else",
                None => "room",
            };
        assert_eq!(refusal(waiting(0, 0, 0, 0), true), "room");
        assert_eq!(refusal(waiting(MOST_WAITING, 0, 0, 0), true), "full");
        assert_eq!(
            refusal(waiting(1, MOST_WAITING_BYTES - 9, 0, 0), true),
            "full"
        );
        assert_eq!(
            refusal(waiting(1, MOST_WAITING_BYTES - 10, 0, 0), true),
            "room"
        );
        assert_eq!(refusal(waiting(60, 0, MOST_OF_ONE, 0), true), "too many");
        assert_eq!(
            refusal(waiting(60, 0, 1, MOST_BYTES_OF_ONE), true),
            "too many"
        );
        // This machine's own addresses say nothing of who sends.
        assert_eq!(refusal(waiting(60, 0, MOST_OF_ONE, 0), false), "room");
    }
}
