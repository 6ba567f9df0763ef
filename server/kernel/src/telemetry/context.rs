//! Where in a trace something happens: the `traceparent` of W3C Trace Context.

use std::fmt;
use std::str::FromStr;

use crate::random::{self, Random};

/// Names a trace and a span in it.
///
/// It is passed on as the text of a `traceparent` header: from callers to us, from us to whom we
/// call, and with each job and each entry of the outbox to whoever goes on with it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

/// The text is not a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
pub struct TraceContextError;

impl TraceContext {
    /// The context with these ids, unless one is zero, which means none.
    pub fn from_ids(trace: u128, span: u64, is_sampled: bool) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self {
            trace,
            span,
            is_sampled,
        })
    }

    /// The beginning of a trace.
    pub fn fresh(random: &dyn Random) -> Self {
        let mut trace = [0; 16];
        random.fill(&mut trace);
        Self {
            // Zero would mean none; one in 2¹²⁸ is one more often.
            trace: u128::from_le_bytes(trace).max(1),
            span: random::u64(random).max(1),
            is_sampled: false,
        }
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn child(self, random: &dyn Random) -> Self {
        Self {
            span: random::u64(random).max(1),
            ..self
        }
    }

    /// Which trace.
    pub const fn trace(self) -> u128 {
        self.trace
    }

    /// Which span of it.
    pub const fn span(self) -> u64 {
        self.span
    }

    /// Whether whoever began it keeps it.
    pub const fn is_sampled(self) -> bool {
        self.is_sampled
    }

    /// The trace as 32 hexadecimal digits, as log lines and collectors name it.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    /// Reads version 00, and of later versions what version 00 knows.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        read(text).ok_or(TraceContextError)
    }
}

fn read(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
    let flags = hex(parts.next()?, 2)?;
    let is_known = match version {
        0 => parts.next().is_none(),
        0xff => false,
        _ => true,
    };
    let span = u64::try_from(span).ok()?;
    TraceContext::from_ids(trace, span, flags & 1 == 1).filter(|_| is_known)
}

/// A number of exactly so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SeededRandom;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// covers: MON-3
    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let context: TraceContext = TEXT.parse().unwrap();
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), TEXT);
        let later = format!("{}-what-comes-next", TEXT.replacen("00", "42", 1));
        assert_eq!(later.parse(), Ok(context));
        let zeros = TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        for bad in [
            "",
            "00",
            &TEXT.to_uppercase(),
            &TEXT.replacen("00", "ff", 1),
            &format!("{TEXT}-more"),
            &TEXT.replace("00f067aa0ba902b7", "0000000000000000"),
            &zeros,
            &TEXT[..TEXT.len() - 1],
            &format!(" {TEXT}"),
            &TEXT.replace("4bf9", "+bf9"),
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(TraceContextError), "{bad}");
        }
    }

    #[test]
    fn a_child_stays_in_its_trace() {
        let random = SeededRandom::new(7);
        let first = TraceContext::fresh(&random);
        let second = first.child(&random);
        assert_eq!(first.trace(), second.trace());
        assert_ne!(first.span(), second.span());
        assert_eq!(second.to_string().parse(), Ok(second));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,80}") {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(context.to_string().parse(), Ok(context));
            }
        }
    }
}
