//! `posture permissions`: exactly what a scan may call, for a person to grant.

use std::collections::BTreeSet;

use posture_collect::{core_operations, find_service, organization_operations, services};
use serde_json::{Value, json};

use crate::args::{PermissionsArgs, PermissionsFormat, Purpose};
use crate::exit::{Failure, did_you_mean};

/// A managed policy holds 6,144 characters, white space not counted; some are kept for the frame.
const POLICY_CHARACTERS: usize = 5_800;

/// Name of the statement that permits a scan.
const SCAN: &str = "PostureScan";

/// Actions that the scanning principal needs in its own account, not the role in each account.
const CALLER_ONLY: &[&str] = &["sts:AssumeRole", "sts:GetCallerIdentity"];

pub(crate) fn run(args: &PermissionsArgs) -> Result<String, Failure> {
    match args.purpose {
        Purpose::Scan => {}
        Purpose::Scanner => return scanner(args),
        Purpose::Securityhub => return import(args),
    }
    let actions = actions(&args.service)?;
    Ok(match args.output {
        PermissionsFormat::Json => pretty(&policy(SCAN, &actions)),
        PermissionsFormat::Cloudformation => pretty(&cloudformation(&actions)),
        PermissionsFormat::CloudformationStackset => pretty(&stack_set(&actions)),
        PermissionsFormat::Terraform => terraform(&actions),
    })
}

/// What `posture report --to securityhub` calls. A policy of its own: what scans must not be able to write.
fn import(args: &PermissionsArgs) -> Result<String, Failure> {
    one_policy(args, "securityhub")?;
    let actions: Vec<&str> = posture_securityhub::OPERATIONS
        .iter()
        .map(|operation| operation.action)
        .collect();
    Ok(pretty(&policy("PostureImport", &actions)))
}

/// Name of the role in each account, unless somebody names it otherwise.
const ROLE: &str = "PostureScan";

/// What whoever runs scans of an organization needs beside the role in each account, and beside the scan's own
/// policy where its account is among those scanned.
fn scanner(args: &PermissionsArgs) -> Result<String, Failure> {
    one_policy(args, "scanner")?;
    let accounts: BTreeSet<&str> = organization_operations()
        .map(|operation| operation.action)
        .collect();
    Ok(pretty(&json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PostureAccounts",
                "Effect": "Allow",
                "Action": accounts,
                "Resource": "*"
            },
            {
                "Sid": "PostureRoles",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": format!("arn:*:iam::*:role/{ROLE}")
            }
        ]
    })))
}

fn one_policy(args: &PermissionsArgs, purpose: &str) -> Result<(), Failure> {
    if args.output == PermissionsFormat::Json && args.service.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the permissions for {purpose} are one policy, as JSON"
    ))
    .help(format!("posture permissions --for {purpose}")))
}

/// The IAM actions of the chosen services, sorted; each once.
fn actions(chosen: &[String]) -> Result<Vec<&'static str>, Failure> {
    let mut found: BTreeSet<&'static str> = core_operations()
        .iter()
        .map(|operation| operation.action)
        .filter(|action| !CALLER_ONLY.contains(action))
        .collect();
    if chosen.is_empty() {
        found.extend(
            services()
                .iter()
                .flat_map(|s| s.operations)
                .map(|o| o.action),
        );
    }
    for name in chosen {
        let service = find_service(name).ok_or_else(|| unknown_service(name))?;
        found.extend(service.operations.iter().map(|o| o.action));
    }
    Ok(found.into_iter().collect())
}

pub(crate) fn unknown_service(name: &str) -> Failure {
    let known: Vec<&str> = services().iter().map(|s| s.name).collect();
    Failure::usage(format!(
        "there is no service {name:?}{}",
        did_you_mean(name, known.iter().copied())
    ))
    .help(format!("services: {}", known.join(", ")))
}

fn policy(sid: &str, actions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Resource": "*"
        }]
    })
}

fn pretty(value: &Value) -> String {
    // A value made here always has a text.
    posture_report::json_text(value).unwrap_or_default()
}

/// As many policies as the size limit asks for.
fn chunks<'a>(actions: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut chunks: Vec<Vec<&str>> = vec![Vec::new()];
    let mut used = 0;
    for action in actions {
        let cost = action.len() + 3;
        if used + cost > POLICY_CHARACTERS {
            chunks.push(Vec::new());
            used = 0;
        }
        used += cost;
        if let Some(last) = chunks.last_mut() {
            last.push(action);
        }
    }
    chunks
}

/// A stack with the role in one account.
fn cloudformation(actions: &[&str]) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Role for posture: reads the account's configuration, changes nothing",
        "Parameters": role_parameters(),
        "Resources": role_resources(actions),
        "Outputs": {
            "RoleArn": {"Value": {"Fn::GetAtt": ["PostureScanRole", "Arn"]}}
        }
    })
}

/// A stack for the management account: a stack set that puts the role into every account below some units, those
/// that join later included, and the role in the management account itself, which no such stack set reaches.
fn stack_set(actions: &[&str]) -> Value {
    let parameters = role_parameters();
    let names: Vec<&String> = parameters
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let passed: Vec<Value> = names
        .iter()
        .map(|name| json!({"ParameterKey": name, "ParameterValue": {"Ref": name}}))
        .collect();
    let mut resources = role_resources(actions);
    for resource in resources.values_mut() {
        resource["Condition"] = json!("RoleIsWantedHere");
    }
    resources.insert(
        "PostureScanRoles".to_owned(),
        json!({
            "Type": "AWS::CloudFormation::StackSet",
            "Properties": {
                "StackSetName": {"Fn::Sub": "${RoleName}Role"},
                "Description": "Role for posture in every account of the organization",
                "PermissionModel": "SERVICE_MANAGED",
                "AutoDeployment": {"Enabled": true, "RetainStacksOnAccountRemoval": false},
                "ManagedExecution": {"Active": true},
                "Capabilities": ["CAPABILITY_NAMED_IAM"],
                "CallAs": {"Ref": "CallAs"},
                "OperationPreferences": {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100},
                "Parameters": passed,
                "StackInstancesGroup": [{
                    "DeploymentTargets": {"OrganizationalUnitIds": {"Ref": "OrganizationalUnitIds"}},
                    // Roles have no region: one stack in an account is enough.
                    "Regions": [{"Ref": "AWS::Region"}]
                }],
                "TemplateBody": cloudformation(actions).to_string()
            }
        }),
    );
    let mut all = parameters;
    all["OrganizationalUnitIds"] = json!({
        "Type": "CommaDelimitedList",
        "Description": "Where the role is put: the root's id (r-...) for all accounts, or units' ids (ou-...)"
    });
    all["CallAs"] = json!({
        "Type": "String",
        "Default": "SELF",
        "AllowedValues": ["SELF", "DELEGATED_ADMIN"],
        "Description": "SELF in the management account, DELEGATED_ADMIN in a delegated administrator's"
    });
    all["RoleInThisAccount"] = json!({
        "Type": "String",
        "Default": "true",
        "AllowedValues": ["true", "false"],
        "Description": "Whether to make the role in this account too: true in the management account, which the \
                        stack set does not reach; false in a delegated administrator's, which it does"
    });
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Roles for posture in all accounts of an organization: they read, and change nothing",
        "Parameters": all,
        "Conditions": {
            "RoleIsWantedHere": {"Fn::Equals": [{"Ref": "RoleInThisAccount"}, "true"]}
        },
        "Resources": resources,
        "Outputs": {
            "StackSetId": {"Value": {"Ref": "PostureScanRoles"}}
        }
    })
}

fn role_parameters() -> Value {
    json!({
        "ScannerPrincipalArn": {
            "Type": "String",
            "Description": "ARN of the user or role that runs posture"
        },
        "ExternalId": {
            "Type": "String",
            "MinLength": 8,
            "Description": "Shared with the scanner: posture scan --external-id"
        },
        "RoleName": {"Type": "String", "Default": ROLE}
    })
}

/// The role and the policies that it has.
fn role_resources(actions: &[&str]) -> serde_json::Map<String, Value> {
    let mut resources = serde_json::Map::new();
    let mut references = Vec::new();
    for (index, chunk) in chunks(actions).iter().enumerate() {
        let name = format!("PostureScanPolicy{}", index + 1);
        resources.insert(
            name.clone(),
            json!({
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "Description": "What a posture scan reads, and nothing else",
                    "PolicyDocument": policy(SCAN, chunk)
                }
            }),
        );
        references.push(json!({"Ref": name}));
    }
    resources.insert(
        "PostureScanRole".to_owned(),
        json!({
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": {"Ref": "RoleName"},
                "Description": "Assumed by posture to read this account's configuration",
                "MaxSessionDuration": 3600,
                "ManagedPolicyArns": references,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Principal": {"AWS": {"Ref": "ScannerPrincipalArn"}},
                        "Action": "sts:AssumeRole",
                        "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
                    }]
                }
            }
        }),
    );
    resources
}

fn terraform(actions: &[&str]) -> String {
    let mut text = String::from(
        r#"# Role for posture: reads the account's configuration, changes nothing.

variable "scanner_principal_arn" {
  description = "ARN of the user or role that runs posture"
  type        = string
}

variable "external_id" {
  description = "Shared with the scanner: posture scan --external-id"
  type        = string
}

variable "role_name" {
  type    = string
  default = "PostureScan"
}

data "aws_iam_policy_document" "posture_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.scanner_principal_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "posture_scan" {
  name                 = var.role_name
  description          = "Assumed by posture to read this account's configuration"
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.posture_trust.json
}
"#,
    );
    for (index, chunk) in chunks(actions).iter().enumerate() {
        let name = format!("posture_scan_{}", index + 1);
        let lines: String = chunk
            .iter()
            .map(|action| format!("      \"{action}\",\n"))
            .collect();
        text.push_str(&format!(
            r#"
data "aws_iam_policy_document" "{name}" {{
  statement {{
    sid = "PostureScan"
    actions = [
{lines}    ]
    resources = ["*"]
  }}
}}

resource "aws_iam_policy" "{name}" {{
  name_prefix = "posture-scan-"
  policy      = data.aws_iam_policy_document.{name}.json
}}

resource "aws_iam_role_policy_attachment" "{name}" {{
  role       = aws_iam_role.posture_scan.name
  policy_arn = aws_iam_policy.{name}.arn
}}
"#
        ));
    }
    text.push_str("\noutput \"posture_role_arn\" {\n  value = aws_iam_role.posture_scan.arn\n}\n");
    text
}
