//! The page of all rules, made of the rules themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

const PAGE: &str = "docs/catalogue.md";

const HEAD: &str = "# The rules

Every shipped rule, by theme. Beside each stand its tests and what to do, in both languages. The level is that of a plain
detection; many rules weigh more when an administrator, a closed office or an unfamiliar place comes in.
[What the ways mean](rules.md#how-a-detection-reaches-people): `page` is told at once, `incident` adds to the risk of its person,
`digest` waits for the next business morning, `dashboard` is kept.

`UPDATE_DOCS=1 cargo test -p sekisho-tidy` writes this page.
";

/// A rule's line in the page.
struct Line {
    id: String,
    cells: String,
}

#[test]
fn the_catalogue_lists_every_rule() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let written = page(&root.join("rules"))?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root.join(PAGE), &written)?;
    }
    let found = fs::read_to_string(root.join(PAGE))?;
    ensure!(
        found == written,
        "{PAGE} is not as the rules: run UPDATE_DOCS=1 cargo test -p sekisho-tidy"
    );
    Ok(())
}

fn page(rules: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    for theme in sorted(rules)? {
        write!(
            page,
            "\n## {theme}\n\n| rule | level | way | what it finds | 検知する内容 |\n|---|---|---|---|---|\n"
        )?;
        let folders = sorted(&rules.join(&theme))?;
        let lines = folders.iter().map(|slug| line(rules, &theme, slug));
        let mut lines = lines.collect::<Result<Vec<Line>>>()?;
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        page.extend(lines.into_iter().map(|line| line.cells));
    }
    Ok(page)
}

fn line(rules: &Path, theme: &str, slug: &str) -> Result<Line> {
    let text = fs::read_to_string(rules.join(theme).join(slug).join("rule.yml"))?;
    // The rule that is told is the first document; the others only feed it.
    let first = text.split("\n---\n").next().unwrap_or_default();
    let value = |key: &str| {
        first
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "))
            .with_context(|| format!("rules/{theme}/{slug}/rule.yml: its first document has no `{key}`"))
    };
    let id = value("id")?.to_owned();
    let cells = format!(
        "| [{id}](../rules/{theme}/{slug}) | {} | {} | {} | {} |\n",
        value("level")?,
        value("route")?,
        value("title")?,
        value("title_ja")?,
    );
    Ok(Line { id, cells })
}

fn sorted(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
