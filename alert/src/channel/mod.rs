//! How a message looks in each medium.
//!
//! Each channel is a pure function `render` with the limits of its medium above it. What a message
//! holds is harmless text; a channel escapes what its medium reads as markup.

use sekisho_model::{Lang, Severity};

use crate::outbox::ChannelRule;
use crate::secret::Secret;

pub mod slack;
pub mod terminal;
pub mod webhook;

/// What a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook as <https://www.standardwebhooks.com> describes it.
    Webhook,
}

/// A channel, as set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its name; part of the identity of its messages.
    pub name: String,
    /// What it speaks.
    pub kind: ChannelKind,
    /// Where it is. Whoever knows the address of a webhook can post to it.
    pub url: Secret,
    /// Keys to sign with, `whsec_` and base64, for [`ChannelKind::Webhook`]: two while one takes over
    /// from the other; with none, messages are not signed.
    pub secrets: Vec<Secret>,
    /// From which level on it hears of incidents.
    pub min_level: Severity,
    /// The language it is told in.
    pub lang: Lang,
    /// How many messages it takes in a day, those that are told at once not counted.
    pub messages_per_day: u32,
    /// Whether it is told the digest.
    pub digest: bool,
    /// Whether it may be reached without TLS. Loopback always may.
    pub allow_plaintext: bool,
}

impl ChannelSettings {
    /// What the outbox needs to know of it.
    pub fn rule(&self) -> ChannelRule {
        ChannelRule {
            name: self.name.clone(),
            min_level: self.min_level,
            messages_per_day: self.messages_per_day,
            digest: self.digest,
        }
    }
}

/// Snapshots with their keys in order, so that they show what a message says, not how it was put together.
#[cfg(test)]
fn sorted_snapshots() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    settings.set_sort_maps(true);
    settings.bind_to_scope()
}
