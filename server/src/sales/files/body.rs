//! Bodies of uploads, read as far as this node has room for them.

use axum::body::HttpBody;
use axum::extract::Request;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::FileError;

/// How much of files this node has in its hands at once, in KiB.
const ROOM_KIB: usize = 256 * 1024;

static ROOM: Semaphore = Semaphore::const_new(ROOM_KIB);

/// What was sent, with the room that it takes until it is dropped.
pub(crate) struct Received {
    /// What was sent.
    pub(super) bytes: Vec<u8>,
    /// The room.
    pub(super) room: SemaphorePermit<'static>,
}

impl Received {
    /// Nothing yet.
    ///
    /// # Errors
    /// [`FileError::Busy`].
    pub(crate) fn nothing() -> Result<Self, FileError> {
        Ok(Self {
            bytes: Vec::new(),
            room: room_for(0)?,
        })
    }

    /// Takes what has come, unless it is more than so many bytes in all or there is no room for it.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], [`FileError::Busy`].
    pub(crate) fn add(&mut self, chunk: &[u8], max_bytes: u32) -> Result<(), FileError> {
        let length = self.bytes.len().saturating_add(chunk.len());
        if length > usize::try_from(max_bytes).unwrap_or(usize::MAX) {
            return Err(FileError::TooLarge(max_bytes));
        }
        let more = length.saturating_sub(self.room.num_permits().saturating_mul(1_024));
        self.room.merge(room_for(more)?);
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

/// Room for so many bytes.
pub(super) fn room_for(bytes: usize) -> Result<SemaphorePermit<'static>, FileError> {
    let kib = u32::try_from(bytes.div_ceil(1_024)).map_err(|_| FileError::Busy)?;
    ROOM.try_acquire_many(kib).map_err(|_| FileError::Busy)
}

/// Reads a body to its end, unless it has more bytes than that or there is no room for it.
///
/// It takes room for what has come, not for what is said to come: whoever sends slowly keeps it from nobody.
pub(super) async fn read(request: Request, max_bytes: u32) -> Result<Received, FileError> {
    let body = request.into_body();
    if body.size_hint().lower() > u64::from(max_bytes) {
        return Err(FileError::TooLarge(max_bytes));
    }
    let mut received = Received::nothing()?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| FileError::Broken)?;
        received.add(&chunk, max_bytes)?;
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    fn request(body: Body) -> Request {
        Request::new(body)
    }

    #[tokio::test]
    async fn bodies_end_where_they_must() {
        let whole = read(request(Body::from("12345")), 5).await.unwrap();
        assert_eq!(whole.bytes, b"12345");
        assert_eq!(whole.room.num_permits(), 1);
        assert!(matches!(
            read(request(Body::from("123456")), 5).await,
            Err(FileError::TooLarge(5))
        ));
        // One of which nobody says how long it is.
        let parts = || stream::repeat_with(|| Ok::<_, std::io::Error>("123")).take(1_000);
        let long = read(request(Body::from_stream(parts())), 3_000)
            .await
            .unwrap();
        assert_eq!((long.bytes.len(), long.room.num_permits()), (3_000, 3));
        assert!(matches!(
            read(request(Body::from_stream(parts())), 2_999).await,
            Err(FileError::TooLarge(2_999))
        ));
        let broken = stream::iter([Ok("123"), Err(std::io::Error::other("gone"))]);
        assert!(matches!(
            read(request(Body::from_stream(broken)), 100).await,
            Err(FileError::Broken)
        ));
        assert!(matches!(
            room_for(ROOM_KIB * 1_024 + 1),
            Err(FileError::Busy)
        ));
    }
}
