//! The settings as checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use sekisho_model::{Lang, Severity};
use toml::Spanned;

use super::doors::{self, FollowedFile, KafkaDoor, Listen, SourceSettings};
use super::place::Place;
use super::raw::{Raw, RawChannel};
use super::secret::Secret;
use super::{Environment, SettingsError, beside};

/// Where the data goes when no setting says otherwise.
const DATA_DEFAULT: &str = "/var/lib/sekisho";
/// How often what was judged becomes durable in the tables; each commit costs some tens of milliseconds.
const EPOCH_DEFAULT: i64 = 30;
/// Days that events are kept: half a year of a leaver and one yearly audit.
const RETAIN_DAYS_DEFAULT: i64 = 400;

/// Settings that can be used.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) tenant: Arc<str>,
    pub(crate) zone: TimeZone,
    /// Whether the zone is a setting, not the host's.
    pub(crate) zone_is_set: bool,
    pub(crate) lang: Lang,
    pub(crate) listen: Listen,
    pub(crate) files: Vec<FollowedFile>,
    pub(crate) kafka: Vec<KafkaDoor>,
    pub(crate) sources: Vec<SourceSettings>,
    pub(crate) context: ContextFiles,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) calendar: CalendarSettings,
    pub(crate) channels: Vec<ChannelSettings>,
    /// When the digest of a working day comes, in the zone.
    pub(crate) digest_at: jiff::civil::Time,
    pub(crate) epoch: Duration,
    pub(crate) retain_days: u16,
}

/// The files of the context, none of which must exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContextFiles {
    pub(crate) geo: Vec<PathBuf>,
    pub(crate) people: Option<PathBuf>,
    pub(crate) networks: Option<PathBuf>,
    pub(crate) notices: Option<PathBuf>,
    pub(crate) rules: Option<PathBuf>,
    /// Maps of sources, by the parser id.
    pub(crate) maps: Vec<(String, PathBuf)>,
    /// Where own rules lie if no setting says otherwise; the folder may be missing.
    pub(crate) usual_rules: Option<PathBuf>,
    /// The data folder whose answers to alerts count.
    pub(crate) answers: Option<PathBuf>,
}

/// When the office is open; checked by `sekisho-enrich`.
#[derive(Clone, Debug)]
pub(crate) struct CalendarSettings {
    pub(crate) hours: String,
    pub(crate) days: Vec<String>,
    pub(crate) holidays_are_japanese: bool,
    pub(crate) closed: Vec<String>,
}

/// A kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelKind {
    Slack,
    Webhook,
}

/// Where alerts go.
#[derive(Clone, Debug)]
pub(crate) struct ChannelSettings {
    pub(crate) name: String,
    pub(crate) kind: ChannelKind,
    pub(crate) url: Secret,
    pub(crate) secret: Option<Secret>,
    pub(crate) min_level: Severity,
    pub(crate) lang: Lang,
    pub(crate) messages_per_day: u32,
    pub(crate) digest: bool,
    pub(crate) allow_plaintext: bool,
    /// Whether it hears what is wrong with the service itself.
    pub(crate) operator: bool,
}

impl Settings {
    pub(super) fn check(raw: &Raw, text: &str, path: &Path, environment: &Environment) -> Result<Self, SettingsError> {
        let place = Place {
            path,
            text,
            environment,
        };
        let (zone, zone_is_set) = zone(&place, raw.zone.as_ref())?;
        let lang = place.word("lang", raw.lang.as_ref(), LANGS, Lang::En)?;
        let sources = doors::sources(&place, &raw.source)?;
        let relative = |file: &Option<PathBuf>| file.as_ref().map(|file| beside(path, file));
        let data = relative(&raw.data).unwrap_or_else(|| PathBuf::from(DATA_DEFAULT));
        Ok(Self {
            tenant: raw.tenant.as_deref().unwrap_or("default").into(),
            zone,
            zone_is_set,
            lang,
            listen: doors::listen(&place, raw)?,
            files: doors::files(&place, raw)?,
            kafka: doors::kafka(&place, &raw.kafka)?,
            context: ContextFiles {
                geo: [relative(&raw.geo.city), relative(&raw.geo.asn)]
                    .into_iter()
                    .flatten()
                    .collect(),
                people: relative(&raw.context.people),
                networks: relative(&raw.context.networks),
                notices: relative(&raw.context.notices),
                rules: relative(&raw.context.rules),
                maps: sources
                    .iter()
                    .filter_map(|source| Some((source.id.clone(), source.map.clone()?)))
                    .collect(),
                usual_rules: Some(data.join("rules")),
                answers: Some(data.clone()),
            },
            sources,
            trusted_proxies: trusted_proxies(&place, raw)?,
            calendar: calendar(&place, raw)?,
            channels: raw
                .channel
                .iter()
                .map(|raw| channel(&place, raw, lang))
                .collect::<Result<_, _>>()?,
            digest_at: digest_at(&place, raw.digest.at.as_ref())?,
            epoch: Duration::from_secs(place.at_least_one(
                "store.epoch_secs",
                raw.store.epoch_secs.as_ref(),
                EPOCH_DEFAULT,
            )?),
            data,
            retain_days: u16::try_from(place.at_least_one(
                "store.retain_days",
                raw.store.retain_days.as_ref(),
                RETAIN_DAYS_DEFAULT,
            )?)
            .unwrap_or(u16::MAX),
        })
    }
}

const LANGS: &[(&str, Lang)] = &[("ja", Lang::Ja), ("en", Lang::En)];

const LEVELS: &[(&str, Severity)] = &[
    ("informational", Severity::Informational),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

fn zone(place: &Place<'_>, value: Option<&Spanned<String>>) -> Result<(TimeZone, bool), SettingsError> {
    let Some(value) = value else {
        return Ok((TimeZone::system(), false));
    };
    Ok((place.zone("zone", value)?, true))
}

fn trusted_proxies(place: &Place<'_>, raw: &Raw) -> Result<Vec<IpNet>, SettingsError> {
    raw.context
        .trusted_proxies
        .iter()
        .map(|value| {
            let text = value.get_ref();
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
                .map_err(|_| {
                    place.wrong(
                        value.span(),
                        "context.trusted_proxies",
                        format!("\"{text}\""),
                        "addresses or networks such as \"10.0.0.0/8\"",
                    )
                })
        })
        .collect()
}

fn calendar(place: &Place<'_>, raw: &Raw) -> Result<CalendarSettings, SettingsError> {
    let words = |value: Option<&Spanned<Vec<String>>>, usual: &[&str]| match value {
        Some(value) => value.get_ref().clone(),
        None => usual.iter().map(|&word| word.to_owned()).collect(),
    };
    let word = |value: Option<&Spanned<String>>, usual: &str| value.map_or(usual, |value| value.get_ref()).to_owned();
    Ok(CalendarSettings {
        hours: word(raw.calendar.hours.as_ref(), "09:00-18:00"),
        days: words(raw.calendar.days.as_ref(), &["mon", "tue", "wed", "thu", "fri"]),
        holidays_are_japanese: place.word(
            "calendar.holidays",
            raw.calendar.holidays.as_ref(),
            &[("jp", true), ("none", false)],
            true,
        )?,
        closed: words(raw.calendar.closed.as_ref(), &["12-29..01-03"]),
    })
}

/// When people begin, unless a setting says otherwise.
const DIGEST_AT: jiff::civil::Time = jiff::civil::Time::constant(9, 0, 0, 0);

fn digest_at(place: &Place<'_>, value: Option<&Spanned<String>>) -> Result<jiff::civil::Time, SettingsError> {
    let Some(value) = value else { return Ok(DIGEST_AT) };
    jiff::civil::Time::strptime("%H:%M", value.get_ref()).map_err(|_| {
        let found = format!("\"{}\"", value.get_ref());
        place.wrong(value.span(), "digest.at", found, "a time of day such as \"09:00\"")
    })
}

fn channel(place: &Place<'_>, raw: &RawChannel, lang: Lang) -> Result<ChannelSettings, SettingsError> {
    let kind = place.one_of(
        "channel.type",
        &raw.kind,
        &[("slack", ChannelKind::Slack), ("webhook", ChannelKind::Webhook)],
    )?;
    let url = place
        .secret(raw, "URL", raw.url.as_ref(), raw.url_file.as_ref())
        .ok_or_else(|| {
            let name = raw.name.get_ref();
            place.wrong(
                raw.name.span(),
                "channel.url_file",
                "missing",
                format!(
                    "a file with the address to post to, or SEKISHO__CHANNEL__{}__URL in the environment",
                    name.to_uppercase()
                ),
            )
        })?;
    let secret = place.secret(raw, "SECRET", raw.secret.as_ref(), raw.secret_file.as_ref());
    if kind == ChannelKind::Webhook && secret.is_none() {
        return Err(place.wrong(
            raw.kind.span(),
            "channel.secret_file",
            "missing",
            "a file with the secret that signs the messages (`whsec_…`)",
        ));
    }
    Ok(ChannelSettings {
        name: raw.name.get_ref().clone(),
        kind,
        url,
        secret,
        min_level: place.word("channel.min_level", raw.min_level.as_ref(), LEVELS, Severity::High)?,
        lang: place.word("channel.lang", raw.lang.as_ref(), LANGS, lang)?,
        messages_per_day: u32::try_from(place.at_least_one(
            "channel.messages_per_day",
            raw.messages_per_day.as_ref(),
            i64::from(sekisho_alert::outbox::MESSAGES_PER_DAY),
        )?)
        .unwrap_or(u32::MAX),
        digest: raw.digest.unwrap_or(true),
        allow_plaintext: raw.allow_plaintext,
        operator: raw.operator,
    })
}
