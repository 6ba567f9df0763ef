//! Tables to be downloaded: as CSV (RFC 4180), or as XLSX.
//!
//! Rows come page by page, so that a large table needs little memory: CSV goes out as it is read, XLSX
//! is written to a file that nobody can name and that goes with the answer. What a stranger typed is
//! text in a spreadsheet and nothing else: cells of CSV that could be read as a formula begin with `'`, and so
//! does what stands in a cell where a spreadsheet that separates otherwise would begin another one.

use std::io::Seek;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bilten_kernel::error::Problem;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rust_xlsxwriter::{Workbook, XlsxError};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

/// How many rows an XLSX can have, with the one of titles.
pub(crate) const MOST_ROWS: usize = 1_048_575;
/// How many characters a cell of an XLSX can have.
const MOST_CHARACTERS: usize = 32_000;
/// How much of a file is sent at once.
const CHUNK: usize = 64 * 1024;

/// Rows of a table, some at a time.
pub(crate) type Pages = BoxStream<'static, Result<Vec<Vec<String>>, Problem>>;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its title.
    pub(crate) title: &'static str,
    /// Whether it holds numbers.
    pub(crate) is_number: bool,
}

/// A column of texts.
pub(crate) const fn text(title: &'static str) -> Column {
    Column {
        title,
        is_number: false,
    }
}

/// A column of whole numbers.
pub(crate) const fn number(title: &'static str) -> Column {
    Column {
        title,
        is_number: true,
    }
}

/// Where other cells begin for a spreadsheet that separates them by semicolons, as in most of Europe, or by
/// tabs: it does not take quotes in the middle of a cell for quotes.
const OTHER_SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Whether spreadsheets take it for the beginning of a formula, also after blanks, and after quotes that are
/// quotes for them where we mean a character.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '"')
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

fn put_cell(out: &mut String, cell: &str, is_number: bool) {
    let is_quoted = cell.contains(['"', ',']) || cell.contains(OTHER_SEPARATORS);
    let is_formula = |text: &str| !is_number && is_formula(text);
    if !is_quoted && !is_formula(cell) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if cell.starts_with(['\t', '\r', '\n']) {
        out.push('\'');
    }
    for part in cell.split_inclusive(OTHER_SEPARATORS) {
        if is_formula(part) {
            out.push('\'');
        }
        out.push_str(&part.replace('"', "\"\""));
    }
    out.push('"');
}

fn put_row<'a>(out: &mut String, columns: &[Column], cells: impl Iterator<Item = &'a str>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        let is_number = columns.get(i).is_some_and(|column| column.is_number);
        put_cell(out, cell, is_number);
    }
    out.push_str("\r\n");
}

fn csv_of(columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        put_row(&mut out, columns, row.iter().map(String::as_str));
    }
    out
}

/// The head of an answer that a browser keeps as a file of this name.
fn as_file(body: Body, kind: &'static str, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let safe: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{safe}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// A table as CSV. A fault in the middle ends the connection, so that nobody takes a part for the whole.
pub(crate) fn csv(name: &str, columns: &'static [Column], pages: Pages) -> Response {
    let mut head = String::new();
    put_row(
        &mut head,
        columns,
        columns.iter().map(|column| column.title),
    );
    let head = stream::once(std::future::ready(Ok::<_, Problem>(Bytes::from(head))));
    let rows = pages.map(move |page| page.map(|rows| Bytes::from(csv_of(columns, &rows))));
    let body = Body::from_stream(head.chain(rows));
    as_file(body, "text/csv; charset=utf-8; header=present", name)
}

/// A table as XLSX.
///
/// # Errors
/// A problem if rows cannot be read or the file cannot be written.
pub(crate) async fn xlsx(
    name: &str,
    columns: &'static [Column],
    mut pages: Pages,
) -> Result<Response, Problem> {
    let (sender, receiver) = mpsc::channel(2);
    let writing = tokio::task::spawn_blocking(move || write_xlsx(columns, receiver));
    while let Some(page) = pages.next().await {
        // Whoever writes has failed; why is said below.
        if sender.send(page?).await.is_err() {
            break;
        }
    }
    drop(sender);
    let written = writing.await.map_err(|error| Problem::fault(&error))?;
    let file = written.map_err(|error| Problem::fault(&error))?;
    let file = tokio::fs::File::from_std(file);
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut buffer = vec![0u8; CHUNK];
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        buffer.truncate(read);
        Ok(Some((Bytes::from(buffer), file)))
    });
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok(as_file(Body::from_stream(chunks), kind, name))
}

/// Writes pages of rows as they come; blocks while there are none.
fn write_xlsx(
    columns: &[Column],
    mut pages: mpsc::Receiver<Vec<Vec<String>>>,
) -> Result<std::fs::File, XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    let place = |i: usize| u16::try_from(i).unwrap_or(u16::MAX);
    for (i, column) in columns.iter().enumerate() {
        sheet.write_string(0, place(i), column.title)?;
    }
    let mut row = 0u32;
    while let Some(page) = pages.blocking_recv() {
        for cells in page {
            row += 1;
            for (i, cell) in cells.iter().enumerate() {
                let is_number = columns.get(i).is_some_and(|column| column.is_number);
                match cell.parse::<f64>() {
                    Ok(number) if is_number => {
                        sheet.write_number(row, place(i), number)?;
                    }
                    Ok(_) | Err(_) => {
                        let text: String = cell.chars().take(MOST_CHARACTERS).collect();
                        sheet.write_string(row, place(i), text)?;
                    }
                }
            }
        }
    }
    let mut file = tempfile::tempfile().map_err(XlsxError::IoError)?;
    book.save_to_writer(&mut file)?;
    file.rewind().map_err(XlsxError::IoError)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[text("name"), number("count")];

    /// covers: ORG-3
    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let row =
            |name: &str, count: &str| csv_of(COLUMNS, &[vec![name.to_owned(), count.to_owned()]]);
        for (name, wanted) in [
            ("Ana", "Ana"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("=1+1", "\"'=1+1\""),
            ("+386 1", "\"'+386 1\""),
            ("-x", "\"'-x\""),
            ("@x", "\"'@x\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\"'\t'=1\""),
            ("a;=1", "\"a;'=1\""),
            ("a\"; =1", "\"a\"\";' =1\""),
            ("a\n@x;b", "\"a\n'@x;b\""),
            ("a;\"=1;b", "\"a;'\"\"=1;b\""),
            ("a;b", "\"a;b\""),
            ("＝1", "\"'＝1\""),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
            ("a=b", "a=b"),
        ] {
            assert_eq!(row(name, "-5"), format!("{wanted},-5\r\n"), "{name}");
        }
    }
}
