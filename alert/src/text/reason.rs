//! Why an alert was raised, in a sentence: from what the detector measured.

use sekisho_model::{Alert, Bilingual, Evidence, Facts, Lang, Time};
use serde_json::Value;

use super::format::{self, clock, duration_secs, number};
use super::place::{city_and_country, country};
use super::words::{Words, fill, try_fill, word, words};
use super::{Zone, shown, strange};

/// The most things of a list that a sentence names.
const LIST_MAX: usize = 5;

/// What a template may name, and its text.
type Values = Vec<(&'static str, String)>;

/// How a fact is written. Facts that a detector does not give are not said.
#[derive(Clone, Copy)]
enum As {
    Number,
    Text,
    Seconds,
    Minutes,
    Date,
    Local,
    Field,
    Word,
    Words,
    Then,
    And,
    Strange,
    Country,
}

/// The facts that sentences are made of, by the names that detectors give them, the name in the
/// sentence, and the form.
const FACTS: &[(&str, &str, As)] = &[
    ("count", "count", As::Number),
    ("threshold", "threshold", As::Number),
    ("distinct", "distinct", As::Number),
    ("sum", "sum", As::Number),
    ("average", "average", As::Number),
    ("first_seen_days", "first_seen_days", As::Number),
    ("not_followed_secs", "not_followed_secs", As::Seconds),
    ("group", "group", As::Text),
    ("window_secs", "window_secs", As::Seconds),
    ("window_minutes", "window_secs", As::Minutes),
    ("field", "field", As::Field),
    ("steps", "steps", As::Then),
    ("rules", "steps", As::Then),
    ("rules", "rules", As::And),
    ("distance_km", "distance_km", As::Number),
    ("effective_km", "effective_km", As::Number),
    ("minutes_taken", "minutes_taken", As::Minutes),
    ("minutes_needed", "minutes_needed", As::Minutes),
    ("ratio", "ratio", As::Number),
    ("left", "left", As::Date),
    ("days_since_left", "days_since", As::Number),
    ("days_since_left_password_right", "days_right", As::Number),
    ("days_since_left_tried", "days_tried", As::Number),
    ("days_since", "days_since", As::Number),
    ("messages", "messages", As::Number),
    ("recipients", "recipients", As::Number),
    ("unfamiliar_recipients", "unfamiliar_recipients", As::Number),
    ("bounces", "bounces", As::Number),
    ("restricted", "restricted", As::Text),
    ("files", "files", As::Number),
    ("megabytes", "megabytes", As::Number),
    ("factors", "factors", As::Words),
    ("local_time", "local_time", As::Local),
    ("office_state", "office_state", As::Word),
    ("from_client", "from_client", As::Text),
    ("to_client", "to_client", As::Text),
    ("changed", "changed", As::Words),
    ("secs_ahead", "secs_ahead", As::Seconds),
    ("silent_secs", "silent_secs", As::Seconds),
    ("usual_minutes", "usual_minutes", As::Minutes),
    ("minutes", "minutes", As::Number),
    ("answers", "answers", As::Number),
    ("errors", "errors", As::Number),
    ("failure", "failure", As::Word),
    ("how", "how", As::Word),
    ("site", "site", As::Text),
    ("path", "path", As::Text),
    ("http_status", "http_status", As::Text),
    ("bytes", "bytes", As::Number),
    ("days", "days", As::Number),
    ("addresses", "addresses", As::Number),
    ("users", "users", As::Number),
    ("countries", "countries", As::Number),
    ("stopped_by", "stopped_by", As::Word),
    ("features", "strange", As::Strange),
    ("idle_days", "idle_days", As::Number),
    ("country", "country", As::Country),
    ("colleagues", "colleagues", As::Number),
    ("back_days", "back_days", As::Number),
    ("net_kind", "net_kind", As::Word),
    ("as_org", "as_org", As::Text),
];

/// Why an alert was raised. A kind of rule that is not known, or facts that are missing, give a plainer
/// sentence, never none.
pub fn reason(alert: &Alert, evidence: &[Evidence], lang: Lang, zone: &Zone) -> String {
    let words = words(lang);
    let mut values: Values = FACTS
        .iter()
        .filter_map(|&(fact, name, form)| Some((name, written(alert.facts.get(fact)?, form, lang, words)?)))
        .collect();
    values.extend(end("from", &alert.facts, lang, zone).map(|end| ("from_end", end)));
    values.extend(end("to", &alert.facts, lang, zone).map(|end| ("to_end", end)));
    values.push(("title", shown(alert.rule.title.get(lang))));
    let count = alert.evidence_count.max(evidence.len().try_into().unwrap_or(u64::MAX));
    values.push(("evidence", count.to_string()));
    let latest = evidence.iter().max_by_key(|event| event.time);
    values.extend(latest.and_then(|event| Some(("resource", shown(event.resource.as_ref()?)))));
    values.extend(latest.and_then(|event| Some(("target", shown(event.target.as_ref()?)))));

    let templates = words.reasons.iter().filter(|(kind, _)| *kind == alert.rule.kind);
    let sentence = templates
        .into_iter()
        .find_map(|(_, template)| try_fill(template, &values));
    sentence.unwrap_or_else(|| fill(words.reason_any, &values))
}

fn written(value: &Value, form: As, lang: Lang, words: &Words) -> Option<String> {
    match form {
        As::Number => value.as_f64().map(number),
        As::Text => text(value, lang),
        As::Seconds => Some(duration_secs(whole(value.as_f64()?)?, lang)),
        As::Minutes => Some(duration_secs(whole(value.as_f64()? * 60.0)?, lang)),
        As::Date => text(value, lang).map(|text| text.parse().map_or(text, |date| format::date(date, lang))),
        As::Local => text(value, lang).map(|text| local(&text, lang).unwrap_or(text)),
        As::Field => text(value, lang).map(|name| word(words.fields, &name).map_or(name, str::to_owned)),
        As::Word => text(value, lang).map(|name| word(words.values, &name).map_or(name, str::to_owned)),
        As::Words => listed(value, words),
        As::Then => list(value, words.then, lang, words),
        As::And => list(value, words.and, lang, words),
        As::Country => Some(country(value.as_str()?, lang)),
        As::Strange => strange::written(value, lang, words),
    }
}

/// A time with its offset, as the clock there showed it.
fn local(text: &str, lang: Lang) -> Option<String> {
    let (civil, _offset) = text.split_at_checked(text.len().checked_sub("+09:00".len())?)?;
    let civil: jiff::civil::DateTime = civil.parse().ok()?;
    Some(format!(
        "{} {}",
        format::date(civil.date(), lang),
        civil.strftime("%H:%M")
    ))
}

/// To the nearest whole number.
fn whole(value: f64) -> Option<i64> {
    // There is no lossless cast from a float; through text it is exact or none.
    format!("{value:.0}").parse().ok()
}

fn text(value: &Value, lang: Lang) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(shown(text)),
        Value::Number(value) => value.as_f64().map(number),
        Value::Array(values) => {
            let texts: Vec<String> = values
                .iter()
                .take(LIST_MAX)
                .filter_map(|value| text(value, lang))
                .collect();
            (!texts.is_empty()).then(|| texts.join(words(lang).comma))
        }
        Value::Object(values) => {
            // A group: which values the records have in common.
            let texts: Vec<String> = values
                .values()
                .take(LIST_MAX)
                .filter_map(|value| text(value, lang))
                .collect();
            (!texts.is_empty()).then(|| texts.join(words(lang).comma))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// Words of a fact that has several.
fn listed(value: &Value, words: &Words) -> Option<String> {
    let known = value.as_array()?.iter().filter_map(Value::as_str);
    let known: Vec<&str> = known.filter_map(|name| word(words.values, name)).collect();
    (!known.is_empty()).then(|| known.join(words.comma))
}

fn list(value: &Value, joint: &str, lang: Lang, words: &Words) -> Option<String> {
    // A thing is a text, or a text in each language.
    let things = value.as_array()?.iter().take(LIST_MAX).filter_map(|thing| match thing {
        Value::String(text) => Some(text.clone()),
        _ => Some(
            serde_json::from_value::<Bilingual>(thing.clone())
                .ok()?
                .get(lang)
                .to_owned(),
        ),
    });
    let quoted: Vec<String> = things
        .map(|thing| fill(words.quoted, &[("thing", shown(&thing))]))
        .collect();
    (2 <= quoted.len()).then(|| quoted.join(joint))
}

/// One end of a journey: place, address, network and time, whichever of them is known; none without a
/// place.
fn end(prefix: &str, facts: &Facts, lang: Lang, zone: &Zone) -> Option<String> {
    let fact = |name: &str| facts.get(&format!("{prefix}_{name}"));
    let name = |name: &str| fact(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let place = city_and_country(name("city"), name("country"), lang)?;
    let kind = name("net_kind").map(|kind| word(words(lang).values, kind).map_or_else(|| shown(kind), str::to_owned));
    let details = [name("ip").map(shown), name("as_org").map(shown), kind];
    let mut parts = vec![place];
    parts.extend(details.into_iter().flatten());
    let joined = parts.join(match lang {
        Lang::Ja => "・",
        Lang::En => " · ",
    });
    Some(match fact("time").and_then(time) {
        Some(time) => format!("{joined} {}", clock(time, zone)),
        None => joined,
    })
}

/// Microseconds, or RFC 3339.
fn time(value: &Value) -> Option<Time> {
    match value {
        Value::Number(micros) => micros.as_i64().map(Time),
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(Time::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples::{NOW, alert, event, facts, person, rule, tokyo};
    use super::*;

    fn check(kind: &str, measured: Value, ja: &str, en: &str) {
        let alert = alert(
            rule(kind, "Title", "題名"),
            &person("taro@example.co.jp"),
            facts(measured),
        );
        let evidence = [event("e1", 0, ("Tokyo", "JP", "203.0.113.7"))];

        assert_eq!(reason(&alert, &evidence, Lang::Ja, &tokyo()), ja);
        assert_eq!(reason(&alert, &evidence, Lang::En, &tokyo()), en);
    }

    #[test]
    fn counts_tell_window_and_threshold() {
        check(
            "event_count",
            json!({"count": 48, "window_secs": 600, "threshold": 10, "group": "203.0.113.9"}),
            "203.0.113.9について、10分のあいだに該当する記録が48件ありました（しきい値は10件）。",
            "48 records within 10 minutes for 203.0.113.9 (the threshold is 10).",
        );
        check(
            "value_count",
            json!({"distinct": 12, "field": "user_name", "window_secs": 3600, "threshold": 4}),
            "1時間のあいだに異なるユーザー名が12件記録されました（しきい値は4件）。",
            "12 different user names within 1 hour (the threshold is 4).",
        );
    }

    #[test]
    fn sums_tell_what_was_added_up() {
        check(
            "value_sum",
            json!({"sum": 2400, "field": "item_count", "window_secs": 3600, "threshold": 500, "group": {"person": "taro"}}),
            "taroについて、1時間のあいだに件数の合計が2,400に達しました（しきい値は500）。",
            "The items of taro add up to 2,400 within 1 hour (the threshold is 500).",
        );
    }

    #[test]
    fn averages_absence_and_novelty_tell_what_was_measured() {
        check(
            "value_avg",
            json!({"average": 1.5, "field": "item_count", "window_secs": 3600, "threshold": 1.2, "group": {"person": "taro"}}),
            "taroについて、1時間の件数の平均が1.5でした（基準は1.2）。",
            "The items of taro were 1.5 on average within 1 hour (the bound is 1.2).",
        );
        check(
            "event_count",
            json!({"count": 1, "window_secs": 60, "threshold": 1, "group": {"person": "taro"}, "not_followed_secs": 600}),
            "taroについて該当する記録があり、その後10分たっても、続くはずの記録がありませんでした。",
            "Records of taro were not followed by what should follow within 10 minutes.",
        );
        check(
            "match",
            json!({"count": 1, "first_seen_days": 90, "field": "user_name"}),
            "過去90日間に一度もなかったユーザー名での記録が2件あります。",
            "Records with user names that had not been seen in the 90 days before: 2.",
        );
    }

    #[test]
    fn sequences_tell_their_steps() {
        check(
            "temporal_ordered",
            json!({"rules": ["Password spray", "Sign-in"], "window_secs": 21600}),
            "「Password spray」→「Sign-in」の順に、6時間以内に続けて起きました。",
            "\"Password spray\" → \"Sign-in\", in this order, within 6 hours.",
        );
        check(
            "temporal",
            json!({"rules": ["A", "B"], "window_secs": 60}),
            "「A」と「B」が、1分以内に重なって起きました。",
            "\"A\" and \"B\" came together within 1 minute.",
        );
    }

    #[test]
    fn a_journey_tells_both_ends_and_the_time_it_needs() {
        check(
            "geo_velocity",
            json!({
                "from_city": "Tokyo", "from_country": "JP", "from_ip": "203.0.113.7", "from_as_org": "Example Net",
                "from_time": NOW.to_string(), "to_city": null, "to_country": "NL", "to_ip": "198.51.100.9",
                "to_as_org": null, "to_time": "2026-10-03T01:32:00Z", "distance_km": 9290.0, "effective_km": 9160.0,
                "minutes_taken": 45.0, "minutes_needed": 606.2, "ratio": 13.5,
            }),
            "Tokyo（日本）・203.0.113.7・Example Net 09:47 → オランダ・198.51.100.9 10:32。距離は9,290km（位置の誤差を差し引いても9,160km）で、移動には少なくとも10時間6分かかりますが、45分しかたっていません（13.5倍の速さ）。",
            "Tokyo, Japan · 203.0.113.7 · Example Net 09:47 → Netherlands · 198.51.100.9 10:32. They are 9,290 km apart (9,160 km after the error of the positions): the way takes at least 10 hours 6 minutes, and there were only 45 minutes (13.5 times too fast).",
        );
    }

    #[test]
    fn the_native_detectors_are_told_in_their_own_words() {
        check(
            "leaver",
            json!({"left": "2026-03-31", "days_since_left": 186, "activity": "logon"}),
            "2026年3月31日に退職した人のアカウントが、退職から186日後に使われました。",
            "The person left on 31 March 2026; the account was used 186 days later.",
        );
        check(
            "leaver",
            json!({"left": "2026-03-31", "days_since_left_password_right": 12, "activity": "logon"}),
            "2026年3月31日に退職した人のアカウントで、退職から12日後に正しいパスワードが入力されました（多要素認証またはポリシーにより阻止）。",
            "The person left on 31 March 2026. Somebody knew the password 12 days later, and was stopped only by the second factor or a policy.",
        );
        check(
            "leaver",
            json!({"left": "2026-03-31", "days_since_left_tried": 12, "activity": "logon"}),
            "2026年3月31日に退職した人のアカウントで、退職から12日後にサインインが試みられ、拒否されました。",
            "The person left on 31 March 2026. Somebody tried to sign in 12 days later, and was refused.",
        );
        check(
            "mass_send",
            json!({"recipients": 2400, "messages": 120, "window_minutes": 60, "threshold": 100}),
            "1時間のあいだに120通、のべ2,400件の宛先にメールを送信しました（しきい値は100件）。",
            "120 messages to 2,400 recipients within 1 hour (the threshold is 100).",
        );
        check(
            "mass_send",
            json!({"unfamiliar_recipients": 60, "messages": 3, "window_minutes": 10, "threshold": 50}),
            "本人の見慣れない場所から、10分のあいだに3通、のべ60件の宛先にメールを送信しました（しきい値は50件）。",
            "3 messages to 60 recipients within 10 minutes, from where the person is not known (the threshold is 50).",
        );
        check(
            "mass_send",
            json!({"bounces": 24, "messages": 24, "window_minutes": 10, "threshold": 20}),
            "10分のあいだに、送信したメールが24通戻ってきました（しきい値は20通）。",
            "24 of its mails came back within 10 minutes (the threshold is 20).",
        );
        check(
            "mass_send",
            json!({"restricted": "restricted from sending"}),
            "不審な送信が続いたため、メールサービスがこのアカウントの送信を停止しました（restricted from sending）。",
            "The mail service itself stopped the account (restricted from sending).",
        );
        check(
            "mass_download",
            json!({"files": 64, "window_minutes": 60, "threshold": 50, "factors": []}),
            "1時間のあいだに、異なる64件のファイルをダウンロードしました（しきい値は50件）。",
            "64 different files were downloaded within 1 hour (the threshold is 50).",
        );
        check(
            "mass_download",
            json!({"files": 30, "window_minutes": 60, "threshold": 50, "factors": ["factor_off_hours", "factor_leaving"]}),
            "1時間のあいだに、異なる30件のファイルをダウンロードしました（しきい値は50件。営業時間外、退職日が近い利用者のため、件数を重く数えています）。",
            "30 different files were downloaded within 1 hour (the threshold is 50; they count more for being outside office hours, by somebody who leaves).",
        );
        check(
            "mass_download",
            json!({"files": 4, "megabytes": 2400, "window_minutes": 60, "threshold": 2_000_000_000_u64, "factors": []}),
            "1時間のあいだに、4件のファイル、合計2,400MBをダウンロードしました。",
            "4 files with 2,400 MB in all were downloaded within 1 hour.",
        );
        check(
            "privileged_off_hours",
            json!({"local_time": "2026-10-03T02:10:05+09:00", "office_state": "closed"}),
            "営業時間外（現地時刻 2026年10月3日 02:10）に、管理者権限のある操作が行われました。",
            "An administrator's action outside office hours, at 3 October 2026 02:10 local time.",
        );
    }

    #[test]
    fn a_session_tells_both_ends_and_what_changed() {
        check(
            "session_reuse",
            json!({
                "from_country": "JP", "from_ip": "203.0.113.7", "from_client": "Edge/Windows", "from_time": NOW.to_string(),
                "to_country": "NL", "to_ip": "198.51.100.9", "to_net_kind": "hosting", "to_client": "python-requests",
                "to_time": "2026-10-03T01:07:00Z", "minutes_taken": 20, "changed": ["changed_country", "changed_script"],
            }),
            "日本・203.0.113.7 09:47（Edge/Windows）→ オランダ・198.51.100.9・データセンター 10:07（python-requests）。同じセッションが20分の間隔で使われており、違う点は次のとおりです：国、スクリプトの利用。",
            "Japan · 203.0.113.7 09:47 (Edge/Windows) → Netherlands · 198.51.100.9 · data centre 10:07 (python-requests). This is one session, used 20 minutes apart. What changed: the country, a script instead of a browser.",
        );
        check(
            "session_reuse",
            json!({"from_client": "Edge/Windows", "to_client": "Firefox/Linux", "changed": ["changed_client"]}),
            "同じセッションが別の場所または別のソフトから使われました。違う点は次のとおりです：ブラウザー。",
            "One session was used from elsewhere or with another program. What changed: the browser.",
        );
    }

    #[test]
    fn a_tunnel_tells_where_it_began_and_where_the_cloud_was_used() {
        check(
            "vpn_and_cloud",
            json!({
                "from_city": "Osaka", "from_country": "JP", "from_ip": "203.0.113.7", "from_time": NOW.to_string(),
                "to_country": "NL", "to_ip": "198.51.100.9", "to_time": "2026-10-03T03:07:00Z",
            }),
            "VPNにはOsaka（日本）・203.0.113.7 09:47から接続しているあいだに、クラウドはオランダ・198.51.100.9 12:07から利用されました。同じ人が両方の国にいることはできません。",
            "In the VPN from Osaka, Japan · 203.0.113.7 09:47, and meanwhile in the cloud from Netherlands · 198.51.100.9 12:07. One person cannot be in both countries.",
        );
    }

    #[test]
    fn attacks_tell_what_was_tried_from_where() {
        check(
            "password_stopped",
            json!({
                "from_country": "JP", "from_ip": "203.0.113.7", "from_time": NOW.to_string(), "to_country": "NL",
                "to_ip": "198.51.100.9", "to_time": "2026-10-03T03:07:00Z", "stopped_by": "mfa_required",
                "window_minutes": 10,
            }),
            "これまで日本・203.0.113.7 09:47で使われていたアカウントに、見慣れない場所（オランダ・198.51.100.9 12:07）から正しいパスワードが入力され、MFAの要求により阻止されました。前後10分に、同じ場所や端末からの成功はありません。",
            "Used from Japan · 203.0.113.7 09:47 before. Then the right password was given from Netherlands · 198.51.100.9 12:07, which is unlike the person, and was stopped by the second factor. There is no success from the same place or device within 10 minutes.",
        );
        check(
            "slow_attack",
            json!({"days": 7, "addresses": 12, "users": 12, "threshold": 5}),
            "7日間に、12個の送信元アドレスから12人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません（しきい値は5人）。",
            "Within 7 days, the passwords of 12 people were tried from 12 addresses (the threshold is 5 people). Each address tried once or twice, and none succeeded.",
        );
        check(
            "slow_attack",
            json!({"days": 7, "addresses": 9, "countries": 3}),
            "7日間に、3か国の9個の送信元アドレスから、この人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません。",
            "Within 7 days, the person's password was tried from 9 addresses in 3 countries. Each address tried once or twice, and none succeeded.",
        );
    }

    #[test]
    fn web_servers_tell_what_they_answered() {
        check(
            "exploit_success",
            json!({"http_status": 200, "bytes": 1804, "site": "www.example.co.jp"}),
            "攻撃パターンを含むリクエストに、サーバーが正常応答を返しました。",
            "The server answered a request that holds an attack with success.",
        );
        check(
            "admin_panel",
            json!({"site": "www.example.co.jp", "path": "/wp-login.php", "how": "panel_login"}),
            "www[.]example[.]co[.]jpの管理画面（/wp-login.php）に、社外の初めての回線からサインインがありました。",
            "From a network outside that is new to it, somebody signed in at the admin panel of www[.]example[.]co[.]jp (/wp-login.php).",
        );
        check(
            "error_burst",
            json!({"errors": 120, "answers": 130, "minutes": 4, "threshold": 20, "failure": "failure_server"}),
            "4分間に、130件の応答のうち120件がサーバーのエラーでした（しきい値は1分あたり20件）。",
            "120 of 130 answers within 4 minutes were errors of the server (the threshold is 20 a minute).",
        );
    }

    #[test]
    fn the_watchman_tells_of_himself() {
        check(
            "source_silent",
            json!({"silent_secs": 5400, "expected_minutes": 90, "usual_minutes": 5}),
            "最後の記録から1時間30分、何も届いていません。いつもなら記録が届く時間帯で、ふだんの間隔は長くても5分です。",
            "Nothing was received for 1 hour 30 minutes, at a time when something always is; its pauses are usually no longer than 5 minutes.",
        );
        check(
            "odd_records",
            json!({"count": 40, "window_minutes": 60, "threshold": 20, "secs_ahead": 32400}),
            "1時間のあいだに、受信時刻より先の時刻をもつ記録が40件届きました（最大9時間先）。",
            "40 records within 1 hour say that they happened after they were received, by up to 9 hours.",
        );
        check(
            "odd_records",
            json!({"count": 60, "window_minutes": 60, "threshold": 20}),
            "1時間のあいだに、読み取れない、または一部しか読み取れない記録が60件ありました（しきい値は20件）。",
            "60 records within 1 hour could not be read, or not entirely (the threshold is 20).",
        );
    }

    #[test]
    fn what_is_strange_tells_what_is_usual_and_who_else_has_it() {
        check(
            "unfamiliar_sign_in",
            json!({"nats": 12.3, "features": [
                {"feature": "country", "value": "NL", "nats": 5.0, "usual": "JP", "colleagues": 0},
                {"feature": "network", "value": "64999", "name": "Example Hosting", "nats": 5.0, "usual": "64500", "colleagues": 1},
                {"feature": "hours", "value": "off 00-06", "nats": 2.3, "usual": "work 06-12", "colleagues": 4},
                {"feature": "device", "value": "none", "nats": 1.0, "usual": "PC-1", "colleagues": 2},
                {"feature": "client", "value": "Chrome/Linux", "nats": 1.0, "usual": null, "colleagues": 0},
            ]}),
            "ふだんと違う点：国がオランダ（ふだんは日本、社内に利用者なし）、回線事業者がExample Hosting（AS64999）（ふだんはAS64500、社内の利用者は1人）、時間帯が休日の0〜6時（ふだんは平日の6〜12時、社内の利用者は4人）、端末が会社の管理外（ふだんはPC-1、社内の利用者は2人）、クライアントがChrome/Linux（社内に利用者なし）。",
            "Unlike before: country Netherlands (usually Japan, nobody else in the firm), provider Example Hosting (AS64999) (usually AS64500, 1 other in the firm), hours day off 00-06 (usually working day 06-12, 4 others in the firm), device not managed by the firm (usually PC-1, 2 others in the firm), client Chrome/Linux (nobody else in the firm).",
        );
        check(
            "unfamiliar_sign_in",
            json!({"nats": 12.3, "features": []}),
            "本人のこれまでのサインインと大きく異なります。",
            "It is unlike the person's sign-ins so far.",
        );
    }

    #[test]
    fn what_is_seen_for_the_first_time_is_told_with_who_else_has_it() {
        check(
            "new_country",
            json!({"country": "NL", "colleagues": 2, "back_days": 90}),
            "オランダからのサインインは、本人にとって過去90日間で初めてです（同じ国からサインインした社員：ほかに2人）。",
            "The person's first sign-in from Netherlands in 90 days (others in the firm from there: 2).",
        );
        check(
            "new_for_administrator",
            json!({"features": [{"feature": "device", "value": "PC-9", "usual": null, "colleagues": 0}]}),
            "管理者が、ふだん使っていない環境からサインインしました：端末がPC-9（社内に利用者なし）。",
            "An administrator signed in by a way not used before: device PC-9 (nobody else in the firm).",
        );
        check(
            "service_account",
            json!({"features": []}),
            "サービスアカウントで、人の操作によるサインインが行われました。",
            "A person signed in with the service account.",
        );
        check(
            "anonymiser",
            json!({"net_kind": "tor", "as_org": null}),
            "Tor経由のサインインです。",
            "The sign-in came through: Tor.",
        );
        check(
            "dormant",
            json!({"idle_days": 61}),
            "61日間使われていなかったアカウントが使われました。",
            "The account was used after 61 days without any use.",
        );
    }

    #[test]
    fn facts_that_are_missing_or_odd_make_a_plainer_sentence() {
        for odd in [
            json!({}),
            json!({"count": "many", "window_secs": null}),
            json!({"count": {"a": 1}}),
        ] {
            check(
                "event_count",
                odd,
                "「題名」を検知しました（記録2件）。",
                "\"Title\" was found (records: 2).",
            );
        }
        check(
            "nobody_knows",
            json!({}),
            "「題名」を検知しました（記録2件）。",
            "\"Title\" was found (records: 2).",
        );
        check(
            "leaver",
            json!({"left": "some day"}),
            "some dayに退職した人のアカウントが使われました。",
            "The person left on some day, and the account was used.",
        );
        check(
            "match",
            json!({}),
            "このルールに当てはまる記録が2件あります。",
            "Records that match this rule: 2.",
        );
    }

    #[test]
    fn facts_come_from_logs_and_are_disarmed() {
        check(
            "event_count",
            json!({"count": 3, "window_secs": 60, "threshold": 2, "group": "\u{202e}@everyone {title}"}),
            "⟦U+202E⟧(at)everyone {title}について、1分のあいだに該当する記録が3件ありました（しきい値は2件）。",
            "3 records within 1 minute for ⟦U+202E⟧(at)everyone {title} (the threshold is 2).",
        );
    }
}
