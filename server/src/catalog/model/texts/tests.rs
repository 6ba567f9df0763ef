//! Tests of texts in several languages.

use proptest::prelude::*;

use super::*;

fn language(tag: &str) -> Language {
    tag.parse().unwrap()
}

fn input(json: &str) -> TextInput {
    serde_json::from_str(json).unwrap()
}

/// A text out of JSON, with Slovenian as the organisation's language.
fn texts(json: &str) -> Texts {
    Texts::from_input("name", input(json), &language("sl"), TextLimits::line(200)).unwrap()
}

/// Where and how an input is wrong.
fn faults(json: &str, limits: TextLimits) -> Vec<(String, String)> {
    let result = Texts::from_input("name", input(json), &language("sl"), limits);
    let faults = result.unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.field, fault.code.into_owned()))
        .collect()
}

/// covers: I18N-2
#[test]
fn a_plain_string_is_in_the_default_language() {
    assert_eq!(texts(r#""Koncert""#), texts(r#"{"sl": "Koncert"}"#));
    let json = serde_json::to_string(&texts(r#"{"EN-gb": "Show", "sl": " Koncert "}"#)).unwrap();
    assert_eq!(json, r#"{"en-GB":"Show","sl":"Koncert"}"#);
    assert_eq!(serde_json::from_str::<Texts>(&json).unwrap(), texts(&json));
}

/// covers: I18N-2
#[test]
fn the_best_language_is_picked() {
    let all = texts(
        r#"{"sl": "sl", "de": "de", "en-GB": "en-GB", "sr-Latn": "sr-Latn", "zh-Hans": "zh-Hans"}"#,
    );
    for (wanted, picked) in [
        ("de", "de"),
        ("de-AT", "de"),
        ("en", "en-GB"),
        ("en-US", "en-GB"),
        ("sr-Latn-RS", "sr-Latn"),
        ("sr", "sr-Latn"),
        // Another script is no help to who reads this one.
        ("sr-Cyrl", "sl"),
        ("zh-Hant", "sl"),
        ("fr", "sl"),
        ("fr de", "de"),
        ("de en", "de"),
        ("", "sl"),
    ] {
        let wanted: Vec<_> = wanted.split_whitespace().map(language).collect();
        let found = all.pick(&wanted, &language("sl")).unwrap();
        assert_eq!(found.text, picked, "{wanted:?}");
        assert_eq!(found.language.as_str(), picked);
    }
    // Without the default, any is better than none.
    let english = texts(r#"{"en": "Show"}"#);
    assert_eq!(english.pick(&[], &language("sl")).unwrap().text, "Show");
    assert_eq!(Texts::default().pick(&[], &language("sl")), None);
}

#[test]
fn a_patch_names_only_what_it_changes() {
    let limits = TextLimits::line(200);
    let sl = language("sl");
    let all = texts(r#"{"sl": "Koncert", "en": "Show"}"#);
    let patched = |json: &str| all.patched("name", input(json), &sl, limits);
    assert_eq!(
        patched(r#"{"de": "Konzert", "en": null}"#).unwrap(),
        texts(r#"{"sl": "Koncert", "de": "Konzert"}"#)
    );
    assert_eq!(
        patched(r#""Predstava""#).unwrap(),
        texts(r#"{"sl": "Predstava", "en": "Show"}"#)
    );
    // The last language of a text that must be there stays.
    let none = patched(r#"{"sl": null, "en": null}"#).unwrap_err();
    assert_eq!(none[0].code, "required");
    // Prose may be empty in a language, which takes it away.
    let prose = all.patched("about", input(r#"{"en": ""}"#), &sl, TextLimits::prose(9));
    assert_eq!(prose.unwrap(), texts(r#"{"sl": "Koncert"}"#));
}

#[test]
fn faults_name_the_language() {
    let line = TextLimits::line(5);
    let of = |field: &str, code: &str| vec![(field.to_owned(), code.to_owned())];
    assert_eq!(
        faults(r#"{"en": "123456"}"#, line),
        of("name.en", "too_long")
    );
    assert_eq!(faults(r#"{"en": "  "}"#, line), of("name.en", "required"));
    assert_eq!(faults(r#""""#, line), of("name.sl", "required"));
    assert_eq!(faults("{}", line), of("name", "required"));
    let twice = faults(r#"{"EN": "a", "en": "b"}"#, line);
    assert_eq!(twice, of("name.en", "language_twice"));
    for tag in [
        "",
        "x",
        "en_GB",
        "english language",
        "und",
        "en-",
        "en-GB-u-nu-latn",
        "12",
    ] {
        let json = serde_json::json!({ tag: "a", "sl": "a" }).to_string();
        assert_eq!(faults(&json, line), of(&format!("name.{tag}"), "language"));
    }
    for text in [
        "a\\u0000",
        "a\\nb",
        "a\\u0007b",
        "a\\u202eb",
        "a\\ufeffb",
        "a\\u2028b",
    ] {
        let json = format!(r#"{{"en": "{text}"}}"#);
        assert_eq!(
            faults(&json, line),
            of("name.en", "control_characters"),
            "{text}"
        );
    }
    let many: BTreeMap<String, &str> = ('a'..='z')
        .flat_map(|a| ('a'..='b').map(move |b| (format!("{a}{b}"), "x")))
        .collect();
    let json = serde_json::to_string(&many).unwrap();
    assert_eq!(faults(&json, line), of("name", "too_many_languages"));
}

#[test]
fn several_lines_are_for_prose() {
    let prose = TextLimits::prose(100);
    let text = Texts::from_input("about", input(r#""a\r\n\tb""#), &language("sl"), prose);
    assert_eq!(text.unwrap(), Texts::one(language("sl"), "a\n\tb"));
}

#[test]
fn composed_and_decomposed_letters_are_the_same() {
    assert_eq!(texts(r#""Z\u030cogica""#), texts(r#""\u017dogica""#));
}

/// covers: I18N-2
#[test]
fn languages_know_their_direction() {
    for tag in [
        "ar",
        "he-IL",
        "fa",
        "ur-PK",
        "ckb",
        "pa-Arab-PK",
        "uz-Arab",
        "yi",
    ] {
        assert_eq!(language(tag).direction(), Direction::RightToLeft, "{tag}");
    }
    for tag in [
        "en",
        "sl",
        "az-Latn",
        "ar-Latn",
        "ur-Latn-PK",
        "pa",
        "zh-Hant",
        "ku",
    ] {
        assert_eq!(language(tag).direction(), Direction::LeftToRight, "{tag}");
    }
}

proptest! {
    /// Whatever somebody writes, cleaning twice is cleaning once.
    #[test]
    fn cleaning_is_done_once(text in ".{0,40}") {
        let once = clean(&text);
        prop_assert_eq!(clean(&once), once.clone());
    }

    /// A tag is never a fault of the server's, and has one text.
    #[test]
    fn tags_are_canonical(text in "[a-zA-Z0-9-]{0,14}") {
        if let Ok(language) = text.parse::<Language>() {
            prop_assert_eq!(language.as_str().parse::<Language>(), Ok(language.clone()));
            prop_assert_eq!(text.to_lowercase().parse::<Language>(), Ok(language));
        }
    }
}
