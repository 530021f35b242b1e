//! `sekisho token`: access tokens of the doors.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_model::Clock;

use crate::cli::{StoreArgs, Token, TokenNew, TokenRevoke};
use crate::clock::SystemClock;
use crate::service;
use crate::settings::Environment;
use crate::tokens;

/// Makes, lists or revokes.
pub(super) fn run(command: &Token, environment: &Environment) -> Result<ExitCode> {
    match command {
        Token::New(args) => new(args, environment),
        Token::List(args) => list(args, environment),
        Token::Revoke(args) => revoke(args, environment),
    }
}

/// Makes a token and prints it.
fn new(args: &TokenNew, environment: &Environment) -> Result<ExitCode> {
    if args.source != "any" && args.source != service::METRICS {
        super::known_source(&args.source)?;
    }
    let settings = super::settings(args.store.config.config.as_deref(), None, environment)?;
    let data = super::data_folder(&args.store, environment)?;
    let tenant = args.tenant.as_deref().unwrap_or(&settings.tenant);
    let token = tokens::create(&data, &args.source, tenant, SystemClock.now())?;
    writeln!(anstream::stdout(), "{token}")?;
    if args.source == service::METRICS {
        anstream::eprintln!("shown this once; with it as `Authorization: Bearer …`, /metrics answers from anywhere");
        return Ok(ExitCode::SUCCESS);
    }
    anstream::eprintln!(
        "shown this once; send it as `Authorization: Bearer …`. It counts within seconds for the service whose data is in {}; \
         from now on that service takes records only with a token.",
        data.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn list(args: &StoreArgs, environment: &Environment) -> Result<ExitCode> {
    let data = super::data_folder(args, environment)?;
    let mut out = anstream::stdout().lock();
    writeln!(out, "{:12}  {:20}  {:16}  made", "name", "source", "tenant")?;
    for token in tokens::list(&data)? {
        writeln!(
            out,
            "{:12}  {:20}  {:16}  {}",
            token.name(),
            token.source,
            token.tenant,
            token.created
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &TokenRevoke, environment: &Environment) -> Result<ExitCode> {
    let data = super::data_folder(&args.store, environment)?;
    if !tokens::revoke(&data, &args.name)? {
        anyhow::bail!("no token is called {:?}; `sekisho token list` shows them", args.name);
    }
    anstream::eprintln!("revoked; within seconds nothing is taken with it");
    if tokens::list(&data)?.is_empty() {
        anstream::eprintln!("it was the last: the HTTP door on a loopback address now takes records without a token");
    }
    Ok(ExitCode::SUCCESS)
}
