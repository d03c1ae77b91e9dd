//! AWS Identity and Access Management. A global service: read once in each account.
//!
//! One operation, `GetAccountAuthorizationDetails`, answers most of it. It is asked once for each kind
//! of entity, at the same time, so that a large account's pages do not queue behind one another and
//! each type's listing has an outcome of its own.

mod credential_report;
mod last_accessed;

use std::collections::HashMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::operation::get_account_password_policy::GetAccountPasswordPolicyOutput;
use aws_sdk_iam::operation::get_account_summary::GetAccountSummaryOutput;
use aws_sdk_iam::types::{
    AccessKeyMetadata, AttachedPermissionsBoundary, AttachedPolicy, EntityType, GroupDetail,
    ManagedPolicyDetail, OpenIdConnectProviderListEntry, PolicyDetail, RoleDetail,
    SamlProviderListEntry, ServerCertificateMetadata, SummaryKeyType, Tag, UserDetail,
};
use posture_model::iam::{
    AccessKey, AccessKeyUse, Account, AccountSummary, Group, MfaDevice, NamedPolicy, OidcProvider,
    PasswordPolicy, Policy, Role, SamlProvider, ServerCertificate, ServiceLastAccessed, User,
    VirtualMfaDevice,
};

use self::credential_report::Report;
use crate::operation::Operation;
use crate::prelude::*;

operations! { "iam":
    GENERATE_CREDENTIAL_REPORT = "GenerateCredentialReport" => "iam:GenerateCredentialReport",
    GENERATE_SERVICE_LAST_ACCESSED_DETAILS = "GenerateServiceLastAccessedDetails" => "iam:GenerateServiceLastAccessedDetails",
    GET_ACCESS_KEY_LAST_USED = "GetAccessKeyLastUsed" => "iam:GetAccessKeyLastUsed",
    GET_ACCOUNT_AUTHORIZATION_DETAILS = "GetAccountAuthorizationDetails" => "iam:GetAccountAuthorizationDetails",
    GET_ACCOUNT_PASSWORD_POLICY = "GetAccountPasswordPolicy" => "iam:GetAccountPasswordPolicy",
    GET_ACCOUNT_SUMMARY = "GetAccountSummary" => "iam:GetAccountSummary",
    GET_CREDENTIAL_REPORT = "GetCredentialReport" => "iam:GetCredentialReport",
    GET_OIDC_PROVIDER = "GetOpenIDConnectProvider" => "iam:GetOpenIDConnectProvider",
    GET_SAML_PROVIDER = "GetSAMLProvider" => "iam:GetSAMLProvider",
    GET_SERVER_CERTIFICATE = "GetServerCertificate" => "iam:GetServerCertificate",
    GET_SERVICE_LAST_ACCESSED_DETAILS = "GetServiceLastAccessedDetails" => "iam:GetServiceLastAccessedDetails",
    LIST_ACCESS_KEYS = "ListAccessKeys" => "iam:ListAccessKeys",
    LIST_ACCOUNT_ALIASES = "ListAccountAliases" => "iam:ListAccountAliases",
    LIST_MFA_DEVICES = "ListMFADevices" => "iam:ListMFADevices",
    LIST_OIDC_PROVIDERS = "ListOpenIDConnectProviders" => "iam:ListOpenIDConnectProviders",
    LIST_ORGANIZATIONS_FEATURES = "ListOrganizationsFeatures" => "iam:ListOrganizationsFeatures",
    LIST_POLICY_TAGS = "ListPolicyTags" => "iam:ListPolicyTags",
    LIST_ROLES = "ListRoles" => "iam:ListRoles",
    LIST_SAML_PROVIDERS = "ListSAMLProviders" => "iam:ListSAMLProviders",
    LIST_SERVER_CERTIFICATES = "ListServerCertificates" => "iam:ListServerCertificates",
    LIST_VIRTUAL_MFA_DEVICES = "ListVirtualMFADevices" => "iam:ListVirtualMFADevices",
}

pub(crate) const SERVICE: Service = Service {
    name: "iam",
    placement: Placement::Global,
    regional_types: &[],
    global_types: &[
        Account::TYPE,
        User::TYPE,
        Group::TYPE,
        Role::TYPE,
        Policy::TYPE,
        SamlProvider::TYPE,
        OidcProvider::TYPE,
        ServerCertificate::TYPE,
    ],
    operations: OPERATIONS,
    run: |cx| Box::pin(run(cx)),
};

/// Items a page. IAM allows up to 1,000 and may return fewer.
const PAGE: i32 = 500;

/// How `ListOrganizationsFeatures` says that nothing is managed from this account.
const NO_ORGANIZATIONS_FEATURES: &[&str] = &[
    "AccountNotManagementOrDelegatedAdministratorException",
    "OrganizationNotFoundException",
    "OrganizationNotInAllFeaturesModeException",
    "ServiceAccessNotEnabledException",
];

/// A listing of which single items may be malformed.
type Items<T> = Listed<Result<T, Gap>>;

async fn run(cx: Cx) {
    let client = Client::from_conf(
        aws_sdk_iam::config::Builder::from(cx.sdk_config())
            .interceptor(cx.guard())
            .build(),
    );
    let (report, mut account, users, groups, roles, sessions, policies, ..) = tokio::join!(
        credential_report::read(&cx, &client),
        account(&cx, &client),
        users(&cx, &client),
        details(&cx, &client, &[EntityType::Group], |output| output
            .group_detail_list),
        roles(&cx, &client),
        session_durations(&cx, &client),
        policies(&cx, &client),
        saml_providers(&cx, &client),
        oidc_providers(&cx, &client),
        server_certificates(&cx, &client),
    );

    account.properties.root = match &report {
        Ok(report) => report.root(&cx),
        Err(gap) => Collected::Unavailable(gap.clone()),
    };
    let usage = Usage::of(&users, &groups, &roles);
    cx.publish(None, [Ok(account)]);
    cx.publish(
        users.gap,
        users
            .items
            .into_iter()
            .map(|item| item.and_then(|facts| user(&cx, &report, facts))),
    );
    cx.publish(
        groups.gap,
        groups
            .items
            .into_iter()
            .map(|item| item.and_then(|detail| group(&cx, detail))),
    );
    cx.publish(
        roles.gap,
        roles
            .items
            .into_iter()
            .map(|item| item.and_then(|facts| role(&cx, &sessions, facts))),
    );
    cx.publish(
        policies.gap,
        policies
            .items
            .into_iter()
            .filter(|item| {
                item.as_ref()
                    .map_or(true, |facts| usage.keeps(&facts.detail))
            })
            .map(|item| item.and_then(|facts| policy(&cx, &usage, facts))),
    );
}

// ---- What principals and policies are -----------------------------------------------------------

/// One kind of entity, page by page.
async fn details<T>(
    cx: &Cx,
    client: &Client,
    kinds: &[EntityType],
    pick: fn(GetAccountAuthorizationDetailsOutput) -> Option<Vec<T>>,
) -> Items<T> {
    let operation = &GET_ACCOUNT_AUTHORIZATION_DETAILS;
    cx.list(
        operation,
        |marker| {
            client
                .get_account_authorization_details()
                .set_filter(Some(kinds.to_vec()))
                .max_items(PAGE)
                .set_marker(marker)
                .send()
        },
        |output| {
            // IAM names all four lists, the ones that were not asked for as empty.
            let understood = output.user_detail_list.is_some()
                || output.group_detail_list.is_some()
                || output.role_detail_list.is_some()
                || output.policies.is_some();
            if !understood {
                return (vec![Err(cx.malformed(operation))], None);
            }
            let (truncated, marker) = (output.is_truncated, output.marker.clone());
            page(
                cx,
                operation,
                pick(output).unwrap_or_default(),
                truncated,
                marker,
            )
        },
    )
    .await
}

/// A user with the facts that have calls of their own.
struct UserFacts {
    detail: UserDetail,
    mfa_devices: Collected<Vec<MfaDevice>>,
    access_keys: Collected<Vec<AccessKey>>,
    service_last_accessed: Collected<Vec<ServiceLastAccessed>>,
}

async fn users(cx: &Cx, client: &Client) -> Items<UserFacts> {
    let listed = details(cx, client, &[EntityType::User], |output| {
        output.user_detail_list
    })
    .await;
    let (names, arns): (Vec<_>, Vec<_>) = listed
        .items
        .iter()
        .map(|item| {
            let detail = item.as_ref().ok();
            (
                detail.and_then(|detail| detail.user_name.clone()),
                detail.and_then(|detail| detail.arn.clone()),
            )
        })
        .unzip();
    let credentials = cx.each(names, |name| async {
        let name = name?;
        Some(tokio::join!(
            mfa_devices(cx, client, &name),
            access_keys(cx, client, &name)
        ))
    });
    let (credentials, accessed) = tokio::join!(credentials, last_accessed::read(cx, client, arns));
    let items = listed
        .items
        .into_iter()
        .zip(credentials.into_iter().zip(accessed))
        .map(|(item, (credentials, service_last_accessed))| {
            let detail = item?;
            let (mfa_devices, access_keys) =
                credentials.ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))?;
            Ok(UserFacts {
                detail,
                mfa_devices,
                access_keys,
                service_last_accessed,
            })
        })
        .collect();
    Listed {
        items,
        gap: listed.gap,
    }
}

async fn mfa_devices(cx: &Cx, client: &Client, user: &str) -> Collected<Vec<MfaDevice>> {
    let operation = &LIST_MFA_DEVICES;
    let listed = cx
        .list(
            operation,
            |marker| {
                client
                    .list_mfa_devices()
                    .user_name(user)
                    .set_marker(marker)
                    .send()
            },
            |output| {
                page(
                    cx,
                    operation,
                    output.mfa_devices,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    whole(listed, |device| {
        Ok(MfaDevice {
            serial_number: said(device.serial_number).ok_or_else(|| cx.malformed(operation))?,
            enabled: timestamp(Some(&device.enable_date)),
        })
    })
}

async fn access_keys(cx: &Cx, client: &Client, user: &str) -> Collected<Vec<AccessKey>> {
    let operation = &LIST_ACCESS_KEYS;
    let listed = cx
        .list(
            operation,
            |marker| {
                client
                    .list_access_keys()
                    .user_name(user)
                    .set_marker(marker)
                    .send()
            },
            |output| {
                page(
                    cx,
                    operation,
                    output.access_key_metadata,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    match whole(listed, Ok) {
        Collected::Known(keys) => {
            let keys = cx.each(keys, |key| access_key(cx, client, key)).await;
            match keys.into_iter().collect() {
                Ok(keys) => Collected::Known(keys),
                Err(gap) => Collected::Unavailable(gap),
            }
        }
        Collected::Absent => Collected::Absent,
        Collected::Unavailable(gap) => Collected::Unavailable(gap),
    }
}

async fn access_key(cx: &Cx, client: &Client, key: AccessKeyMetadata) -> Result<AccessKey, Gap> {
    let created = timestamp(key.create_date.as_ref());
    let (Some(id), Some(status), Some(created)) = (key.access_key_id, key.status, created) else {
        return Err(cx.malformed(&LIST_ACCESS_KEYS));
    };
    let last_used = cx
        .get(&GET_ACCESS_KEY_LAST_USED, &[], || {
            client.get_access_key_last_used().access_key_id(&id).send()
        })
        .await
        .and_then(|output| match output.access_key_last_used {
            None => Collected::Unavailable(cx.malformed(&GET_ACCESS_KEY_LAST_USED)),
            // IAM leaves the date out when the key was never used.
            Some(used) => timestamp(used.last_used_date.as_ref())
                .map(|date| AccessKeyUse {
                    date,
                    service: said(used.service_name),
                    region: said(used.region),
                })
                .into(),
        });
    Ok(AccessKey {
        id,
        status: status.as_str().to_owned(),
        created,
        last_used,
    })
}

fn user(
    cx: &Cx,
    report: &Result<Report, Gap>,
    facts: UserFacts,
) -> Result<TypedResource<User>, Gap> {
    let detail = facts.detail;
    let names = Names::of(cx, detail.arn, detail.user_name, detail.user_id)?;
    let credentials = match report {
        Ok(report) => report.of(cx, &names.arn),
        Err(gap) => Collected::Unavailable(gap.clone()),
    };
    let properties = User {
        path: names.path(detail.path),
        inline_policies: inline_policies(cx, detail.user_policy_list)?,
        attached_policy_arns: policy_arns(cx, detail.attached_managed_policies)?,
        permissions_boundary_arn: boundary_arn(cx, detail.permissions_boundary)?,
        group_names: detail.group_list.unwrap_or_default(),
        credentials,
        mfa_devices: facts.mfa_devices,
        access_keys: facts.access_keys,
        service_last_accessed: facts.service_last_accessed,
    };
    let tags = Collected::Known(tags(detail.tags.unwrap_or_default()));
    let created = timestamp(detail.create_date.as_ref());
    Ok(cx.resource(names.identity(tags, created), properties))
}

fn group(cx: &Cx, detail: GroupDetail) -> Result<TypedResource<Group>, Gap> {
    let names = Names::of(cx, detail.arn, detail.group_name, detail.group_id)?;
    let properties = Group {
        path: names.path(detail.path),
        inline_policies: inline_policies(cx, detail.group_policy_list)?,
        attached_policy_arns: policy_arns(cx, detail.attached_managed_policies)?,
        permissions_boundary_arn: None,
    };
    let created = timestamp(detail.create_date.as_ref());
    // Groups cannot be tagged.
    Ok(cx.resource(names.identity(Collected::Absent, created), properties))
}

/// The longest session of every role by ARN, which only `ListRoles` tells.
struct Sessions {
    seconds: HashMap<String, i64>,
    gap: Option<Gap>,
}

async fn session_durations(cx: &Cx, client: &Client) -> Sessions {
    let operation = &LIST_ROLES;
    let listed = cx
        .list(
            operation,
            |marker| {
                client
                    .list_roles()
                    .max_items(PAGE)
                    .set_marker(marker)
                    .send()
            },
            |output| {
                page(
                    cx,
                    operation,
                    output.roles,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    let mut sessions = Sessions {
        seconds: HashMap::new(),
        gap: listed.gap,
    };
    for item in listed.items {
        match item {
            Ok(role) => {
                if let Some(seconds) = role.max_session_duration {
                    sessions.seconds.insert(role.arn, seconds.into());
                }
            }
            Err(gap) => sessions.gap = sessions.gap.or(Some(gap)),
        }
    }
    sessions
}

/// A role with the facts that have calls of their own.
struct RoleFacts {
    detail: RoleDetail,
    service_last_accessed: Collected<Vec<ServiceLastAccessed>>,
}

async fn roles(cx: &Cx, client: &Client) -> Items<RoleFacts> {
    let listed = details(cx, client, &[EntityType::Role], |output| {
        output.role_detail_list
    })
    .await;
    let arns: Vec<_> = listed
        .items
        .iter()
        .map(|item| {
            let arn = item.as_ref().ok()?.arn.clone()?;
            // Nobody but AWS can change what a service-linked role may do.
            (!arn.contains(":role/aws-service-role/")).then_some(arn)
        })
        .collect();
    let accessed = last_accessed::read(cx, client, arns).await;
    let items = listed
        .items
        .into_iter()
        .zip(accessed)
        .map(|(item, service_last_accessed)| {
            Ok(RoleFacts {
                detail: item?,
                service_last_accessed,
            })
        })
        .collect();
    Listed {
        items,
        gap: listed.gap,
    }
}

fn role(cx: &Cx, sessions: &Sessions, facts: RoleFacts) -> Result<TypedResource<Role>, Gap> {
    let detail = facts.detail;
    let names = Names::of(cx, detail.arn, detail.role_name, detail.role_id)?;
    let path = names.path(detail.path);
    let instance_profile_arns = detail
        .instance_profile_list
        .unwrap_or_default()
        .into_iter()
        .map(|profile| {
            said(profile.arn).ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))
        })
        .collect::<Result<_, _>>()?;
    let last_used = detail.role_last_used;
    let properties = Role {
        trust_policy: document(cx, detail.assume_role_policy_document),
        inline_policies: inline_policies(cx, detail.role_policy_list)?,
        attached_policy_arns: policy_arns(cx, detail.attached_managed_policies)?,
        permissions_boundary_arn: boundary_arn(cx, detail.permissions_boundary)?,
        service_linked: path.starts_with("/aws-service-role/"),
        instance_profile_arns,
        last_used: last_used
            .as_ref()
            .and_then(|used| timestamp(used.last_used_date.as_ref())),
        last_used_region: last_used.and_then(|used| used.region),
        max_session_duration: match sessions.seconds.get(&names.arn) {
            Some(seconds) => Collected::Known(*seconds),
            None => Collected::Unavailable(
                sessions
                    .gap
                    .clone()
                    .unwrap_or_else(|| cx.malformed(&LIST_ROLES)),
            ),
        },
        service_last_accessed: facts.service_last_accessed,
        path,
    };
    let tags = Collected::Known(tags(detail.tags.unwrap_or_default()));
    let created = timestamp(detail.create_date.as_ref());
    Ok(cx.resource(names.identity(tags, created), properties))
}

/// A policy with the facts that have calls of their own.
struct PolicyFacts {
    detail: ManagedPolicyDetail,
    tags: Collected<Tags>,
}

async fn policies(cx: &Cx, client: &Client) -> Items<PolicyFacts> {
    let kinds = [EntityType::LocalManagedPolicy, EntityType::AwsManagedPolicy];
    let listed = details(cx, client, &kinds, |output| output.policies).await;
    let items = cx
        .each(listed.items, |item| async {
            let detail = item?;
            // AWS's own policies cannot be tagged.
            let tags = match detail.arn.as_deref() {
                Some(arn) if !is_aws_managed(arn) => policy_tags(cx, client, arn).await,
                _ => Collected::Absent,
            };
            Ok(PolicyFacts { detail, tags })
        })
        .await;
    Listed {
        items,
        gap: listed.gap,
    }
}

async fn policy_tags(cx: &Cx, client: &Client, arn: &str) -> Collected<Tags> {
    let operation = &LIST_POLICY_TAGS;
    let listed = cx
        .list(
            operation,
            |marker| {
                client
                    .list_policy_tags()
                    .policy_arn(arn)
                    .set_marker(marker)
                    .send()
            },
            |output| {
                page(
                    cx,
                    operation,
                    output.tags,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    whole(listed, Ok).map(tags)
}

fn policy(cx: &Cx, usage: &Usage, facts: PolicyFacts) -> Result<TypedResource<Policy>, Gap> {
    let detail = facts.detail;
    let malformed = || cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS);
    let names = Names::of(cx, detail.arn, detail.policy_name, detail.policy_id)?;
    let versions = detail.policy_version_list.unwrap_or_default();
    let version_count = i64::try_from(versions.len()).map_err(|_| malformed())?;
    let default = versions
        .into_iter()
        .find(|version| version.is_default_version)
        .and_then(|version| version.document);
    let properties = Policy {
        path: names.path(detail.path),
        document: document(cx, default),
        aws_managed: is_aws_managed(&names.arn),
        attachment_count: detail.attachment_count.ok_or_else(malformed)?.into(),
        boundary_usage_count: match detail.permissions_boundary_usage_count {
            Some(count) => Collected::Known(count.into()),
            None => usage
                .bounded_by(&names.arn)
                .map_or_else(|| Collected::Unavailable(malformed()), Collected::Known),
        },
        default_version_id: detail.default_version_id,
        version_count,
        updated: timestamp(detail.update_date.as_ref()),
    };
    let created = timestamp(detail.create_date.as_ref());
    Ok(cx.resource(names.identity(facts.tags, created), properties))
}

fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

/// Which policies the principals refer to.
struct Usage {
    attached: HashMap<String, i64>,
    bounding: HashMap<String, i64>,
    /// Whether every user and role was seen.
    complete: bool,
}

impl Usage {
    fn of(users: &Items<UserFacts>, groups: &Items<GroupDetail>, roles: &Items<RoleFacts>) -> Self {
        let mut usage = Self {
            attached: HashMap::new(),
            bounding: HashMap::new(),
            complete: users.gap.is_none()
                && roles.gap.is_none()
                && users.items.iter().all(Result::is_ok)
                && roles.items.iter().all(Result::is_ok),
        };
        for user in users.items.iter().flatten() {
            let detail = &user.detail;
            usage.note(
                detail.attached_managed_policies(),
                detail.permissions_boundary(),
            );
        }
        for group in groups.items.iter().flatten() {
            usage.note(group.attached_managed_policies(), None);
        }
        for role in roles.items.iter().flatten() {
            let detail = &role.detail;
            usage.note(
                detail.attached_managed_policies(),
                detail.permissions_boundary(),
            );
        }
        usage
    }

    fn note(
        &mut self,
        attached: &[AttachedPolicy],
        boundary: Option<&AttachedPermissionsBoundary>,
    ) {
        for arn in attached.iter().filter_map(AttachedPolicy::policy_arn) {
            *self.attached.entry(arn.to_owned()).or_default() += 1;
        }
        if let Some(arn) = boundary.and_then(AttachedPermissionsBoundary::permissions_boundary_arn)
        {
            *self.bounding.entry(arn.to_owned()).or_default() += 1;
        }
    }

    /// The customer's policies are kept all; AWS's own, over a thousand, where they are in use.
    fn keeps(&self, detail: &ManagedPolicyDetail) -> bool {
        let Some(arn) = detail.arn.as_deref().filter(|arn| is_aws_managed(arn)) else {
            return true;
        };
        detail.attachment_count != Some(0)
            || detail
                .permissions_boundary_usage_count
                .is_some_and(|count| count > 0)
            || self.attached.contains_key(arn)
            || self.bounding.contains_key(arn)
    }

    /// How many users and roles a policy bounds, where all were seen.
    fn bounded_by(&self, arn: &str) -> Option<i64> {
        self.complete
            .then(|| self.bounding.get(arn).copied().unwrap_or_default())
    }
}

// ---- The account --------------------------------------------------------------------------------

/// The account's settings, all but the root user's line of the credential report.
async fn account(cx: &Cx, client: &Client) -> TypedResource<Account> {
    let (password_policy, summary, aliases, virtual_mfa_devices, organization_features) = tokio::join!(
        cx.get(&GET_ACCOUNT_PASSWORD_POLICY, &["NoSuchEntity"], || {
            client.get_account_password_policy().send()
        }),
        cx.get(&GET_ACCOUNT_SUMMARY, &[], || client
            .get_account_summary()
            .send()),
        aliases(cx, client),
        virtual_mfa_devices(cx, client),
        cx.get(
            &LIST_ORGANIZATIONS_FEATURES,
            NO_ORGANIZATIONS_FEATURES,
            || { client.list_organizations_features().send() }
        ),
    );
    let id = cx.account().as_str().to_owned();
    let alias = aliases.known().and_then(|aliases| aliases.first().cloned());
    let identity = Identity {
        arn: format!("arn:{}:iam::{id}:root", cx.partition().as_str()),
        name: alias.unwrap_or_else(|| id.clone()),
        id,
        tags: Collected::Absent,
        created: None,
    };
    let properties = Account {
        password_policy: password_policy.and_then(|output| {
            known_or_malformed(cx, &GET_ACCOUNT_PASSWORD_POLICY, password_rules(output))
        }),
        summary: summary.and_then(|output| {
            known_or_malformed(cx, &GET_ACCOUNT_SUMMARY, account_summary(cx, &output))
        }),
        service_last_accessed_requested: cx.reads_last_accessed(),
        root: Collected::Absent,
        aliases,
        virtual_mfa_devices,
        organization_features: organization_features.and_then(|output| {
            // No feature switched on is an empty list, or none.
            match (output.organization_id, output.enabled_features) {
                (None, None) => Collected::Unavailable(cx.malformed(&LIST_ORGANIZATIONS_FEATURES)),
                (_, features) => Collected::Known(strings(
                    features
                        .unwrap_or_default()
                        .iter()
                        .map(|feature| feature.as_str()),
                )),
            }
        }),
    };
    cx.resource(identity, properties)
}

fn password_rules(output: GetAccountPasswordPolicyOutput) -> Option<PasswordPolicy> {
    let policy = output.password_policy?;
    // IAM says 0, or nothing, where a rule is off.
    let positive = |number: Option<i32>| number.filter(|number| *number > 0).map(i64::from);
    Some(PasswordPolicy {
        minimum_length: policy.minimum_password_length?.into(),
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase: policy.require_uppercase_characters,
        require_lowercase: policy.require_lowercase_characters,
        allow_users_to_change: policy.allow_users_to_change_password,
        max_age: positive(policy.max_password_age),
        reuse_prevention: positive(policy.password_reuse_prevention),
        hard_expiry: flag(policy.hard_expiry),
    })
}

fn account_summary(cx: &Cx, output: &GetAccountSummaryOutput) -> Option<AccountSummary> {
    let map = output.summary_map()?;
    let count = |key| map.get(&key).copied().map(i64::from);
    // Keys that an endpoint does not know are facts that it cannot tell.
    let root = |key| match map.get(&key) {
        Some(number) => Collected::Known(*number > 0),
        None => Collected::Unavailable(Gap {
            reason: GapReason::Unsupported,
            ..cx.malformed(&GET_ACCOUNT_SUMMARY)
        }),
    };
    Some(AccountSummary {
        users: count(SummaryKeyType::Users)?,
        groups: count(SummaryKeyType::Groups)?,
        roles: count(SummaryKeyType::Roles)?,
        policies: count(SummaryKeyType::Policies)?,
        instance_profiles: count(SummaryKeyType::InstanceProfiles)?,
        providers: count(SummaryKeyType::Providers)?,
        server_certificates: count(SummaryKeyType::ServerCertificates)?,
        mfa_devices: count(SummaryKeyType::MfaDevices)?,
        mfa_devices_in_use: count(SummaryKeyType::MfaDevicesInUse)?,
        root_mfa_enabled: root(SummaryKeyType::AccountMfaEnabled),
        root_access_keys_present: root(SummaryKeyType::AccountAccessKeysPresent),
        root_password_present: root(SummaryKeyType::AccountPasswordPresent),
        root_signing_certificates_present: root(SummaryKeyType::AccountSigningCertificatesPresent),
    })
}

async fn aliases(cx: &Cx, client: &Client) -> Collected<Vec<String>> {
    let operation = &LIST_ACCOUNT_ALIASES;
    let listed = cx
        .list(
            operation,
            |marker| client.list_account_aliases().set_marker(marker).send(),
            |output| {
                page(
                    cx,
                    operation,
                    output.account_aliases,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    whole(listed, Ok)
}

async fn virtual_mfa_devices(cx: &Cx, client: &Client) -> Collected<Vec<VirtualMfaDevice>> {
    let operation = &LIST_VIRTUAL_MFA_DEVICES;
    let listed = cx
        .list(
            operation,
            |marker| client.list_virtual_mfa_devices().set_marker(marker).send(),
            |output| {
                page(
                    cx,
                    operation,
                    output.virtual_mfa_devices,
                    output.is_truncated,
                    output.marker,
                )
            },
        )
        .await;
    whole(listed, |device| {
        Ok(VirtualMfaDevice {
            serial_number: said(device.serial_number).ok_or_else(|| cx.malformed(operation))?,
            user_arn: device.user.and_then(|user| said(user.arn)),
            enabled: timestamp(device.enable_date.as_ref()),
        })
    })
}

// ---- Identity providers and certificates --------------------------------------------------------

async fn saml_providers(cx: &Cx, client: &Client) {
    let operation = &LIST_SAML_PROVIDERS;
    // The operation has no pages.
    let listed = cx
        .list(
            operation,
            |_| client.list_saml_providers().send(),
            |output| (items_of(cx, operation, output.saml_provider_list), None),
        )
        .await;
    let items = cx
        .each(listed.items, |item| async {
            saml_provider(cx, client, item?).await
        })
        .await;
    cx.publish(listed.gap, items);
}

async fn saml_provider(
    cx: &Cx,
    client: &Client,
    entry: SamlProviderListEntry,
) -> Result<TypedResource<SamlProvider>, Gap> {
    let arn = entry
        .arn
        .ok_or_else(|| cx.malformed(&LIST_SAML_PROVIDERS))?;
    let provider = cx
        .get(&GET_SAML_PROVIDER, &[], || {
            client.get_saml_provider().saml_provider_arn(&arn).send()
        })
        .await;
    let identity = Identity {
        name: after_slash(&arn),
        id: arn.clone(),
        tags: provider
            .clone()
            .map(|output| tags(output.tags.unwrap_or_default())),
        created: timestamp(entry.create_date.as_ref()),
        arn,
    };
    let properties = SamlProvider {
        valid_until: timestamp(entry.valid_until.as_ref()),
        assertion_encryption_mode: provider.and_then(|output| {
            output
                .assertion_encryption_mode
                .map(|mode| mode.as_str().to_owned())
                .into()
        }),
    };
    Ok(cx.resource(identity, properties))
}

async fn oidc_providers(cx: &Cx, client: &Client) {
    let operation = &LIST_OIDC_PROVIDERS;
    // The operation has no pages.
    let listed = cx
        .list(
            operation,
            |_| client.list_open_id_connect_providers().send(),
            |output| {
                (
                    items_of(cx, operation, output.open_id_connect_provider_list),
                    None,
                )
            },
        )
        .await;
    let items = cx
        .each(listed.items, |item| async {
            oidc_provider(cx, client, item?).await
        })
        .await;
    cx.publish(listed.gap, items);
}

async fn oidc_provider(
    cx: &Cx,
    client: &Client,
    entry: OpenIdConnectProviderListEntry,
) -> Result<TypedResource<OidcProvider>, Gap> {
    let arn = entry
        .arn
        .ok_or_else(|| cx.malformed(&LIST_OIDC_PROVIDERS))?;
    let issuer = after_slash(&arn);
    let provider = cx
        .get(&GET_OIDC_PROVIDER, &[], || {
            client
                .get_open_id_connect_provider()
                .open_id_connect_provider_arn(&arn)
                .send()
        })
        .await
        // Every provider has an issuer; an answer without one is not about a provider.
        .and_then(|output| {
            let told = output.url.is_some();
            known_or_malformed(cx, &GET_OIDC_PROVIDER, told.then_some(output))
        });
    let identity = Identity {
        name: issuer.clone(),
        id: arn.clone(),
        tags: provider
            .clone()
            .map(|output| tags(output.tags.unwrap_or_default())),
        created: provider
            .known()
            .and_then(|output| timestamp(output.create_date.as_ref())),
        arn,
    };
    let properties = OidcProvider {
        issuer,
        client_ids: provider
            .clone()
            .map(|output| output.client_id_list.unwrap_or_default()),
        thumbprints: provider.map(|output| output.thumbprint_list.unwrap_or_default()),
    };
    Ok(cx.resource(identity, properties))
}

async fn server_certificates(cx: &Cx, client: &Client) {
    let operation = &LIST_SERVER_CERTIFICATES;
    let listed = cx
        .list(
            operation,
            |marker| client.list_server_certificates().set_marker(marker).send(),
            |output| {
                let items = output.server_certificate_metadata_list;
                page(cx, operation, items, output.is_truncated, output.marker)
            },
        )
        .await;
    let items = cx
        .each(listed.items, |item| async {
            server_certificate(cx, client, item?).await
        })
        .await;
    cx.publish(listed.gap, items);
}

async fn server_certificate(
    cx: &Cx,
    client: &Client,
    entry: ServerCertificateMetadata,
) -> Result<TypedResource<ServerCertificate>, Gap> {
    let malformed = || cx.malformed(&LIST_SERVER_CERTIFICATES);
    let arn = said(entry.arn).ok_or_else(malformed)?;
    let name = said(entry.server_certificate_name).ok_or_else(malformed)?;
    // Its tags only: the certificate itself is of no use here, and its key never leaves IAM.
    let certificate = cx
        .get(&GET_SERVER_CERTIFICATE, &[], || {
            client
                .get_server_certificate()
                .server_certificate_name(&name)
                .send()
        })
        .await
        .and_then(|output| {
            known_or_malformed(cx, &GET_SERVER_CERTIFICATE, output.server_certificate)
        });
    let identity = Identity {
        id: said(entry.server_certificate_id).unwrap_or_else(|| name.clone()),
        name,
        tags: certificate.map(|certificate| tags(certificate.tags.unwrap_or_default())),
        created: timestamp(entry.upload_date.as_ref()),
        arn,
    };
    let properties = ServerCertificate {
        path: said(entry.path).unwrap_or_else(|| "/".to_owned()),
        expiration: timestamp(entry.expiration.as_ref()),
    };
    Ok(cx.resource(identity, properties))
}

// ---- Small things -------------------------------------------------------------------------------

/// What names an entity.
struct Names {
    arn: String,
    id: String,
    name: String,
}

impl Names {
    /// The ARN is what an entity cannot do without; it holds the name.
    fn of(
        cx: &Cx,
        arn: Option<String>,
        name: Option<String>,
        id: Option<String>,
    ) -> Result<Self, Gap> {
        let arn = arn
            .and_then(said)
            .ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))?;
        let name = name
            .and_then(said)
            .unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(&arn).to_owned());
        let id = id.and_then(said).unwrap_or_else(|| name.clone());
        Ok(Self { arn, id, name })
    }

    /// The path as AWS gives it, or as the ARN holds it.
    fn path(&self, path: Option<String>) -> String {
        path.and_then(said).unwrap_or_else(|| {
            let tail = self.arn.find('/').and_then(|at| self.arn.get(at..));
            let end = tail.and_then(|tail| tail.rfind('/'));
            match (tail, end) {
                (Some(tail), Some(end)) => tail.get(..=end).unwrap_or("/").to_owned(),
                _ => "/".to_owned(),
            }
        })
    }

    fn identity(self, tags: Collected<Tags>, created: Option<Timestamp>) -> Identity {
        Identity {
            arn: self.arn,
            id: self.id,
            name: self.name,
            tags,
            created,
        }
    }
}

/// A page's items and the next marker. IAM gives the marker with `IsTruncated`; a page that says there
/// is more, but not where, makes the listing incomplete.
fn page<T>(
    cx: &Cx,
    operation: &'static Operation,
    items: Vec<T>,
    truncated: bool,
    marker: Option<String>,
) -> (Vec<Result<T, Gap>>, Option<String>) {
    let marker = marker.filter(|marker| truncated && !marker.is_empty());
    let mut items: Vec<_> = items.into_iter().map(Ok).collect();
    if truncated && marker.is_none() {
        items.push(Err(cx.malformed(operation)));
    }
    (items, marker)
}

/// The items of a list that has to be there, be it empty.
fn items_of<T>(
    cx: &Cx,
    operation: &'static Operation,
    list: Option<Vec<T>>,
) -> Vec<Result<T, Gap>> {
    match list {
        Some(items) => items.into_iter().map(Ok).collect(),
        None => vec![Err(cx.malformed(operation))],
    }
}

/// A listing that is one fact: all of it, or a gap.
fn whole<T, U>(listed: Items<T>, convert: impl FnMut(T) -> Result<U, Gap>) -> Collected<Vec<U>> {
    if let Some(gap) = listed.gap {
        return Collected::Unavailable(gap);
    }
    let items: Result<Vec<T>, Gap> = listed.items.into_iter().collect();
    match items.and_then(|items| items.into_iter().map(convert).collect()) {
        Ok(items) => Collected::Known(items),
        Err(gap) => Collected::Unavailable(gap),
    }
}

fn known_or_malformed<T>(cx: &Cx, operation: &'static Operation, value: Option<T>) -> Collected<T> {
    match value {
        Some(value) => Collected::Known(value),
        None => Collected::Unavailable(cx.malformed(operation)),
    }
}

/// Text that says something: the SDK fills what is missing with nothing, IAM with `N/A`.
fn said(text: String) -> Option<String> {
    (!text.is_empty() && text != "N/A").then_some(text)
}

fn after_slash(arn: &str) -> String {
    arn.split_once('/').map_or(arn, |(_, name)| name).to_owned()
}

fn tags(tags: Vec<Tag>) -> Tags {
    tag_map(tags.into_iter().map(|tag| (Some(tag.key), Some(tag.value))))
}

/// A document as IAM returns it, percent-encoded. None, and no JSON, are both gaps: nothing may be
/// concluded from a policy that cannot be read.
fn document(cx: &Cx, text: Option<String>) -> Collected<PolicyDocument> {
    text.and_then(|text| PolicyDocument::parse_percent_encoded(&text).ok())
        .filter(|document| document.0.is_object())
        .map_or_else(
            || Collected::Unavailable(cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS)),
            Collected::Known,
        )
}

/// IAM leaves the list out for a principal that has none.
fn inline_policies(cx: &Cx, policies: Option<Vec<PolicyDetail>>) -> Result<Vec<NamedPolicy>, Gap> {
    policies
        .unwrap_or_default()
        .into_iter()
        .map(|policy| {
            Ok(NamedPolicy {
                name: policy
                    .policy_name
                    .ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))?,
                document: document(cx, policy.policy_document),
            })
        })
        .collect()
}

/// IAM leaves the list out for a principal that has none.
fn policy_arns(cx: &Cx, policies: Option<Vec<AttachedPolicy>>) -> Result<Vec<String>, Gap> {
    policies
        .unwrap_or_default()
        .into_iter()
        .map(|policy| {
            policy
                .policy_arn
                .ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))
        })
        .collect()
}

/// A boundary without an ARN bounds, but nobody knows how.
fn boundary_arn(
    cx: &Cx,
    boundary: Option<AttachedPermissionsBoundary>,
) -> Result<Option<String>, Gap> {
    boundary
        .map(|boundary| {
            boundary
                .permissions_boundary_arn
                .ok_or_else(|| cx.malformed(&GET_ACCOUNT_AUTHORIZATION_DETAILS))
        })
        .transpose()
}
