//! What a ticket remembers of itself, so that a lost ledger can be rebuilt from the tickets.

use serde::{Deserialize, Serialize};

use super::GroupBy;
use super::ledger::Entry;
use super::line::json_line;

/// The version that this build writes.
const VERSION: u32 = 1;

/// What is kept with a ticket.
#[derive(Serialize, Deserialize)]
pub(crate) struct Memory {
    version: u32,
    group_by: GroupBy,
    entry: Entry,
}

impl Memory {
    /// Of an entry, in at most so many characters: what a large ticket is for is left out rather than cut, and
    /// the entry says so.
    pub(crate) fn of(group_by: GroupBy, entry: &Entry, limit: usize) -> Self {
        let mut memory = Self {
            version: VERSION,
            group_by,
            entry: Entry {
                ticket: None,
                pending: None,
                ..entry.clone()
            },
        };
        if memory.text().chars().count() > limit {
            memory.entry.members = Vec::new();
            memory.entry.whole = false;
        }
        memory
    }

    /// As one line of JSON without angle brackets, so that it can stand in a comment.
    pub(crate) fn text(&self) -> String {
        json_line(self)
            .unwrap_or_default()
            .trim_end()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
    }

    /// The entry, where the text is of this version or an older one and of the same kind of keys. Whoever may
    /// change a ticket may have changed it: what does not fit is not taken.
    pub(crate) fn read(text: &str, group_by: GroupBy) -> Option<Entry> {
        let memory: Self = serde_json::from_str(text).ok()?;
        let fits = memory.version <= VERSION && memory.group_by == group_by;
        fits.then_some(memory.entry)
    }
}
