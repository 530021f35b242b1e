//! Native records: what each vendor writes of the same thing.
//!
//! The shapes are those of the vendors' documents; what a record leaves out is what the normal form has
//! no place for.

pub(crate) mod entra;
pub(crate) mod fortigate;
pub(crate) mod google;
pub(crate) mod m365;
pub(crate) mod sshd;
pub(crate) mod web;

use std::net::IpAddr;

use crate::calendar::Millis;

/// The firm's domain.
pub(crate) const DOMAIN: &str = "example.co.jp";
/// The firm's tenant at Microsoft.
const TENANT: &str = "7e5a0000-0000-4000-8000-00000000f1c7";

/// What wrote a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Microsoft Entra sign-in logs.
    EntraSignin,
    /// Microsoft 365 unified audit log.
    M365Audit,
    /// Google Workspace login audit.
    GoogleLogin,
    /// `FortiGate` events.
    FortigateEvent,
    /// OpenSSH server.
    LinuxSshd,
    /// nginx or Apache access log.
    WebCombined,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 6] = [
        Self::EntraSignin,
        Self::M365Audit,
        Self::GoogleLogin,
        Self::FortigateEvent,
        Self::LinuxSshd,
        Self::WebCombined,
    ];

    /// Its parser id.
    pub fn id(self) -> &'static str {
        match self {
            Self::EntraSignin => "entra.signin",
            Self::M365Audit => "m365.audit",
            Self::GoogleLogin => "google.login",
            Self::FortigateEvent => "fortigate.event",
            Self::LinuxSshd => "linux.sshd",
            Self::WebCombined => "web.combined",
        }
    }
}

/// An account, under the names that it has in different logs.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The mail address.
    pub(crate) user: String,
    /// The name on servers and firewalls.
    pub(crate) login: String,
    /// The name of the person.
    pub(crate) name: String,
    /// The object id.
    pub(crate) uid: String,
}

/// A program on a device.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What kind of program it is.
    pub(crate) agent: Agent,
    /// The device's id in the directory, if it has one.
    pub(crate) device: Option<String>,
    /// Whether the firm manages the device.
    pub(crate) managed: bool,
}

/// A program and the system it runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Agent {
    pub(crate) browser: &'static str,
    pub(crate) system: &'static str,
    pub(crate) text: &'static str,
}

/// Laptops' programs; people and attackers use the same.
pub(crate) static LAPTOP_AGENTS: [(Agent, f64); 5] = [
    (
        Agent {
            browser: "Edge 141.0.0",
            system: "Windows10",
            text: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
        },
        40.0,
    ),
    (
        Agent {
            browser: "Chrome 141.0.0",
            system: "Windows10",
            text: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        },
        32.0,
    ),
    (
        Agent {
            browser: "Chrome 141.0.0",
            system: "MacOs",
            text: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
        },
        12.0,
    ),
    (
        Agent {
            browser: "Safari 26.0",
            system: "MacOs",
            text: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
        },
        9.0,
    ),
    (
        Agent {
            browser: "Firefox 143.0",
            system: "Windows10",
            text: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
        },
        7.0,
    ),
];

/// Phones' programs.
pub(crate) static PHONE_AGENTS: [(Agent, f64); 2] = [
    (
        Agent {
            browser: "Mobile Safari 26.0",
            system: "Ios 26.0",
            text: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        },
        65.0,
    ),
    (
        Agent {
            browser: "Chrome Mobile 141.0.0",
            system: "Android",
            text: "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
        },
        35.0,
    ),
];

/// How a second factor went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Factor {
    /// Nobody asked for one.
    NotAsked,
    /// The token has it already.
    ByToken,
    /// It was given now.
    Given,
}

/// How a sign-in went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It succeeded.
    Success(Factor),
    /// The password was wrong.
    WrongPassword,
    /// There is no such account.
    NoSuchUser,
    /// The account is disabled.
    Disabled,
    /// The password was right, and a second factor was asked for: a step.
    FactorAsked,
    /// The password was right, and nobody answered the request.
    FactorTimeout,
    /// The password was right, and the person refused the request.
    FactorDenied,
    /// The password was right, and a policy stopped it.
    Blocked,
}

/// Who did something, when, from where and with what.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) time: Millis,
    pub(crate) account: &'a Account,
    pub(crate) ip: IpAddr,
    pub(crate) client: &'a Client,
    /// The session, which stays the same on one device for a day.
    pub(crate) session: &'a str,
    /// The vendor's id of the record.
    pub(crate) id: String,
}
