//! Tests of questions and answers.

use bilten_kernel::error::FieldError;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::model::FileId;
use crate::catalog::model::texts::Language;

fn id(n: u8) -> QuestionId {
    QuestionId::from_bytes([n; 16])
}

fn tier(n: u8) -> TierId {
    TierId::from_bytes([n; 16])
}

fn words(text: &str) -> Texts {
    Texts::one("en".parse::<Language>().unwrap(), text)
}

/// An optional question of each ticket at purchase.
fn question(n: u8, asks: Value) -> Question {
    Question {
        id: id(n),
        label: words("What?"),
        help: Texts::default(),
        asks: serde_json::from_value(asks).unwrap(),
        per: AskedPer::Ticket,
        at: AskedAt::Purchase,
        required: false,
        tiers: Vec::new(),
        when: Vec::new(),
    }
}

fn when(question: u8, is: &[&str]) -> Clause {
    Clause {
        question: id(question),
        is: is.iter().map(|&value| value.to_owned()).collect(),
    }
}

fn choices(keys: &[&str]) -> Value {
    let all: Vec<_> = keys
        .iter()
        .map(|key| json!({ "key": key, "label": { "en": key } }))
        .collect();
    json!(all)
}

/// What one ticket answers at purchase.
fn said(answers: &[(u8, Value)]) -> SaidForm {
    let answers = answers
        .iter()
        .map(|(n, value)| (id(*n), value.clone()))
        .collect();
    SaidForm {
        tickets: vec![SaidTicket { answers }],
        ..SaidForm::default()
    }
}

fn at_purchase(form: &[Question], said: &SaidForm) -> Result<AnsweredForm, Vec<FieldError>> {
    check_form(form).unwrap();
    let nothing = AnsweredForm::default();
    answer(form, AskedAt::Purchase, &[tier(1)], said, &nothing)
}

fn codes(faults: Vec<FieldError>) -> Vec<String> {
    faults.into_iter().map(|f| f.code.into_owned()).collect()
}

/// What a single question makes of a value: the answer as JSON, or the code of the fault.
fn outcome(asks: &Value, value: Value) -> Value {
    let form = [question(1, asks.clone())];
    match at_purchase(&form, &said(&[(1, value)])) {
        Ok(answered) => match answered.tickets[0].get(&id(1)) {
            Some(answer) => serde_json::to_value(answer).unwrap()["value"].clone(),
            None => Value::Null,
        },
        Err(faults) => json!({ "fault": codes(faults) }),
    }
}

fn wrong(code: &str) -> Value {
    json!({ "fault": [code] })
}

#[test]
fn each_kind_takes_its_answers() {
    let text = json!({ "kind": "text", "max_length": 5 });
    let number = json!({ "kind": "number", "min": -1, "max": 10 });
    let choice = json!({ "kind": "choice", "choices": choices(&["a", "b"]) });
    let some = json!({ "kind": "multi_choice", "choices": choices(&["a", "b", "c"]), "max": 2 });
    let date = json!({ "kind": "date", "from": "2026-01-01", "until": "2026-12-31" });
    let country = json!({ "kind": "country", "allowed": ["SI", "AT"] });
    let phone = json!({ "kind": "phone" });
    let email = json!({ "kind": "email" });
    let file = json!({ "kind": "file" });
    let consent = json!({ "kind": "consent" });
    let a_file = FileId::from_bytes([1; 16]).to_string();
    let table = [
        (&text, json!(" Ana "), json!("Ana")),
        (&text, json!("Z\u{30c}iva"), json!("\u{17d}iva")),
        (&text, json!("123456"), wrong("too_long")),
        (&text, json!("a\nb"), wrong("control_characters")),
        (&text, json!(5), wrong("kind")),
        (&text, json!(null), Value::Null),
        (&text, json!("  "), Value::Null),
        (&number, json!(3), json!(3)),
        (&number, json!(" -1 "), json!(-1)),
        (&number, json!(11), wrong("out_of_range")),
        (&number, json!(1.5), wrong("number")),
        (&number, json!("1e3"), wrong("number")),
        (&number, json!(u64::MAX), wrong("number")),
        (&choice, json!("b"), json!("b")),
        (&choice, json!("c"), wrong("choice")),
        (&choice, json!(["a"]), wrong("kind")),
        (&some, json!(["c", "a"]), json!(["a", "c"])),
        (&some, json!(["a", "a"]), wrong("twice")),
        (&some, json!(["a", "b", "c"]), wrong("too_many")),
        (&some, json!(["a", "b", "c", "a"]), wrong("choice")),
        (&some, json!(["a", 1]), wrong("kind")),
        (&some, json!("a"), wrong("kind")),
        (&some, json!([]), Value::Null),
        (&date, json!("2026-02-28"), json!("2026-02-28")),
        (&date, json!("2026-02-29"), wrong("date")),
        (&date, json!("2026-02-28T10:00"), wrong("date")),
        (&date, json!("2027-01-01"), wrong("out_of_range")),
        (&country, json!("SI"), json!("SI")),
        (&country, json!("HR"), wrong("choice")),
        (&country, json!("si"), wrong("country")),
        (&phone, json!("+386 40 123 456"), json!("+38640123456")),
        (&phone, json!("040 123 456"), wrong("phone")),
        (&email, json!("ana@example.com"), json!("ana@example.com")),
        (&email, json!("ana"), wrong("email")),
        (&file, json!(a_file), json!(a_file)),
        (&file, json!("../../etc/passwd"), wrong("file")),
        (&consent, json!(true), json!(true)),
        (&consent, json!("false"), json!(false)),
        (&consent, json!("yes"), wrong("kind")),
    ];
    for (asks, value, expected) in table {
        assert_eq!(outcome(asks, value.clone()), expected, "{asks} {value}");
    }
}

#[test]
fn what_is_required_is_answered() {
    let mut form = [
        question(1, json!({ "kind": "text", "max_length": 9 })),
        question(2, json!({ "kind": "consent" })),
    ];
    for question in &mut form {
        question.required = true;
    }
    let faults = at_purchase(&form, &said(&[(2, json!(false))])).unwrap_err();
    assert_eq!(faults[0].field, format!("tickets[0].answers.{}", id(1)));
    assert_eq!(codes(faults), ["required", "consent_required"]);
    // A ticket that says nothing at all is no way around.
    assert_eq!(
        at_purchase(&form, &SaidForm::default()).unwrap_err().len(),
        2
    );
}

#[test]
fn conditions_follow_each_other_in_any_order() {
    let mut form = [
        question(3, json!({ "kind": "text", "max_length": 99 })),
        question(
            2,
            json!({ "kind": "choice", "choices": choices(&["nuts", "other"]) }),
        ),
        question(1, json!({ "kind": "consent" })),
    ];
    form[0].when = vec![when(2, &["other"])];
    form[0].required = true;
    form[1].when = vec![when(1, &["true"])];
    form[1].required = true;

    let all = said(&[(1, json!(true)), (2, json!("other")), (3, json!("milk"))]);
    assert_eq!(at_purchase(&form, &all).unwrap().tickets[0].len(), 3);
    let missing = said(&[(1, json!(true)), (2, json!("other"))]);
    assert_eq!(
        codes(at_purchase(&form, &missing).unwrap_err()),
        ["required"]
    );
    let nuts = said(&[(1, json!(true)), (2, json!("nuts"))]);
    assert_eq!(at_purchase(&form, &nuts).unwrap().tickets[0].len(), 2);
    // A changed mind leaves nothing behind, not even what is wrong.
    let no = said(&[(1, json!(false)), (2, json!("?")), (3, json!("milk"))]);
    let answered = at_purchase(&form, &no).unwrap();
    assert_eq!(
        answered.tickets[0],
        Answers::from([(id(1), Answer::Consent(false))])
    );
}

#[test]
fn orders_tickets_and_tiers_are_asked_apart() {
    let text = || json!({ "kind": "text", "max_length": 9 });
    let mut form = [
        question(1, json!({ "kind": "country" })),
        question(2, text()),
        question(3, text()),
    ];
    form[0].per = AskedPer::Order;
    form[1].tiers = vec![tier(2)];
    form[1].required = true;
    form[2].when = vec![when(1, &["SI"])];
    form[2].required = true;
    let said = SaidForm {
        answers: SaidAnswers::from([(id(1), json!("SI"))]),
        tickets: vec![
            SaidTicket {
                answers: SaidAnswers::from([(id(3), json!("x"))]),
            },
            SaidTicket {
                answers: SaidAnswers::from([(id(2), json!("y")), (id(9), json!("z"))]),
            },
        ],
    };
    let nothing = AnsweredForm::default();
    let tiers = [tier(1), tier(2)];
    let faults = answer(&form, AskedAt::Purchase, &tiers, &said, &nothing).unwrap_err();
    let fields: Vec<_> = faults.iter().map(|f| f.field.clone()).collect();
    assert_eq!(
        fields,
        [
            format!("tickets[1].answers.{}", id(9)),
            format!("tickets[1].answers.{}", id(3)),
        ]
    );
    let more = answer(&form, AskedAt::Purchase, &tiers[..1], &said, &nothing);
    assert_eq!(codes(more.unwrap_err()), ["too_many"]);
}

#[test]
fn check_in_remembers_the_purchase() {
    let mut form = [
        question(1, json!({ "kind": "consent" })),
        question(2, json!({ "kind": "text", "max_length": 9 })),
    ];
    form[1].at = AskedAt::CheckIn;
    form[1].when = vec![when(1, &["true"])];
    form[1].required = true;
    let bought = at_purchase(&form, &said(&[(1, json!(true))])).unwrap();
    let silent = answer(
        &form,
        AskedAt::CheckIn,
        &[tier(1)],
        &SaidForm::default(),
        &bought,
    );
    assert_eq!(codes(silent.unwrap_err()), ["required"]);
    let told = said(&[(2, json!("now"))]);
    let told = answer(&form, AskedAt::CheckIn, &[tier(1)], &told, &bought).unwrap();
    assert_eq!(told.tickets[0].len(), 1);
}

#[test]
fn files_are_of_all_types_and_five_mib_unless_it_is_said() {
    let plain = question(1, json!({ "kind": "file" }));
    assert_eq!(check_form(std::slice::from_ref(&plain)), Ok(()));
    let all = ["pdf", "jpeg", "png", "webp"];
    assert_eq!(
        serde_json::to_value(&plain.asks).unwrap(),
        json!({ "kind": "file", "accept": all, "max_bytes": 5 * 1024 * 1024 })
    );
    let odd = json!({ "kind": "file", "accept": ["exe"] });
    assert!(serde_json::from_value::<QuestionKind>(odd).is_err());
}

#[test]
fn forms_that_cannot_be_answered_are_refused() {
    let text = || json!({ "kind": "text", "max_length": 9 });
    let form_codes = |form: &[Question]| codes(check_form(form).unwrap_err());

    let mut form = [
        question(1, text()),
        question(2, text()),
        question(3, text()),
    ];
    form[0].when = vec![when(2, &[])];
    form[1].when = vec![when(3, &[])];
    assert_eq!(check_form(&form), Ok(()));
    form[2].when = vec![when(1, &[])];
    assert_eq!(form_codes(&form), ["cycle", "cycle", "cycle"]);
    form[2].when = vec![when(9, &[])];
    assert_eq!(form_codes(&form), ["unknown_question"]);
    form[2].when = Vec::new();
    form[1].per = AskedPer::Order;
    form[0].when = Vec::new();
    assert_eq!(form_codes(&form), ["wider_scope"]);
    form[1].per = AskedPer::Ticket;
    form[2].at = AskedAt::CheckIn;
    assert_eq!(form_codes(&form), ["asked_later"]);
    form[2].at = AskedAt::Purchase;
    form[1].when = vec![when(3, &["x"])];
    assert_eq!(form_codes(&form), ["impossible"]);
    form[1].when = Vec::new();
    form[1].id = id(1);
    assert_eq!(form_codes(&form), ["twice"]);
    let mut alone = question(1, text());
    alone.when = vec![when(1, &[])];
    assert_eq!(form_codes(&[alone]), ["cycle"]);

    for (asks, code) in [
        (json!({ "kind": "text", "max_length": 0 }), "out_of_range"),
        (
            json!({ "kind": "number", "min": 2, "max": 1 }),
            "out_of_range",
        ),
        (json!({ "kind": "choice", "choices": [] }), "required"),
        (
            json!({ "kind": "choice", "choices": choices(&["a", "a"]) }),
            "twice",
        ),
        (
            json!({ "kind": "choice", "choices": choices(&["A b"]) }),
            "key",
        ),
        (
            json!({ "kind": "multi_choice", "choices": choices(&["a"]), "min": 2 }),
            "out_of_range",
        ),
        (
            json!({ "kind": "date", "from": "2026-01-02", "until": "2026-01-01" }),
            "out_of_range",
        ),
        (json!({ "kind": "file", "accept": [] }), "required"),
        (
            json!({ "kind": "file", "accept": ["pdf", "png", "pdf"] }),
            "twice",
        ),
        (json!({ "kind": "file", "max_bytes": 0 }), "out_of_range"),
        (
            json!({ "kind": "file", "max_bytes": 10 * 1024 * 1024 + 1 }),
            "out_of_range",
        ),
    ] {
        assert_eq!(form_codes(&[question(1, asks)]), [code]);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        proptest::collection::vec("[abc]".prop_map(Value::from), 0..5).prop_map(Value::from),
    ]
}

proptest! {
    /// What is accepted can be kept and read again, and is accepted again.
    #[test]
    fn accepted_answers_are_accepted_again(kind in 0_usize..10, value in any_value()) {
        let kinds = [
            json!({ "kind": "text", "max_length": 10, "lines": true }),
            json!({ "kind": "number", "min": null, "max": null }),
            json!({ "kind": "choice", "choices": choices(&["a", "b"]) }),
            json!({ "kind": "multi_choice", "choices": choices(&["a", "b", "c"]), "max": null }),
            json!({ "kind": "date", "from": null, "until": null }),
            json!({ "kind": "country" }),
            json!({ "kind": "phone" }),
            json!({ "kind": "email" }),
            json!({ "kind": "file" }),
            json!({ "kind": "consent" }),
        ];
        let first = outcome(&kinds[kind], value);
        if first.get("fault").is_none() {
            prop_assert_eq!(outcome(&kinds[kind], first.clone()), first);
        }
    }
}
