//! `sekisho run`: the service.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::service::Service;
use crate::settings::Environment;

/// Runs the service until it is told to stop.
pub(super) fn run(config: Option<&Path>, environment: &Environment) -> Result<ExitCode> {
    let settings = super::settings(config, None, environment)?;
    super::runtime()?.block_on(async {
        let service = Service::build(settings, Arc::new(SystemClock), None).await?;
        let addresses = service.addresses()?;
        tracing::info!(
            http = %addresses.http,
            syslog_tcp = %addresses.syslog_tcp,
            syslog_udp = %addresses.syslog_udp,
            "listening"
        );
        let shutdown = CancellationToken::new();
        tokio::spawn(stop_on_signal(shutdown.clone()));
        service.run(shutdown).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Asks for a stop when the process is asked to: by Ctrl-C, or by a service manager.
pub(super) async fn stop_on_signal(shutdown: CancellationToken) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    tracing::info!("stopping: what is in hand becomes durable first");
    shutdown.cancel();
    Ok(())
}
