//! A terminal, for the demo and for replays: the message as a chat would show it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use sekisho_model::Severity;

use crate::text::Message;

/// The widest line, in columns. Longer lines are hard to read, and most terminals are this wide.
const COLUMNS_MAX: usize = 96;

/// The narrowest line, in columns: below, lines are left to the terminal to break.
const COLUMNS_MIN: usize = 40;

/// How a label looks.
const LABEL: Style = Style::new().bold();

/// What stands at the left of every line.
const BAR: &str = "┃ ";

/// The message with its styles as ANSI sequences; a terminal of `columns` columns shows it whole. The
/// styles repeat what the words say: whoever strips them loses nothing.
pub fn render(message: &Message, columns: usize) -> String {
    let width = columns
        .clamp(COLUMNS_MIN, COLUMNS_MAX)
        .saturating_sub(BAR.chars().count());
    let style = level_style(message.severity);
    let mut screen = Screen {
        text: String::new(),
        bar: style,
        width,
    };
    screen.line("", &message.title, style.bold());
    for part in message.parts() {
        let is_steps = part.label == message.steps.label;
        let mark = |number: usize| {
            if is_steps {
                format!("  {number}. ")
            } else {
                "  - ".to_owned()
            }
        };
        match part.lines.as_slice() {
            [line] if !is_steps => screen.labelled(part.label, line),
            lines => {
                screen.line("", part.label, LABEL);
                (1..)
                    .zip(lines)
                    .for_each(|(number, line)| screen.line(&mark(number), line, Style::new()));
            }
        }
    }
    if let Some(late) = &message.late {
        screen.line("", late, Style::new());
    }
    if !message.reference.is_empty() {
        screen.line("", &message.reference, Style::new().dimmed());
    }
    screen.text
}

fn level_style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low | Severity::Informational => AnsiColor::Cyan,
    };
    Style::new().fg_color(Some(colour.into()))
}

struct Screen {
    text: String,
    bar: Style,
    width: usize,
}

impl Screen {
    /// A line after a mark, broken to the width; what follows is indented as far as the mark.
    fn line(&mut self, mark: &str, line: &str, style: Style) {
        let indent = width(mark);
        for (index, piece) in wrap(line, self.width.saturating_sub(indent)).into_iter().enumerate() {
            let lead = if index == 0 {
                mark.to_owned()
            } else {
                " ".repeat(indent)
            };
            self.put(&format!("{lead}{style}{piece}{style:#}"));
        }
    }

    /// A line after its label.
    fn labelled(&mut self, label: &str, line: &str) {
        let indent = width(label).saturating_add(2);
        for (index, piece) in wrap(line, self.width.saturating_sub(indent)).into_iter().enumerate() {
            let lead = if index == 0 {
                format!("{LABEL}{label}{LABEL:#}  ")
            } else {
                " ".repeat(indent)
            };
            self.put(&format!("{lead}{piece}"));
        }
    }

    fn put(&mut self, line: &str) {
        let bar = self.bar;
        // Writing to a string cannot fail.
        let _infallible = writeln!(self.text, "{bar}{BAR}{bar:#}{line}");
    }
}

fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// How many columns a character takes.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F | 0x3099..=0x309A => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// Whether a line may be broken between two characters: at spaces, and between Japanese characters,
/// unless the second must not stand at the beginning of a line.
fn may_break(before: char, after: char) -> bool {
    const NOT_FIRST: &str = "、。，．・：；）」』】！？ー…〜％ゃゅょっャュョッぁぃぅぇぉァィゥェォ々";
    const NOT_LAST: &str = "（「『【";
    before == ' '
        || ((columns(before) == 2 || columns(after) == 2)
            && !NOT_FIRST.contains(after)
            && !NOT_LAST.contains(before)
            && after != ' ')
}

/// The text in lines of at most `room` columns.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0_usize;
        for piece in pieces(paragraph) {
            let size = width(piece.trim_end());
            if 0 < used && room < used.saturating_add(size) {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0;
            }
            used = used.saturating_add(width(&piece));
            line.push_str(&piece);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The text cut wherever it may be broken.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut before = None;
    for c in text.chars() {
        if before.is_some_and(|before| may_break(before, c)) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
        before = Some(c);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use sekisho_model::Lang;

    use super::*;
    use crate::text::samples;

    /// As it looks where styles are not shown.
    fn bare(message: &Message) -> String {
        let mut text = String::new();
        let rendered = render(message, 80);
        let mut parts = rendered.split('\u{1b}');
        text.push_str(parts.next().unwrap());
        for part in parts {
            text.push_str(part.split_once('m').unwrap().1);
        }
        text
    }

    #[test]
    fn a_journey_in_japanese() {
        insta::assert_snapshot!(bare(&samples::journey(Lang::Ja)), @r#"
        ┃ 【高】移動不可能なサインイン：taro@example.co.jp
        ┃ 対象  taro@example.co.jp
        ┃ 日時  2026年10月3日（土）09:47〜10:32（JST）
        ┃ 場所  Tokyo（日本）・203.0.113.7（09:47）→ Amsterdam（オランダ）・198.51.100.9
        ┃       （10:32）
        ┃ 理由  Tokyo（日本）・203.0.113.7 09:47 → Amsterdam（オランダ）・198.51.100.9・
        ┃       固定回線 10:32。距離は9,290km（位置の誤差を差し引いても9,160km）で、移動
        ┃       には少なくとも10時間6分かかりますが、45分しかたっていません（現実に可能
        ┃       な速さの13.5倍）。
        ┃ 確からしさ  66/100（高い）。不正利用とみて、まず確認してください。
        ┃ 対応
        ┃   1. 本人に電話で確認する。
        ┃   2. 心当たりがなければアカウントを停止する。
        ┃   3. パスワードを変更する。
        ┃ 詳細：sekisho incidents show 0123456789ab
        "#);
    }

    #[test]
    fn a_leaver_in_english() {
        insta::assert_snapshot!(bare(&samples::leaver(Lang::En)), @r#"
        ┃ [Critical] Leaver's account used: hana@example.co.jp (and 1 more)
        ┃ Who  hana@example.co.jp
        ┃ When  Sat 3 Oct 2026, 09:47 JST
        ┃ Where  Vietnam · 192.0.2.77 · Example Telecom (09:47)
        ┃ Why
        ┃   - Leaver's account used: The person left on 31 March 2026; the account was
        ┃     used 186 days later.
        ┃   - Mass download: 1,240 different files or objects within 1 hour (the
        ┃     threshold is 50).
        ┃ How sure  92/100, almost certain. Act now.
        ┃ What to do
        ┃   1. Call the person.
        ┃   2. If it was not them, disable the account.
        ┃   3. Change the password.
        ┃ Found late: the record came 2 hours 40 minutes late (happened Sat 3 Oct 2026,
        ┃ 09:47 JST, received Sat 3 Oct 2026, 12:27 JST).
        ┃ More: sekisho incidents show 0123456789ab
        "#);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for message in [
            samples::journey(Lang::Ja),
            samples::leaver(Lang::En),
            samples::endless(),
        ] {
            for line in bare(&message)
                .lines()
                .filter(|line| line.contains(' ') && !line.contains("xxxx"))
            {
                assert!(line.chars().map(columns).sum::<usize>() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn the_words_are_there_without_the_colours() {
        let text = bare(&samples::leaver(Lang::En));

        assert!(text.contains("[Critical]"));
        assert!(!text.contains('\u{1b}'));
    }
}
