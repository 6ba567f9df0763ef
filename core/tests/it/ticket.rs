//! Tickets as QR codes, and codes that nobody made.

use bilten_core::id::EventId;
use bilten_core::key::KeySet;
use bilten_core::sync::page;
use bilten_core::sync::pairing::PairingLink;
use bilten_core::ticket::UntrustedTicket;
use bilten_core::time::Timestamp;
use proptest::prelude::*;

proptest! {
    /// covers: SCAN-1
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _ = UntrustedTicket::parse(&text);
        let _ = UntrustedTicket::parse(&format!("BT1:{text}"));
        let _ = PairingLink::parse(&text);
        let _ = PairingLink::parse(&format!("bilten:pair?code={text}"));
    }

    #[test]
    fn any_digits_are_parsed_or_refused(text in "[0-9A-Z $%*+./:-]{0,450}") {
        let _ = UntrustedTicket::parse(&format!("BT1:{text}"));
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(
        kind in 1u8..=2,
        bytes in prop::collection::vec(any::<u8>(), 0..320),
    ) {
        let code = base45::encode([&[1, kind], &bytes[..]].concat());
        if let Ok(ticket) = UntrustedTicket::parse(&format!("BT1:{code}")) {
            prop_assert!(ticket.verify(&KeySet::default(), Timestamp(0)).is_err());
        }
    }

    #[test]
    fn any_page_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let event = EventId::new("evt_concert").unwrap();
        prop_assert!(page::read(&bytes, &event, &KeySet::default(), Timestamp(0)).is_err());
    }
}

#[cfg(feature = "issue")]
mod issued {
    use bilten_core::id::{EventId, TicketId};
    use bilten_core::key::{EventKey, KeySet};
    use bilten_core::sync::page::{self, Change, Header, Revocation};
    use bilten_core::ticket::{DelegatedIssuer, Issuer, Kind, Payload, UntrustedTicket};
    use bilten_core::time::{Timestamp, Validity};
    use proptest::prelude::*;
    use qrcode::bits::Bits;
    use qrcode::{EcLevel, Version};

    const NOW: Timestamp = Timestamp::from_seconds(1_782_928_800);

    fn event() -> EventId {
        EventId::new("evt_concert").unwrap()
    }

    fn issuer() -> Issuer {
        Issuer::from_secret(&[7; 32])
    }

    fn keys() -> KeySet {
        let mut keys = KeySet::default();
        keys.put(EventKey {
            event: event(),
            public_key: *issuer().public_key(),
            validity: Validity::ALWAYS,
            revoked: false,
        });
        keys
    }

    fn box_office(tiers: &[u16]) -> DelegatedIssuer {
        let secret = [8; 32];
        let device = *Issuer::from_secret(&secret).public_key();
        let certificate = issuer().certify(device, tiers, u16::MAX, Validity::ALWAYS);
        DelegatedIssuer::new(&secret, certificate.unwrap())
    }

    fn payloads() -> impl Strategy<Value = Payload> {
        (
            any::<[u8; 16]>(),
            1..=u16::MAX,
            any::<u16>(),
            0..u32::MAX,
            1..=u32::MAX,
        )
            .prop_map(|(id, version, tier, from, length)| Payload {
                id: TicketId(id),
                version,
                tier,
                validity: Validity {
                    from,
                    until: from.saturating_add(length),
                },
            })
    }

    /// The smallest QR version at error correction M that holds the code as one alphanumeric run.
    fn qr_version(code: &str) -> i16 {
        (1..=40)
            .find(|&version| {
                let mut bits = Bits::new(Version::Normal(version));
                bits.push_alphanumeric_data(code.as_bytes())
                    .and_then(|()| bits.push_terminator(EcLevel::M))
                    .is_ok()
            })
            .unwrap()
    }

    fn extreme(fill: u8) -> Payload {
        let number = u16::from_be_bytes([fill; 2]);
        Payload {
            id: TicketId([fill; 16]),
            version: number.max(1),
            tier: number,
            validity: Validity {
                from: u32::from_be_bytes([fill; 4]).min(u32::MAX - 1),
                until: u32::MAX,
            },
        }
    }

    /// covers: SCAN-1
    #[test]
    fn an_issued_ticket_fits_qr_version_6() {
        for fill in [0x00, 0x7f, 0xa5, 0xff] {
            let code = issuer().issue(extreme(fill)).unwrap();
            assert_eq!(code.len(), 151);
            assert_eq!(qr_version(&code), 6);
            // So does a picture by an encoder that chooses its own modes.
            let picture =
                qrcode::QrCode::with_version(&code, Version::Normal(6), EcLevel::M).unwrap();
            assert_eq!(picture.width(), 41);
        }
    }

    /// `docs/protocol.md` names these figures.
    #[test]
    fn a_delegated_ticket_stays_a_readable_qr_code() {
        for (tiers, length, version) in [(1, 325, 11), (8, 346, 11), (32, 418, 12)] {
            let tiers: Vec<u16> = (0..tiers).map(|tier| u16::MAX - tier).rev().collect();
            let code = box_office(&tiers).issue(extreme(0xff), u16::MAX).unwrap();
            assert_eq!(code.len(), length);
            assert_eq!(qr_version(&code), version);
        }
    }

    proptest! {
        /// covers: SCAN-2
        #[test]
        fn what_is_issued_is_trusted_as_it_was(payload in payloads()) {
            let code = issuer().issue(payload).unwrap();
            prop_assert_eq!(code.len(), 151);
            // Scanners trim white space; a code never ends with a digit that looks like it.
            prop_assert_eq!(code.trim(), &code);
            let ticket = UntrustedTicket::parse(&code).unwrap().verify(&keys(), NOW).unwrap();
            prop_assert_eq!(ticket.payload(), &payload);
            prop_assert_eq!(ticket.event(), &event());
            prop_assert_eq!(ticket.kind(), Kind::Issued);
        }

        /// covers: SCAN-2
        #[test]
        fn what_a_box_office_sells_is_trusted_as_it_was(payload in payloads(), serial in 0..u16::MAX) {
            let code = box_office(&[payload.tier]).issue(payload, serial).unwrap();
            prop_assert_eq!(code.trim(), &code);
            let ticket = UntrustedTicket::parse(&code).unwrap().verify(&keys(), NOW).unwrap();
            prop_assert_eq!(ticket.payload(), &payload);
            prop_assert_eq!(ticket.kind(), Kind::Delegated);
            prop_assert_eq!(ticket.delegation().unwrap().serial, serial);
        }

        /// covers: SCAN-2
        #[test]
        fn no_altered_text_is_trusted(
            payload in payloads(),
            is_delegated: bool,
            place: prop::sample::Index,
            digit in prop::sample::select(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".to_vec()),
        ) {
            let code = if is_delegated {
                box_office(&[payload.tier]).issue(payload, 0).unwrap()
            } else {
                issuer().issue(payload).unwrap()
            };
            let mut altered = code.clone().into_bytes();
            let place = place.index(altered.len());
            prop_assume!(altered[place] != digit);
            altered[place] = digit;
            let altered = String::from_utf8(altered).unwrap();
            let trusted = UntrustedTicket::parse(&altered)
                .is_ok_and(|ticket| ticket.verify(&keys(), NOW).is_ok());
            prop_assert!(!trusted, "{code} became {altered}");
        }

        /// covers: SCAN-4
        #[test]
        fn no_altered_page_is_taken(place: prop::sample::Index, flip in 1u8..=255) {
            let header = Header {
                event: event(),
                epoch: 1,
                from: 0,
                to: 1,
                more: false,
                count: 0,
                next: "c1.1".to_owned(),
                made_at: NOW,
                key: issuer().public_key().id(),
            };
            let change = Change::Revocation(Revocation { ticket: TicketId([1; 16]), below: 2 });
            let mut bytes = page::write(header, &[change], &issuer()).unwrap();
            let signature = bytes.len() - br#"{"signature":""}"#.len() - 129;
            prop_assert!(page::read(&bytes, &event(), &keys(), NOW).is_ok());
            let place = place.index(signature);
            bytes[place] ^= flip;
            prop_assert!(page::read(&bytes, &event(), &keys(), NOW).is_err());
        }
    }
}
