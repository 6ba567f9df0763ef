//! What binds the entries of the audit log together.

use sha2::{Digest, Sha256};

use super::model::AuditRow;

/// The hash of an entry: of the hash before it and of all its fields, each with its length in
/// front, so that no two entries have one text.
pub(super) fn entry_hash(row: &AuditRow) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |field: Option<&[u8]>| {
        hash.update([u8::from(field.is_some())]);
        let field = field.unwrap_or_default();
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    };
    add(Some(b"bilten audit entry v1"));
    add(Some(&row.previous_hash));
    add(Some(&row.seq.to_be_bytes()));
    add(Some(&row.at.ms().to_be_bytes()));
    add(row.organisation_id.as_deref().map(str::as_bytes));
    add(Some(row.actor.as_bytes()));
    add(Some(row.action.as_bytes()));
    add(Some(row.subject.as_bytes()));
    add(Some(row.detail.as_bytes()));
    add(row.request_id.as_deref().map(str::as_bytes));
    add(row.person.as_deref().map(str::as_bytes));
    add(row.origin.as_deref());
    hash.finalize().into()
}

/// The MAC of the log's end, by which one who only has the database is found out.
pub(super) fn head_mac(
    mac: impl Fn(&str, &[&[u8]]) -> [u8; 32],
    seq: i64,
    hash: &[u8],
) -> [u8; 32] {
    mac("audit head v1", &[&seq.to_be_bytes(), hash])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_kernel::clock::Timestamp;

    fn row() -> AuditRow {
        AuditRow {
            seq: 7,
            at: Timestamp::from_ms(1_000),
            organisation_id: Some("org_1".to_owned()),
            actor: "usr_1".to_owned(),
            action: "a.b".to_owned(),
            subject: "evt_1".to_owned(),
            detail: "{}".to_owned(),
            request_id: None,
            person: None,
            origin: None,
            previous_hash: vec![0; 32],
            hash: Vec::new(),
        }
    }

    #[test]
    fn every_field_is_bound() {
        let changes: [fn(&mut AuditRow); 13] = [
            |r| r.seq = 8,
            |r| r.at = Timestamp::from_ms(1_001),
            |r| r.organisation_id = None,
            |r| r.organisation_id = Some(String::new()),
            |r| r.actor = "usr_2".to_owned(),
            |r| r.action = "a.c".to_owned(),
            |r| r.subject = "evt_2".to_owned(),
            |r| r.detail = "{ }".to_owned(),
            |r| r.request_id = Some(String::new()),
            |r| r.person = Some(String::new()),
            |r| r.origin = Some(Vec::new()),
            |r| r.previous_hash[31] = 1,
            // The same letters, cut elsewhere.
            |r| (r.actor, r.action) = ("usr_1a".to_owned(), ".b".to_owned()),
        ];
        let mut seen = vec![entry_hash(&row())];
        for change in changes {
            let mut changed = row();
            change(&mut changed);
            let hash = entry_hash(&changed);
            assert!(!seen.contains(&hash));
            seen.push(hash);
        }
    }
}
