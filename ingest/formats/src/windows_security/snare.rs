//! Events as Snare and agents like it send them over syslog: cells between tabs, of which one is the message as people
//! read it, in English or Japanese.
//! <https://docs.snare-solutions.com/> (Snare for Windows, "Event output format")
//!
//! What is in the message was partly chosen by whoever signs in. Names are taken where they stand first, all else where
//! it stands last: behind a name that says more than a name.

use std::borrow::Cow;
use std::sync::LazyLock;

use jiff::civil::DateTime;
use regex::Regex;

use crate::json::Json;

const MARK: &str = "MSWinEventLog";
/// How relays write a tab.
const TABS: [&str; 3] = ["\t", "#011", "\\t"];
/// The cells after the mark, by their places.
const CHANNEL: usize = 2;
const TIME: usize = 4;
const EVENT_ID: usize = 5;
const PROVIDER: usize = 6;
const EVENT_TYPE: usize = 9;
const COMPUTER: usize = 10;
const MESSAGE: usize = 13;

/// Parts of a message, and whose account is told of in them.
const PARTS: &[(&str, &str)] = &[
    ("Subject", "Subject"),
    ("サブジェクト", "Subject"),
    ("New Logon", "Target"),
    ("新しいログオン", "Target"),
    ("Account For Which Logon Failed", "Target"),
    ("ログオンを失敗したアカウント", "Target"),
    ("Account Whose Credentials Were Used", "Target"),
    ("資格情報が使用されたアカウント", "Target"),
    ("Account That Was Locked Out", "Target"),
    ("ロックアウトされたアカウント", "Target"),
    ("Account Information", "Target"),
    ("アカウント情報", "Target"),
    ("Target Account", "Target"),
    ("ターゲット アカウント", "Target"),
    ("New Account", "Target"),
    ("新しいアカウント", "Target"),
    ("Deleted Group", "Target"),
    ("Group", "Target"),
    ("グループ", "Target"),
    ("Member", "Member"),
    ("メンバー", "Member"),
];
/// What is told of an account, and how the name of the value ends.
const ACCOUNTS: &[(&str, &str)] = &[
    ("Security ID", "UserSid"),
    ("セキュリティ ID", "UserSid"),
    ("Account Name", "UserName"),
    ("アカウント名", "UserName"),
    ("Group Name", "UserName"),
    ("グループ名", "UserName"),
    ("Account Domain", "DomainName"),
    ("アカウント ドメイン", "DomainName"),
    ("Logon ID", "LogonId"),
    ("ログオン ID", "LogonId"),
];
/// Everything else, and the names of the values.
const VALUES: &[(&str, &str)] = &[
    ("Logon Type", "LogonType"),
    ("ログオン タイプ", "LogonType"),
    ("Status", "Status"),
    ("状態", "Status"),
    ("Sub Status", "SubStatus"),
    ("サブ ステータス", "SubStatus"),
    ("Failure Code", "Status"),
    ("エラー コード", "Status"),
    ("Error Code", "Status"),
    ("Result Code", "Status"),
    ("結果コード", "Status"),
    ("Source Network Address", "IpAddress"),
    ("ソース ネットワーク アドレス", "IpAddress"),
    ("Client Address", "IpAddress"),
    ("クライアント アドレス", "IpAddress"),
    ("Source Port", "IpPort"),
    ("ソース ポート", "IpPort"),
    ("Client Port", "IpPort"),
    ("クライアント ポート", "IpPort"),
    ("Workstation Name", "WorkstationName"),
    ("ワークステーション名", "WorkstationName"),
    ("Source Workstation", "Workstation"),
    ("ソース ワークステーション", "Workstation"),
    ("Logon Process", "LogonProcessName"),
    ("ログオン プロセス", "LogonProcessName"),
    ("Authentication Package", "AuthenticationPackageName"),
    ("認証パッケージ", "AuthenticationPackageName"),
    ("Logon Account", "TargetUserName"),
    ("ログオン アカウント", "TargetUserName"),
    ("Service Name", "ServiceName"),
    ("サービス名", "ServiceName"),
];

/// All of them with a colon behind, the longest first: `Sub Status` is no `Status`. Two spaces or a tab stand before one.
#[expect(
    clippy::expect_used,
    reason = "the texts are constants, so the first test finds a mistake"
)]
static LABELS: LazyLock<Regex> = LazyLock::new(|| {
    let mut labels: Vec<String> = [PARTS, ACCOUNTS, VALUES]
        .concat()
        .iter()
        .map(|(label, _)| regex::escape(label))
        .collect();
    labels.sort_by_key(|label| std::cmp::Reverse(label.len()));
    Regex::new(&format!(r"(?:^|[\s.。])({}):", labels.join("|"))).expect("a regular expression")
});

/// The cells of a line after the mark; `None` if it is none of these.
fn cells(line: &str) -> Option<Vec<&str>> {
    let from = line.get(line.find(MARK)?..)?;
    let tab = TABS
        .iter()
        .find(|tab| from.get(MARK.len()..).is_some_and(|rest| rest.starts_with(**tab)))?;
    let cells: Vec<&str> = from.split(tab).collect();
    (MESSAGE < cells.len()).then_some(cells)
}

/// Whether a line is of the channel.
pub(super) fn sniff(line: &str) -> bool {
    let after_mark = line.find(MARK).and_then(|at| line.get(at + MARK.len()..));
    after_mark.is_some_and(|rest| {
        let channel = TABS
            .iter()
            .find_map(|tab| rest.strip_prefix(tab)?.split(tab).nth(CHANNEL - 1));
        channel == Some(super::CHANNEL)
    })
}

/// The event of a line as an object.
pub(super) fn parse(line: &str) -> Option<Json<'_>> {
    let cells = cells(line)?;
    let cell = |place: usize| cells.get(place).map(|cell| cell.trim()).unwrap_or_default();
    let mut members: Vec<(Cow<'_, str>, Json<'_>)> = Vec::new();
    let mut put = |name: &'static str, value: Cow<'_, str>| {
        members.push((Cow::Borrowed(name), Json::Text(Cow::Owned(value.into_owned()))));
    };
    put("EventID", cell(EVENT_ID).into());
    put("Channel", cell(CHANNEL).into());
    put("ProviderName", cell(PROVIDER).into());
    put("EventType", cell(EVENT_TYPE).into());
    put("Computer", cell(COMPUTER).into());
    if let Some(time) = time(cell(TIME)) {
        put("EventTime", time.to_string().into());
    }
    members.extend(values(cell(MESSAGE)));
    Some(Json::Object(members))
}

/// `Fri Jun 05 10:11:12 2026`, in the zone of the device.
fn time(text: &str) -> Option<DateTime> {
    DateTime::strptime("%a %b %d %H:%M:%S %Y", text).ok()
}

/// What a message tells.
fn values(message: &str) -> Vec<(Cow<'_, str>, Json<'_>)> {
    let labels: Vec<_> = LABELS.captures_iter(message).filter_map(|found| found.get(1)).collect();
    let mut part = "Subject";
    let mut values: Vec<(String, &str)> = Vec::new();
    for (place, label) in labels.iter().enumerate() {
        let end = labels.get(place + 1).map_or(message.len(), regex::Match::start);
        let value = first_words(message.get(label.end() + 1..end).unwrap_or_default());
        let named = |table: &'static [(&str, &str)]| table.iter().find(|(name, _)| *name == label.as_str());
        if let Some((_, whose)) = named(PARTS) {
            part = whose;
        } else if let Some((_, what)) = named(ACCOUNTS) {
            let name = name_of(part, what);
            if !values.iter().any(|(known, _)| *known == name) {
                values.push((name, value));
            }
        } else if let Some((_, name)) = named(VALUES) {
            values.retain(|(known, _)| known != name);
            values.push(((*name).to_owned(), value));
        }
    }
    values
        .into_iter()
        .map(|(name, value)| (Cow::Owned(name), Json::Text(Cow::Borrowed(value))))
        .collect()
}

/// The name that a value has in the event itself.
fn name_of(part: &str, what: &str) -> String {
    match (part, what) {
        ("Member", "UserName") => "MemberName".to_owned(),
        ("Member", "UserSid") => "MemberSid".to_owned(),
        _ => format!("{part}{what}"),
    }
}

/// A value without what the message says after it.
fn first_words(text: &str) -> &str {
    let text = text.trim();
    let end = ["  ", "\t", "\n"].iter().filter_map(|gap| text.find(gap)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}
