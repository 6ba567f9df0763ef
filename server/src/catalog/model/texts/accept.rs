//! Which languages somebody wants.

use super::Language;

/// The most languages that are looked at.
const MOST: usize = 20;

/// The languages that somebody wants, the dearest first: the one they chose, then those of
/// `Accept-Language` (RFC 9110, section 12.5.4) by their weights. What is no language is passed over.
pub fn wanted_languages(chosen: Option<&str>, header: &str) -> Vec<Language> {
    let mut weighed: Vec<(u32, Language)> = header
        .split(',')
        .take(MOST)
        .filter_map(|part| {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight(parameters)?;
            Some((weight, tag.trim().parse::<Language>().ok()?))
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // A stable order: what weighs the same stays as it was said.
    weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let chosen: Option<Language> = chosen.and_then(|tag| tag.trim().parse().ok());
    let mut wanted: Vec<Language> = Vec::new();
    for language in chosen
        .into_iter()
        .chain(weighed.into_iter().map(|(_, language)| language))
    {
        if !wanted.contains(&language) {
            wanted.push(language);
        }
    }
    wanted
}

/// The weight in thousandths that `q=0.8` says; 1 if it is not said.
fn weight(parameters: &str) -> Option<u32> {
    let said = parameters
        .split(';')
        .find_map(|one| one.trim().strip_prefix("q="));
    let Some(said) = said else {
        return Some(1_000);
    };
    let (whole, part) = said.trim().split_once('.').unwrap_or((said.trim(), ""));
    let is_number = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" if part.bytes().all(|b| b == b'0') && is_number => Some(1_000),
        "0" if is_number => format!("{part:0<3}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(chosen: Option<&str>, header: &str) -> Vec<String> {
        let all = wanted_languages(chosen, header);
        all.iter().map(ToString::to_string).collect()
    }

    /// covers: I18N-2
    #[test]
    fn languages_are_wanted_by_weight_and_in_order() {
        assert_eq!(
            wanted(None, "fr;q=0.5, de-AT , en;q=0.8,sl;q=0.8"),
            ["de-AT", "en", "sl", "fr"]
        );
        assert_eq!(wanted(Some("SL"), "de, sl;q=0.1"), ["sl", "de"]);
        assert_eq!(
            wanted(
                None,
                "de;q=0, *;q=0.3, x_y, en;q=2, sl;q=0.0009, it;q=0.001"
            ),
            ["it"]
        );
        assert!(wanted(Some("'"), "").is_empty());
        assert!(wanted(None, &"de-AT,".repeat(10_000)).len() == 1);
    }
}
