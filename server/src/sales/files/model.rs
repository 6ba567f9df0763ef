//! Files as they are sent, named and shown.

use std::net::IpAddr;
use std::time::Duration;

use bilten_kernel::clock::Timestamp;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::catalog::questions::{Answer, AnsweredForm, Answers, FileType, QuestionId};
use crate::catalog::{EventId, FileId};
use crate::sales::limits::BuyerOrigin;
use crate::sales::store::OF_ORDER;

/// How long a file waits for an order that names it.
pub const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How much longer one is kept whose order came to nothing: it may be paid late.
pub const KEPT_UNPAID: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How many files an event keeps that may never be paid for.
pub const MOST_WAITING: i64 = 5_000;
/// How many bytes they have together.
pub const MOST_WAITING_BYTES: i64 = 2 * 1024 * 1024 * 1024;
/// How many of them come from one network: a household, or the people behind one office's address.
pub const MOST_OF_ONE: i64 = 50;
/// How many bytes those have together.
pub const MOST_BYTES_OF_ONE: i64 = 200 * 1024 * 1024;

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UploadedFile {
    /// Its id: what answers the question.
    pub id: FileId,
    /// What it is called, if its sender said so.
    pub name: Option<String>,
    /// Its media type, by its bytes.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Until when an order has to name it.
    pub expires_at: Timestamp,
}

/// A file that answers a question of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AnswerFile {
    /// Its id.
    pub id: FileId,
    /// The question that it answers.
    pub question_id: QuestionId,
    /// The number of the ticket that it is about, from 1; none if it is about the order.
    pub ticket_number: Option<u32>,
    /// What it is called, if its sender said so.
    pub name: Option<String>,
    /// Its media type, by its bytes.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: i64,
}

/// The bytes of a file, as they are.
pub struct FileBytes;

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("The bytes of a file, as they are."))
            .into()
    }
}

impl ToSchema for FileBytes {}

/// What a question takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFile {
    /// The event.
    pub event: EventId,
    /// The question.
    pub question: QuestionId,
    /// The types that it takes.
    pub accept: Vec<FileType>,
    /// The most bytes.
    pub max_bytes: u32,
}

/// A file with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// Its id.
    pub id: FileId,
    /// What it is called, if its sender said so.
    pub name: Option<String>,
    /// Of which type it is.
    pub file_type: FileType,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A file that answers name, with where they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The field of the request.
    pub field: String,
    /// The question that it answers.
    pub question: QuestionId,
    /// The number of the ticket that it is about, from 0, or that of the order.
    pub ticket: i64,
    /// The file.
    pub file: FileId,
}

/// The files that answers name.
pub fn named(answers: &AnsweredForm) -> Vec<NamedFile> {
    let mut found = Vec::new();
    let mut add = |answers: &Answers, ticket: i64, at: &dyn Fn() -> String| {
        for (question, answer) in answers {
            if let Answer::File(file) = answer {
                found.push(NamedFile {
                    field: format!("{}.{question}", at()),
                    question: *question,
                    ticket,
                    file: *file,
                });
            }
        }
    };
    add(&answers.order, OF_ORDER, &|| "answers".to_owned());
    for (answers, number) in answers.tickets.iter().zip(0i64..) {
        add(answers, number, &|| format!("tickets[{number}].answers"));
    }
    found
}

/// The network from which somebody sends, as text; none if that is this machine.
pub fn network(ip: IpAddr) -> Option<String> {
    let origin = BuyerOrigin {
        address: Some(ip),
        account: None,
    };
    Some(match origin.network()? {
        IpAddr::V4(address) => address.to_string(),
        // As purchases are counted: what a household is given.
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn files_are_named_with_where_they_stand() {
        let (question, file) = (QuestionId::from_bytes([1; 16]), FileId::from_bytes([2; 16]));
        let words = Answer::Text("words".to_owned());
        let answers = AnsweredForm {
            order: BTreeMap::from([(question, Answer::File(file))]),
            tickets: vec![
                BTreeMap::from([(question, words)]),
                BTreeMap::from([(question, Answer::File(file))]),
            ],
        };
        let found: Vec<_> = named(&answers)
            .into_iter()
            .map(|one| (one.field, one.ticket))
            .collect();
        let wanted = [
            (format!("answers.{question}"), OF_ORDER),
            (format!("tickets[1].answers.{question}"), 1),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn senders_are_told_apart_by_networks() {
        let of = |ip: &str| network(ip.parse().unwrap());
        assert_eq!(of("127.0.0.1"), None);
        assert_eq!(of("::1"), None);
        assert_eq!(of("203.0.113.7"), of("::ffff:203.0.113.7"));
        assert_eq!(of("2001:db8:1:201::1"), of("2001:db8:1:2ff:3:4:5:6"));
        assert_ne!(of("2001:db8:1:201::1"), of("2001:db8:1:301::1"));
        assert_ne!(of("203.0.113.7"), of("203.0.113.8"));
    }
}
