//! Getting messages from the outbox to where people read them.
//!
//! # Invariants
//! * One POST at a time to a channel; a message is marked before it is sent.
//! * A stop waits for the POST that is under way, so that its answer is noted.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::Clock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

mod courier;
mod egress;
mod retry;

pub use courier::{Courier, Step};
pub use egress::{DeliveryError, SetupError};
pub use retry::{AGE_MAX, RETRY_AFTER_MAX, Retry, SCHEDULE};

use crate::channel::ChannelSettings;
use crate::outbox::Outbox;
use crate::text::Zone;

/// The least time between two POSTs to a channel: Slack takes one a second.
const SEND_INTERVAL: Duration = Duration::from_secs(1);

/// The longest time before the outbox is looked at again. A command of the operator changes it from
/// another process.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// The time to wait after the outbox failed.
const FAILURE_WAIT: Duration = Duration::from_secs(5);

/// Delivers to every channel.
#[derive(Debug)]
pub struct Delivery {
    couriers: Vec<Courier>,
}

impl Delivery {
    /// A courier for each channel. Touches neither the network nor the outbox.
    pub fn new(
        outbox: &Outbox,
        channels: Vec<ChannelSettings>,
        zone: &Zone,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let couriers = channels
            .into_iter()
            .map(|settings| Courier::new(outbox.clone(), settings, zone.clone(), Arc::clone(clock)))
            .collect::<Result<_, _>>()?;
        Ok(Self { couriers })
    }

    /// Delivers until cancelled.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        for courier in self.couriers {
            tasks.spawn(serve(courier, shutdown.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a channel stopped");
            }
        }
    }
}

async fn serve(courier: Courier, shutdown: CancellationToken) {
    let mut changes = courier.changes();
    while !shutdown.is_cancelled() {
        changes.mark_unchanged();
        let wait = match courier.step().await {
            Ok(Step::Sent) => {
                pause(SEND_INTERVAL, &shutdown).await;
                continue;
            }
            Ok(Step::Wait(wait)) => wait.map_or(LOOK_INTERVAL, |wait| wait.min(LOOK_INTERVAL)),
            Err(error) => {
                error!(%error, channel = courier.name(), "cannot read the outbox");
                FAILURE_WAIT
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn pause(wait: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}
