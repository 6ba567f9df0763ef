//! The gates' network: a relay to the server that can be cut and mended.
//!
//! Gates know only the relay's address. Cutting it breaks every connection and stops listening, but
//! keeps the port, so that connecting is refused as on a machine that is not there.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::cli::Failure;

/// The way from the gates to the server.
pub(super) struct Network {
    address: SocketAddr,
    server: SocketAddr,
    state: State,
}

enum State {
    /// Connections are relayed by this task.
    Whole(JoinHandle<()>),
    /// Nothing listens; the port is kept.
    Cut(TcpSocket),
    /// In between.
    Changing,
}

fn failed(error: std::io::Error) -> Failure {
    Failure::new("demo.network", format_args!("the gates' network: {error}"))
}

impl Network {
    /// Relays to `server`, at `address` or at a free port.
    ///
    /// # Errors
    /// `demo.network` if that port is taken.
    pub(super) fn start(server: SocketAddr, address: Option<SocketAddr>) -> Result<Self, Failure> {
        let wanted = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = hold(wanted)
            .and_then(|socket| socket.listen(64))
            .map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            server,
            state: State::Whole(tokio::spawn(relay(listener, server))),
        })
    }

    /// The server's address, as gates know it.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes the network away.
    ///
    /// # Errors
    /// `demo.network` if the port cannot be kept.
    pub(super) async fn cut(&mut self) -> Result<(), Failure> {
        if let State::Whole(task) = std::mem::replace(&mut self.state, State::Changing) {
            task.abort();
            // It ends as cancelled; what counts is that it has ended, and its listener with it.
            let _ = task.await;
        }
        self.state = State::Cut(hold(self.address).map_err(failed)?);
        Ok(())
    }

    /// Brings the network back.
    ///
    /// # Errors
    /// `demo.network` if nothing can listen any more.
    pub(super) fn mend(&mut self) -> Result<(), Failure> {
        if let State::Cut(socket) = std::mem::replace(&mut self.state, State::Changing) {
            let listener = socket.listen(64).map_err(failed)?;
            self.state = State::Whole(tokio::spawn(relay(listener, self.server)));
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        match &self.state {
            State::Whole(task) => task.abort(),
            State::Cut(_) | State::Changing => {}
        }
    }
}

/// Takes a port without listening on it.
fn hold(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections that just ended do not hold the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Relays until it is aborted, which breaks its connections too.
async fn relay(listener: TcpListener, server: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut gate, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                // A connection that breaks is the gate's to notice.
                let _ = copy_bidirectional(&mut gate, &mut server).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_is_cut_is_refused_and_comes_back_at_the_same_address() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = server.accept().await {
                stream.write_all(b"hello").await.unwrap();
                std::mem::forget(stream);
            }
        });
        let mut network = Network::start(address, None).unwrap();
        let url = network.url();
        let hear = async |bytes: &mut [u8]| {
            let mut stream = TcpStream::connect(network.address).await?;
            stream.read_exact(bytes).await?;
            Ok::<_, std::io::Error>(stream)
        };
        let mut bytes = [0; 5];
        let mut open = hear(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hello");

        network.cut().await.unwrap();
        assert!(matches!(open.read(&mut bytes).await, Ok(0) | Err(_)));
        let refused = TcpStream::connect(network.address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

        network.mend().unwrap();
        assert_eq!(network.url(), url);
        let mut stream = TcpStream::connect(network.address).await.unwrap();
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hello");
    }
}
