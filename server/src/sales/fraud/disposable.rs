//! Domains of which anybody gets an address for ten minutes.

/// A few that are well known, in order. A platform lays its own list over them.
const KNOWN: &[&str] = &[
    "10minutemail.com",
    "dispostable.com",
    "getnada.com",
    "guerrillamail.com",
    "guerrillamail.net",
    "guerrillamail.org",
    "maildrop.cc",
    "mailinator.com",
    "mailnesia.com",
    "moakt.com",
    "sharklasers.com",
    "temp-mail.org",
    "tempmail.com",
    "throwawaymail.com",
    "trashmail.com",
    "yopmail.com",
];

/// Whether a domain, or one above it, is among those that are known or among `more` (in lower case).
pub fn is_disposable(domain: &str, more: &[String]) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let mut rest = domain.as_str();
    loop {
        if KNOWN.binary_search(&rest).is_ok() || more.iter().any(|known| known == rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, above)) => rest = above,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_known_with_all_below_it() {
        assert!(KNOWN.is_sorted());
        let more = ["mine.example".to_owned()];
        for (domain, wanted) in [
            ("mailinator.com", true),
            ("Mailinator.COM.", true),
            ("ana.of.mailinator.com", true),
            ("notmailinator.com", false),
            ("mailinator.com.example.org", false),
            ("example.org", false),
            ("com", false),
            ("", false),
            ("x.mine.example", true),
        ] {
            assert_eq!(is_disposable(domain, &more), wanted, "{domain}");
        }
    }
}
