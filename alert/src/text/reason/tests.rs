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
        "203.0.113.9について、10分のあいだに該当する記録が48件ありました（最新は「サインイン」、しきい値は10件）。",
        "48 records within 10 minutes for 203.0.113.9 (the latest: sign-in; the threshold is 10).",
    );
    check(
        "event_count",
        json!({"count": 12, "window_secs": 600, "threshold": 1, "group": {"user_name": "taro"}}),
        "taroについて、10分のあいだに該当する記録が12件ありました。",
        "12 records within 10 minutes for taro.",
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
        "value_count",
        json!({"distinct": 12, "field": "user_name", "window_secs": 3600, "threshold": 4, "not_followed_secs": 600}),
        "1時間のあいだに異なるユーザー名が12件記録されました（しきい値は4件）。その後10分たっても、続くはずの記録がありませんでした。",
        "12 different user names within 1 hour (the threshold is 4). What should have followed within 10 minutes did not.",
    );
    check(
        "temporal",
        json!({"rules": ["A", "B"], "window_secs": 60, "not_followed_secs": 600}),
        "「A」と「B」が、1分以内に重なって起きました。その後10分たっても、続くはずの記録がありませんでした。",
        "\"A\" and \"B\" came together within 1 minute. What should have followed within 10 minutes did not.",
    );
    check(
        "match",
        json!({"count": 1, "first_seen_days": 90, "field": "user_name"}),
        "過去90日間に一度もなかったユーザー名の記録が2件あります。",
        "Records with user names that had not been seen in the 90 days before: 2.",
    );
}

#[test]
fn a_match_tells_what_was_done_on_what_last() {
    let check = |last: Evidence, ja: &str, en: &str| {
        let alert = alert(
            rule("match", "Title", "題名"),
            &person("taro@example.co.jp"),
            facts(json!({"count": 2})),
        );
        let tokyo_place = ("Tokyo", "JP", "203.0.113.7");
        let last = Evidence {
            time: event("e2", 5, tokyo_place).time,
            ..last
        };
        let evidence = [event("e1", 0, tokyo_place), last];

        assert_eq!(reason(&alert, &evidence, Lang::Ja, &tokyo()), ja);
        assert_eq!(reason(&alert, &evidence, Lang::En, &tokyo()), en);
    };
    let done = |activity: &str, status_id: i8| Evidence {
        activity: activity.to_owned(),
        status_id,
        ..Evidence::default()
    };
    check(
        Evidence {
            resource: Some("Global Administrator".into()),
            target: Some("Entra".into()),
            ..done("role_assign", 1)
        },
        "最新の記録は「管理者権限の付与」、対象は Global Administrator です（該当する記録は2件）。",
        "The latest: administrator rights granted, on Global Administrator (records that match: 2).",
    );
    check(
        Evidence {
            target: Some("Exchange Online".into()),
            ..done("logon", 2)
        },
        "最新の記録は「サインイン（失敗）」、接続先は Exchange Online です（該当する記録は2件）。",
        "The latest: sign-in (failed), at Exchange Online (records that match: 2).",
    );
    check(
        Evidence {
            resource: Some("\u{202e}x".into()),
            ..done("other", 1)
        },
        "最新の記録の対象は ⟦U+202E⟧x です（該当する記録は2件）。",
        "The latest is on ⟦U+202E⟧x (records that match: 2).",
    );
    check(done("other", 2), "該当する記録は2件です。", "Records that match: 2.");
}

#[test]
fn every_activity_has_a_word_in_each_language() {
    for (activity, _) in sekisho_model::words::ACTIVITIES {
        for lang in [Lang::Ja, Lang::En] {
            let known = word(words(lang).activities, activity).is_some();
            assert_eq!(known, *activity != "other", "{activity} {lang:?}");
        }
    }
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
        "Tokyo（日本）・203.0.113.7・Example Net 09:47 → オランダ・198.51.100.9 10:32。距離は9,290km（位置の誤差を差し引いても9,160km）で、移動には少なくとも10時間6分かかりますが、45分しかたっていません（現実に可能な速さの13.5倍）。",
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
        "24 of the mails it sent came back within 10 minutes (the threshold is 20).",
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
        "営業時間外（現地時刻 2026年10月3日 02:10）に、管理者権限での操作が行われました。",
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
        "同じセッションが別の場所または別のソフトから使われました。違う点は次のとおりです：ブラウザーまたはソフト。",
        "One session was used from elsewhere or with another program. What changed: the browser.",
    );
}

#[test]
fn a_shared_account_tells_where_it_is_used_at_once() {
    check(
        "shared_account",
        json!({
            "days": 5, "back_days": 30, "devices": 3, "from_country": "JP", "from_city": "Tokyo",
            "from_ip": "203.0.113.7", "from_time": NOW.to_string(), "to_country": "JP", "to_city": "Osaka",
            "to_ip": "203.0.113.70", "to_time": "2026-10-03T01:02:00Z",
        }),
        "直近30日間のうち5日、このアカウントが複数の端末（最大3台）から同じ時間帯に使われ、その場所は一人では行き来できないほど離れていました：Tokyo（日本）・203.0.113.7 09:47、Osaka（日本）・203.0.113.70 10:02。",
        "On 5 of 30 days, several devices used the account at the same time (as many as 3), in places too far apart for one person: Tokyo, Japan · 203.0.113.7 09:47 and Osaka, Japan · 203.0.113.70 10:02.",
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
        "VPN（Osaka（日本）・203.0.113.7 09:47）に接続しているあいだに、クラウドが別の国（オランダ・198.51.100.9 12:07）から利用されました。一人が同時に両方の国にいることはできません。",
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
        "本人の以前の利用：日本・203.0.113.7 09:47。その後、見慣れない場所（オランダ・198.51.100.9 12:07）から正しいパスワードが入力され、多要素認証の要求により阻止されました。前後10分に、同じ場所や端末からの成功はありません。",
        "The person's use before: Japan · 203.0.113.7 09:47. Then the right password was given from Netherlands · 198.51.100.9 12:07, which is unlike the person, and stopped by the second factor. There is no success from the same place or device within 10 minutes.",
    );
    check(
        "slow_attack",
        json!({"days": 7, "addresses": 12, "users": 12, "threshold": 5}),
        "7日間に、12件の送信元アドレスから12人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません（しきい値は5人）。",
        "Within 7 days, the passwords of 12 people were tried from 12 addresses (the threshold is 5 people). Each address tried once or twice, and none succeeded.",
    );
    check(
        "slow_attack",
        json!({"days": 7, "addresses": 9, "countries": 3}),
        "7日間に、3か国の9件の送信元アドレスから、この人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません。",
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
        "サービスアカウントで、人の手によるサインインが行われました。",
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
        "最新の記録は「サインイン」です（該当する記録は2件）。",
        "The latest: sign-in (records that match: 2).",
    );
}

#[test]
fn facts_come_from_logs_and_are_disarmed() {
    check(
        "event_count",
        json!({"count": 3, "window_secs": 60, "threshold": 2, "group": "\u{202e}@everyone {title}"}),
        "⟦U+202E⟧(at)everyone {title}について、1分のあいだに該当する記録が3件ありました（最新は「サインイン」、しきい値は2件）。",
        "3 records within 1 minute for ⟦U+202E⟧(at)everyone {title} (the latest: sign-in; the threshold is 2).",
    );
}
