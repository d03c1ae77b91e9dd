//! Snapshots in S3. A client of its own: the scan's can send nothing that is not a declared read.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use posture_snapshot::{Directory, SnapshotError, Store};
use tokio::runtime::Runtime;

use crate::connect;
use crate::exit::Failure;

const SCHEME: &str = "s3://";

/// How to reach the object store, where it is not as the environment says.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) profile: Option<&'a str>,
    pub(crate) endpoint_url: Option<&'a str>,
}

/// The store that a location names: `s3://bucket/prefix`, or a directory.
pub(crate) fn store(location: &Path, access: Access<'_>) -> Result<Arc<dyn Store>, Failure> {
    let Some(rest) = location.to_str().and_then(|text| text.strip_prefix(SCHEME)) else {
        return Ok(Directory::store(location));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(
            Failure::usage(format!("{} names no bucket", location.display()))
                .help("write s3://bucket/prefix"),
        );
    }
    let runtime = connect::runtime()?;
    let client = runtime.block_on(client(access));
    let prefix = prefix.trim_matches('/');
    Ok(Arc::new(S3 {
        client,
        runtime: Some(runtime),
        bucket: bucket.to_owned(),
        prefix: if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        },
    }))
}

/// Whether a location is in an object store.
pub(crate) fn is_object(location: &str) -> bool {
    location.starts_with(SCHEME)
}

/// Writes a file to `s3://bucket/key`.
pub(crate) fn upload(location: &str, file: &Path) -> Result<(), Failure> {
    let named = location
        .strip_prefix(SCHEME)
        .and_then(|rest| rest.split_once('/'))
        .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    let Some((bucket, key)) = named else {
        return Err(Failure::usage(format!("{location} names no object"))
            .help("write s3://bucket/key, such as -o json=s3://reports/report.json"));
    };
    connect::runtime()?
        .block_on(async {
            let body = ByteStream::from_path(file)
                .await
                .map_err(|e| io::Error::other(e.to_string()))?;
            let client = client(Access::default()).await;
            let request = client.put_object().bucket(bucket).key(key).body(body);
            request.send().await.map_err(|error| explained(&error))
        })
        .map(drop)
        .map_err(|e| {
            Failure::usage(format!("the report was not written to {location}: {e}"))
                .help("the snapshot is whole: posture evaluate writes the report again")
        })
}

async fn client(access: Access<'_>) -> Client {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = access.profile {
        loader = loader.profile_name(profile);
    }
    // Snapshots may be kept elsewhere than in what is scanned: the endpoint that is S3's own goes first.
    if let Some(url) = access.endpoint_url
        && std::env::var_os("AWS_ENDPOINT_URL_S3").is_none()
    {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    // Endpoints of one's own rarely have a name for each bucket.
    let own = config.endpoint_url().is_some()
        || std::env::vars().any(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
    let mut builder = aws_sdk_s3::config::Builder::from(&config).force_path_style(own);
    if config.region().is_none() {
        builder = builder.region(Region::new("us-east-1"));
    }
    Client::from_conf(builder.build())
}

/// A prefix in a bucket. Each object appears as a whole, which is all that a snapshot asks for.
#[derive(Debug)]
struct S3 {
    client: Client,
    /// Taken only when the store is dropped.
    runtime: Option<Runtime>,
    bucket: String,
    prefix: String,
}

impl Drop for S3 {
    fn drop(&mut self) {
        // A runtime may not be waited for where another one is at work.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl S3 {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Carries out a call, and words its error.
    fn call<T, E>(
        &self,
        action: &'static str,
        name: &str,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SnapshotError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let outcome = match &self.runtime {
            Some(runtime) => runtime.block_on(call).map_err(|error| explained(&error)),
            None => Err(io::Error::other("the store is closed")),
        };
        outcome.map_err(|source| SnapshotError::Io {
            action,
            path: self.place(name),
            source,
        })
    }
}

fn explained<E>(error: &SdkError<E>) -> io::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    let (kind, text) = match code {
        Some(code @ ("NoSuchKey" | "NotFound")) => (io::ErrorKind::NotFound, code.to_owned()),
        Some("NoSuchBucket") => (io::ErrorKind::NotFound, "there is no such bucket".to_owned()),
        Some("AccessDenied") => (
            io::ErrorKind::PermissionDenied,
            "access denied; a snapshot needs s3:GetObject, s3:PutObject and s3:DeleteObject on its objects \
             and s3:ListBucket on the bucket"
                .to_owned(),
        ),
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => (
            io::ErrorKind::Other,
            "the bucket is in another region; name it in AWS_REGION".to_owned(),
        ),
        Some(code) => (io::ErrorKind::Other, code.to_owned()),
        None => (
            io::ErrorKind::Other,
            DisplayErrorContext(error).to_string(),
        ),
    };
    io::Error::new(kind, text)
}

impl Store for S3 {
    fn prepare(&self) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        let request = self.client.get_object().bucket(&self.bucket);
        let answer = self.call("read", name, request.key(self.key(name)).send());
        let answer = match answer {
            Ok(answer) => answer,
            Err(SnapshotError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound
                    && source.to_string() == "NoSuchKey" =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let bytes = match &self.runtime {
            Some(runtime) => runtime.block_on(answer.body.collect()),
            None => return Ok(None),
        };
        bytes
            .map(|bytes| Some(bytes.to_vec()))
            .map_err(|e| SnapshotError::Io {
                action: "read",
                path: self.place(name),
                source: io::Error::other(e.to_string()),
            })
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        let request = self.client.put_object().bucket(&self.bucket);
        let request = request
            .key(self.key(name))
            .body(ByteStream::from(content.to_vec()));
        self.call("write", name, request.send()).map(drop)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        let request = self.client.delete_object().bucket(&self.bucket);
        self.call("remove", name, request.key(self.key(name)).send())
            .map(drop)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, SnapshotError> {
        let mut names = Vec::new();
        let mut token = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(self.key(prefix))
                .set_continuation_token(token);
            let page = self.call("list", prefix, request.send())?;
            names.extend(page.contents().iter().filter_map(|object| {
                let name = object.key()?.strip_prefix(&self.prefix)?;
                (!name.is_empty()).then(|| name.to_owned())
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    /// An object that was not written to its end is not there.
    fn sweep(&self, _: &str) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{SCHEME}{}/{}", self.bucket, self.key(name)))
    }
}
