//! Types of files that a question takes, told by how their bytes begin.

use bilten_kernel::text_enum;

text_enum! {
    /// A type of files.
    pub enum FileType {
        /// A document.
        Pdf = "pdf",
        /// A photograph.
        Jpeg = "jpeg",
        /// A picture.
        Png = "png",
        /// A picture.
        Webp = "webp",
    }
}

impl FileType {
    /// The type of a file by its bytes, whatever it is called and whatever its sender says; none if it is of
    /// no type that is taken.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
            Some(Self::Webp)
        } else {
            None
        }
    }

    /// What it is called in `Content-Type`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// How names of such files end, after the dot.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_bytes() {
        let of = |bytes: &[u8]| FileType::of(bytes).map(FileType::as_str);
        assert_eq!(of(b"%PDF-1.7\n..."), Some("pdf"));
        assert_eq!(of(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some("jpeg"));
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some("png"));
        assert_eq!(of(b"RIFF\x24\0\0\0WEBPVP8 "), Some("webp"));
        for none in [
            &b""[..],
            b"%PDF",
            b" %PDF-1.7",
            b"\x89PNG",
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"RIFF\x24\0\0\0WEB",
            b"<html>",
            b"MZ\x90\0",
            b"GIF89a",
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
