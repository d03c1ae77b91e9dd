//! `posture diff`.

use std::fmt;
use std::io;
use std::str::FromStr;

use posture_catalog::Severity;
use posture_report::v1;
use posture_track::Diff;
use posture_track::diff::{TableOptions, render_json, render_markdown, render_table};

use crate::args::DiffArgs;
use crate::evaluate::{color, load_catalog, severity_limit, waivers, width};
use crate::exit::{FINDINGS, Failure, OK, did_you_mean};
use crate::output::{Target, targets};
use crate::reports::{Given, unreadable};

pub(crate) fn run(args: &DiffArgs) -> Result<u8, Failure> {
    let outputs = targets::<Form>(&args.output)?;
    let fail_on = severity_limit(&args.fail_on)?;
    let catalog = load_catalog(&args.catalog)?;
    let waivers = waivers(&args.waivers, &catalog)?;
    let old = Given::open(&args.old, &catalog, &waivers)?;
    let new = Given::open(&args.new, &catalog, &waivers)?;
    let (old, new) = (old.source(&catalog)?, new.source(&catalog)?);
    let diff = Diff::of(&*old, &*new).map_err(unreadable)?;
    for (form, target) in &outputs {
        target.write(form, |out| form.render(&diff, args, target, out))?;
    }
    Ok(code(&diff, fail_on))
}

fn code(diff: &Diff<'_>, fail_on: Option<Severity>) -> u8 {
    match (fail_on, diff.summary().worst()) {
        (Some(limit), Some(worst)) if worst >= v1::Severity::from(limit) => FINDINGS,
        _ => OK,
    }
}

/// A form of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Markdown,
}

impl Form {
    const NAMES: [(&'static str, Self); 3] = [
        ("table", Self::Table),
        ("json", Self::Json),
        ("markdown", Self::Markdown),
    ];

    fn render(
        self,
        diff: &Diff<'_>,
        args: &DiffArgs,
        target: &Target,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let shown = *target == Target::Stdout;
        let table = TableOptions {
            width: if shown { width() } else { 100 },
            color: shown && color(),
            most: args.max_findings,
        };
        match self {
            Self::Table => render_table(diff, &table, out),
            Self::Json => render_json(diff, out),
            Self::Markdown => render_markdown(diff, args.max_findings, out),
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, form)| *form).ok_or_else(|| {
            let hint = did_you_mean(name, Self::NAMES.iter().map(|(name, _)| *name));
            format!("{name:?} is no form of a comparison{hint} (one of table, json, markdown)")
        })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.iter().find(|(_, form)| form == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}
