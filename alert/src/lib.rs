//! Who is told what, when: routing, outbox, channels, texts.
//!
//! What the lane finds goes into the [`Outbox`] in one transaction with the position of the log.
//! [`Delivery`] takes the messages that are due from there, has the incident rendered as it then
//! stands, and posts it to the channel. [`mod@line`] writes an alert for programs, [`text`] for people.
//!
//! # Invariants
//! * A message is kept before it is sent, and is sent at least once; its `webhook-id` never changes.
//!   After a crash at most one POST per channel is repeated.
//! * Text from logs is hostile. It reaches a message only through [`Untrusted::visible`], and each
//!   channel escapes what its medium reads as markup.
//! * The address of a webhook is a secret: it is in no error, no log line and no `Debug`.
//!
//! # Not here
//! What is suspicious, and when an incident has something to say: that is `sekisho-detect`.

mod bounds;
pub mod bulletin;
pub mod channel;
pub mod deliver;
pub mod line;
pub mod outbox;
pub mod secret;
pub mod text;
pub mod untrusted;

pub use bounds::BOUNDS;
pub use channel::{ChannelKind, ChannelSettings};
pub use deliver::{Courier, Delivery, DeliveryError, SetupError};
pub use line::AlertLine;
pub use outbox::{ChannelRule, Outbox, OutboxError};
pub use secret::Secret;
pub use text::{Case, CaseAlert, Message};
pub use untrusted::Untrusted;
