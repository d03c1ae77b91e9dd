//! AWS Security Token Service: who the caller is, and roles to assume.

use super::xml;
use super::{Answer, Operation, Protocol, Service};
use crate::account::Account;
use crate::ask::Ask;
use crate::clock::iso;
use crate::refusal::Refusal;
use crate::signer::Session;

pub(super) const SERVICE: Service = Service {
    name: "sts",
    signs_as: "sts",
    protocol: Protocol::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
    global: true,
    operations: &[
        Operation::new("AssumeRole", assume_role).after("GetCallerIdentity"),
        Operation::new("GetCallerIdentity", get_caller_identity),
    ],
};

fn get_caller_identity(ask: &Ask<'_>) -> Answer {
    let account = ask.place.account;
    let partition = &ask.place.estate.partition;
    let (arn, user) = match &ask.signer.session {
        Some(session) => assumed(ask, account, session),
        None => (
            format!("arn:{partition}:iam::{account}:user/auditor"),
            "AIDAFLEETAUDITOR00000".to_owned(),
        ),
    };
    Ok([
        xml::text("Arn", &arn),
        xml::text("UserId", &user),
        xml::text("Account", &account.to_string()),
    ]
    .concat())
}

/// ARN and id of a role's session.
fn assumed(ask: &Ask<'_>, account: Account, session: &Session) -> (String, String) {
    let partition = &ask.place.estate.partition;
    // The ARN of a session leaves out the role's path.
    let role = session.role.rsplit('/').next().unwrap_or_default();
    let id = ask.place.dice("sts role", 0).with(role).upper(17, "id");
    (
        format!(
            "arn:{partition}:sts::{account}:assumed-role/{role}/{}",
            session.name
        ),
        format!("AROA{id}:{}", session.name),
    )
}

fn assume_role(ask: &Ask<'_>) -> Answer {
    let estate = ask.place.estate;
    let arn = ask.needed("RoleArn")?;
    let name = ask.needed("RoleSessionName")?;
    let denied = || {
        Refusal::new(
            403,
            "AccessDenied",
            &format!(
                "not authorized to perform: sts:AssumeRole on resource: {}",
                xml::escaped(arn)
            ),
        )
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, role] = parts.as_slice() else {
        return Err(Refusal::new(
            400,
            "ValidationError",
            "RoleArn is not the ARN of a role",
        ));
    };
    let role = role.strip_prefix("role/").ok_or_else(denied)?;
    let account: Account = account.parse().map_err(|_| denied())?;
    let expected = |wanted: &Option<String>, given: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
    };
    let admitted = *partition == estate.partition
        && estate.is_active(account)
        && !ask.faults.unassumable.contains(&account)
        && expected(&estate.role, Some(role))
        && expected(&estate.external_id, ask.text("ExternalId"));
    if !admitted {
        return Err(denied());
    }
    let sessions = &ask.faults.sessions;
    let after = |milliseconds: u64| {
        ask.now_ms
            .saturating_add(i64::try_from(milliseconds).unwrap_or(i64::MAX))
    };
    let session = Session {
        expires: after(sessions.lifetime_ms),
        role: role.to_owned(),
        name: name.to_owned(),
    };
    let promised = after(sessions.promised_ms.unwrap_or(sessions.lifetime_ms));
    let (session_arn, id) = assumed(ask, account, &session);
    let credentials = [
        xml::text("AccessKeyId", &account.session_key()),
        xml::text(
            "SecretAccessKey",
            "fleetSecretFleetSecretFleetSecretFleetSe",
        ),
        xml::text("SessionToken", &session.token()),
        xml::text("Expiration", &iso(promised.div_euclid(1000))),
    ]
    .concat();
    let user = [
        xml::text("AssumedRoleId", &id),
        xml::text("Arn", &session_arn),
    ]
    .concat();
    Ok([
        xml::around("Credentials", &credentials),
        xml::around("AssumedRoleUser", &user),
        xml::text("PackedPolicySize", "6"),
    ]
    .concat())
}
