//! Watching the context's files for changes.

use super::{Bundle, ContextError, Generation, Loaded};
use crate::settings::Settings;

/// Notices that a file of the context was replaced.
#[derive(Debug)]
pub(crate) struct Watcher {
    settings: Settings,
    current: Generation,
    /// What was not taken, and why.
    refused: Option<(Generation, String)>,
    unreadable: Option<String>,
}

impl Watcher {
    /// A watcher of the files that the settings name, whose content was `current` last.
    pub(crate) fn new(settings: Settings, current: Generation) -> Self {
        Self {
            settings,
            current,
            refused: None,
            unreadable: None,
        }
    }

    /// Why the files are not in force as they are now, if they are not.
    pub(crate) fn trouble(&self) -> Option<String> {
        let refused = self.refused.as_ref().map(|(_, why)| why.clone());
        self.unreadable.clone().or(refused)
    }

    /// The new generation, kept and found good, if the files changed. Files that are wrong are told
    /// once; what was in force stays.
    pub(crate) fn poll(&mut self) -> Option<Generation> {
        let bundle = match Bundle::collect(&self.settings.context) {
            Ok(bundle) => bundle,
            Err(error) => {
                tracing::debug!(%error, "the rules and lists cannot be read just now");
                self.unreadable = Some(error.to_string());
                return None;
            }
        };
        self.unreadable = None;
        let generation = bundle.generation();
        if generation == self.current {
            self.refused = None;
            return None;
        }
        if self.refused.as_ref().is_some_and(|(refused, _)| *refused == generation) {
            return None;
        }
        match self.take(&bundle) {
            Ok(kept) => {
                self.current = kept.clone();
                self.refused = None;
                Some(kept)
            }
            Err(error) => {
                tracing::error!(%error, "the new rules and lists are wrong; those in force stay");
                self.refused = Some((generation, error.to_string()));
                None
            }
        }
    }

    fn take(&self, bundle: &Bundle) -> Result<Generation, ContextError> {
        let loaded = Loaded::build(bundle, &self.settings)?;
        if let Some(problem) = loaded.problems.first() {
            return Err(ContextError::Wrong(problem.clone()));
        }
        bundle
            .keep(&self.settings.data)
            .map_err(|why| ContextError::Unreadable {
                path: self.settings.data.clone(),
                why,
            })
    }
}
