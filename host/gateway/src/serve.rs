//! The accept loop. Its own, because a server without deadlines keeps half-sent requests for ever: a handshake, headers and
//! answers have a time, headers a size, connections a number altogether and for each peer, and a stop lets what is under way
//! finish.

use crate::STOP_TIME_MAX;
use crate::guard::Guard;
use crate::request::HEADER_BYTES_MAX;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Serves until told to stop. The guard is asked anew for each connection.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    guard: impl Fn() -> Arc<Guard>,
    mut stopped: watch::Receiver<bool>,
) {
    let (places, peers) = (
        Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        Arc::<Peers>::default(),
    );
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip().to_canonical()),
            Err(problem) => {
                tracing::warn!(%problem, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let guard = guard();
        if !guard.lets_connect(peer) {
            tracing::warn!(%peer, "somebody who is no trusted proxy was turned away");
            continue;
        }
        let Some(peers_place) = Peers::take(&peers, peer, guard.is_proxy(peer)) else {
            tracing::debug!(%peer, "a peer has {PEER_CONNECTIONS_MAX} connections, and gets no more");
            continue;
        };
        let places = (place, peers_place);
        let connection = Connection {
            router: router.clone(),
            watcher: graceful.watcher(),
        };
        tokio::spawn(async move {
            connection.serve(stream, &guard).await;
            drop(places);
        });
    }
    drop(listener);
    let _ = timeout(STOP_TIME_MAX, graceful.shutdown()).await;
}

/// What a connection is served with.
struct Connection {
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream, guard: &Guard) {
        // An answer is written in one piece, and nothing that follows it should wait for its acknowledgement.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &guard.tls else {
            return self.speak(stream).await;
        };
        match timeout(
            HANDSHAKE_TIME_MAX,
            TlsAcceptor::from(tls.clone()).accept(stream),
        )
        .await
        {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(problem)) => tracing::debug!(%problem, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        if let Err(problem) = self
            .watcher
            .watch(connection(stream, self.router, WRITE_PAUSE_MAX))
            .await
        {
            tracing::debug!(%problem, "a connection ended early");
        }
    }
}

pub(crate) type Http<S> =
    http1::Connection<TokioIo<Pin<Box<TimeoutStream<S>>>>, TowerToHyperService<Router>>;

/// Who takes nothing of an answer for so long is cut off: a stream that nobody reads would never end.
pub(crate) fn connection<S>(stream: S, router: Router, write_pause_max: Duration) -> Http<S>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(write_pause_max));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        )
}

/// How many connections each peer has.
#[derive(Default)]
struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// One of them, until it is dropped.
struct PeersPlace {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    /// None if it has as many as it may. A proxy's are many people's, and not bounded by this.
    fn take(peers: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Option<PeersPlace> {
        let mut counts = peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= PEER_CONNECTIONS_MAX && !is_proxy {
            return None;
        }
        *count += 1;
        Some(PeersPlace {
            peers: peers.clone(),
            peer,
        })
    }
}

impl Drop for PeersPlace {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

/// Others wait to be accepted.
const CONNECTIONS_MAX: usize = 4_096;
/// One peer cannot have them all.
const PEER_CONNECTIONS_MAX: usize = 1_024;
/// More are answered 431.
const HEADERS_MAX: usize = 64;
/// Also how long a connection may be idle.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
const WRITE_PAUSE_MAX: Duration = Duration::from_secs(15);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_have_every_connection() {
        let peers = Arc::<Peers>::default();
        let (one, other) = (IpAddr::from([127, 0, 0, 2]), IpAddr::from([127, 0, 0, 1]));
        let taken: Vec<PeersPlace> = (0..PEER_CONNECTIONS_MAX)
            .map(|_| Peers::take(&peers, one, false).expect("a place"))
            .collect();
        assert!(Peers::take(&peers, one, false).is_none());
        assert!(
            Peers::take(&peers, one, true).is_some(),
            "a proxy's are many people's"
        );
        assert!(Peers::take(&peers, other, false).is_some());
        drop(taken);
        assert!(Peers::take(&peers, one, false).is_some());
        assert!(
            peers.0.lock().expect("no test has panicked").is_empty(),
            "nobody is remembered for nothing"
        );
    }
}
