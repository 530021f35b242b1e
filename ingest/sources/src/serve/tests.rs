use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::Tls;
use crate::testing::{Authority, connect_tls};

async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    peer.to_string()
}

async fn serve(tls: Option<Tls>, router: Router) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = Listener::bind("http", "127.0.0.1:0".parse().unwrap(), tls)
        .await
        .unwrap();
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let running = tokio::spawn(serve_http(listener, router, shutdown.clone()));
    (address, shutdown, running)
}

async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const WHO: &str = "GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_handler_sees_its_peer_with_tls_and_without() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let tls = Tls::load(authority.issue().write(folder.path(), None)).unwrap();
    let router = Router::new().route("/who", get(who));

    let (address, ..) = serve(None, router.clone()).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    let own = plain.local_addr().unwrap().to_string();
    let answer = ask(&mut plain, WHO).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&own),
        "{answer}"
    );

    let (address, ..) = serve(Some(tls), router).await;
    let mut secret = connect_tls(address, &authority, None).await.unwrap();
    let own = secret.get_ref().0.local_addr().unwrap().to_string();
    let answer = ask(&mut secret, WHO).await;
    assert!(answer.ends_with(&own), "{answer}");
}

#[tokio::test]
async fn a_request_in_hand_is_answered_after_a_shutdown_and_an_idle_connection_is_closed() {
    let (begun, mut begins) = mpsc::channel::<()>(1);
    let router = Router::new().route(
        "/slow",
        post(move |body: String| async move {
            begun.send(()).await.unwrap();
            body
        }),
    );
    let (address, shutdown, running) = serve(None, router).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut busy = TcpStream::connect(address).await.unwrap();
    let head = "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n";
    busy.write_all(head.as_bytes()).await.unwrap();
    busy.write_all(b"12").await.unwrap();
    // When a later one has been read to its end, the head of this one has been read.
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(head.as_bytes()).await.unwrap();
    other.write_all(b"12345").await.unwrap();
    begins.recv().await.unwrap();

    shutdown.cancel();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    busy.write_all(b"345").await.unwrap();
    begins.recv().await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();

    assert!(answer.ends_with("12345"), "{answer}");
    running.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (address, ..) = serve(None, Router::new()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    let answer = ask(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
