//! Who asks, and whom: read from the signature's `Credential`, which nobody checks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::account::Account;
use crate::config::Estate;
use crate::http::Request;

/// What a request's signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) account: Account,
    /// Region of the credential scope.
    pub(crate) region: String,
    /// Service of the credential scope; several of ours sign as one.
    pub(crate) service: String,
    /// The role session that the security token stands for.
    pub(crate) session: Option<Session>,
}

/// What the security token of an assumed role holds. The server keeps no list of those it gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Unix milliseconds.
    pub(crate) expires: i64,
    /// Path and name of the role.
    pub(crate) role: String,
    pub(crate) name: String,
}

impl Session {
    pub(crate) fn token(&self) -> String {
        STANDARD.encode(format!("{} {} {}", self.expires, self.role, self.name))
    }

    fn of_token(token: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let mut parts = text.splitn(3, ' ');
        Some(Self {
            expires: parts.next()?.parse().ok()?,
            role: parts.next()?.to_owned(),
            name: parts.next()?.to_owned(),
        })
    }
}

impl Signer {
    /// `None` when the request is not signed. A key that is not of ours is the management account's.
    pub(crate) fn of(request: &Request, estate: &Estate) -> Option<Self> {
        let credential = request
            .header("authorization")?
            .split_once("Credential=")?
            .1
            .split([',', ' '])
            .next()?;
        let mut parts = credential.split('/');
        let key = parts.next()?;
        let (_date, region, service) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            account: Account::of_key(key).unwrap_or_else(|| estate.management_account()),
            region: region.to_owned(),
            service: service.to_owned(),
            session: request
                .header("x-amz-security-token")
                .and_then(Session::of_token),
        })
    }

    pub(crate) fn has_expired(&self, now_ms: i64) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.expires <= now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(key: &str, token: Option<&str>) -> Request {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261101/eu-west-1/lambda/aws4_request, \
             SignedHeaders=host, Signature=00"
        );
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(token.map(|token| ("X-Amz-Security-Token", token)));
        Request::for_test("GET", "/", &headers, "")
    }

    #[test]
    fn the_scope_names_account_region_and_service() {
        let estate = Estate::default();
        let signer = Signer::of(&signed(&Account::nth(2).access_key(), None), &estate).unwrap();
        assert_eq!(signer.account, Account::nth(2));
        assert_eq!(
            (signer.region.as_str(), signer.service.as_str()),
            ("eu-west-1", "lambda")
        );
        let signer = Signer::of(&signed("local", None), &estate).unwrap();
        assert_eq!(signer.account, estate.management_account());
        assert_eq!(Signer::of(&Request::default(), &estate), None);
    }

    #[test]
    fn tokens_carry_their_end() {
        let session = Session {
            expires: 1_000,
            role: "audit/PostureScan".to_owned(),
            name: "posture scan".to_owned(),
        };
        let request = signed(&Account::nth(1).session_key(), Some(&session.token()));
        let signer = Signer::of(&request, &Estate::default()).unwrap();
        assert_eq!(signer.session.as_ref(), Some(&session));
        assert!(signer.has_expired(1_000) && !signer.has_expired(999));
    }
}
