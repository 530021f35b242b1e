//! Slack, by an incoming webhook.
//!
//! Everything is a `plain_text` object, which Slack does not search for mentions, links or emphasis;
//! the characters that it does read everywhere are escaped.

use serde_json::{Value, json};

use crate::text::{Message, Notice, Part};
use crate::untrusted::cut;

/// The most characters of a header block, by Slack's documentation.
const HEADER_CHARS_MAX: usize = 150;
/// The most characters of the text of a section block.
const SECTION_CHARS_MAX: usize = 3_000;
/// The most characters of a field of a section block.
const FIELD_CHARS_MAX: usize = 2_000;
/// The most characters of the text of a notification. Slack cuts at 40,000; a notification shows far
/// fewer.
const NOTIFICATION_CHARS_MAX: usize = 300;

/// The body of the POST.
pub fn render(message: &Message) -> Value {
    let mut blocks = vec![
        json!({"type": "header", "text": plain(&message.title, HEADER_CHARS_MAX)}),
        json!({"type": "section", "fields": [field(&message.who), field(&message.when)]}),
    ];
    blocks.extend(message.places.iter().map(section));
    blocks.extend([section(&message.why), section(&message.sure), steps(&message.steps)]);
    blocks.extend(message.late.iter().map(|late| context(late)));
    blocks.push(context(&message.reference));
    json!({
        "text": escape(&message.title, NOTIFICATION_CHARS_MAX),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

/// The body of the POST, for a message about several incidents.
pub fn render_notice(notice: &Notice) -> Value {
    let mut blocks = vec![json!({"type": "header", "text": plain(&notice.title, HEADER_CHARS_MAX)})];
    let text = format!("• {}", notice.lines.join("\n• "));
    blocks.push(json!({"type": "section", "text": plain(&text, SECTION_CHARS_MAX)}));
    blocks.push(context(&notice.reference));
    json!({
        "text": escape(&notice.title, NOTIFICATION_CHARS_MAX),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

fn field(part: &Part) -> Value {
    plain(&format!("{}\n{}", part.label, part.lines.join("\n")), FIELD_CHARS_MAX)
}

fn section(part: &Part) -> Value {
    let text = match part.lines.as_slice() {
        [line] => format!("{}\n{line}", part.label),
        lines => format!("{}\n• {}", part.label, lines.join("\n• ")),
    };
    json!({"type": "section", "text": plain(&text, SECTION_CHARS_MAX)})
}

fn steps(part: &Part) -> Value {
    let numbered = part
        .lines
        .iter()
        .zip(1..)
        .map(|(line, number)| format!("\n{number}. {line}"));
    let text = format!("{}{}", part.label, numbered.collect::<String>());
    json!({"type": "section", "text": plain(&text, SECTION_CHARS_MAX)})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [plain(text, SECTION_CHARS_MAX)]})
}

fn plain(text: &str, chars_max: usize) -> Value {
    json!({"type": "plain_text", "text": escape(text, chars_max), "emoji": false})
}

/// Escapes what Slack reads as the beginning of a mention or a link, in at most `chars_max`
/// characters; an escape is never cut in two.
fn escape(text: &str, chars_max: usize) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut room = chars_max;
    loop {
        let whole = escaped(&cut(text, room));
        let length = whole.chars().count();
        if length <= chars_max || room == 0 {
            return whole;
        }
        room = room.saturating_sub(length.saturating_sub(chars_max).div_ceil(5).max(1));
    }
}

#[cfg(test)]
mod tests {
    use sekisho_model::Lang;

    use super::*;
    use crate::text::samples;

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn a_leaver_in_japanese() {
        let _sorted = crate::channel::sorted_snapshots();
        insta::assert_json_snapshot!(render(&samples::leaver(Lang::Ja)), @r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "【緊急】退職者アカウントの使用：hana@example.co.jp（ほか1件）",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "fields": [
                {
                  "emoji": false,
                  "text": "対象\nhana@example.co.jp",
                  "type": "plain_text"
                },
                {
                  "emoji": false,
                  "text": "日時\n2026年10月3日（土）09:47（JST）",
                  "type": "plain_text"
                }
              ],
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "場所\nベトナム・192.0.2.77・Example Telecom（09:47）",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "理由\n• 退職者アカウントの使用：2026年3月31日に退職した人のアカウントが、退職から186日後に使われました。\n• 大量ダウンロード：1時間のあいだに異なるファイルが1,240件記録されました（しきい値は50件）。",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "確からしさ\n92/100（非常に高い）。すぐに対応してください。",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "対応\n1. 本人に電話で確認する。\n2. 心当たりがなければアカウントを停止する。\n3. パスワードを変更する。",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "記録の到着が2時間40分遅れたため、検知も遅れています（発生 2026年10月3日（土）09:47、受信 2026年10月3日（土）12:27）。",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "詳細：sekisho incidents show 0123456789ab",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            }
          ],
          "mrkdwn": false,
          "text": "【緊急】退職者アカウントの使用：hana@example.co.jp（ほか1件）",
          "unfurl_links": false,
          "unfurl_media": false
        }
        "#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn a_journey_in_english() {
        let _sorted = crate::channel::sorted_snapshots();
        insta::assert_json_snapshot!(render(&samples::journey(Lang::En)), @r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "[High] Impossible travel: taro@example.co.jp",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "fields": [
                {
                  "emoji": false,
                  "text": "Who\ntaro@example.co.jp",
                  "type": "plain_text"
                },
                {
                  "emoji": false,
                  "text": "When\nSat 3 Oct 2026, 09:47–10:32 JST",
                  "type": "plain_text"
                }
              ],
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "Where\nTokyo, Japan · 203.0.113.7 (09:47) → Amsterdam, Netherlands · 198.51.100.9 (10:32)",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "Why\nTokyo, Japan · 203.0.113.7 09:47 → Amsterdam, Netherlands · 198.51.100.9 · fixed line 10:32. They are 9,290 km apart (9,160 km after the error of the positions): the way takes at least 10 hours 6 minutes, and there were only 45 minutes (13.5 times too fast).",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "How sure\n66/100, likely. Treat it as real and check it first.",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "What to do\n1. Call the person.\n2. If it was not them, disable the account.\n3. Change the password.",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "emoji": false,
                  "text": "More: sekisho incidents show 0123456789ab",
                  "type": "plain_text"
                }
              ],
              "type": "context"
            }
          ],
          "mrkdwn": false,
          "text": "[High] Impossible travel: taro@example.co.jp",
          "unfurl_links": false,
          "unfurl_media": false
        }
        "#);
    }

    #[test]
    fn every_text_keeps_to_the_limits_of_slack() {
        let body = render(&samples::endless());

        let blocks = body["blocks"].as_array().unwrap();
        let length = |text: &Value| text.as_str().unwrap_or_default().chars().count();
        assert_eq!(length(&blocks[0]["text"]["text"]), 150);
        assert!(blocks.len() <= 50);
        for block in blocks {
            assert!(length(&block["text"]["text"]) <= 3_000);
            assert!(length(&block["fields"][0]["text"]) <= 2_000);
            assert!(length(&block["elements"][0]["text"]) <= 3_000);
        }
    }

    #[test]
    fn an_escape_is_not_cut_in_two() {
        let text = escape(&"<&>".repeat(200), 150);

        assert!(text.chars().count() <= 150 && 140 <= text.chars().count());
        let rest = text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "");
        assert_eq!(rest, "…");
    }
}
