//! What a renderer reads: a report whose findings come one at a time.

use std::io;

use crate::v1::{Finding, Head, Report};

/// Shown each finding in turn.
pub type Visit<'a> = dyn FnMut(&Finding) -> io::Result<()> + 'a;

/// A report, wherever it is: in memory, in a file, or still to be worded. An organization's has more
/// findings than fit in memory, so a renderer looks at one at a time, and may go over them again.
pub trait Source {
    /// Everything but the findings.
    fn head(&self) -> &Head;

    /// Shows the findings in their order, the worst first, until one is answered with an error.
    fn each(&self, see: &mut Visit<'_>) -> io::Result<()>;
}

impl Source for Report {
    fn head(&self) -> &Head {
        &self.head
    }

    fn each(&self, see: &mut Visit<'_>) -> io::Result<()> {
        self.findings.iter().try_for_each(see)
    }
}
