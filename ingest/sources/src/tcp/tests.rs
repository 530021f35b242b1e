use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::testing::Script;

async fn echo(mut connection: Connection) {
    let mut buffer = [0; 16];
    loop {
        tokio::select! {
            () = connection.shutdown.cancelled() => return,
            read = connection.stream.read(&mut buffer) => match read {
                Ok(count @ 1..) => connection.stream.write_all(&buffer[..count]).await.unwrap(),
                _ => return,
            },
        }
    }
}

async fn echoes(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 1];
    stream.write_all(b"x").await.is_ok() && stream.read_exact(&mut buffer).await.is_ok()
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_closed_and_a_place_comes_back() {
    let listener = Listener::bind("echo", "127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let listener = listener.with_limits(2, 1);
    let (address, shutdown) = (listener.address().unwrap(), CancellationToken::new());
    let running = tokio::spawn(listener.run(shutdown.clone(), echo));
    let connect = || TcpStream::connect(address);

    let mut first = connect().await.unwrap();
    let mut second = connect().await.unwrap();
    assert!(echoes(&mut first).await && echoes(&mut second).await);
    let mut third = connect().await.unwrap();
    assert!(!echoes(&mut third).await);
    drop(first);
    while !echoes(&mut connect().await.unwrap()).await {
        tokio::task::yield_now().await;
    }
    assert!(echoes(&mut second).await);
    shutdown.cancel();
    running.await.unwrap();
    assert!(!echoes(&mut second).await);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = Listener::bind("echo", "127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let address = taken.address().unwrap();
    let error = Listener::bind("forward", address, None).await.unwrap_err();
    let expected = format!(
        "failed to listen on {address} for forward (another program has it, perhaps another Sekisho; [listen] in the \
         settings can name another)"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn what_waits_in_a_link_is_held_and_given_back() {
    let room = Room::new();
    let chunks: Vec<Vec<u8>> = (0..3).map(|n| vec![n; 30_000]).collect();
    let script = Script::new(chunks.iter().map(Vec::as_slice));
    let mut link = Link::new(Box::new(script), CancellationToken::new(), &room);

    while link.rest().len() < 90_000 {
        link.fill().await.unwrap();
    }
    assert_eq!(link.rest(), chunks.concat());
    link.pass(45_000);
    assert_eq!(link.rest(), &chunks.concat()[45_000..]);
    let ended = link.fill().await.unwrap_err();
    assert!(matches!(ended, Ended::Protocol(_)), "within a frame: {ended}");
    link.pass(usize::MAX);
    let ended = link.fill().await.unwrap_err();
    assert!(matches!(ended, Ended::Closed), "between frames: {ended}");
}

#[tokio::test]
async fn a_link_keeps_no_large_buffer_for_small_frames() {
    let room = Room::new();
    let script = Script::new([vec![0; 1_000_000].as_slice(), b"small"]);
    let mut link = Link::new(Box::new(script), CancellationToken::new(), &room);

    while link.rest().len() < 1_000_000 {
        link.fill().await.unwrap();
    }
    assert!(1_000_000 <= link.capacity() && link.capacity() < 4_000_000);
    link.pass(1_000_000);
    link.fill().await.unwrap();
    assert_eq!(link.rest(), b"small");
    assert!(link.capacity() < 200_000, "{}", link.capacity());
}
