//! Security groups and the prefix lists that their rules name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Collected, ResourceKind};

/// A security group with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeSecurityGroups"]))]
pub struct SecurityGroup {
    /// The VPC's id.
    pub vpc_id: Option<String>,
    /// What its maker wrote about it.
    pub description: Option<String>,
    /// Whether it is the group named `default` that every VPC has and that cannot be deleted.
    pub is_default: bool,
    /// Account that owns it, when that is another one which shares it; null for an own group.
    pub shared_from: Option<String>,
    /// Traffic that is let in.
    pub ingress: Vec<Rule>,
    /// Traffic that is let out.
    pub egress: Vec<Rule>,
}

impl ResourceKind for SecurityGroup {
    const TYPE: &'static str = "ec2.security_group";
}

/// A protocol and port range, and the peers it is open to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol number, or `-1` for all protocols and ports.
    pub protocol: String,
    /// First port; the type for ICMP; null or -1 for all.
    pub from_port: Option<i64>,
    /// Last port; the code for ICMP; null or -1 for all.
    pub to_port: Option<i64>,
    /// IPv4 blocks.
    pub cidrs_ipv4: Vec<String>,
    /// IPv6 blocks.
    pub cidrs_ipv6: Vec<String>,
    /// Ids of prefix lists.
    pub prefix_list_ids: Vec<String>,
    /// Ids of security groups, of this VPC or of a peer's.
    pub referenced_group_ids: Vec<String>,
    /// The peers' descriptions; several different ones are joined with `; `.
    pub description: Option<String>,
}

/// A prefix list that some account manages, as opposed to those of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = ["ec2:DescribeManagedPrefixLists"]))]
pub struct ManagedPrefixList {
    /// `IPv4` or `IPv6`.
    pub address_family: Option<String>,
    /// Entries it may hold, which is what it counts for in quotas of rules.
    pub max_entries: Option<i64>,
    /// Account that owns it, when that is another one which shares it; null for an own list.
    pub shared_from: Option<String>,
    /// The blocks in it.
    #[schemars(extend("x-source" = ["ec2:GetManagedPrefixListEntries"]))]
    pub cidrs: Collected<Vec<String>>,
}

impl ResourceKind for ManagedPrefixList {
    const TYPE: &'static str = "ec2.managed_prefix_list";
}
