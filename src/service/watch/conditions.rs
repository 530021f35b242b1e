//! What the operator must know of: conditions that hold while something is wrong with the service itself.

use sekisho_alert::outbox::{DeliveryRow, State};
use sekisho_model::{Bilingual, Severity};

use super::Seen;
use super::host::Disk;

/// From this attempt on a message tells that its channel fails: some three minutes after the first.
const ATTEMPTS_MIN: u32 = 3;

/// How much less than a tenth of its disk is nearly full, in bytes, so that a large disk is not told of too early. The
/// spool takes nothing more at half of it.
const DISK_FREE_BYTES_MIN: u64 = 4 * 1024 * 1024 * 1024;

/// How full a spool is that nearly takes nothing more, in hundredths.
const SPOOL_FULL_PERCENT: u64 = 80;

/// The most conditions of one kind, so that no list of files makes a storm.
const OF_KIND_MAX: usize = 20;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// What tells it from others, over restarts too: a kind, and what it is about.
    pub(super) key: String,
    pub(super) severity: Severity,
    pub(super) title: Bilingual,
    /// What exactly; may hold text from outside.
    pub(super) about: String,
    /// What to do about it, a step a line.
    pub(super) response: Bilingual,
    /// The channel that must not be asked to tell it.
    pub(super) not_by: Option<String>,
}

/// The texts of a kind of condition.
struct Kind {
    name: &'static str,
    severity: Severity,
    title: (&'static str, &'static str),
    response: (&'static str, &'static str),
}

impl Kind {
    fn about(&self, key: &str, about: impl Into<String>) -> Condition {
        let both = |(en, ja): (&str, &str)| Bilingual {
            en: en.to_owned(),
            ja: ja.to_owned(),
        };
        let key = if key.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}/{key}", self.name)
        };
        Condition {
            key,
            severity: self.severity,
            title: both(self.title),
            about: about.into(),
            response: both(self.response),
            not_by: None,
        }
    }
}

const CHANNEL: Kind = Kind {
    name: "channel_failing",
    severity: Severity::High,
    title: ("Alerts do not arrive in a channel", "通知がチャンネルに届いていません"),
    response: (
        "1. `sekisho outbox list` shows what waits and why.\n2. Correct the address or the key of the channel, and restart.\n3. `sekisho outbox retry ID` sends what was given up.",
        "1. `sekisho outbox list` で、たまっている通知と理由を確認してください。\n2. チャンネルの URL または署名鍵を直し、サービスを再起動してください。\n3. 送信を断念した通知は `sekisho outbox retry ID` で再送できます。",
    ),
};

const FILE: Kind = Kind {
    name: "file_unreadable",
    severity: Severity::High,
    title: ("A log file cannot be read", "ログファイルを読み取れません"),
    response: (
        "1. Look whether the file is there and who may read it.\n2. Give the user of the service the right, as by the group adm.\n3. It is followed again by itself.",
        "1. ファイルの有無と読み取り権限を確認してください。\n2. サービスの実行ユーザーに読み取り権限を与えてください(adm グループへの追加など)。\n3. 読めるようになれば、自動的に追跡を再開します。",
    ),
};

const KAFKA: Kind = Kind {
    name: "kafka_unread",
    severity: Severity::High,
    title: ("A Kafka topic is not read", "Kafka トピックを読み取れていません"),
    response: (
        "1. Look whether the brokers run and can be reached from here.\n2. Compare topics, user and rights with the settings.\n3. Nothing is lost as long as the brokers keep the messages.",
        "1. ブローカーが稼働し、このサーバーから接続できるか確認してください。\n2. トピック名、ユーザー、権限を設定と照らし合わせてください。\n3. ブローカーにメッセージが残っている間は、ログは失われません。",
    ),
};

const DISK: Kind = Kind {
    name: "disk_nearly_full",
    severity: Severity::High,
    title: ("The disk is nearly full", "ディスクの空き容量が少なくなっています"),
    response: (
        "1. Make room on the disk of the data folder.\n2. Fewer days with `retain_days` in [store], then `sekisho maintain`.\n3. With no room left, senders are told to keep their records.",
        "1. データフォルダーのあるディスクの空きを増やしてください。\n2. [store] の `retain_days` を短くし、`sekisho maintain` を実行してください。\n3. 空きがなくなると、送信元にはログを手元に残すよう応答します。",
    ),
};

const SPOOL: Kind = Kind {
    name: "spool_nearly_full",
    severity: Severity::High,
    title: ("The spool is nearly full", "スプールがまもなく満杯になります"),
    response: (
        "1. The log of the service says why the tables are not written.\n2. With a full spool, senders are told to keep their records; what is in it is safe.",
        "1. テーブルに書き込めない理由を、サービスのログで確認してください。\n2. 満杯になると、送信元にはログを手元に残すよう応答します。受け取り済みの分は失われません。",
    ),
};

const STOPPED: Kind = Kind {
    name: "stopped",
    severity: Severity::Critical,
    title: ("Records are not judged", "ログの検査が止まっています"),
    response: (
        "1. The log of the service says why.\n2. Restart it: what was taken in is safe, and is judged then.",
        "1. 理由はサービスのログで確認できます。\n2. サービスを再起動してください。受け取り済みのログは保存されており、再起動後に検査されます。",
    ),
};

const LOSS: Kind = Kind {
    name: "records_missing",
    severity: Severity::Critical,
    title: ("Records are missing in the count", "ログの件数が合いません"),
    response: (
        "1. `sekisho_conservation_error` at /metrics says at which step.\n2. Keep the log of the service, and a copy of the data folder.\n3. Report it: this must not happen.",
        "1. どの段階で合わないかは /metrics の `sekisho_conservation_error` で確認できます。\n2. サービスのログとデータフォルダーの写しを保存してください。\n3. 本来起きてはならない不具合です。開発元に報告してください。",
    ),
};

const DROPPING: Kind = Kind {
    name: "detector_at_bound",
    severity: Severity::Medium,
    title: ("A rule sees more than it can keep", "検知ルールの保持上限を超えました"),
    response: (
        "1. Look for a flood of names or addresses in the logs: it may be an attack.\n2. If it is usual here, narrow the rule with a filter.",
        "1. ユーザー名や IP アドレスが大量に現れていないか確認してください。攻撃の可能性があります。\n2. 平常の量であれば、ルールの対象を絞ってください。",
    ),
};

const RULES: Kind = Kind {
    name: "rules_wrong",
    severity: Severity::Medium,
    title: ("A rule or a list is wrong", "ルールまたは一覧に誤りがあります"),
    response: (
        "1. `sekisho check` names file, line and what was expected.\n2. What was in force before stays until it is corrected.",
        "1. `sekisho check` で、ファイル名、行、正しい書き方を確認してください。\n2. 直すまでは、以前の内容で検査を続けます。",
    ),
};

const LOST: Kind = Kind {
    name: "datagrams_lost",
    severity: Severity::Medium,
    title: ("Syslog messages over UDP are lost", "UDP の syslog が失われています"),
    response: (
        "1. Send by TCP, or better over HTTP: there the sender waits.\n2. Or allow larger buffers: `sysctl net.core.rmem_max=4194304`.",
        "1. TCP、できれば HTTP での送信に切り替えてください。送信元が待つため失われません。\n2. または受信バッファーを広げてください: `sysctl net.core.rmem_max=4194304`",
    ),
};

/// What is wrong. `before` is what was seen a look ago: what only ever grows is wrong while it grows.
pub(super) fn conditions(seen: &Seen, before: &Seen) -> Vec<Condition> {
    let mut found = channels(&seen.messages);
    let files = seen.files.iter().take(OF_KIND_MAX);
    found.extend(files.map(|trouble| FILE.about(path_of(trouble), trouble)));
    let kafka = (1..).zip(&seen.kafka).zip(&before.kafka);
    found.extend(kafka.filter_map(|((door, now), before): ((i32, _), _)| {
        before.trouble.as_ref()?;
        Some(KAFKA.about(&door.to_string(), &**now.trouble.as_ref()?))
    }));
    found.extend(disk(seen));
    found.extend(stopped(seen, before));
    if !seen.law.holds() {
        found.push(LOSS.about("", format!("{:?}", seen.law.told)));
    }
    for (rule, (groups, events)) in seen.tally.dropped.iter().take(OF_KIND_MAX) {
        let was = before.tally.dropped.get(rule).copied().unwrap_or_default();
        if (*groups, *events) != was {
            found.push(DROPPING.about(rule, format!("{rule}: {groups} + {events}")));
        }
    }
    if let Some(problem) = seen.refused.as_ref().or_else(|| seen.tally.problems.first()) {
        found.push(RULES.about("", problem));
    }
    let lost = |seen: &Seen| {
        let doors: u64 = seen.doors.iter().map(|(_, door)| door.total.dropped).sum();
        doors + seen.udp_dropped.unwrap_or(0)
    };
    if lost(before) < lost(seen) {
        found.push(LOST.about("", lost(seen).to_string()));
    }
    found
}

/// The channels whose latest message that tells anything tells of a failure; the messages are the newest first.
fn channels(messages: &[DeliveryRow]) -> Vec<Condition> {
    let mut judged: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for message in messages {
        if judged.contains(&message.channel.as_str()) {
            continue;
        }
        let error = message.last_error.as_deref().unwrap_or_default();
        let fails = match message.state {
            State::Delivered => false,
            State::Dead if error != BY_HAND => true,
            State::Pending | State::Sending if ATTEMPTS_MIN <= message.attempts => true,
            State::Held | State::Pending | State::Sending | State::Dead => continue,
        };
        judged.push(&message.channel);
        if fails {
            found.push(Condition {
                not_by: Some(message.channel.clone()),
                ..CHANNEL.about(&message.channel, format!("{}: {error}", message.channel))
            });
        }
    }
    found
}

/// What the outbox notes of a message that a person dropped.
const BY_HAND: &str = "dropped by hand";

fn disk(seen: &Seen) -> Option<Condition> {
    let disk = seen.disk?;
    is_low(disk).then(|| DISK.about("", format!("{} MB", disk.free / 1_000_000)))
}

/// Whether a disk is nearly full.
pub(super) fn is_low(disk: Disk) -> bool {
    disk.free < DISK_FREE_BYTES_MIN.min(disk.total / 10 * 2)
}

fn stopped(seen: &Seen, before: &Seen) -> Vec<Condition> {
    let mut found = Vec::new();
    if let Some(reason) = &seen.spool_failure {
        found.push(STOPPED.about("spool", &**reason));
    }
    if !seen.lane_is_running && !before.lane_is_running {
        found.push(STOPPED.about("lane", "lane"));
    }
    if seen.spool_quota / 100 * SPOOL_FULL_PERCENT <= seen.spool.bytes {
        found.push(SPOOL.about("", format!("{} MB", seen.spool.bytes / 1_000_000)));
    }
    found
}

/// The path with which the trouble of a file begins.
fn path_of(trouble: &str) -> &str {
    trouble.split(": ").next().unwrap_or(trouble)
}

#[cfg(test)]
mod tests {
    use sekisho_model::{Occasion, Time};

    use super::*;

    fn message(channel: &str, state: State, attempts: u32, error: Option<&str>) -> DeliveryRow {
        DeliveryRow {
            message_id: "m".to_owned(),
            incident_id: "i".to_owned(),
            occasion: Some(Occasion::Opened),
            held_by: None,
            channel: channel.to_owned(),
            state,
            attempts,
            created: Time(0),
            next_attempt_at: Time(0),
            last_error: error.map(str::to_owned),
            told_with: None,
        }
    }

    #[test]
    fn a_channel_fails_by_its_latest_message_that_tells_anything() {
        let cases: [(&[DeliveryRow], &[&str]); 6] = [
            (&[], &[]),
            (&[message("a", State::Pending, 2, Some("timeout"))], &[]),
            (
                &[message("a", State::Pending, 3, Some("timeout"))],
                &["channel_failing/a"],
            ),
            (&[message("a", State::Dead, 1, Some("404"))], &["channel_failing/a"]),
            (
                &[
                    message("a", State::Dead, 0, Some(BY_HAND)),
                    message("a", State::Delivered, 1, None),
                ],
                &[],
            ),
            (
                &[
                    message("a", State::Pending, 0, None),
                    message("b", State::Delivered, 1, None),
                    message("a", State::Dead, 9, Some("410")),
                    message("b", State::Dead, 9, Some("500")),
                ],
                &["channel_failing/a"],
            ),
        ];
        for (messages, expected) in cases {
            let found = channels(messages);
            let keys: Vec<&str> = found.iter().map(|condition| condition.key.as_str()).collect();
            assert_eq!(keys, expected, "{messages:?}");
            assert!(found.iter().all(|condition| condition.not_by.as_deref() == Some("a")));
        }
    }

    #[test]
    fn every_kind_says_what_to_do_in_both_languages() {
        for kind in [
            &CHANNEL, &FILE, &KAFKA, &DISK, &SPOOL, &STOPPED, &LOSS, &DROPPING, &RULES, &LOST,
        ] {
            let (en, ja) = kind.response;
            assert_eq!(en.lines().count(), ja.lines().count(), "{}", kind.name);
            assert!(en.starts_with("1. ") && ja.starts_with("1. "), "{}", kind.name);
            assert!(!kind.title.1.is_ascii() && kind.title.0.is_ascii(), "{}", kind.name);
        }
    }
}
