//! Somebody from outside who signed in to the administration of a web site.
//!
//! Panels are found by scanners within hours, and a form that is merely shown is no finding. Told is,
//! from an address that is no own office or exit:
//!
//! * a form of `login_paths` that was sent and answered with a redirection: who fails is shown the form
//!   again;
//! * a page below `panel_paths` that was answered with success: who is not signed in is sent away.
//!
//! Who did so from the same network on an earlier day, within 30, is known. Only days are asked of which
//! all records have come.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `login_paths` | WordPress, Joomla, phpMyAdmin, Django | where forms to sign in are sent |
//! | `panel_paths` | WordPress, Tomcat | below which only who is signed in is let |

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Entity, EventBatch, Facts, RuleInfo, Snapshot, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::days::Days;
use super::people::People;
use super::rows::{RowDetector, RowTest};
use super::web::{Request, source};
use super::{ParameterError, SETTLED_AFTER, Surroundings, local_day, parameters};
use crate::Detector;

pub(super) const NAME: &str = "admin_panel";

/// The most sites that are remembered, and the most networks of a site from which somebody signed in.
const SITES_MAX: usize = 1_024;
const NETWORKS_MAX: usize = 1_024;

/// For how many days it is remembered from where somebody signed in.
const HISTORY_DAYS: i64 = 30;

/// Forms to sign in.
const LOGIN_PATHS: [&str; 6] = [
    "/admin/login",
    "/admin/login/",
    "/administrator/index.php",
    "/phpmyadmin/index.php",
    "/pma/index.php",
    "/wp-login.php",
];

/// Below these only who is signed in is let.
const PANEL_PATHS: [&str; 2] = ["/manager/html", "/wp-admin/"];

/// Below them, but open to everybody: parts of pages, and doors for programs.
const OPEN: [&str; 6] = [
    "/wp-admin/admin-ajax.php",
    "/wp-admin/admin-post.php",
    "/wp-admin/install.php",
    "/wp-admin/load-scripts.php",
    "/wp-admin/load-styles.php",
    "/wp-admin/upgrade.php",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    login_paths: Vec<String>,
    panel_paths: Vec<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            login_paths: LOGIN_PATHS.map(str::to_owned).to_vec(),
            panel_paths: PANEL_PATHS.map(str::to_owned).to_vec(),
        }
    }
}

#[derive(Debug)]
struct AdminPanel {
    paths: Parameters,
    zone: TimeZone,
    sites: People<Site>,
}

/// From which networks somebody signed in to a site, by day.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Site(BTreeMap<String, Days>);

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let mut paths: Parameters = parameters(NAME, value)?;
    for path in paths.login_paths.iter_mut().chain(&mut paths.panel_paths) {
        *path = path.to_lowercase();
    }
    let test = AdminPanel {
        paths,
        zone: surroundings.zone.clone(),
        sites: People::bounded(SITES_MAX),
    };
    Ok(Box::new(RowDetector::new(rule, test)))
}

impl AdminPanel {
    /// The request of somebody from outside who shows to be signed in, and how it shows.
    fn signed_in<'a>(&self, batch: &'a EventBatch, row: usize) -> Option<(Request<'a>, &'static str)> {
        let is_outside = matches!(batch.text(Column::SrcIpType, row), Some("public") | None)
            && !matches!(batch.text(Column::SrcNetKind, row), Some("office" | "egress" | "sase"));
        if batch.text(Column::Activity, row) != Some("web_request") || !is_outside {
            return None;
        }
        let request = Request::of(batch, row)?;
        let is_sent = request.method.eq_ignore_ascii_case("post") && matches!(request.status, 302 | 303);
        if is_sent && self.paths.login_paths.contains(&request.path) {
            return Some((request, "panel_login"));
        }
        let is_below = |path: &String| request.path.starts_with(path.as_str());
        let is_open = OPEN.contains(&request.path.as_str()) || request.is_static();
        let is_page = request.is_answered() && !is_open && self.paths.panel_paths.iter().any(is_below);
        is_page.then_some((request, "panel_page"))
    }

    /// Whether somebody signed in from that network on an earlier day.
    fn is_known(&self, batch: &EventBatch, row: usize, site: &str) -> bool {
        let tenant = batch.text(Column::Tenant, row).unwrap_or_default();
        let settled = local_day(&self.zone, batch.believed_time(row).minus(SETTLED_AFTER));
        let days = self
            .sites
            .get(tenant, site)
            .and_then(|site| site.0.get(&network(batch, row)?));
        days.is_some_and(|days| 0 < days.count_before(settled, HISTORY_DAYS))
    }
}

impl RowTest for AdminPanel {
    const NAME: &'static str = NAME;
    const GAP: Duration = Duration::from_hours(12);

    fn fires(&self, batch: &EventBatch, row: usize) -> bool {
        self.signed_in(batch, row)
            .is_some_and(|(request, _)| !self.is_known(batch, row, request.site))
    }

    fn facts(&self, batch: &EventBatch, row: usize) -> Facts {
        let mut facts = Facts::new();
        if let Some((request, how)) = self.signed_in(batch, row) {
            facts.insert("site".to_owned(), json!(request.site));
            facts.insert("path".to_owned(), json!(request.path));
            facts.insert("how".to_owned(), json!(how));
        }
        facts
    }

    fn entity(&self, batch: &EventBatch, row: usize) -> Option<Entity> {
        source(batch, row)
    }

    fn learn(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            let Some((request, _)) = self.signed_in(batch, row) else {
                continue;
            };
            let (Some(tenant), Some(network)) = (batch.text(Column::Tenant, row), network(batch, row)) else {
                continue;
            };
            let time = batch.believed_time(row);
            let Some(site) = self.sites.meet(tenant, request.site, time) else {
                continue;
            };
            if site.0.len() < NETWORKS_MAX || site.0.contains_key(&network) {
                site.0.entry(network).or_default().insert(local_day(&self.zone, time));
            }
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = local_day(&self.zone, horizon.minus(SETTLED_AFTER)).saturating_sub(HISTORY_DAYS);
        self.sites.retain(|site, _| {
            site.0.retain(|_, days| oldest <= days.latest());
            !site.0.is_empty()
        });
    }

    fn snapshot(&self, part: &str, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.sites.snapshot(part, into)
    }

    fn restore(&mut self, part: &str, from: &Snapshot) {
        self.sites.restore(part, from);
    }
}

/// The network of a row's address: a line at home changes its address within it.
fn network(batch: &EventBatch, row: usize) -> Option<String> {
    let ip: IpAddr = batch.text(Column::SrcIp, row)?.parse().ok()?;
    let (ip, length) = match ip.to_canonical() {
        IpAddr::V4(ip) => (IpAddr::V4(ip), 24),
        IpAddr::V6(ip) => (IpAddr::V6(ip), 48),
    };
    ipnet::IpNet::new(ip, length)
        .ok()
        .map(|network| network.trunc().to_string())
}
