//! Texts that recur in every finding, kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// A text of [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(u32);

/// The ids of checks, accounts, regions and types of two reports: some hundreds, for a million findings.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_text: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The name of a text.
    pub(crate) fn of(&mut self, text: &str) -> Name {
        if let Some(name) = self.by_text.get(text) {
            return *name;
        }
        // Reports do not have four thousand million different checks and accounts.
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.by_text.insert(text, name);
        name
    }

    /// The name of a text that some report may have; null where none has it.
    pub(crate) fn known(&self, text: &str) -> Option<Name> {
        self.by_text.get(text).copied()
    }

    /// The text.
    pub(crate) fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |text| text)
    }
}
