//! `posture explain`.

use posture_catalog::Frameworks;
use posture_engine::Options;
use posture_report::{explain, json_text, v1};

use crate::args::{ExplainArgs, ListFormat};
use crate::evaluate::{color, evaluate, everything, load_catalog, report, waivers, width};
use crate::exit::{Failure, OK};

pub(crate) fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let catalog = load_catalog(&args.catalog)?;
    let options = Options {
        waivers: waivers(&args.waivers, &catalog)?,
        ..everything()
    };
    let evaluation = evaluate(&args.snapshot, &catalog, &options)?;
    let report = report(&evaluation, &catalog)?;
    let finding = report.find(&args.finding).map_err(|error| {
        Failure::usage(error).help("ids stand beside the findings in the table and the JSON report")
    })?;
    crate::print(&text(
        &report.head,
        finding,
        catalog.frameworks(),
        args.output,
    )?)?;
    Ok(OK)
}

fn text(
    report: &v1::Head,
    finding: &v1::Finding,
    frameworks: &Frameworks,
    format: ListFormat,
) -> Result<String, Failure> {
    match format {
        ListFormat::Table => Ok(explain(report, finding, frameworks, width(), color())),
        ListFormat::Json => json_text(finding).map_err(Failure::usage),
    }
}
