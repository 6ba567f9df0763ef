//! In which country an address is, by a file in MaxMind's format (feature `countries`).
//!
//! The file is not ours to give: GeoLite2 and DB-IP's lite one are free, and others are sold.

use std::net::IpAddr;
use std::path::Path;

use bilten_kernel::http::{Countries, Country};
use maxminddb::{PathElement, Reader};

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} is not a file in MaxMind's format: {problem}. Set visitors.country_file to one, or leave it empty"
)]
pub struct CountryFileError {
    path: String,
    problem: String,
}

impl CountryFileError {
    /// The stable name of this error.
    pub const fn code(&self) -> &'static str {
        "visitors.country_file"
    }
}

/// A file that says which addresses are in which country.
pub struct CountryFile(Reader<Vec<u8>>);

impl CountryFile {
    /// Reads the file into memory.
    ///
    /// # Errors
    /// [`CountryFileError`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, CountryFileError> {
        Reader::open_readfile(path)
            .map(Self)
            .map_err(|error| CountryFileError {
                path: path.display().to_string(),
                problem: error.to_string(),
            })
    }
}

impl Countries for CountryFile {
    fn country(&self, address: IpAddr) -> Option<Country> {
        let found = self.0.lookup(address).ok()?;
        let path = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let code: String = found.decode_path(&path).ok()??;
        code.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of one network of IPv4, 1.0.0.0/8, which is in Slovenia.
    fn file() -> Vec<u8> {
        let text = |text: &str| {
            let mut bytes = vec![0x40 | u8::try_from(text.len()).unwrap()];
            bytes.extend(text.as_bytes());
            bytes
        };
        let nodes = 8u32;
        let mut bytes = Vec::new();
        for node in 0..nodes {
            // The bits of 1 are seven zeros and a one: to the left until the last node.
            let (data, nothing) = (nodes + 16, nodes);
            let sides = if node + 1 < nodes {
                [node + 1, nothing]
            } else {
                [nothing, data]
            };
            for side in sides {
                bytes.extend(&side.to_be_bytes()[1..]);
            }
        }
        bytes.extend([0; 16]);
        bytes.push(0xe1);
        bytes.extend(text("country"));
        bytes.push(0xe1);
        bytes.extend([text("iso_code"), text("SI")].concat());
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.push(0xe9);
        let number = |value: u16| [vec![0xa2], value.to_be_bytes().to_vec()].concat();
        let parts: [(&str, Vec<u8>); 9] = [
            ("node_count", vec![0xc1, 8]),
            ("record_size", number(24)),
            ("ip_version", number(4)),
            ("database_type", text("Tests")),
            ("languages", vec![0x00, 0x04]),
            ("binary_format_major_version", number(2)),
            ("binary_format_minor_version", number(0)),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("description", vec![0xe0]),
        ];
        for (name, value) in parts {
            bytes.extend(text(name));
            bytes.extend(value);
        }
        bytes
    }

    /// covers: GW-2
    #[test]
    fn the_file_says_which_country() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countries.mmdb");
        std::fs::write(&path, file()).unwrap();
        let countries = CountryFile::open(&path).unwrap();
        let of = |address: &str| countries.country(address.parse().unwrap());
        assert_eq!(of("1.2.3.4"), "SI".parse().ok());
        assert_eq!([of("2.0.0.1"), of("0.0.0.1"), of("::1")], [None; 3]);
    }

    #[test]
    fn another_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countries.mmdb");
        let error = |path: &Path| CountryFile::open(path).err().unwrap().to_string();
        assert!(error(&path).contains("countries.mmdb"));
        std::fs::write(&path, b"nonsense").unwrap();
        assert!(error(&path).contains("visitors.country_file"));
    }
}
