//! IAM: people, roles and their policies; one of each kind.

use super::CANARY;
use crate::{Reply, reply};

pub(super) fn replies() -> Vec<Reply> {
    vec![
        users(),
        groups(),
        roles(),
        policies(),
        job("user%2Fjo"),
        job("user%2Fmachines%2Fci"),
        job("role%2Forders"),
        accessed(
            "user%2Fjo",
            &[("ec2", None), ("iam", None), ("s3", Some(""))],
        ),
        accessed("user%2Fmachines%2Fci", &[("s3", Some("eu-west-1"))]),
        accessed(
            "role%2Forders",
            &[("dynamodb", Some("eu-west-1")), ("iam", None)],
        ),
        query(
            "ListRoles",
            &format!(
                "<Roles>{}{}</Roles><IsTruncated>false</IsTruncated>",
                listed_role("orders", "/", 3600),
                listed_role(
                    "AWSServiceRoleForSupport",
                    "/aws-service-role/support.amazonaws.com/",
                    3600
                ),
            ),
        ),
        query(
            "ListMFADevices",
            "<MFADevices><member><UserName>jo</UserName>\
             <SerialNumber>arn:aws:iam::123456789012:mfa/jo</SerialNumber>\
             <EnableDate>2025-02-01T00:00:00Z</EnableDate></member></MFADevices>\
             <IsTruncated>false</IsTruncated>",
        )
        .when("UserName=jo"),
        query(
            "ListMFADevices",
            "<MFADevices/><IsTruncated>false</IsTruncated>",
        ),
        query(
            "ListAccessKeys",
            "<AccessKeyMetadata><member><UserName>ci</UserName>\
             <AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status>\
             <CreateDate>2024-01-01T00:00:00Z</CreateDate></member>\
             <member><UserName>ci</UserName><AccessKeyId>AKIAI44QH8DHBEXAMPLE</AccessKeyId>\
             <Status>Inactive</Status><CreateDate>2023-01-01T00:00:00Z</CreateDate></member>\
             </AccessKeyMetadata><IsTruncated>false</IsTruncated>",
        )
        .when("UserName=ci"),
        query(
            "ListAccessKeys",
            "<AccessKeyMetadata/><IsTruncated>false</IsTruncated>",
        ),
        query(
            "GetAccessKeyLastUsed",
            "<UserName>ci</UserName><AccessKeyLastUsed><Region>eu-west-1</Region>\
             <LastUsedDate>2026-01-30T08:00:00Z</LastUsedDate><ServiceName>s3</ServiceName>\
             </AccessKeyLastUsed>",
        )
        .when("AccessKeyId=AKIAIOSFODNN7EXAMPLE"),
        query(
            "GetAccessKeyLastUsed",
            "<UserName>ci</UserName><AccessKeyLastUsed><Region>N/A</Region>\
             <ServiceName>N/A</ServiceName></AccessKeyLastUsed>",
        ),
        query(
            "ListPolicyTags",
            "<Tags><member><Key>team</Key><Value>orders</Value></member></Tags>\
             <IsTruncated>false</IsTruncated>",
        ),
        query("GenerateCredentialReport", "<State>COMPLETE</State>"),
        query(
            "GetCredentialReport",
            &format!(
                "<Content>{}</Content><ReportFormat>text/csv</ReportFormat>\
                 <GeneratedTime>2026-01-31T10:00:00Z</GeneratedTime>",
                aws_smithy_types::base64::encode(REPORT)
            ),
        ),
        query(
            "GetAccountPasswordPolicy",
            "<PasswordPolicy><MinimumPasswordLength>8</MinimumPasswordLength>\
             <RequireSymbols>false</RequireSymbols><RequireNumbers>true</RequireNumbers>\
             <RequireUppercaseCharacters>true</RequireUppercaseCharacters>\
             <RequireLowercaseCharacters>true</RequireLowercaseCharacters>\
             <AllowUsersToChangePassword>true</AllowUsersToChangePassword>\
             <ExpirePasswords>false</ExpirePasswords></PasswordPolicy>",
        ),
        summary(),
        query(
            "ListAccountAliases",
            "<AccountAliases><member>shop</member></AccountAliases><IsTruncated>false</IsTruncated>",
        ),
        query(
            "ListVirtualMFADevices",
            "<VirtualMFADevices><member>\
             <SerialNumber>arn:aws:iam::123456789012:mfa/jo</SerialNumber>\
             <User><Path>/</Path><UserName>jo</UserName><UserId>AIDAJO</UserId>\
             <Arn>arn:aws:iam::123456789012:user/jo</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate></User>\
             <EnableDate>2025-02-01T00:00:00Z</EnableDate></member></VirtualMFADevices>\
             <IsTruncated>false</IsTruncated>",
        ),
        query(
            "ListOrganizationsFeatures",
            "<OrganizationId>o-a1b2c3d4e5</OrganizationId>\
             <EnabledFeatures><member>RootCredentialsManagement</member></EnabledFeatures>",
        ),
        query(
            "ListSAMLProviders",
            "<SAMLProviderList><member><Arn>arn:aws:iam::123456789012:saml-provider/directory</Arn>\
             <ValidUntil>2032-01-01T00:00:00Z</ValidUntil><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
             </member></SAMLProviderList>",
        ),
        query(
            "GetSAMLProvider",
            &format!(
                "<SAMLMetadataDocument>{CANARY}</SAMLMetadataDocument>\
                 <AssertionEncryptionMode>Required</AssertionEncryptionMode>\
                 <Tags><member><Key>team</Key><Value>people</Value></member></Tags>"
            ),
        ),
        query(
            "ListOpenIDConnectProviders",
            "<OpenIDConnectProviderList><member>\
             <Arn>arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com</Arn>\
             </member></OpenIDConnectProviderList>",
        ),
        query(
            "GetOpenIDConnectProvider",
            "<Url>token.actions.githubusercontent.com</Url>\
             <ClientIDList><member>sts.amazonaws.com</member></ClientIDList>\
             <ThumbprintList><member>6938fd4d98bab03faadb97b34396831e3780aea1</member></ThumbprintList>\
             <CreateDate>2025-01-01T00:00:00Z</CreateDate><Tags/>",
        ),
        query(
            "ListServerCertificates",
            &format!(
                "<ServerCertificateMetadataList><member>{CERTIFICATE}</member></ServerCertificateMetadataList>\
                 <IsTruncated>false</IsTruncated>"
            ),
        ),
        query(
            "GetServerCertificate",
            &format!(
                "<ServerCertificate><ServerCertificateMetadata>{CERTIFICATE}</ServerCertificateMetadata>\
                 <CertificateBody>{CANARY}</CertificateBody>\
                 <Tags><member><Key>team</Key><Value>orders</Value></member></Tags></ServerCertificate>"
            ),
        ),
    ]
}

const CERTIFICATE: &str = "<Path>/</Path><ServerCertificateName>shop</ServerCertificateName>\
    <ServerCertificateId>ASCASHOP</ServerCertificateId>\
    <Arn>arn:aws:iam::123456789012:server-certificate/shop</Arn>\
    <UploadDate>2025-01-01T00:00:00Z</UploadDate><Expiration>2026-02-10T00:00:00Z</Expiration>";

const REPORT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated
<root_account>,arn:aws:iam::123456789012:root,2020-01-01T00:00:00+00:00,true,\
2025-06-01T00:00:00+00:00,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,\
N/A,false,N/A,false,N/A
jo,arn:aws:iam::123456789012:user/jo,2025-01-01T00:00:00+00:00,true,2026-01-30T07:00:00+00:00,\
2025-01-01T00:00:00+00:00,N/A,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
ci,arn:aws:iam::123456789012:user/machines/ci,2023-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,\
true,2024-01-01T00:00:00+00:00,2026-01-30T08:00:00+00:00,eu-west-1,s3,false,\
2023-01-01T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A
";

/// An answer of the query protocol.
fn query(operation: &str, result: &str) -> Reply {
    reply(
        &format!("iam:{operation}"),
        format!(
            "<{operation}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
             <{operation}Result>{result}</{operation}Result>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
        ),
    )
}

/// An answer about one kind of entity. IAM names the other lists too, as empty.
fn details(kind: &str, users: &str, groups: &str, roles: &str, policies: &str) -> Reply {
    query(
        "GetAccountAuthorizationDetails",
        &format!(
            "<UserDetailList>{users}</UserDetailList><GroupDetailList>{groups}</GroupDetailList>\
             <RoleDetailList>{roles}</RoleDetailList><Policies>{policies}</Policies>\
             <IsTruncated>false</IsTruncated>"
        ),
    )
    .when(&format!("Filter.member.1={kind}"))
}

/// A document as IAM writes it, percent-encoded.
fn encoded(document: &str) -> String {
    document
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn allow(action: &str, resource: &str) -> String {
    encoded(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    ))
}

fn users() -> Reply {
    details(
        "User",
        &format!(
            "<member><Path>/</Path><UserName>jo</UserName><UserId>AIDAJO</UserId>\
             <Arn>arn:aws:iam::123456789012:user/jo</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
             <GroupList><member>admins</member></GroupList><AttachedManagedPolicies/>\
             <Tags><member><Key>team</Key><Value>people</Value></member></Tags></member>\
             <member><Path>/machines/</Path><UserName>ci</UserName><UserId>AIDACI</UserId>\
             <Arn>arn:aws:iam::123456789012:user/machines/ci</Arn>\
             <CreateDate>2023-01-01T00:00:00Z</CreateDate>\
             <UserPolicyList><member><PolicyName>upload</PolicyName><PolicyDocument>{}</PolicyDocument>\
             </member></UserPolicyList><GroupList/><AttachedManagedPolicies/>\
             <PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>\
             <PermissionsBoundaryArn>arn:aws:iam::123456789012:policy/bound</PermissionsBoundaryArn>\
             </PermissionsBoundary></member>",
            allow("s3:*", "*")
        ),
        "",
        "",
        "",
    )
}

fn groups() -> Reply {
    details(
        "Group",
        "",
        "<member><Path>/</Path><GroupName>admins</GroupName><GroupId>AGPAADMINS</GroupId>\
         <Arn>arn:aws:iam::123456789012:group/admins</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
         <GroupPolicyList/><AttachedManagedPolicies><member><PolicyName>AdministratorAccess</PolicyName>\
         <PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn></member>\
         </AttachedManagedPolicies></member>",
        "",
        "",
    )
}

fn roles() -> Reply {
    let trust = |service: &str| {
        encoded(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
        ))
    };
    details(
        "Role",
        "",
        "",
        &format!(
            "<member><Path>/</Path><RoleName>orders</RoleName><RoleId>AROAORDERS</RoleId>\
             <Arn>arn:aws:iam::123456789012:role/orders</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
             <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>\
             <InstanceProfileList><member><Path>/</Path><InstanceProfileName>orders</InstanceProfileName>\
             <InstanceProfileId>AIPAORDERS</InstanceProfileId>\
             <Arn>arn:aws:iam::123456789012:instance-profile/orders</Arn>\
             <CreateDate>2025-01-01T00:00:00Z</CreateDate><Roles/></member></InstanceProfileList>\
             <RolePolicyList><member><PolicyName>table</PolicyName><PolicyDocument>{}</PolicyDocument>\
             </member></RolePolicyList>\
             <AttachedManagedPolicies><member><PolicyName>orders</PolicyName>\
             <PolicyArn>arn:aws:iam::123456789012:policy/orders</PolicyArn></member></AttachedManagedPolicies>\
             <Tags><member><Key>team</Key><Value>orders</Value></member></Tags>\
             <RoleLastUsed><LastUsedDate>2026-01-30T08:00:00Z</LastUsedDate><Region>eu-west-1</Region>\
             </RoleLastUsed></member>\
             <member><Path>/aws-service-role/support.amazonaws.com/</Path>\
             <RoleName>AWSServiceRoleForSupport</RoleName><RoleId>AROASUPPORT</RoleId>\
             <Arn>arn:aws:iam::123456789012:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport</Arn>\
             <CreateDate>2025-01-01T00:00:00Z</CreateDate>\
             <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><InstanceProfileList/><RolePolicyList/>\
             <AttachedManagedPolicies/><RoleLastUsed/></member>",
            trust("lambda.amazonaws.com"),
            allow("dynamodb:*", "*"),
            trust("support.amazonaws.com"),
        ),
        "",
    )
}

fn listed_role(name: &str, path: &str, seconds: u32) -> String {
    format!(
        "<member><Path>{path}</Path><RoleName>{name}</RoleName><RoleId>AROA</RoleId>\
         <Arn>arn:aws:iam::123456789012:role{path}{name}</Arn><CreateDate>2025-01-01T00:00:00Z</CreateDate>\
         <MaxSessionDuration>{seconds}</MaxSessionDuration></member>"
    )
}

fn policies() -> Reply {
    let policy = |name: &str, account: &str, attached: u32, bounding: u32, document: &str| {
        format!(
            "<member><PolicyName>{name}</PolicyName><PolicyId>ANPA{name}</PolicyId>\
             <Arn>arn:aws:iam::{account}:policy/{name}</Arn><Path>/</Path>\
             <DefaultVersionId>v2</DefaultVersionId><AttachmentCount>{attached}</AttachmentCount>\
             <PermissionsBoundaryUsageCount>{bounding}</PermissionsBoundaryUsageCount>\
             <IsAttachable>true</IsAttachable><Description>{CANARY}</Description>\
             <CreateDate>2025-01-01T00:00:00Z</CreateDate><UpdateDate>2025-06-01T00:00:00Z</UpdateDate>\
             <PolicyVersionList><member><Document>{document}</Document><VersionId>v2</VersionId>\
             <IsDefaultVersion>true</IsDefaultVersion><CreateDate>2025-06-01T00:00:00Z</CreateDate></member>\
             <member><Document>{}</Document><VersionId>v1</VersionId>\
             <IsDefaultVersion>false</IsDefaultVersion><CreateDate>2025-01-01T00:00:00Z</CreateDate></member>\
             </PolicyVersionList></member>",
            allow("*", "*")
        )
    };
    details(
        "LocalManagedPolicy",
        "",
        "",
        "",
        &[
            policy("orders", "123456789012", 1, 0, &allow("iam:PassRole", "*")),
            policy("bound", "123456789012", 0, 1, &allow("s3:Get*", "*")),
            policy("AdministratorAccess", "aws", 1, 0, &allow("*", "*")),
            policy("ReadOnlyAccess", "aws", 0, 0, &allow("s3:Get*", "*")),
        ]
        .concat(),
    )
}

/// The name of the report on whoever the end of an ARN names.
fn job_id(whom: &str) -> String {
    format!("job-{}", whom.rsplit("%2F").next().unwrap_or(whom))
}

/// The promise of a report on whoever the end of an ARN, as a request carries it, names.
fn job(whom: &str) -> Reply {
    query(
        "GenerateServiceLastAccessedDetails",
        &format!("<JobId>{}</JobId>", job_id(whom)),
    )
    .when(whom)
}

/// That report: services, each with the region that was last called, if any was.
fn accessed(whom: &str, services: &[(&str, Option<&str>)]) -> Reply {
    let services: String = services
        .iter()
        .map(|(service, region)| {
            let used = region.map_or_else(String::new, |region| {
                format!(
                    "<LastAuthenticated>2026-01-30T08:00:00Z</LastAuthenticated>\
                     <LastAuthenticatedEntity>arn:aws:iam::123456789012:{}</LastAuthenticatedEntity>\
                     <LastAuthenticatedRegion>{region}</LastAuthenticatedRegion>",
                    whom.replace("%2F", "/")
                )
            });
            format!(
                "<member><ServiceName>Amazon {service}</ServiceName>{used}\
                 <ServiceNamespace>{service}</ServiceNamespace>\
                 <TotalAuthenticatedEntities>{}</TotalAuthenticatedEntities></member>",
                u8::from(region.is_some())
            )
        })
        .collect();
    query(
        "GetServiceLastAccessedDetails",
        &format!(
            "<JobStatus>COMPLETED</JobStatus><JobType>SERVICE_LEVEL</JobType>\
             <JobCreationDate>2026-01-31T10:00:00Z</JobCreationDate>\
             <JobCompletionDate>2026-01-31T10:00:01Z</JobCompletionDate>\
             <ServicesLastAccessed>{services}</ServicesLastAccessed><IsTruncated>false</IsTruncated>"
        ),
    )
    .when(&format!("JobId={}", job_id(whom)))
}

fn summary() -> Reply {
    let entries: String = [
        ("Users", 2),
        ("Groups", 1),
        ("Roles", 2),
        ("Policies", 2),
        ("InstanceProfiles", 1),
        ("Providers", 2),
        ("ServerCertificates", 1),
        ("MFADevices", 1),
        ("MFADevicesInUse", 1),
        ("AccountMFAEnabled", 1),
        ("AccountAccessKeysPresent", 0),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
    ]
    .iter()
    .map(|(key, value)| format!("<entry><key>{key}</key><value>{value}</value></entry>"))
    .collect();
    query(
        "GetAccountSummary",
        &format!("<SummaryMap>{entries}</SummaryMap>"),
    )
}
