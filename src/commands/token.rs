//! `sekisho token`: access tokens of the HTTP door.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_model::Clock;

use crate::cli::Token;
use crate::clock::SystemClock;
use crate::settings::Environment;
use crate::tokens;

/// Makes a token and prints it.
pub(super) fn run(command: &Token, environment: &Environment) -> Result<ExitCode> {
    let Token::New(args) = command;
    if args.source != "any" {
        super::known_source(&args.source)?;
    }
    let settings = super::settings(args.store.config.config.as_deref(), None, environment)?;
    let data = super::data_folder(&args.store, environment)?;
    let tenant = args.tenant.as_deref().unwrap_or(&settings.tenant);
    let token = tokens::create(&data, &args.source, tenant, SystemClock.now())?;
    writeln!(anstream::stdout(), "{token}")?;
    anstream::eprintln!(
        "shown this once; send it as `Authorization: Bearer …`. It counts within seconds for the service whose data is in {}; \
         from now on that service takes records only with a token.",
        data.display()
    );
    Ok(ExitCode::SUCCESS)
}
