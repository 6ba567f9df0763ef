//! Pages that are what they say.

use super::super::keys::{self, TWINS, hex};
use super::{Page, REVOCATION, TICKET, Vectors};

pub(super) fn good(v: &mut Vectors) {
    let key = hex(&keys::public("event"));
    let device = hex(&keys::id("withdrawn box office"));
    let named_key = format!(
        r#"{{"key":{{"event":"evt_concert","public_key":"{key}","validity":{{"from":1767290400,"until":1798826400}},"event_name":"Concert"}}}}"#
    );
    let withdrawn = format!(r#"{{"withdrawn_key":"{device}"}}"#);
    let every = Page::of(&[
        &named_key,
        &withdrawn,
        r#"{"tier":{"number":3,"name":"Standing"}}"#,
        r#"{"list":{"id":"lst_1","event":"evt_concert","name":"Saturday","policy":"single","accepts_delegated":true,"allowlist_only":false}}"#,
        r#"{"list":{"id":"lst_2","event":"evt_concert","name":"Backstage","policy":{"multiple":{"max":4}},"opens_at":1782920000000,"closes_at":1782960000000,"tiers":[9],"capacity":40,"accepts_delegated":false,"allowlist_only":true}}"#,
        r#"{"list":{"id":"lst_3","event":"evt_concert","name":"Garden","policy":"re_entry","accepts_delegated":true,"allowlist_only":false}}"#,
        r#"{"gate":{"id":"gat_1","name":"North","tiers":[1,3]}}"#,
        TICKET,
        REVOCATION,
        r#"{"redemption":{"id":"scn_01kwekp2a07j1t0000000000aa","ticket":"tkt_01kwekp2a074hv8np7hamys3rj","list":"lst_1","gate":"gat_1","device":"dev_1","at":1782928700000,"direction":"entry","standing":"counted"}}"#,
        r#"{"redemption":{"id":"scn_01kwekp2a07j1t0000000000bb","ticket":"tkt_01kwekp2a074hv8np7hamys3rj","list":"lst_1","device":"dev_2","at":1782928701000,"standing":"conflict"}}"#,
        r#"{"removed":{"list":"lst_3"}}"#,
        r#"{"removed":{"gate":"gat_9"}}"#,
    ]);
    v.good(
        "good",
        &every,
        every.signed(),
        &[
            "key",
            "withdrawn_key",
            "tier",
            "list",
            "list",
            "list",
            "gate",
            "ticket",
            "revocation",
            "redemption",
            "redemption",
            "removed",
            "removed",
        ],
        "every kind of change, with and without its optional fields",
    );
    let empty = Page {
        to: 40,
        ..Page::of(&[])
    };
    v.good(
        "empty",
        &empty,
        empty.signed(),
        &[],
        "nothing changed since position 40",
    );
    let first = Page {
        from: 0,
        to: 2,
        more: true,
        ..Page::of(&[TICKET, REVOCATION])
    };
    v.good(
        "first_of_several",
        &first,
        first.signed(),
        &["ticket", "revocation"],
        "a snapshot is the feed from position 0 on",
    );
    let unknown = Page::of(&[
        TICKET,
        r#"{"weather":{"rain":true}}"#,
        REVOCATION,
        r#"{"moon":null}"#,
    ]);
    v.good(
        "unknown_change",
        &unknown,
        unknown.signed(),
        &["ticket", "revocation"],
        "changes with names from the future are skipped and counted",
    );
    let field = Page {
        extra: r#","moon":"full""#,
        ..Page::of(&[
            r#"{"revocation":{"ticket":"tkt_01kwekp2a074hv8np7hamys3rj","below":2,"because":"lost"}}"#,
        ])
    };
    v.good(
        "unknown_field",
        &field,
        field.signed(),
        &["revocation"],
        "fields from the future are ignored, in the header too",
    );
    let blank = Page {
        count: 1,
        ..Page::of(&["", REVOCATION, ""])
    };
    v.good(
        "blank_lines",
        &blank,
        blank.signed(),
        &["revocation"],
        "empty lines are no changes",
    );
    let plain = Page::of(&[TICKET, REVOCATION]);
    let mut bytes = plain.signed();
    bytes.pop();
    v.good(
        "no_trailing_newline",
        &plain,
        bytes,
        &["ticket", "revocation"],
        "the last line need not be ended",
    );
    let twin = Page {
        key: TWINS[0],
        ..plain
    };
    v.good(
        "key_shares_its_id",
        &twin,
        twin.signed(),
        &["ticket", "revocation"],
        "another event's key has the same id",
    );
}
