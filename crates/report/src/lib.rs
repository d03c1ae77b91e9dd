//! Reports: a frozen format of its own (`v1`), made from an evaluation by [`build`], and one
//! renderer a file.
//!
//! Everything that an AWS account can name (resource names, tags, evidence) is hostile here: the
//! terminal renderers show it through [`clean`], and the remedy commands quote it for the shell.

pub mod asff;
mod batch;
mod build;
mod clean;
mod csv;
mod explain;
mod fill;
mod format;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod narrow;
mod ocsf;
mod partition;
mod sarif;
mod scope;
mod seen;
mod source;
mod stored;
mod table;
pub mod text;
mod unread;
pub mod v1;
mod waivers;

pub use batch::{Batches, Target};
pub use build::{BuildError, CatalogView, Live, build};
pub use clean::clean;
pub use explain::explain;
pub use format::{Earlier, Format, RenderOptions, UnknownFormat};
pub use json::{render as render_json, text as json_text, write as write_json};
pub use narrow::{CannotNarrow, Narrow, Narrowed};
pub use scope::{Past, Scope, Standing, Undecided};
pub use source::{Source, Visit};
pub use stored::{ReadError, Stored};
pub use table::{Page, TableOptions, moment, render as render_table};
pub use v1::report_schema;
