//! A small HTTP server that takes what is posted and answers as scripted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// This status with these header lines and this body.
    Answer(u16, &'static str, String),
    /// Nothing, with the connection closed.
    Reset,
    /// Nothing, for ever.
    Hang,
    /// This status, after so long.
    Slow(u16, Duration),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, "", String::new())
    }
}

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Posted {
    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The server; it stops with the runtime of the test.
pub(crate) struct Collector {
    pub(crate) url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
    count: watch::Receiver<usize>,
}

impl Collector {
    /// Answers by the script, and 204 after its end.
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/verysecret", listener.local_addr().unwrap());
        let posted = Arc::new(Mutex::new(Vec::new()));
        let (counter, count) = watch::channel(0);
        let desk = Arc::new(Desk {
            script: Mutex::new(script.into()),
            posted: Arc::clone(&posted),
            counter,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&desk).serve(stream));
            }
        });
        Self { url, posted, count }
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    /// Waits until so many were posted.
    pub(crate) async fn wait_for(&self, count: usize) {
        let mut posted = self.count.clone();
        let seen = posted.wait_for(|seen| count <= *seen);
        tokio::time::timeout(Duration::from_secs(20), seen)
            .await
            .expect("nothing was posted")
            .unwrap();
    }
}

struct Desk {
    script: Mutex<VecDeque<Reply>>,
    posted: Arc<Mutex<Vec<Posted>>>,
    counter: watch::Sender<usize>,
}

impl Desk {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let Some((stream, request)) = read(stream).await else {
            return;
        };
        let reply = self
            .script
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| Reply::status(204));
        self.posted.lock().unwrap().push(request);
        self.counter.send_modify(|count| *count += 1);
        answer(stream, reply).await;
    }
}

async fn read(mut stream: TcpStream) -> Option<(TcpStream, Posted)> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let headers: HashMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().ok()?;
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((
        stream,
        Posted {
            headers,
            body: String::from_utf8(body).ok()?,
        },
    ))
}

async fn answer(mut stream: TcpStream, reply: Reply) {
    let (status, header, body) = match reply {
        Reply::Answer(status, header, body) => (status, header, body),
        Reply::Reset => return,
        Reply::Hang => std::future::pending().await,
        Reply::Slow(status, wait) => {
            tokio::time::sleep(wait).await;
            (status, "", String::new())
        }
    };
    let length = body.len();
    let text = format!("HTTP/1.1 {status} x\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    // The other end may have gone.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.shutdown().await);
}
