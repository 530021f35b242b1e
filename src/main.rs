//! Sekisho, the program: the only part that knows all others, the environment and the process.
//!
//! Start reading at [`service`] for what runs, and at [`commands`] for what can be asked for.
//! Data goes to standard output, words to standard error; the exit status is 0 when all is well, 1
//! when something was found and a command was asked to fail on that, 2 when it could not run.

mod bounds;
mod cli;
mod clock;
mod commands;
mod context;
mod feedback;
mod judge;
mod office;
mod rejects;
mod rules;
mod service;
mod settings;
mod tally;
mod tokens;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// The exit status of a command that could not run.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let environment: settings::Environment = std::env::vars().collect();
    // The demo shows messages, not the log of the program.
    let usual = if matches!(cli.command, cli::Command::Run(_)) {
        "warn,sekisho=info"
    } else {
        "warn"
    };
    let filter = environment.get("SEKISHO_LOG").map_or(usual, String::as_str);
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return ExitCode::from(COULD_NOT_RUN);
    }
    match commands::run(cli.command, &environment) {
        Ok(code) => code,
        // Whoever read our output has read enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("sekisho: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let pipe = std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|cause| cause.kind() == pipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|cause| cause.io_error_kind() == Some(pipe))
    })
}
