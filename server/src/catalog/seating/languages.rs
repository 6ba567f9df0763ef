//! The words of pictures and lists in the languages of the shop.

use super::words::Words;

/// Slovenian.
const SLOVENIAN: Words<'static> = Words {
    row: "vrsta",
    table: "miza",
    seat: "sedež",
    step_free: "brez stopnic",
    wheelchair: "prostor za invalidski voziček",
    companion: "sedež za spremljevalca",
    obstructed: "omejen pogled",
    standing: "stojišče",
    places_free: "prostih",
    free: "prosto",
    chosen: "izbrano",
    held: "nekdo ga kupuje",
    sold: "prodano",
    not_for_sale: "ni v prodaji",
};

/// German.
const GERMAN: Words<'static> = Words {
    row: "Reihe",
    table: "Tisch",
    seat: "Platz",
    step_free: "stufenlos",
    wheelchair: "Rollstuhlplatz",
    companion: "Begleitplatz",
    obstructed: "Sicht eingeschränkt",
    standing: "Stehplätze",
    places_free: "frei",
    free: "frei",
    chosen: "gewählt",
    held: "wird gerade gekauft",
    sold: "verkauft",
    not_for_sale: "nicht im Verkauf",
};

/// French.
const FRENCH: Words<'static> = Words {
    row: "rang",
    table: "table",
    seat: "place",
    step_free: "sans marche",
    wheelchair: "emplacement pour fauteuil roulant",
    companion: "place d’accompagnateur",
    obstructed: "visibilité réduite",
    standing: "debout",
    places_free: "libres",
    free: "libre",
    chosen: "choisie",
    held: "en cours d’achat",
    sold: "vendue",
    not_for_sale: "pas en vente",
};

/// Spanish.
const SPANISH: Words<'static> = Words {
    row: "fila",
    table: "mesa",
    seat: "asiento",
    step_free: "sin escalones",
    wheelchair: "espacio para silla de ruedas",
    companion: "asiento de acompañante",
    obstructed: "visibilidad reducida",
    standing: "de pie",
    places_free: "libres",
    free: "libre",
    chosen: "elegido",
    held: "alguien lo está comprando",
    sold: "vendido",
    not_for_sale: "no está a la venta",
};

/// Arabic.
const ARABIC: Words<'static> = Words {
    row: "صف",
    table: "طاولة",
    seat: "مقعد",
    step_free: "بدون درجات",
    wheelchair: "مكان لكرسي متحرك",
    companion: "مقعد مرافق",
    obstructed: "رؤية محدودة",
    standing: "وقوف",
    places_free: "متاح",
    free: "متاح",
    chosen: "مختار",
    held: "قيد الشراء",
    sold: "مباع",
    not_for_sale: "غير معروض للبيع",
};

impl Words<'static> {
    /// The words of a language, by its tag without script and region, and that tag; English if
    /// there are none of this one.
    pub fn of(language: &str) -> (&'static str, Self) {
        match language {
            "sl" => ("sl", SLOVENIAN),
            "de" => ("de", GERMAN),
            "fr" => ("fr", FRENCH),
            "es" => ("es", SPANISH),
            "ar" => ("ar", ARABIC),
            _ => ("en", Self::ENGLISH),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// covers: WEB-6
    #[test]
    fn every_language_of_the_shop_has_words_of_its_own() {
        let mut seen = HashSet::new();
        for language in ["en", "sl", "de", "fr", "es", "ar"] {
            let (tag, words) = Words::of(language);
            assert_eq!(tag, language);
            assert!(
                seen.insert(words.seat),
                "{language} has the words of another"
            );
            let states = [
                words.free,
                words.chosen,
                words.held,
                words.sold,
                words.not_for_sale,
            ];
            assert_eq!(
                HashSet::from(states).len(),
                5,
                "{language}: states sound alike"
            );
        }
        assert_eq!(Words::of("tlh").0, "en");
    }
}
