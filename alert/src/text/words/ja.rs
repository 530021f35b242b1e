//! Japanese.

use sekisho_model::Severity;

use super::Words;

pub(super) static WORDS: Words = Words {
    level,
    title: "【{level}】{what}：{who}",
    title_more: "（ほか{count}件）",
    got_worse: "（深刻度が上がりました）",
    got_more: "（新しい兆候が加わりました）",
    resent: "（再送）",
    no_alert: "不審な動き",
    no_reason: "詳細は下記のコマンドで確認してください。",
    who: "対象",
    users: "{who}（関係する利用者：{users}）",
    users_and_more: "{who}（関係する利用者：{users}など{count}人）",
    comma: "、",
    colon: "：",
    when: "日時",
    places: "場所",
    before_and_now: "{before}（{before_at}）→ {now}（{now_at}）",
    now_only: "{now}（{now_at}）",
    why: "理由",
    titled: "{title}：{reason}",
    reasons_more: "ほか{count}件のアラートがあります。",
    sure: "確からしさ",
    sure_bands: [
        "{score}/100（非常に高い）。すぐに対応してください。",
        "{score}/100（高い）。不正利用とみて、まず確認してください。",
        "{score}/100（中程度）。次の手順で確認してください。",
        "{score}/100（低い）。念のためのお知らせです。",
    ],
    sure_page: "{score}/100。点数にかかわらず、必ず人が確認すべき操作です。",
    steps: "対応",
    steps_default: [
        "本人に電話などで連絡し、心当たりがあるか確認してください。",
        "心当たりがなければ、アカウントを停止し、ログイン中のセッションをすべて無効にしてください。",
        "パスワードを変更し、直前の操作（メールの転送設定、ファイルの持ち出しなど）を確認してください。",
    ],
    late: "記録の到着が{delay}遅れたため、検知も遅れています（発生 {happened}、受信 {received}）。",
    reference: "詳細：sekisho incidents show {id}",
    list_reference: "一覧：sekisho incidents list",
    incident_line: "【{level}】{when}　{who}　{what}（sekisho incidents show {id}）",
    incidents_more: "ほか{count}件のインシデントがあります。",
    storm_title: "【多発】短時間にインシデントがさらに{count}件発生しました",
    storm_advice: "見落としを防ぐため、1通にまとめてお知らせします。多数のアカウントへの攻撃か、環境の変化によるルールの誤検知が考えられます。まず最初の1件から確認してください。",
    more_title: "本日はほかに{count}件のインシデントがあります",
    more: "このチャンネルへの本日の通知が上限に達しました。急を要するものは引き続きお知らせし、それ以外は次の日次まとめに掲載します。",
    digest_title: "【日次まとめ】{day}：確認が必要なインシデント {count}件",
    digest_quiet_title: "【日次まとめ】{day}：異常はありません",
    digest_silent: "次のログが届いていません：{sources}。転送の設定を確認してください。",
    digest_all_alive: "{since}以降のサインインは{sign_ins}件、{sources}種類のログはすべて届いています。",
    digest_watched: "{since}以降のサインインは{sign_ins}件、届いているログは{sources}種類です。",
    digest_nothing_came: "{since}以降、ログが1件も届いていないため、監視できていません。ログの転送を確認してください。",
    reasons: &[
        (
            "match",
            "過去{first_seen_days}日間に一度もなかった{field}での記録が{evidence}件あります。",
        ),
        (
            "match",
            "このルールに当てはまる記録が{evidence}件あります。直近の対象は {resource} です。",
        ),
        (
            "match",
            "このルールに当てはまる記録が{evidence}件あります。直近の接続先は {target} です。",
        ),
        ("match", "このルールに当てはまる記録が{evidence}件あります。"),
        (
            "event_count",
            "{group}について該当する記録があり、その後{not_followed_secs}たっても、続くはずの記録がありませんでした。",
        ),
        (
            "event_count",
            "該当する記録があり、その後{not_followed_secs}たっても、続くはずの記録がありませんでした。",
        ),
        (
            "event_count",
            "{group}について、{window_secs}のあいだに該当する記録が{count}件ありました（しきい値は{threshold}件）。",
        ),
        (
            "event_count",
            "{window_secs}のあいだに該当する記録が{count}件ありました（しきい値は{threshold}件）。",
        ),
        (
            "event_count",
            "{window_secs}のあいだに該当する記録が{count}件ありました。",
        ),
        ("event_count", "短い時間に該当する記録が{count}件ありました。"),
        (
            "value_count",
            "{group}について、{window_secs}のあいだに異なる{field}が{distinct}件記録されました（しきい値は{threshold}件）。",
        ),
        (
            "value_count",
            "{window_secs}のあいだに異なる{field}が{distinct}件記録されました（しきい値は{threshold}件）。",
        ),
        (
            "value_count",
            "{window_secs}のあいだに異なる{field}が{distinct}件記録されました。",
        ),
        ("value_count", "短い時間に異なる値が{distinct}件記録されました。"),
        (
            "value_sum",
            "{group}について、{window_secs}のあいだに{field}の合計が{sum}に達しました（しきい値は{threshold}）。",
        ),
        (
            "value_sum",
            "{window_secs}のあいだに{field}の合計が{sum}に達しました（しきい値は{threshold}）。",
        ),
        ("value_sum", "短い時間に合計が{sum}に達しました。"),
        (
            "value_avg",
            "{group}について、{window_secs}の{field}の平均が{average}でした（基準は{threshold}）。",
        ),
        (
            "value_avg",
            "{window_secs}の{field}の平均が{average}でした（基準は{threshold}）。",
        ),
        (
            "value_median",
            "{group}について、{window_secs}の{field}の中央値が{average}でした（基準は{threshold}）。",
        ),
        (
            "value_median",
            "{window_secs}の{field}の中央値が{average}でした（基準は{threshold}）。",
        ),
        (
            "value_percentile",
            "{group}について、{window_secs}の{field}のパーセンタイル値が{average}でした（基準は{threshold}）。",
        ),
        (
            "value_percentile",
            "{window_secs}の{field}のパーセンタイル値が{average}でした（基準は{threshold}）。",
        ),
        (
            "temporal_ordered",
            "{steps}の順に、{window_secs}以内に続けて起きました。",
        ),
        (
            "temporal_ordered",
            "一連の動きが、決まった順番で{window_secs}以内に続けて起きました。",
        ),
        ("temporal_ordered", "一連の動きが、決まった順番で続けて起きました。"),
        ("temporal", "{rules}が、{window_secs}以内に重なって起きました。"),
        (
            "temporal",
            "関連する複数の動きが、{window_secs}以内に重なって起きました。",
        ),
        ("temporal", "関連する複数の動きが、近い時刻に重なって起きました。"),
        (
            "geo_velocity",
            "{from_end} → {to_end}。距離は{distance_km}km（位置の誤差を差し引いても{effective_km}km）で、移動には少なくとも{minutes_needed}かかりますが、{minutes_taken}しかたっていません（{ratio}倍の速さ）。",
        ),
        (
            "geo_velocity",
            "{from_end} → {to_end}。距離は{distance_km}kmで、移動には少なくとも{minutes_needed}かかりますが、{minutes_taken}しかたっていません。",
        ),
        (
            "geo_velocity",
            "{from_end} → {to_end}。実際の移動では間に合わない間隔で使われました。",
        ),
        (
            "geo_velocity",
            "離れた2か所から、実際の移動では間に合わない間隔で使われました。",
        ),
        (
            "leaver",
            "{left}に退職した人のアカウントが、退職から{days_since}日後に使われました。",
        ),
        (
            "leaver",
            "{left}に退職した人のアカウントで、退職から{days_right}日後に正しいパスワードが入力されました（多要素認証またはポリシーにより阻止）。",
        ),
        (
            "leaver",
            "{left}に退職した人のアカウントで、退職から{days_tried}日後にサインインが試みられ、拒否されました。",
        ),
        ("leaver", "{left}に退職した人のアカウントが使われました。"),
        ("leaver", "すでに退職した人のアカウントが使われました。"),
        (
            "mass_download",
            "{window_secs}のあいだに、{files}件のファイル、合計{megabytes}MBをダウンロードしました。",
        ),
        (
            "mass_download",
            "{window_secs}のあいだに、異なる{files}件のファイルをダウンロードしました（しきい値は{threshold}件。{factors}のため、件数を重く数えています）。",
        ),
        (
            "mass_download",
            "{window_secs}のあいだに、異なる{files}件のファイルをダウンロードしました（しきい値は{threshold}件）。",
        ),
        ("mass_download", "短い時間に、大量のファイルをダウンロードしました。"),
        (
            "mass_send",
            "本人の見慣れない場所から、{window_secs}のあいだに{messages}通、のべ{unfamiliar_recipients}件の宛先にメールを送信しました（しきい値は{threshold}件）。",
        ),
        (
            "mass_send",
            "{window_secs}のあいだに、送信したメールが{bounces}通戻ってきました（しきい値は{threshold}通）。",
        ),
        (
            "mass_send",
            "不審な送信が続いたため、メールサービスがこのアカウントの送信を停止しました（{restricted}）。",
        ),
        (
            "mass_send",
            "{window_secs}のあいだに{messages}通、のべ{recipients}件の宛先にメールを送信しました（しきい値は{threshold}件）。",
        ),
        (
            "mass_send",
            "{window_secs}のあいだに、のべ{recipients}件の宛先にメールを送信しました（しきい値は{threshold}件）。",
        ),
        (
            "mass_send",
            "短い時間に、のべ{recipients}件の宛先にメールを送信しました。",
        ),
        (
            "privileged_off_hours",
            "{office_state}（現地時刻 {local_time}）に、管理者権限のある操作が行われました。",
        ),
        (
            "privileged_off_hours",
            "{office_state}に、管理者権限のある操作が行われました。",
        ),
        (
            "privileged_off_hours",
            "ふだん業務をしていない時間に、管理者権限のある操作が行われました。",
        ),
        (
            "session_reuse",
            "{from_end}（{from_client}）→ {to_end}（{to_client}）。同じセッションが{minutes_taken}の間隔で使われており、違う点は次のとおりです：{changed}。",
        ),
        (
            "session_reuse",
            "{from_end} → {to_end}。同じセッションが{minutes_taken}の間隔で使われており、違う点は次のとおりです：{changed}。",
        ),
        (
            "session_reuse",
            "同じセッションが別の場所または別のソフトから使われました。違う点は次のとおりです：{changed}。",
        ),
        (
            "session_reuse",
            "同じセッションが別の場所または別のソフトから使われました。",
        ),
        (
            "vpn_and_cloud",
            "VPNには{from_end}から接続しているあいだに、クラウドは{to_end}から利用されました。同じ人が両方の国にいることはできません。",
        ),
        (
            "vpn_and_cloud",
            "VPNに接続しているあいだに、クラウドが別の国から利用されました。",
        ),
        (
            "password_stopped",
            "これまで{from_end}で使われていたアカウントに、見慣れない場所（{to_end}）から正しいパスワードが入力され、{stopped_by}により阻止されました。前後{window_secs}に、同じ場所や端末からの成功はありません。",
        ),
        (
            "password_stopped",
            "見慣れない場所（{to_end}）から正しいパスワードが入力され、{stopped_by}により阻止されました。前後{window_secs}に、同じ場所や端末からの成功はありません。",
        ),
        (
            "password_stopped",
            "見慣れない場所から正しいパスワードが入力され、阻止されました。",
        ),
        (
            "slow_attack",
            "{days}日間に、{addresses}個の送信元アドレスから{users}人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません（しきい値は{threshold}人）。",
        ),
        (
            "slow_attack",
            "{days}日間に、{countries}か国の{addresses}個の送信元アドレスから、この人のパスワードが試されました。各アドレスは1～2回試しただけで、成功はありません。",
        ),
        (
            "slow_attack",
            "多数の送信元アドレスから、少しずつパスワードが試されています。",
        ),
        (
            "exploit_success",
            "攻撃パターンを含むリクエスト（{resource}）に、{site}が正常応答（{http_status}、{bytes}バイト）を返しました。ふだんの「ページがない」ときの応答とは異なります。",
        ),
        (
            "exploit_success",
            "攻撃パターンを含むリクエスト（{resource}）に、サーバーが正常応答（{http_status}）を返しました。",
        ),
        (
            "exploit_success",
            "攻撃パターンを含むリクエストに、サーバーが正常応答を返しました。",
        ),
        (
            "admin_panel",
            "{site}の管理画面（{path}）に、社外の初めての回線から{how}。",
        ),
        (
            "admin_panel",
            "Webサイトの管理画面に、社外の初めての回線からサインインがありました。",
        ),
        (
            "error_burst",
            "{minutes}分間に、{answers}件の応答のうち{errors}件が{failure}でした（しきい値は1分あたり{threshold}件）。",
        ),
        ("error_burst", "短い時間に、Webサイトがエラーを返し続けました。"),
        (
            "source_silent",
            "最後の記録から{silent_secs}、何も届いていません。いつもなら記録が届く時間帯で、ふだんの間隔は長くても{usual_minutes}です。",
        ),
        ("source_silent", "いつもなら記録が届く時間帯に、何も届いていません。"),
        (
            "odd_records",
            "{window_secs}のあいだに、受信時刻より先の時刻をもつ記録が{count}件届きました（最大{secs_ahead}先）。",
        ),
        (
            "odd_records",
            "{window_secs}のあいだに、読み取れない、または一部しか読み取れない記録が{count}件ありました（しきい値は{threshold}件）。",
        ),
        ("odd_records", "正しく読み取れない記録が増えています。"),
        (
            "new_country",
            "{country}からのサインインは、本人にとって過去{back_days}日間で初めてです（同じ国からサインインした社員：ほかに{colleagues}人）。",
        ),
        ("new_country", "本人にとって初めての国からのサインインです。"),
        (
            "new_for_administrator",
            "管理者が、ふだん使っていない環境からサインインしました：{strange}。",
        ),
        (
            "new_for_administrator",
            "管理者が、ふだん使っていない環境からサインインしました。",
        ),
        (
            "service_account",
            "サービスアカウントが、ふだんと違う経路で使われました：{strange}。",
        ),
        (
            "service_account",
            "サービスアカウントで、人の操作によるサインインが行われました。",
        ),
        ("anonymiser", "{net_kind}経由のサインインです（{as_org}）。"),
        ("anonymiser", "{net_kind}経由のサインインです。"),
        ("dormant", "{idle_days}日間使われていなかったアカウントが使われました。"),
        (
            "no_second_factor",
            "多要素認証なしでサインインに成功しています（記録{evidence}件）。",
        ),
        ("unfamiliar_sign_in", "ふだんと違う点：{strange}。"),
        ("unfamiliar_sign_in", "本人のこれまでのサインインと大きく異なります。"),
    ],
    reason_any: "「{title}」を検知しました（記録{evidence}件）。",
    fields: &[
        ("user_name", "ユーザー名"),
        ("person", "利用者"),
        ("src_ip", "接続元アドレス"),
        ("src_country", "国"),
        ("src_city", "都市"),
        ("src_asn", "接続元ネットワーク"),
        ("dst_host", "サーバー"),
        ("app_name", "アプリ"),
        ("url", "URL"),
        ("resource", "ファイル"),
        ("user_agent", "クライアント"),
        ("item_count", "件数"),
        ("device_uid", "端末"),
        ("country", "国"),
        ("kind", "回線の種類"),
        ("network", "回線事業者"),
        ("client", "クライアント"),
        ("hours", "時間帯"),
        ("device", "端末"),
        ("address", "接続元アドレス"),
    ],
    values: &[
        ("open", "営業時間内"),
        ("closed", "営業時間外"),
        ("holiday", "休業日"),
        ("office", "社内回線"),
        ("egress", "自社の出口回線"),
        ("sase", "SASE"),
        ("mobile", "携帯回線"),
        ("hosting", "データセンター"),
        ("vpn", "VPN"),
        ("tor", "Tor"),
        ("relay", "中継サービス"),
        ("inflight", "機内回線"),
        ("fixed", "固定回線"),
        ("factor_leaving", "退職日が近い利用者"),
        ("factor_off_hours", "営業時間外"),
        ("factor_unmanaged", "管理外の端末"),
        ("changed_anonymous", "データセンター・VPN・Torの回線"),
        ("changed_client", "ブラウザー"),
        ("changed_country", "国"),
        ("changed_script", "スクリプトの利用"),
        ("mfa_denied", "MFAの拒否"),
        ("mfa_failed", "MFAの失敗"),
        ("mfa_required", "MFAの要求"),
        ("password_expired", "パスワードの有効期限切れ"),
        ("policy_blocked", "アクセスポリシー"),
        ("panel_login", "サインインがありました"),
        ("panel_page", "サインインしないと見られないページが開かれました"),
        ("failure_refused", "認証・権限のエラー"),
        ("failure_server", "サーバーのエラー"),
        ("none", "会社の管理外"),
        ("work 00-06", "平日の0〜6時"),
        ("work 06-12", "平日の6〜12時"),
        ("work 12-18", "平日の12〜18時"),
        ("work 18-24", "平日の18〜24時"),
        ("off 00-06", "休日の0〜6時"),
        ("off 06-12", "休日の6〜12時"),
        ("off 12-18", "休日の12〜18時"),
        ("off 18-24", "休日の18〜24時"),
    ],
    unlike_usual: "{feature}が{now}（ふだんは{usual}、{others}）",
    unlike: "{feature}が{now}（{others}）",
    nobody_else: "社内に利用者なし",
    one_other: "社内の利用者は1人",
    others: "社内の利用者は{count}人",
    named_network: "{name}（AS{number}）",
    quoted: "「{thing}」",
    and: "と",
    then: "→",
};

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "参考",
        Severity::Low => "低",
        Severity::Medium => "中",
        Severity::High => "高",
        Severity::Critical => "緊急",
    }
}
