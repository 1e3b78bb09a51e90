use std::collections::BTreeMap;

use crate::Stint;

/// One line of a time sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub project: String,
    pub stint: Stint,
}

/// What was worked on, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    entries: Vec<Entry>,
}

impl Sheet {
    /// A sheet without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add an entry.
    pub fn add(&mut self, project: &str, stint: Stint) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.project == project) {
            entry.stint = Stint::from_seconds(entry.stint.seconds() + stint.seconds());
            return;
        }
        self.entries.insert(0, Entry { project: project.to_string(), stint });
    }

    /// All entries in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The time of all entries.
    pub fn total(&self) -> Stint {
        Stint::from_seconds(self.entries.iter().map(|entry| entry.stint.seconds()).sum())
    }

    /// The time of each project, by name.
    pub fn by_project(&self) -> BTreeMap<&str, Stint> {
        let mut totals = BTreeMap::new();
        for entry in &self.entries {
            totals.insert(entry.project.as_str(), entry.stint);
        }
        totals
    }

    /// The longest entry; the first of several.
    pub fn longest(&self) -> Option<&Entry> {
        let mut longest: Option<&Entry> = None;
        for entry in &self.entries {
            if longest.map_or(true, |kept| entry.stint > kept.stint) {
                longest = Some(entry);
            }
        }
        longest
    }

    /// The project of the longest entry; use `longest`.
    #[deprecated(note = "use longest")]
    pub fn longest_project(&self) -> Option<&str> {
        self.longest().map(|entry| entry.project.as_str())
    }
}
