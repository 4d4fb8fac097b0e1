//! Connections that can be cut off from within a handler: a real server dies in the middle, a web framework does not.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The handle by which a handler cuts its own connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire {
    cut: Arc<AtomicBool>,
}

impl Wire {
    /// Nothing more is written: the answer that follows never leaves.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

/// Whoever asks while the address is taken by somebody else for a moment asks again after this.
const TAKEN: Duration = Duration::from_millis(20);

/// Listens while it is said to be here. Away, it refuses new connections and closes the old ones.
#[derive(Debug)]
pub(super) struct CuttableListener {
    /// None while it is away.
    listener: Option<TcpListener>,
    address: SocketAddr,
    here: watch::Receiver<bool>,
}

impl CuttableListener {
    pub(super) fn new(listener: TcpListener, address: SocketAddr, here: watch::Receiver<bool>) -> Self {
        Self { listener: Some(listener), address, here }
    }

    /// Ends when it is here (or not); never, once the stand-in is gone.
    async fn until_here(here: &mut watch::Receiver<bool>, wanted: bool) {
        if here.wait_for(|here| *here == wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        loop {
            let Some(listener) = &mut self.listener else {
                Self::until_here(&mut self.here, true).await;
                match TcpListener::bind(self.address).await {
                    Ok(listener) => self.listener = Some(listener),
                    Err(_) => tokio::time::sleep(TAKEN).await,
                }
                continue;
            };
            tokio::select! {
                biased;
                () = Self::until_here(&mut self.here, false) => self.listener = None,
                (stream, address) = Listener::accept(listener) => {
                    let mut here = self.here.clone();
                    let away = Box::pin(async move { Self::until_here(&mut here, false).await });
                    return (CuttableStream { stream, wire: Wire::default(), away: Some(away) }, address);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Wire {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().wire.clone()
    }
}

pub(super) struct CuttableStream {
    stream: TcpStream,
    wire: Wire,
    /// Ends when the stand-in goes away; None when it has.
    away: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl CuttableStream {
    /// Whether the stand-in went away since this connection was made.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(away) = &mut self.away
            && away.as_mut().poll(context).is_ready()
        {
            self.away = None;
        }
        self.away.is_none()
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            // As if the other side had closed it.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.wire.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
