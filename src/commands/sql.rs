//! `sekisho sql`: questions about what is stored.
//!
//! A question runs in this process, never in the one that watches: whatever it does to its engine, no
//! record waits for it.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::Result;
use sekisho_store::format;
use sekisho_store::sql::{Limits, Sql};

use crate::cli::{self, Format};
use crate::settings::Environment;

/// Answers one question, or those typed at a prompt.
pub(super) fn run(args: &cli::Sql, environment: &Environment) -> Result<ExitCode> {
    let folder = super::data_folder(&args.store, environment)?;
    let sql = Sql::open(&folder, Limits::default());
    match &args.query {
        Some(query) => answer(&sql, query, args.format)?,
        None => prompt(&sql, args.format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(sql: &Sql, query: &str, form: Format) -> Result<()> {
    let answer = sql.query(query)?;
    let mut out = std::io::stdout().lock();
    let written = match form {
        Format::Table => format::table(&answer, &mut out),
        Format::Csv => format::csv(&answer, &mut out),
        Format::Ndjson => format::ndjson(&answer, &mut out),
    };
    written.map_err(anyhow::Error::from)?;
    if let Some(limit) = answer.cut {
        anstream::eprintln!("there are more rows: the answer was cut by {limit}; narrow it with WHERE");
    }
    Ok(())
}

/// Reads questions, each ended by a semicolon or an empty line.
fn prompt(sql: &Sql, form: Format) -> Result<()> {
    anstream::eprintln!(
        "tables: events, rejects, alerts; views: events_latest, alerts_latest; end a question with ; and the session with Ctrl-D"
    );
    let mut question = String::new();
    loop {
        anstream::eprint!("{}", if question.is_empty() { "sekisho> " } else { "      -> " });
        std::io::stderr().flush()?;
        let mut line = String::new();
        let ended = std::io::stdin().lock().read_line(&mut line)? == 0;
        if question.is_empty() && ["exit", "quit", "\\q"].contains(&line.trim()) {
            return Ok(());
        }
        question.push_str(&line);
        if !ended && !line.trim().is_empty() && !line.trim_end().ends_with(';') {
            continue;
        }
        let asked = question.trim().trim_end_matches(';').to_owned();
        question.clear();
        if !asked.is_empty()
            && let Err(error) = answer(sql, &asked, form)
        {
            anstream::eprintln!("{error:#}");
        }
        if ended {
            return Ok(());
        }
    }
}
