//! The credential report: a table of every user's credentials that IAM makes on demand.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::ReportStateType;
use posture_model::iam::{CredentialReportEntry, ReportedAccessKey};

use super::{GENERATE_CREDENTIAL_REPORT, GET_CREDENTIAL_REPORT};
use crate::prelude::*;

/// How often a report that is being made is asked for, and the wait between. IAM takes a few seconds.
const ATTEMPTS: u32 = 15;
const PAUSE: Duration = Duration::from_secs(1);

/// How IAM says that there is no report to read yet.
const NOT_READY: &[&str] = &["ReportNotPresent", "ReportInProgress", "ReportExpired"];

/// The lines of a report by the ARN they are about. A line that could not be understood is an error.
#[derive(Debug)]
pub(super) struct Report {
    entries: HashMap<String, Result<CredentialReportEntry, ()>>,
}

impl Report {
    /// The line of a user. A user who is younger than the report has none.
    pub(super) fn of(&self, cx: &Cx, arn: &str) -> Collected<CredentialReportEntry> {
        match self.entries.get(arn) {
            Some(Ok(entry)) => Collected::Known(entry.clone()),
            Some(Err(())) => Collected::Unavailable(cx.malformed(&GET_CREDENTIAL_REPORT)),
            None => Collected::Unavailable(Gap {
                reason: GapReason::Error,
                code: Some("NotInReport".to_owned()),
                ..cx.malformed(&GET_CREDENTIAL_REPORT)
            }),
        }
    }

    /// The root user's line.
    pub(super) fn root(&self, cx: &Cx) -> Collected<CredentialReportEntry> {
        let root = self.entries.keys().find(|arn| arn.ends_with(":root"));
        self.of(cx, root.map_or("", String::as_str))
    }
}

/// Has a report made and reads it. Where making one is not permitted, one that is there will do.
pub(super) async fn read(cx: &Cx, client: &Client) -> Result<Report, Gap> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let made = cx
            .get(&GENERATE_CREDENTIAL_REPORT, &[], || {
                client.generate_credential_report().send()
            })
            .await;
        if made
            .known()
            .is_some_and(|output| output.state != Some(ReportStateType::Complete))
        {
            continue;
        }
        let report = cx
            .get(&GET_CREDENTIAL_REPORT, NOT_READY, || {
                client.get_credential_report().send()
            })
            .await;
        match (report, made) {
            (Collected::Known(output), _) => {
                let generated = timestamp(output.generated_time.as_ref());
                return output
                    .content
                    .and_then(|content| String::from_utf8(content.into_inner()).ok())
                    .and_then(|text| parse(&text, generated))
                    .ok_or_else(|| cx.malformed(&GET_CREDENTIAL_REPORT));
            }
            (Collected::Unavailable(gap), _) | (Collected::Absent, Collected::Unavailable(gap)) => {
                return Err(gap);
            }
            (Collected::Absent, _) => {}
        }
    }
    Err(Gap {
        reason: GapReason::Timeout,
        code: Some("ReportInProgress".to_owned()),
        ..cx.malformed(&GENERATE_CREDENTIAL_REPORT)
    })
}

fn parse(text: &str, generated: Option<Timestamp>) -> Option<Report> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = lines.next()?.split(',').map(str::trim).collect();
    if header.get(..3)? != ["user", "arn", "user_creation_time"] {
        return None;
    }
    // Columns after the first two, by name.
    let columns: HashMap<&str, usize> = header
        .iter()
        .skip(2)
        .enumerate()
        .map(|(index, name)| (*name, index))
        .collect();
    let mut entries = HashMap::new();
    for line in lines {
        let (arn, rest) = split_names(line)?;
        let cells: Vec<&str> = rest.split(',').map(unquote).collect();
        let cell = |name: &str| {
            columns
                .get(name)
                .and_then(|&index| cells.get(index).copied())
        };
        entries.insert(arn, entry(cell, generated).ok_or(()));
    }
    Some(Report { entries })
}

/// The ARN, and what follows it. Names of users may contain commas, so the ARN ends where a date
/// begins.
fn split_names(line: &str) -> Option<(String, &str)> {
    let start = line.find("arn:")?;
    let rest = line.get(start..)?;
    rest.match_indices(',').find_map(|(at, _)| {
        let tail = rest.get(at + 1..)?;
        let date = tail.trim_start_matches('"').as_bytes().get(..5)?;
        let (year, dash) = date.split_at(4);
        (year.iter().all(u8::is_ascii_digit) && dash == b"-")
            .then(|| (unquote(&rest[..at]).to_owned(), tail))
    })
}

fn unquote(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

fn entry<'a>(
    cell: impl Fn(&str) -> Option<&'a str>,
    generated: Option<Timestamp>,
) -> Option<CredentialReportEntry> {
    let access_key = |number: u8| {
        let cell = |name: &str| cell(&format!("access_key_{number}_{name}"));
        Some(ReportedAccessKey {
            active: boolean(cell("active")?)?,
            last_rotated: date(cell("last_rotated")?)?,
            last_used: date(cell("last_used_date")?)?,
            last_used_service: text(cell("last_used_service")?),
            last_used_region: text(cell("last_used_region")?),
        })
    };
    let certificate = |name| Some(i64::from(boolean(cell(name)?)?));
    Some(CredentialReportEntry {
        generated,
        password_enabled: match cell("password_enabled")? {
            nothing if is_nothing(nothing) => None,
            flag => Some(boolean(flag)?),
        },
        password_last_used: date(cell("password_last_used")?)?,
        password_last_changed: date(cell("password_last_changed")?)?,
        password_next_rotation: date(cell("password_next_rotation")?)?,
        mfa_active: boolean(cell("mfa_active")?)?,
        access_keys: vec![access_key(1)?, access_key(2)?],
        signing_certificates_active: certificate("cert_1_active")? + certificate("cert_2_active")?,
    })
}

/// How the report says that there is nothing to say.
fn is_nothing(cell: &str) -> bool {
    ["N/A", "no_information", "not_supported"]
        .iter()
        .any(|nothing| cell.eq_ignore_ascii_case(nothing))
}

fn boolean(cell: &str) -> Option<bool> {
    match cell {
        _ if cell.eq_ignore_ascii_case("true") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A date, or none; outer `None` where the cell is neither.
fn date(cell: &str) -> Option<Option<Timestamp>> {
    if is_nothing(cell) {
        return Some(None);
    }
    Timestamp::parse(cell).map(Some)
}

fn text(cell: &str) -> Option<String> {
    (!is_nothing(cell) && !cell.is_empty()).then(|| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
        password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
        access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
        access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
        access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
        cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated,additional_credentials_info";

    fn parsed(lines: &[&str]) -> Report {
        parse(&format!("{HEADER}\n{}\n", lines.join("\n")), None).unwrap()
    }

    #[test]
    fn root_and_users_are_told_apart() {
        let report = parsed(&[
            "<root_account>,arn:aws:iam::111111111111:root,2020-01-01T00:00:00+00:00,not_supported,\
             2026-01-02T03:04:05+00:00,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,\
             N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A",
            "jo,arn:aws:iam::111111111111:user/team/jo,2021-01-01T00:00:00+00:00,TRUE,no_information,\
             2021-01-01T00:00:00+00:00,N/A,false,true,2021-01-01T00:00:00+00:00,\
             2026-03-01T00:00:00+00:00,eu-west-1,s3,false,N/A,N/A,N/A,N/A,true,N/A,false,N/A,\"1 more, see IAM\"",
        ]);
        let root = report.entries["arn:aws:iam::111111111111:root"]
            .clone()
            .unwrap();
        assert!(root.mfa_active);
        assert_eq!(root.password_enabled, None);
        assert!(root.password_last_used.is_some());
        let jo = report.entries["arn:aws:iam::111111111111:user/team/jo"]
            .clone()
            .unwrap();
        assert_eq!(jo.password_enabled, Some(true));
        assert_eq!(jo.password_last_used, None);
        assert_eq!(jo.access_keys[0].last_used_service.as_deref(), Some("s3"));
        assert!(jo.access_keys[0].active && !jo.access_keys[1].active);
        assert_eq!(jo.signing_certificates_active, 1);
    }

    #[test]
    fn names_with_commas_do_not_shift_columns() {
        let report = parsed(&[
            "a,b=c,arn:aws:iam::111111111111:user/a,b=c,2021-01-01T00:00:00+00:00,false,N/A,N/A,N/A,\
             true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A",
        ]);
        let entry = report.entries["arn:aws:iam::111111111111:user/a,b=c"]
            .clone()
            .unwrap();
        assert!(entry.mfa_active);
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_no_fact() {
        let report =
            parsed(&["jo,arn:aws:iam::111111111111:user/jo,2021-01-01T00:00:00+00:00,maybe"]);
        assert!(report.entries["arn:aws:iam::111111111111:user/jo"].is_err());
        assert!(parse("<html>no report</html>", None).is_none());
        assert!(parse("", None).is_none());
    }
}
