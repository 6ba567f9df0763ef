//! Whatever text a code holds: read or refused, never a panic, and never trusted without a key.
#![no_main]

use bilten_core::key::KeySet;
use bilten_core::sync::pairing::PairingLink;
use bilten_core::ticket::{DelegatedIssuer, Kind, PREFIX, Payload, UntrustedTicket};
use bilten_core::time::Validity;
use libfuzzer_sys::fuzz_target;
use shared::{NOW, issuer, keys};
use std::sync::LazyLock;

static KEYS: LazyLock<KeySet> = LazyLock::new(keys);

fuzz_target!(init: shared::write_seeds(seeds()), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    judge(&text);
    // The same bytes as the inside of a code: gets past Base45.
    judge(&format!("{PREFIX}{}", base45::encode(data)));
    if let Ok(link) = PairingLink::parse(&text) {
        assert_eq!(PairingLink::parse(&link.to_text()), Ok(link));
    }
});

fn judge(text: &str) {
    let Ok(untrusted) = UntrustedTicket::parse(text) else {
        return;
    };
    assert!(untrusted.verify(&KeySet::default(), NOW).is_err());
    let Ok(ticket) = untrusted.verify(&KEYS, NOW) else {
        return;
    };
    // Only our own seeds can get here, and only as they were made: a code has one text.
    if ticket.kind() == Kind::Issued {
        let code = issuer().issue(*ticket.payload()).unwrap();
        assert_eq!(text.trim_matches([' ', '\t', '\r', '\n']), code);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let payload = |number: u8, version, validity| Payload {
        id: bilten_core::id::TicketId([number; 16]),
        version,
        tier: 3,
        validity,
    };
    let issued = |payload| issuer().issue(payload).unwrap();
    let device = bilten_core::ticket::Issuer::from_secret(&[2; 32]);
    let certificate = issuer()
        .certify(*device.public_key(), &[1, 2, 3], 500, Validity::ALWAYS)
        .unwrap();
    let delegated = DelegatedIssuer::new(&[2; 32], certificate)
        .issue(payload(4, 1, Validity::ALWAYS), 7)
        .unwrap();
    let mut texts = vec![
        issued(payload(1, 1, Validity::ALWAYS)),
        issued(payload(2, 65_535, Validity { from: 1, until: 2 })),
        delegated,
        "BL1:00".to_owned(),
        "bilten:pair?code=ABCDEFGH&server=https://tickets.example".to_owned(),
    ];
    let insides: Vec<_> = texts[..3]
        .iter()
        .map(|text| base45::decode(&text[4..]).unwrap())
        .collect();
    texts.push(String::new());
    texts
        .into_iter()
        .map(String::into_bytes)
        .chain(insides)
        .collect()
}
