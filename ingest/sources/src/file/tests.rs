use std::fs::{self, OpenOptions};
use std::io::Write;

use sekisho_model::Time;
use sekisho_pipeline::Log;
use tempfile::TempDir;

use super::*;
use crate::lines::RECORD_BYTES_MAX;
use crate::{SpoolSettings, testing};

const NOW: Time = Time::from_secs(1_790_000_000);

/// A folder with logs, a spool, and a follower that looks when it is told to.
struct Bench {
    logs: TempDir,
    spool_folder: TempDir,
    spool: Option<Spool>,
    follower: Option<FileFollower>,
    pattern: String,
}

fn bench(pattern: &str) -> Bench {
    let (logs, spool_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut bench = Bench {
        logs,
        spool_folder,
        spool: None,
        follower: None,
        pattern: pattern.to_owned(),
    };
    bench.start();
    bench
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.logs.path().join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn start(&mut self) {
        self.follower = None;
        self.spool = None;
        self.spool = Some(Spool::open(SpoolSettings::new(self.spool_folder.path())).unwrap());
        let settings = FileSettings {
            path: self.path(&self.pattern),
            source: Arc::from("linux.sshd"),
            tenant: Arc::from("acme"),
            backfill: false,
        };
        self.follower = Some(FileFollower::new(settings, Arc::new(NOW), Arc::default()));
    }

    async fn look(&mut self) {
        let follower = self.follower.take().unwrap();
        let followed = follower
            .look(self.spool.as_ref().unwrap(), &CancellationToken::new())
            .await;
        self.follower = Some(followed.unwrap());
    }

    async fn frames(&self) -> Vec<Records> {
        testing::stored(self.spool.as_ref().unwrap()).await
    }

    async fn lines(&self) -> Vec<String> {
        let frames = self.frames().await;
        frames
            .iter()
            .flat_map(|frame| &frame.records)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }
}

#[tokio::test]
async fn lines_are_taken_when_they_are_complete() {
    let mut bench = bench("auth.log");
    bench.look().await;
    bench.append("auth.log", "one\r\ntwo\nthr");
    bench.look().await;
    assert_eq!(bench.lines().await, ["one", "two"]);

    bench.append("auth.log", "ee\n");
    bench.look().await;

    assert_eq!(bench.lines().await, ["one", "two", "three"]);
    let origin = bench.frames().await[1].origin.clone();
    assert_eq!(&*origin.label, format!("file:{}#9", bench.path("auth.log").display()));
    assert_eq!((&*origin.tenant, &*origin.source), ("acme", "linux.sshd"));
}

#[tokio::test]
async fn after_a_restart_reading_goes_on_where_it_was() {
    let mut bench = bench("auth.log");
    // Shorter than what identifies a file, so that its identity has to grow with it.
    bench.append("auth.log", "one\n");
    bench.look().await;
    bench.append("auth.log", "two\nhalf");
    bench.start();
    bench.look().await;
    bench.append("auth.log", format!(" a line\n{}\n", "x".repeat(2_000)));
    bench.look().await;
    bench.start();
    bench.append("auth.log", "last\n");
    bench.look().await;

    let long = "x".repeat(2_000);
    assert_eq!(bench.lines().await, ["one", "two", "half a line", &long, "last"]);
}

#[tokio::test]
async fn a_file_that_is_renamed_is_read_to_its_end_and_then_the_new_one() {
    let mut bench = bench("auth.log");
    bench.append("auth.log", "one\n");
    bench.look().await;
    bench.append("auth.log", "two\n");
    fs::rename(bench.path("auth.log"), bench.path("auth.log.1")).unwrap();
    bench.append("auth.log", "new\n");
    bench.look().await;
    // The writer was not told yet.
    bench.append("auth.log.1", "three\nwithout an end");
    for _ in 0..25 {
        bench.look().await;
    }

    assert_eq!(bench.lines().await, ["one", "two", "new", "three", "without an end"]);
    assert_eq!(bench.follower.as_ref().unwrap().tails.len(), 1);
}

#[tokio::test]
async fn a_file_that_was_renamed_while_nobody_looked_is_read_to_its_end() {
    let mut bench = bench("auth.log");
    bench.append("auth.log.2", "never followed\n");
    bench.append("auth.log", "one\n");
    bench.look().await;
    bench.append("auth.log", "two\n");
    fs::rename(bench.path("auth.log"), bench.path("auth.log.1")).unwrap();
    bench.append("auth.log", "new\n");
    bench.start();
    bench.look().await;

    assert_eq!(bench.lines().await, ["one", "two", "new"]);
}

#[tokio::test]
async fn a_file_that_is_cut_is_read_from_its_start() {
    let mut bench = bench("auth.log");
    bench.append("auth.log", "one\ntwo\n");
    bench.look().await;
    fs::write(bench.path("auth.log"), "new\n").unwrap();
    bench.look().await;
    assert_eq!(bench.lines().await, ["one", "two", "new"]);

    // And also if it has grown beyond where reading was.
    fs::write(bench.path("auth.log"), "quite another beginning\n").unwrap();
    bench.look().await;

    assert_eq!(bench.lines().await, ["one", "two", "new", "quite another beginning"]);
}

#[tokio::test]
async fn an_inode_that_is_used_again_is_another_file() {
    let mut bench = bench("auth.log");
    bench.append("auth.log", "one\ntwo\n");
    bench.look().await;
    bench.start();
    // The same inode with other contents is what a file system makes of deleting and creating.
    fs::write(bench.path("auth.log"), "three\nfour\nfive\n").unwrap();
    bench.look().await;

    assert_eq!(bench.lines().await, ["one", "two", "three", "four", "five"]);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_also_across_a_restart() {
    let mut bench = bench("auth.log");
    bench.append("auth.log", "before\n");
    bench.append("auth.log", vec![b'x'; 3 * 1024 * 1024]);
    bench.look().await;
    bench.start();
    bench.append("auth.log", "still the same line\nafter\n");
    bench.look().await;

    let lines = bench.lines().await;
    assert_eq!(
        lines.iter().map(String::len).collect::<Vec<_>>(),
        [6, RECORD_BYTES_MAX, 5]
    );
    assert_eq!(lines[2], "after");
}

#[tokio::test]
async fn a_star_follows_files_as_they_come_but_not_compressed_ones() {
    let mut bench = bench("app-*.log*");
    bench.append("app-1.log", "one\n");
    bench.look().await;
    bench.append("app-2.log", "two\n");
    bench.append("app-1.log.gz", "packed\n");
    bench.append("other.log", "other\n");
    bench.look().await;

    assert_eq!(bench.lines().await, ["one", "two"]);
}

#[tokio::test]
async fn a_large_file_comes_in_pieces_that_cover_it() {
    let mut bench = bench("auth.log");
    let lines: Vec<String> = (0..60_000).map(|n| format!("{n} {}", "y".repeat(40))).collect();
    let text = lines.join("\n") + "\n";
    bench.append("auth.log", &text);
    bench.look().await;

    assert!(bench.frames().await.len() > 2);
    assert_eq!(bench.lines().await.join("\n") + "\n", text);
}

#[tokio::test]
async fn following_ends_with_the_program() {
    let mut bench = bench("auth.log");
    bench.append("auth.log", "one\n");
    let shutdown = CancellationToken::new();
    let follower = bench.follower.take().unwrap();
    let running = tokio::spawn(follower.run(bench.spool.clone().unwrap(), shutdown.clone()));
    let mut reader = bench.spool.as_ref().unwrap().reader();
    reader.read(0, 1).await.unwrap();

    shutdown.cancel();

    running.await.unwrap().unwrap();
    assert_eq!(bench.lines().await, ["one"]);
}
