//! A way to a server that can fall silent: both sides stay connected, and nothing comes through any more.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Ends with the test's runtime.
pub(crate) struct SilentWay {
    /// The server's URL, by this way.
    pub(crate) url: String,
    /// Whether those hear nothing that connect from now on. Said anew, those that are connected hear nothing any more.
    pub(crate) stays_silent: watch::Sender<bool>,
}

impl SilentWay {
    /// To a URL that names 127.0.0.1 and a port.
    pub(crate) async fn to(url: &str) -> Self {
        let port: u16 = url.rsplit_once('/').unwrap().0.rsplit_once(':').unwrap().1.parse().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (stays_silent, silence) = watch::channel(false);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(forward(listener, port, silence));
        Self { url: url.replace(&format!(":{port}/"), &format!(":{own}/")), stays_silent }
    }

    /// Of those that are connected now nobody hears anything any more; who connects later does.
    pub(crate) fn fall_silent(&self) {
        self.stays_silent.send_replace(false);
    }
}

async fn forward(listener: TcpListener, port: u16, silence: watch::Receiver<bool>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut silence = silence.clone();
        let is_silent = *silence.borrow_and_update();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            if is_silent {
                std::future::pending::<()>().await;
            }
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = silence.changed() => std::future::pending().await,
            }
        });
    }
}
