//! `sekisho sources`: what is understood.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use sekisho_formats::FORMATS;

/// What people look for in vain, and why.
const NOT_THERE: &str =
    "WireGuard writes no log of sign-ins: a peer is its key, and there is no moment at which it signs in.";

/// Prints the table of formats: a line for each, and below it what must be switched on.
pub(super) fn run() -> Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    let head = ["source", "late by", "how it comes", "what it reads"].map(str::to_owned);
    let rows = FORMATS.iter().map(|spec| {
        let cells = [spec.id, &spec.late_by(), spec.transports, spec.title].map(str::to_owned);
        (cells, spec.prepare)
    });
    let rows: Vec<([String; 4], &str)> = std::iter::once((head, "")).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|(cells, _)| cells.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    for (cells, prepare) in &rows {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
        if !prepare.is_empty() {
            writeln!(out, "    switch on: {prepare}")?;
        }
    }
    writeln!(out, "\n{NOT_THERE}")?;
    Ok(ExitCode::SUCCESS)
}
