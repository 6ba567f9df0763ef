//! Tickets that nobody should be let in with.

use bilten_core::ticket::{Issuer, Payload};
use bilten_core::time::Validity;
use bilten_kernel::random::{OsRandom, Random};

use super::api::{number, text};
use super::shop::Ticket;
use crate::cli::Failure;
use crate::tickets::{QrFormat, render_qr};

/// The picture of a code.
///
/// # Errors
/// `demo.forging` if the code does not fit.
pub(super) fn picture(code: &str) -> Result<Vec<u8>, Failure> {
    render_qr(code, QrFormat::Png).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new("demo.forging", error)
}

/// The code with one bit of its signature changed.
///
/// Three digits of Base45 are two bytes, the first digit counts ones: making it one less, or one if
/// it is nothing, is always a code again.
pub(super) fn altered(code: &str) -> String {
    const ONES: usize = 4 + 3 * 40;
    let mut digits: Vec<char> = code.chars().collect();
    if let Some(digit) = digits.get_mut(ONES) {
        *digit = match *digit {
            '0' => '1',
            'A' => '9',
            ' ' => 'Z',
            '$' => ' ',
            '%' => '$',
            '*' => '%',
            '+' => '*',
            '-' => '+',
            '.' => '-',
            '/' => '.',
            ':' => '/',
            other => char::from_u32(u32::from(other).saturating_sub(1)).unwrap_or('1'),
        };
    }
    digits.into_iter().collect()
}

/// The same statement as a ticket's, signed by somebody else's key.
///
/// # Errors
/// `demo.answer` or `demo.forging` if the ticket is not as expected.
pub(super) fn signed_by_a_stranger(ticket: &Ticket) -> Result<String, Failure> {
    let mut secret = [0; 32];
    OsRandom.fill(&mut secret);
    let field = |name| number(&ticket.answer, name);
    let payload = Payload {
        id: text(&ticket.answer, "/id")?.parse().map_err(failed)?,
        version: u16::try_from(field("/version")?).map_err(failed)?,
        tier: u16::try_from(field("/tier_number")?).map_err(failed)?,
        validity: Validity {
            from: u32::try_from(field("/valid_from")?).map_err(failed)?,
            until: u32::try_from(field("/valid_until")?).map_err(failed)?,
        },
    };
    Issuer::from_secret(&secret).issue(payload).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bilten_core::ticket::UntrustedTicket;

    /// covers: SCAN-2
    #[test]
    fn an_altered_code_is_a_code_that_differs_in_its_signature() {
        for seed in 0..200u8 {
            let payload = Payload {
                id: bilten_core::id::TicketId([seed; 16]),
                version: 1,
                tier: 1,
                validity: Validity::ALWAYS,
            };
            let code = Issuer::from_secret(&[seed; 32]).issue(payload).unwrap();
            let altered = altered(&code);
            assert_ne!(altered, code);
            assert!(UntrustedTicket::parse(&altered).is_ok(), "{altered}");
            // 34 bytes of statement are 51 digits: what differs comes after them.
            assert_eq!(altered[..4 + 51], code[..4 + 51]);
        }
    }
}
