//! Any program that takes webhooks, as <https://www.standardwebhooks.com> describes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use sekisho_model::{Lang, Time};
use serde::Serialize;

use crate::bulletin::{Bulletin, Line};
use crate::line::{AlertLine, IncidentLine};
use crate::secret::Secret;
use crate::text::{Case, Message, Notice, Zone};
use crate::untrusted::{cut, to_json};

/// The most bytes of a body: the specification asks for less than 20 kB.
pub const BODY_BYTES_MAX: usize = 20_000;

/// The most characters of the text for people, which leaves room for the rest.
const TEXT_CHARS_MAX: usize = 2_000;

/// The most characters of the name of an entity; a longer one is hardly a name.
const ENTITY_CHARS_MAX: usize = 256;

/// What a key begins with.
const KEY_PREFIX: &str = "whsec_";

/// How many bytes a key may have, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How much is told, from all to nothing but the incident: alerts, events of each, and whether with
/// what was measured. The first that fits is sent.
const DETAIL: [(usize, usize, bool); 7] = [
    (100, 50, true),
    (50, 20, true),
    (20, 10, true),
    (10, 3, true),
    (5, 1, true),
    (3, 1, false),
    (0, 0, false),
];

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    incident: IncidentLine,
    alerts: Vec<AlertLine>,
    truncated_alerts: usize,
    text: &'a str,
    resent: bool,
}

/// What a body is made of.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// Such as `incident.opened`.
    pub event_type: &'a str,
    /// When it is sent.
    pub now: Time,
    /// The incident.
    pub case: &'a Case,
    /// What people are told of it.
    pub message: &'a Message,
    /// The zone that the readers live in.
    pub zone: &'a Zone,
    /// Whether it may have been sent before.
    pub resent: bool,
}

/// The body of the POST, in at most [`BODY_BYTES_MAX`] bytes: evidence is left off first, then alerts,
/// and `truncated_alerts` says how many.
pub fn render(content: Content<'_>) -> Result<String, serde_json::Error> {
    let lang: Lang = content.message.lang;
    let text = cut(&content.message.plain(), TEXT_CHARS_MAX);
    let mut incident = IncidentLine::of(&content.case.incident);
    incident.entity = cut(&incident.entity, ENTITY_CHARS_MAX);
    let mut json = String::new();
    for (alerts_max, evidence_max, with_facts) in DETAIL {
        let told = content.case.alerts.iter().take(alerts_max);
        let mut alerts: Vec<AlertLine> = told
            .map(|found| {
                // The latest events tell where things stand.
                let left_off = found.evidence.len().saturating_sub(evidence_max);
                let latest = found.evidence.get(left_off..).unwrap_or_default();
                AlertLine::of(&found.alert, latest, lang, content.zone)
            })
            .collect();
        for line in alerts.iter_mut().filter(|_| !with_facts) {
            line.facts.clear();
        }
        json = to_json(&Body {
            event_type: content.event_type,
            timestamp: content.now.to_string(),
            data: Data {
                incident: incident.clone(),
                truncated_alerts: content.case.alerts.len().saturating_sub(alerts.len()),
                alerts,
                text: &text,
                resent: content.resent,
            },
        })?;
        if json.len() <= BODY_BYTES_MAX {
            break;
        }
    }
    Ok(json)
}

#[derive(Serialize)]
struct NoticeBody<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    data: NoticeData<'a>,
}

#[derive(Serialize)]
struct NoticeData<'a> {
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incidents: Vec<IncidentLine>,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestBody<'a>>,
    resent: bool,
}

#[derive(Serialize)]
struct DigestBody<'a> {
    day: &'a str,
    since: String,
    until: String,
    sign_ins: u64,
    sources: &'a [String],
    silent: &'a [String],
}

/// The body of the POST, for a message about several incidents.
pub fn render_notice(
    bulletin: &Bulletin,
    notice: &Notice,
    now: Time,
    resent: bool,
) -> Result<String, serde_json::Error> {
    let (event_type, lines, count, digest) = match bulletin {
        Bulletin::Storm { lines, count } => ("incidents.storm", lines.as_slice(), *count, None),
        Bulletin::More { count } => ("incidents.more", [].as_slice(), *count, None),
        Bulletin::Digest(digest) => ("digest", digest.lines.as_slice(), digest.count, Some(digest)),
    };
    let incident = |line: &Line| {
        let mut incident = IncidentLine::of(&line.incident);
        incident.entity = cut(&incident.entity, ENTITY_CHARS_MAX);
        incident
    };
    to_json(&NoticeBody {
        event_type,
        timestamp: now.to_string(),
        data: NoticeData {
            text: cut(&notice.plain(), TEXT_CHARS_MAX),
            incidents: lines.iter().map(incident).collect(),
            count,
            digest: digest.map(|digest| DigestBody {
                day: &digest.day,
                since: digest.since.to_string(),
                until: digest.until.to_string(),
                sign_ins: digest.sign_ins,
                sources: &digest.sources,
                silent: &digest.silent,
            }),
            resent,
        },
    })
}

/// A key to sign with. It has no `Debug` that shows it: `ring` hides it.
#[derive(Clone, Debug)]
pub struct SigningKey(hmac::Key);

/// A text is no key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key is `whsec_` and 24 to 64 bytes in base64")]
pub struct NotAKey;

impl SigningKey {
    /// Reads `whsec_…`.
    pub fn parse(secret: &Secret) -> Result<Self, NotAKey> {
        let encoded = secret.expose().strip_prefix(KEY_PREFIX).ok_or(NotAKey)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotAKey)?;
        if !KEY_BYTES.contains(&bytes.len()) {
            return Err(NotAKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

/// The value of `webhook-signature`: one signature a key, so that receivers with either accept it.
pub fn signature(keys: &[SigningKey], message_id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{message_id}.{timestamp}.{body}");
    let signatures = keys.iter().map(|key| {
        let tag = hmac::sign(&key.0, signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::samples;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn key(text: &str) -> Result<SigningKey, NotAKey> {
        SigningKey::parse(&Secret::new(text))
    }

    fn body(case: &Case, lang: Lang) -> String {
        let zone = samples::tokyo();
        let message = Message::of(case, samples::opened(lang, &zone));
        let content = Content {
            event_type: "incident.opened",
            now: samples::NOW,
            case,
            message: &message,
            zone: &zone,
            resent: false,
        };
        render(content).unwrap()
    }

    #[test]
    fn the_published_example_is_signed_the_same() {
        let signature = signature(
            &[key(KEY).unwrap()],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );

        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_keys_give_two_signatures() {
        let other = key("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();

        let both = signature(&[key(KEY).unwrap(), other.clone()], "id", 1, "{}");

        let expected = format!(
            "{} {}",
            signature(&[key(KEY).unwrap()], "id", 1, "{}"),
            signature(&[other], "id", 1, "{}")
        );
        assert_eq!(both, expected);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_not base64 at all, not at all",
        ] {
            assert_eq!(key(text).unwrap_err(), NotAKey, "{text}");
        }
        assert!(!format!("{:?}", key(KEY).unwrap()).contains("MfKQ"));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
    fn a_leaver_in_japanese() {
        let value: serde_json::Value = serde_json::from_str(&body(&samples::leaver_case(), Lang::Ja)).unwrap();

        let _sorted = crate::channel::sorted_snapshots();
        insta::assert_json_snapshot!(value, @r#"
        {
          "data": {
            "alerts": [
              {
                "alert_id": "a1",
                "attack": [
                  "T1078.004"
                ],
                "entity": "hana@example.co.jp",
                "entity_kind": "person",
                "evidence": [
                  {
                    "activity": "logon",
                    "event_uid": "e1",
                    "source": "entra.signin",
                    "src_city": "",
                    "src_country": "VN",
                    "src_ip": "192.0.2.77",
                    "status": "success",
                    "time": "2026-10-03T00:47:00Z",
                    "user_name": "hana@example.co.jp"
                  }
                ],
                "evidence_count": 1,
                "facts": {
                  "days_since": 186,
                  "left": "2026-03-31"
                },
                "first_time": "2026-10-03T00:47:00Z",
                "found_late": true,
                "found_late_secs": 9600,
                "incident_id": "0123456789abcdef0123456789abcdef",
                "lang": "ja",
                "last_time": "2026-10-03T00:47:00Z",
                "reason": "2026年3月31日に退職した人のアカウントが、退職から186日後に使われました。",
                "rule_id": "SK-401",
                "score": 66.0,
                "severity": "critical",
                "src_ip": "192.0.2.77",
                "tenant": "default",
                "title": "退職者アカウントの使用",
                "user_name": "hana@example.co.jp"
              },
              {
                "alert_id": "a2",
                "attack": [
                  "T1078.004"
                ],
                "entity": "hana@example.co.jp",
                "entity_kind": "person",
                "evidence": [],
                "evidence_count": 2,
                "facts": {
                  "distinct": 1240,
                  "field": "resource",
                  "threshold": 50,
                  "window_secs": 3600
                },
                "first_time": "2026-10-03T00:47:00Z",
                "found_late": false,
                "incident_id": "0123456789abcdef0123456789abcdef",
                "lang": "ja",
                "last_time": "2026-10-03T01:32:00Z",
                "reason": "1時間のあいだに異なるファイルが1,240件記録されました（しきい値は50件）。",
                "rule_id": "SK-000",
                "score": 66.0,
                "severity": "high",
                "src_ip": null,
                "tenant": "default",
                "title": "大量ダウンロード",
                "user_name": "hana@example.co.jp"
              }
            ],
            "incident": {
              "entity": "hana@example.co.jp",
              "entity_kind": "person",
              "families": [
                "travel"
              ],
              "first_time": "2026-10-03T00:47:00Z",
              "incident_id": "0123456789abcdef0123456789abcdef",
              "last_time": "2026-10-03T00:47:00Z",
              "score": 92.4,
              "severity": "critical",
              "tenant": "default"
            },
            "resent": false,
            "text": "【緊急】退職者アカウントの使用：hana@example.co.jp（ほか1件）\n対象：hana@example.co.jp\n日時：2026年10月3日（土）09:47（JST）\n場所：ベトナム・192.0.2.77・Example Telecom（09:47）\n理由：\n- 退職者アカウントの使用：2026年3月31日に退職した人のアカウントが、退職から186日後に使われました。\n- 大量ダウンロード：1時間のあいだに異なるファイルが1,240件記録されました（しきい値は50件）。\n確からしさ：92/100（非常に高い）。すぐに対応してください。\n対応：\n- 本人に電話で確認する。\n- 心当たりがなければアカウントを停止する。\n- パスワードを変更する。\n記録の到着が2時間40分遅れたため、検知も遅れています（発生 2026年10月3日（土）09:47、受信 2026年10月3日（土）12:27）。\n詳細：sekisho incidents show 0123456789ab",
            "truncated_alerts": 0
          },
          "timestamp": "2026-10-03T00:47:00Z",
          "type": "incident.opened"
        }
        "#);
    }

    #[test]
    fn a_huge_incident_fits() {
        let case = samples::endless_case();

        let json = body(&case, Lang::Ja);

        assert!(json.len() <= BODY_BYTES_MAX, "{}", json.len());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let told = value["data"]["alerts"].as_array().unwrap().len();
        let left_off = usize::try_from(value["data"]["truncated_alerts"].as_u64().unwrap()).unwrap();
        assert_eq!(told + left_off, case.alerts.len());
    }
}
