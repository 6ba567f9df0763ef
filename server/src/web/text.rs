//! Money, times and descriptions, as people read them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;
use jiff::tz::TimeZone;

/// An amount: `€12.50`, `¥1,250`, `1,234.50 CHF`; nothing is `Free`.
pub(super) fn price(money: Money) -> String {
    if money.is_zero() {
        "Free".to_owned()
    } else {
        amount(money)
    }
}

/// An amount, also if it is nothing.
pub(super) fn amount(money: Money) -> String {
    let decimal = money.decimal();
    let (sign, digits) = decimal
        .strip_prefix('-')
        .map_or(("", decimal.as_str()), |rest| ("−", rest));
    let (whole, part) = digits
        .split_once('.')
        .map_or((digits, String::new()), |(w, p)| (w, format!(".{p}")));
    let number = format!("{}{part}", grouped(whole));
    match money.currency.code() {
        "EUR" => format!("{sign}€{number}"),
        "GBP" => format!("{sign}£{number}"),
        "JPY" => format!("{sign}¥{number}"),
        "USD" => format!("{sign}${number}"),
        code => format!("{sign}{number}\u{a0}{code}"),
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A moment as text for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// For people, in the event's time zone.
    pub(super) text: String,
    /// RFC 3339, for the `datetime` attribute.
    pub(super) iso: String,
}

/// The zone of this name, or UTC if this machine does not know it.
pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// A moment in another format, such as `%B %Y`.
pub(super) fn moment(at: Timestamp, zone: &TimeZone, format: &str) -> Moment {
    let local = at.to_jiff().to_zoned(zone.clone());
    Moment {
        text: local.strftime(format).to_string(),
        iso: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}

/// `Saturday, 6 June 2026, 20:00 CEST`
pub(super) fn date_and_time(at: Timestamp, zone: &TimeZone) -> Moment {
    moment(at, zone, "%A, %-d %B %Y, %H:%M\u{a0}%Z")
}

/// `6 June 2026`
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> Moment {
    moment(at, zone, "%-d %B %Y")
}

/// `20:00 CEST`
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> Moment {
    moment(at, zone, "%H:%M\u{a0}%Z")
}

/// `at` as a time if it is on the day of `day` or in the night after it, otherwise with its date.
pub(super) fn time_near(at: Timestamp, day: Timestamp, zone: &TimeZone) -> Moment {
    let apart = (at.ms() - day.ms()).abs();
    let date = |at: Timestamp| at.to_jiff().to_zoned(zone.clone()).date();
    if date(at) == date(day) || apart < 12 * 3_600_000 {
        time(at, zone)
    } else {
        date_and_time(at, zone)
    }
}

/// The month and the day of a date, for a calendar leaf: `Jun`, `6`.
pub(super) fn leaf(at: Timestamp, zone: &TimeZone) -> (String, String) {
    (moment(at, zone, "%b").text, moment(at, zone, "%-d").text)
}

/// How long something still lasts: `14 minutes`, `1 minute`, `40 seconds`.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        1 => "1 second".to_owned(),
        s @ (0 | 2..=59) => format!("{s} seconds"),
        60..=119 => "1 minute".to_owned(),
        s => format!("{} minutes", s / 60),
    }
}

/// The paragraphs of a plain text: blank lines part them, line ends inside stay.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim_end) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(line);
            }
            Some(last) if last.is_empty() => {}
            Some(_) | None => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// The beginning of a text in one line, for previews.
pub(super) fn beginning(text: &str, length: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= length {
        return line;
    }
    let cut: String = line.chars().take(length).collect();
    let end = cut
        .rfind(' ')
        .filter(|end| *end > length / 2)
        .unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_marked_by_currency() {
        for (code, minor, text) in [
            ("EUR", 1250, "€12.50"),
            ("EUR", 123_456_789, "€1,234,567.89"),
            ("EUR", -5, "−€0.05"),
            ("JPY", 1250, "¥1,250"),
            ("CHF", 100_000, "1,000.00\u{a0}CHF"),
            ("KWD", 1250, "1.250\u{a0}KWD"),
            ("EUR", 0, "€0.00"),
        ] {
            assert_eq!(amount(Money::new(minor, code.parse().unwrap())), text);
        }
        assert_eq!(price(Money::new(0, "EUR".parse().unwrap())), "Free");
    }

    #[test]
    fn times_are_the_venues() {
        let at: Timestamp = "2026-06-06T18:00:00Z".parse().unwrap();
        let zone = zone("Europe/Ljubljana");
        let shown = date_and_time(at, &zone);
        assert_eq!(shown.text, "Saturday, 6 June 2026, 20:00\u{a0}CEST");
        assert_eq!(shown.iso, "2026-06-06T20:00:00+02:00");
        let hour = std::time::Duration::from_secs(3_600);
        assert_eq!(time_near(at + hour * 6, at, &zone).text, "02:00\u{a0}CEST");
        assert_eq!(
            time_near(at + hour * 24, at, &zone).text,
            "Sunday, 7 June 2026, 20:00\u{a0}CEST"
        );
        assert_eq!(leaf(at, &zone), ("Jun".to_owned(), "6".to_owned()));
        assert_eq!(super::zone("Nowhere/Atall"), TimeZone::UTC);
    }

    #[test]
    fn spans_and_texts() {
        assert_eq!(
            [0, 1, 59, 60, 899, 900].map(span).join(", "),
            "0 seconds, 1 second, 59 seconds, 1 minute, 14 minutes, 15 minutes"
        );
        assert_eq!(paragraphs("a\r\nb\n\n\n  \nc\n"), ["a\nb", "c"]);
        assert!(paragraphs(" \n\n").is_empty());
        assert_eq!(beginning("one  two\nthree", 9), "one two…");
        assert_eq!(beginning(&"ž".repeat(10), 4), "žžžž…");
        assert_eq!(beginning("short", 9), "short");
    }
}
