//! Which partition of AWS a finding is in, where formats ask for it.

use posture_model::{Partition, Region};

use crate::v1::{Finding, Head};

/// The partition of a scan, for findings that do not tell theirs.
#[derive(Debug, Clone)]
pub(crate) struct Partitions {
    of_scan: Partition,
}

impl Partitions {
    /// A scan is in one partition: that of the regions that it looked at.
    pub(crate) fn of(head: &Head) -> Self {
        let scan = &head.scan;
        let region = scan
            .accounts
            .iter()
            .flat_map(|account| &account.regions)
            .find(|region| !region.is_global());
        Self {
            of_scan: Partition::of_region(region.map_or("", Region::as_str)),
        }
    }

    pub(crate) fn of_scan(&self) -> &Partition {
        &self.of_scan
    }

    pub(crate) fn of_finding(&self, finding: &Finding) -> Partition {
        let mut parts = finding.resource.arn.split(':');
        match (parts.next(), parts.next()) {
            (Some("arn"), Some(partition)) if is_partition(partition) => {
                Partition(partition.to_owned())
            }
            _ if !finding.region.is_global() => Partition::of_region(finding.region.as_str()),
            _ => self.of_scan.clone(),
        }
    }
}

fn is_partition(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix("aws-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        })
}
