//! Real clients against a real socket.

use std::future::IntoFuture;
use std::path::Path;
use std::process::Command;

use sekisho_sources::router;

use crate::bench::{Bench, State};

/// Names a Python environment that has what `tests/clients/requirements.txt` asks for.
const VENV_VARIABLE: &str = "SEKISHO_CLIENTS_VENV";

#[tokio::test]
async fn real_clients_are_served() {
    let Some(venv) = std::env::var_os(VENV_VARIABLE) else {
        eprintln!("skipped: {VENV_VARIABLE} names no Python environment with the clients");
        return;
    };
    let bench = Bench::new(State::Guarded).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(axum::serve(listener, router(bench.door.clone())).into_future());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/http_doors.py");
    let run = move || {
        Command::new(Path::new(&venv).join("bin/python3"))
            .arg(script)
            .args(["--url", &url, "--token", "any-s3cret"])
            .output()
    };

    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();

    served.abort();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}{}", told[0], told[1]);
    // The script says how many records it was told are taken.
    let sent = told[0]
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("records taken: "));
    let stored = bench.stored().await.len();
    assert_eq!(sent, Some(stored.to_string().as_str()), "{}", told[0]);
    eprintln!("{}", told[0]);
}
