//! CSV.

use posture_report::{Format, clean};

use crate::{empty, full, hostile_reports, rendered};

const HEADER: &str = "id,status,severity,confidence,check,title,account,account_name,region,\
    resource_type,resource_name,resource_id,resource_arn,tags,message,could_not_be_read,risk,fix_cli,\
    fix_console,references,practices,well_architected,owasp_serverless,serverless_lens,first_seen,\
    waived_until,waiver_reason,waiver_owner,waiver_ticket,scan_id,scan_started_at";

fn rows(text: &str) -> Vec<csv::StringRecord> {
    // The parser refuses rows of another length than the header's.
    csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect()
}

fn column(name: &str) -> usize {
    HEADER.split(',').position(|column| column == name).unwrap()
}

#[test]
fn one_finding_is_one_row() {
    let report = full();
    let text = rendered(Format::Csv, &report);
    assert_eq!(text.lines().next().unwrap(), HEADER);
    let rows = rows(&text);
    assert_eq!(rows.len(), report.findings.len());
    for (row, finding) in rows.iter().zip(&report.findings) {
        assert_eq!(&row[0], finding.id.as_str());
        assert_eq!(&row[column("status")], finding.status.as_str());
        assert_eq!(&row[column("resource_arn")], clean(&finding.resource.arn));
    }
    let waived = rows.last().unwrap();
    assert_eq!(&waived[column("waived_until")], "2026-06-30T00:00:00Z");
    assert_eq!(
        &waived[column("waiver_reason")],
        "behind the office's network"
    );
    assert_eq!(&rows[0][column("first_seen")], "2026-01-01T12:00:00Z");
    let unknown = rows.iter().find(|row| &row[1] == "unknown").unwrap();
    assert_eq!(
        &unknown[column("could_not_be_read")],
        "lambda:GetPolicy: access denied"
    );
    assert_eq!(rendered(Format::Csv, &empty()), format!("{HEADER}\r\n"));
}

#[test]
fn rows_end_as_the_rfc_wants_it() {
    let text = rendered(Format::Csv, &full());
    let rows = rows(&text).len() + 1;
    assert_eq!(text.matches("\r\n").count(), rows);
    assert!(text.ends_with("\r\n"));
    assert!(!text.starts_with('\u{feff}'));
}

#[test]
fn no_cell_is_a_formula_and_none_breaks_out() {
    for (text, report) in hostile_reports() {
        let rows = rows(&rendered(Format::Csv, &report));
        assert_eq!(rows.len(), report.findings.len(), "{text:?}");
        for cell in rows.iter().flatten() {
            let first = cell.trim_start_matches([' ', '"']).chars().next();
            assert!(
                !first.is_some_and(|c| "=+-@\t\r\n|＝＋－＠".contains(c)),
                "{cell:?} of {text:?}"
            );
        }
        let name = &rows[0][column("resource_name")];
        assert_eq!(name.strip_prefix('\'').unwrap_or(name), {
            let clean = clean(text);
            clean.strip_prefix('\'').unwrap_or(&clean).to_owned()
        });
    }
}
