//! Services last accessed: a report on one user or role that IAM makes on demand.
//!
//! Reports are asked for all at once and collected afterwards, so that IAM makes them while others are
//! asked for, and most are ready when they are looked at.

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{JobStatusType, ServiceLastAccessed as Reported};
use posture_model::iam::ServiceLastAccessed;
use tokio::time::Instant;

use super::{
    GENERATE_SERVICE_LAST_ACCESSED_DETAILS, GET_SERVICE_LAST_ACCESSED_DETAILS, page, said, whole,
};
use crate::operation::Operation;
use crate::prelude::*;

/// How often a report that is being made is looked at, and the wait between, which doubles up to the
/// longest. IAM takes a few seconds.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Services a page; the most that IAM allows.
const PAGE: i32 = 1000;

/// Nothing is asked after this: the rest of the account must not be lost to a unit that ran out of time.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What the gap of a scan that was not told to ask names.
const FLAG: &str = "posture scan --last-accessed";

/// The services that principals last accessed, in the order of their ARNs; absent where there is no ARN to
/// ask about.
pub(super) async fn read(
    cx: &Cx,
    client: &Client,
    arns: impl IntoIterator<Item = Option<String>>,
) -> Vec<Collected<Vec<ServiceLastAccessed>>> {
    let until = Instant::now() + PATIENCE;
    let jobs = cx
        .each(arns, |arn| async {
            match arn {
                None => Collected::Absent,
                Some(_) if !cx.reads_last_accessed() => Collected::Unavailable(Gap {
                    reason: GapReason::NotRequested,
                    code: Some(FLAG.to_owned()),
                    ..cx.malformed(&GENERATE_SERVICE_LAST_ACCESSED_DETAILS)
                }),
                Some(arn) => start(cx, client, arn, until).await,
            }
        })
        .await;
    cx.each(jobs, |job| async {
        match job {
            Collected::Known(job) => finish(cx, client, &job, until).await,
            Collected::Absent => Collected::Absent,
            Collected::Unavailable(gap) => Collected::Unavailable(gap),
        }
    })
    .await
}

/// Has a report made, and says under which id.
async fn start(cx: &Cx, client: &Client, arn: String, until: Instant) -> Collected<String> {
    let operation = &GENERATE_SERVICE_LAST_ACCESSED_DETAILS;
    if Instant::now() >= until {
        return missed(cx, operation, GapReason::Timeout, "LastAccessedDeadline");
    }
    cx.get(operation, &[], || {
        client
            .generate_service_last_accessed_details()
            .arn(&arn)
            .send()
    })
    .await
    .and_then(|output| match output.job_id.and_then(said) {
        Some(job) => Collected::Known(job),
        None => missed(cx, operation, GapReason::Malformed, "JobId"),
    })
}

/// Waits for a report and reads all of its pages.
async fn finish(
    cx: &Cx,
    client: &Client,
    job: &str,
    until: Instant,
) -> Collected<Vec<ServiceLastAccessed>> {
    let operation = &GET_SERVICE_LAST_ACCESSED_DETAILS;
    let mut pause = PAUSE;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if Instant::now() >= until {
            return missed(cx, operation, GapReason::Timeout, "LastAccessedDeadline");
        }
        let mut unfinished = None;
        let listed = cx
            .list(
                operation,
                |marker| {
                    client
                        .get_service_last_accessed_details()
                        .job_id(job)
                        .max_items(PAGE)
                        .set_marker(marker)
                        .send()
                },
                |output| {
                    if output.job_status != JobStatusType::Completed {
                        let code = output.error.map(|error| error.code);
                        unfinished = Some((output.job_status, code));
                        return (Vec::new(), None);
                    }
                    let services = output.services_last_accessed;
                    page(cx, operation, services, output.is_truncated, output.marker)
                },
            )
            .await;
        match unfinished {
            None => {
                let services = whole(listed, |reported| service(cx, reported));
                if let Some(gap) = services.gap() {
                    cx.note(operation, gap);
                }
                return services;
            }
            Some((JobStatusType::InProgress, _)) => {}
            Some((JobStatusType::Failed, code)) => {
                let code = code.and_then(said);
                let code = code.as_deref().unwrap_or("JobFailed");
                return missed(cx, operation, GapReason::Error, code);
            }
            Some((status, _)) => {
                return missed(cx, operation, GapReason::Malformed, status.as_str());
            }
        }
    }
    missed(cx, operation, GapReason::Timeout, "JobInProgress")
}

fn service(cx: &Cx, reported: Reported) -> Result<ServiceLastAccessed, Gap> {
    let malformed = || cx.malformed(&GET_SERVICE_LAST_ACCESSED_DETAILS);
    let last_authenticated = match &reported.last_authenticated {
        None => None,
        // A moment that cannot be told is not the same as none: the service was used.
        Some(moment) => Some(timestamp(Some(moment)).ok_or_else(malformed)?),
    };
    Ok(ServiceLastAccessed {
        service_namespace: said(reported.service_namespace).ok_or_else(malformed)?,
        last_authenticated,
        last_authenticated_region: reported.last_authenticated_region.and_then(said),
    })
}

/// A fact that no failed call stands for, since IAM answered: coverage has to know of it all the same.
fn missed<T>(
    cx: &Cx,
    operation: &'static Operation,
    reason: GapReason,
    code: &str,
) -> Collected<T> {
    let gap = Gap {
        reason,
        code: Some(code.to_owned()),
        ..cx.malformed(operation)
    };
    cx.note(operation, &gap);
    Collected::Unavailable(gap)
}
