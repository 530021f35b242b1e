//! `sekisho sources`: what is understood.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_formats::FORMATS;

/// Prints the table of formats.
pub(super) fn run() -> Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    let header = [
        "source",
        "what it reads",
        "how it comes",
        "late by",
        "what to switch on",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 5]> = FORMATS
        .iter()
        .map(|spec| {
            let minutes = spec.lateness.as_secs() / 60;
            let late = if minutes >= 120 {
                format!("up to {} h", minutes / 60)
            } else {
                format!("up to {minutes} min")
            };
            [
                spec.id.to_owned(),
                spec.title.to_owned(),
                spec.transports.to_owned(),
                late,
                spec.prepare.to_owned(),
            ]
        })
        .collect();
    let width = |column: usize| {
        std::iter::once(&header)
            .chain(&rows)
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}
