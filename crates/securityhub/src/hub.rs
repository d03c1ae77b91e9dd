//! The Security Hub of one account and region.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::error::ProvideErrorMetadata;
use aws_sdk_securityhub::types::{
    AwsSecurityFinding, AwsSecurityFindingFilters, AwsSecurityFindingIdentifier, NoteUpdate,
    RecordState, StringFilter, StringFilterComparison, WorkflowStatus, WorkflowUpdate,
};
use aws_smithy_types::error::display::DisplayErrorContext;
use posture_model::{AccountId, CheckId, FindingId, Region, Timestamp};
use posture_report::asff::{BATCH, PREFIX, fields};

/// Who writes notes.
const AUTHOR: &str = "posture";

/// A finding that was imported earlier.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) created_at: Option<String>,
    /// When the scan looked that told of it.
    observed: Option<Timestamp>,
    updated: Option<Timestamp>,
    pub(crate) suppressed: bool,
    /// Suppressed for a waiver, by us.
    pub(crate) suppressed_by_us: bool,
}

impl Earlier {
    /// Whether a scan told of it that came after this one.
    pub(crate) fn is_newer_than(&self, scan: Timestamp) -> bool {
        self.observed.is_some_and(|observed| observed > scan)
    }

    /// When it is updated now: later than before, or Security Hub would not take it.
    pub(crate) fn next_update(&self, now: Timestamp) -> Timestamp {
        let after = self
            .updated
            .and_then(|updated| Timestamp::from_unix(updated.unix() + 1));
        after.map_or(now, |after| after.max(now))
    }
}

/// By which a finding of Security Hub is recognized as one of ours.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) id: FindingId,
    pub(crate) check: CheckId,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) resource_type: String,
    pub(crate) resource_key: String,
}

/// Why a call did not do what it was to do.
#[derive(Debug, Clone)]
pub(crate) struct CallFailed {
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

impl CallFailed {
    /// Whether there is no Security Hub in the account and region.
    pub(crate) fn is_absent(&self) -> bool {
        let absent = ["InvalidAccessException", "ResourceNotFoundException"];
        self.code
            .as_deref()
            .is_some_and(|code| absent.contains(&code))
    }
}

/// A finding that Security Hub did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotTaken {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A client, and what is there already.
#[derive(Debug)]
pub(crate) struct Hub {
    client: Client,
    product_arn: String,
    pub(crate) earlier: HashMap<String, Earlier>,
}

impl Hub {
    pub(crate) fn new(client: Client, product_arn: String) -> Self {
        Self {
            client,
            product_arn,
            earlier: HashMap::new(),
        }
    }

    /// One page of what was imported earlier, and the token of the next.
    pub(crate) async fn page(
        &mut self,
        token: Option<String>,
    ) -> Result<(Vec<AwsSecurityFinding>, Option<String>), CallFailed> {
        let filter = |comparison, value: &str| {
            StringFilter::builder()
                .comparison(comparison)
                .value(value)
                .build()
        };
        let answer = self
            .client
            .get_findings()
            .filters(
                AwsSecurityFindingFilters::builder()
                    .product_arn(filter(StringFilterComparison::Equals, &self.product_arn))
                    .generator_id(filter(StringFilterComparison::Prefix, PREFIX))
                    .build(),
            )
            .max_results(100)
            .set_next_token(token.clone())
            .send()
            .await
            .map_err(failed)?;
        let next = answer.next_token.filter(|next| !next.is_empty());
        if next.is_some() && next == token {
            return Err(CallFailed {
                code: None,
                message: "securityhub:GetFindings gives the same page again and again".to_owned(),
            });
        }
        let mut ours = Vec::new();
        for finding in answer.findings.unwrap_or_default() {
            // Others may import through the same integration.
            let is_ours = finding.product_arn.as_deref() == Some(self.product_arn.as_str())
                && finding
                    .generator_id
                    .as_deref()
                    .is_some_and(|id| id.starts_with(PREFIX));
            let Some(id) = finding.id.clone().filter(|_| is_ours) else {
                continue;
            };
            self.earlier.insert(id, earlier(&finding));
            ours.push(finding);
        }
        Ok((ours, next))
    }

    /// Sends at most 100 findings; gives those that were not taken.
    pub(crate) async fn import(
        &self,
        findings: Vec<AwsSecurityFinding>,
    ) -> Result<Vec<NotTaken>, CallFailed> {
        let sent = findings.len();
        let answer = self
            .client
            .batch_import_findings()
            .set_findings(Some(findings))
            .send()
            .await
            .map_err(failed)?;
        let mut refused: Vec<NotTaken> = answer
            .failed_findings
            .unwrap_or_default()
            .into_iter()
            .map(|failure| NotTaken {
                id: failure.id.unwrap_or_default(),
                code: failure.error_code.unwrap_or_default(),
                message: failure.error_message.unwrap_or_default(),
            })
            .collect();
        // What is not said to be taken is not taken, whether it is named or not.
        let taken = answer
            .success_count
            .and_then(|count| usize::try_from(count).ok());
        let missing = sent
            .saturating_sub(taken.unwrap_or(0))
            .saturating_sub(refused.len());
        refused.extend((0..missing).map(|_| NotTaken {
            id: String::new(),
            code: String::new(),
            message: "Security Hub does not say why".to_owned(),
        }));
        Ok(refused)
    }

    /// Sets where findings stand in someone's work, with a note that says why.
    pub(crate) async fn set_workflow(
        &self,
        status: WorkflowStatus,
        notes: BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<NotTaken>, CallFailed> {
        let mut refused = Vec::new();
        for (note, ids) in notes {
            for ids in ids.chunks(BATCH) {
                let identifiers = ids.iter().map(|id| {
                    AwsSecurityFindingIdentifier::builder()
                        .id(id)
                        .product_arn(&self.product_arn)
                        .build()
                });
                let answer = self
                    .client
                    .batch_update_findings()
                    .set_finding_identifiers(Some(identifiers.collect()))
                    .workflow(WorkflowUpdate::builder().status(status.clone()).build())
                    .note(NoteUpdate::builder().text(&note).updated_by(AUTHOR).build())
                    .send()
                    .await
                    .map_err(failed)?;
                let unprocessed = answer.unprocessed_findings.unwrap_or_default();
                refused.extend(unprocessed.into_iter().map(|failure| {
                    NotTaken {
                        id: failure
                            .finding_identifier
                            .and_then(|known| known.id)
                            .unwrap_or_default(),
                        code: failure.error_code.unwrap_or_default(),
                        message: failure.error_message.unwrap_or_default(),
                    }
                }));
            }
        }
        Ok(refused)
    }
}

fn earlier(finding: &AwsSecurityFinding) -> Earlier {
    let workflow = finding
        .workflow
        .as_ref()
        .and_then(|workflow| workflow.status.as_ref());
    let suppressed = workflow == Some(&WorkflowStatus::Suppressed);
    let by = finding
        .note
        .as_ref()
        .and_then(|note| note.updated_by.as_deref());
    Earlier {
        created_at: finding.created_at.clone(),
        observed: finding
            .last_observed_at
            .as_deref()
            .and_then(Timestamp::parse),
        updated: finding.updated_at.as_deref().and_then(Timestamp::parse),
        suppressed,
        suppressed_by_us: suppressed && by == Some(AUTHOR),
    }
}

/// Whether the finding still counts.
pub(crate) fn is_active(finding: &AwsSecurityFinding) -> bool {
    finding.record_state != Some(RecordState::Archived)
}

/// What a finding of ours says it is about; none where it does not say, and so proves nothing.
pub(crate) fn mark(finding: &AwsSecurityFinding) -> Option<Mark> {
    let pairs = finding.product_fields.as_ref()?;
    let field = |name: &str| pairs.get(name).map(String::as_str);
    let id = finding.id.as_deref()?.strip_prefix(PREFIX)?;
    Some(Mark {
        id: FindingId::new(id).ok()?,
        check: CheckId::new(field(fields::CHECK)?).ok()?,
        account: AccountId::new(finding.aws_account_id.as_deref()?).ok()?,
        region: Region::new(field(fields::REGION)?).ok()?,
        resource_type: field(fields::TYPE)?.to_owned(),
        resource_key: field(fields::RESOURCE)?.to_owned(),
    })
}

fn failed<E>(error: E) -> CallFailed
where
    E: ProvideErrorMetadata + std::error::Error,
{
    let code = error.code().map(str::to_owned);
    let said = error.message().unwrap_or_default();
    let message = match &code {
        Some(code) if said.is_empty() => code.clone(),
        Some(code) => format!("{said} ({code})"),
        None => DisplayErrorContext(&error).to_string(),
    };
    CallFailed { code, message }
}
