//! What can be wrong with a frame or a picture file.

/// A frame's measures do not describe a picture that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A side is 0.
    #[error("the frame is empty: {width}x{height}")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// Rows would overlap.
    #[error("the stride of {stride} bytes is less than the width of {width} pixels")]
    StrideTooSmall {
        /// Width in pixels.
        width: u32,
        /// Bytes from one row to the next.
        stride: u32,
    },
    /// The data end before the last pixel.
    #[error("the frame needs {needed} bytes but has {given}")]
    TooShort {
        /// Bytes that the measures ask for.
        needed: u64,
        /// Bytes that are there.
        given: u64,
    },
    /// The frame is above [`MAX_PIXELS`](super::MAX_PIXELS) or [`MAX_SIDE`](super::MAX_SIDE).
    #[error("the picture is too large: {width}x{height}")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl FrameError {
    /// The stable code of this error, for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "frame_empty",
            Self::StrideTooSmall { .. } => "frame_stride_too_small",
            Self::TooShort { .. } => "frame_too_short",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// A picture file cannot be turned into a frame.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be opened or read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The bytes are none of PNG, JPEG, WebP and PGM.
    #[error("this is not a PNG, JPEG, WebP or PGM picture")]
    UnsupportedFormat,
    /// The bytes begin like a picture but are torn or wrong inside.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// The file or the picture in it is above the limits.
    #[error("the picture is too large")]
    TooLarge,
    /// The picture's measures are refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl PictureError {
    /// The stable code of this error, for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable_file",
            Self::UnsupportedFormat => "unsupported_format",
            Self::Damaged(_) => "damaged_picture",
            Self::TooLarge => "too_large",
            Self::Frame(frame) => frame.code(),
        }
    }
}
