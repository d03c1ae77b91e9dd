//! Snapshots in S3. A client of its own: the scan's can send nothing that is not a declared read.

mod copies;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{self, Delete, ObjectIdentifier};
use futures::stream::{self, StreamExt, TryStreamExt};
use posture_snapshot::{Directory, See, SnapshotError, Store};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use self::copies::{Copies, Errand, Found};
use crate::connect;
use crate::exit::Failure;

const SCHEME: &str = "s3://";

/// Objects that are fetched at once. S3 takes 5,500 requests a second for a prefix; this is what hides the journey.
const AT_ONCE: usize = 32;

/// Bytes of objects that are fetched ahead at once.
const AHEAD_BYTES: u32 = 64 << 20;

/// Keys that S3 removes in one request.
const REMOVED_AT_ONCE: usize = 1_000;

/// Such requests under way at once.
const REMOVALS: usize = 4;

/// How often an object is asked for to be removed while S3 says that it is busy.
const REMOVAL_ROUNDS: u32 = 5;

/// The wait after the first time; it grows.
const REMOVAL_PAUSE: Duration = Duration::from_millis(200);

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
        runtime: Some(runtime),
        prefix: Arc::new(Prefix {
            client,
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        }),
        copies: Arc::default(),
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
    /// Taken only when the store is dropped.
    runtime: Option<Runtime>,
    prefix: Arc<Prefix>,
    copies: Arc<Copies>,
}

/// What the calls of a store need.
#[derive(Debug)]
struct Prefix {
    client: Client,
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
    fn run<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, SnapshotError>>,
    ) -> Result<T, SnapshotError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => {
                let closed = io::Error::other("the store is closed");
                Err(self.prefix.failure("reach", name, closed))
            }
        }
    }

    /// Fetches an object for somebody who waits, and for those who come later.
    fn fetch(&self, errand: Errand) -> Result<Option<Vec<u8>>, SnapshotError> {
        let bytes = self.run(errand.name(), self.prefix.get(errand.name(), None))?;
        errand.done(bytes.as_deref());
        Ok(bytes)
    }
}

impl Prefix {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{SCHEME}{}/{}", self.bucket, self.key(name)))
    }

    fn failure(&self, action: &'static str, name: &str, source: io::Error) -> SnapshotError {
        SnapshotError::Io {
            action,
            path: self.place(name),
            source,
        }
    }

    /// What an object holds; none when there is no such object. Its bytes are taken from an allowance, where there is
    /// one.
    async fn get(
        &self,
        name: &str,
        allowance: Option<&Semaphore>,
    ) -> Result<Option<Vec<u8>>, SnapshotError> {
        let request = self.client.get_object().bucket(&self.bucket);
        let answer = match request.key(self.key(name)).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(self.failure("read", name, explained(&error))),
        };
        let length = answer.content_length().unwrap_or_default();
        let length = u32::try_from(length).unwrap_or(u32::MAX).min(AHEAD_BYTES);
        let _allowed = match allowance {
            // It is never closed.
            Some(allowance) => allowance.acquire_many(length).await.ok(),
            None => None,
        };
        let bytes = answer.body.collect().await;
        bytes
            .map(|bytes| Some(bytes.to_vec()))
            .map_err(|e| self.failure("read", name, io::Error::other(e.to_string())))
    }

    /// Removes as many objects as one request may. Each of them has an outcome of its own.
    async fn remove(&self, names: &[String]) -> Result<(), SnapshotError> {
        let mut left: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        let mut round = 1;
        loop {
            let refused = self.remove_keys(&left).await?;
            let Some(first) = refused.first() else {
                return Ok(());
            };
            let code = first.code().unwrap_or("unknown");
            let busy = matches!(code, "InternalError" | "SlowDown" | "ServiceUnavailable");
            if !busy || round == REMOVAL_ROUNDS {
                let key = first.key().unwrap_or_default();
                let name = key.strip_prefix(&self.prefix).unwrap_or(key);
                return Err(self.failure("remove", name, worded(code)));
            }
            left = refused.into_iter().filter_map(|error| error.key).collect();
            tokio::time::sleep(REMOVAL_PAUSE * round).await;
            round += 1;
        }
    }

    /// Asks once for objects to be removed; gives those that were not.
    async fn remove_keys(&self, keys: &[String]) -> Result<Vec<types::Error>, SnapshotError> {
        let failed = |source| {
            let key = keys.first().map_or("", String::as_str);
            self.failure(
                "remove",
                key.strip_prefix(&self.prefix).unwrap_or(key),
                source,
            )
        };
        let objects: Result<Vec<ObjectIdentifier>, _> = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect();
        let delete = objects.and_then(|objects| {
            Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
        });
        let delete = delete.map_err(|e| failed(io::Error::other(e)))?;
        let request = self.client.delete_objects().bucket(&self.bucket);
        let answer = request.delete(delete).send().await;
        let answer = answer.map_err(|error| failed(explained(&error)))?;
        Ok(answer.errors.unwrap_or_default())
    }
}

fn explained<E>(error: &SdkError<E>) -> io::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    match code {
        Some(code) => worded(code),
        None => io::Error::other(DisplayErrorContext(error).to_string()),
    }
}

/// What a code of S3 means for whoever keeps snapshots there.
fn worded(code: &str) -> io::Error {
    let (kind, text) = match code {
        "NoSuchKey" | "NotFound" => (io::ErrorKind::NotFound, code.to_owned()),
        "NoSuchBucket" => (io::ErrorKind::NotFound, "there is no such bucket".to_owned()),
        "AccessDenied" => (
            io::ErrorKind::PermissionDenied,
            "access denied; a snapshot needs s3:GetObject, s3:PutObject and s3:DeleteObject on its objects \
             and s3:ListBucket on the bucket"
                .to_owned(),
        ),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => (
            io::ErrorKind::Other,
            "the bucket is in another region; name it in AWS_REGION".to_owned(),
        ),
        code => (io::ErrorKind::Other, code.to_owned()),
    };
    io::Error::new(kind, text)
}

impl Store for S3 {
    fn prepare(&self) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, SnapshotError> {
        match self.copies.find(name) {
            Found::Here(bytes) => Ok(bytes),
            Found::Fetch(errand) => self.fetch(errand),
            Found::Unknown => self.run(name, self.prefix.get(name, None)),
        }
    }

    fn read_each(&self, names: &[String], see: &mut See<'_>) -> Result<(), SnapshotError> {
        let reads = async {
            let prefix = &self.prefix;
            let read = |name| async move { Ok((name, prefix.get(name, None).await?)) };
            let mut found = stream::iter(names.iter().map(String::as_str))
                .map(read)
                .buffered(AT_ONCE);
            while let Some((name, bytes)) = found.try_next().await? {
                see(name, bytes)?;
            }
            Ok(())
        };
        self.run("", reads)
    }

    fn read_ahead(&self, names: Vec<String>) {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !names.is_empty()) else {
            return;
        };
        if !self.copies.announce(&names) {
            return;
        }
        let (prefix, copies) = (Arc::clone(&self.prefix), Arc::clone(&self.copies));
        runtime.spawn(async move {
            let allowance = Semaphore::new(AHEAD_BYTES as usize);
            let fetch = async |name: String| {
                let Some(errand) = copies.begin(&name) else {
                    return;
                };
                // An error is for whoever asks for it: the object is fetched again then.
                if let Ok(bytes) = prefix.get(&name, Some(&allowance)).await {
                    errand.done(bytes.as_deref());
                }
            };
            stream::iter(names)
                .for_each_concurrent(AT_ONCE, fetch)
                .await;
        });
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        self.copies.forget(name);
        let prefix = &self.prefix;
        let request = prefix.client.put_object().bucket(&prefix.bucket);
        let request = request
            .key(prefix.key(name))
            .body(ByteStream::from(content.to_vec()));
        self.run(name, async {
            let answer = request.send().await;
            answer.map_err(|error| prefix.failure("write", name, explained(&error)))
        })
        .map(drop)
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        self.copies.forget(name);
        let prefix = &self.prefix;
        let request = prefix.client.delete_object().bucket(&prefix.bucket);
        self.run(name, async {
            let answer = request.key(prefix.key(name)).send().await;
            answer.map_err(|error| prefix.failure("remove", name, explained(&error)))
        })
        .map(drop)
    }

    fn remove_each(&self, names: &[String]) -> Result<(), SnapshotError> {
        for name in names {
            self.copies.forget(name);
        }
        let prefix = &self.prefix;
        let removals = stream::iter(names.chunks(REMOVED_AT_ONCE))
            .map(|names| prefix.remove(names))
            .buffer_unordered(REMOVALS)
            .try_collect::<()>();
        self.run("", removals)
    }

    fn list(&self, start: &str) -> Result<Vec<String>, SnapshotError> {
        let prefix = &self.prefix;
        let pages = async {
            let mut names = Vec::new();
            let mut token = None;
            loop {
                let request = prefix.client.list_objects_v2().bucket(&prefix.bucket);
                let request = request.prefix(prefix.key(start));
                let page = request.set_continuation_token(token).send().await;
                let page =
                    page.map_err(|error| prefix.failure("list", start, explained(&error)))?;
                names.extend(page.contents().iter().filter_map(|object| {
                    let name = object.key()?.strip_prefix(&prefix.prefix)?;
                    (!name.is_empty()).then(|| name.to_owned())
                }));
                token = page.next_continuation_token().map(str::to_owned);
                if token.is_none() {
                    return Ok(names);
                }
            }
        };
        let mut names = self.run(start, pages)?;
        names.sort();
        Ok(names)
    }

    /// An object that was not written to its end is not there.
    fn sweep(&self, _: &str) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        self.prefix.place(name)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use aws_sdk_s3::config::Credentials;

    use super::*;

    /// A bucket that gives these answers, one after the other; and what it was asked.
    fn bucket(answers: &'static [&'static str]) -> (Prefix, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = std::thread::spawn(move || {
            let asked = answers.iter().map(|answer| {
                let (mut client, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(client.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim().to_lowercase();
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let answer = format!("<DeleteResult>{answer}</DeleteResult>");
                write!(
                    client,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}",
                    answer.len()
                )
                .unwrap();
                String::from_utf8(body).unwrap()
            });
            asked.collect()
        });
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .endpoint_url(format!("http://{address}"))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .force_path_style(true)
            .build();
        let prefix = Prefix {
            client: Client::from_conf(config),
            bucket: "bucket".to_owned(),
            prefix: "night/".to_owned(),
        };
        (prefix, asked)
    }

    const NAMES: [&str; 2] = ["a.jsonl.zst", "b.jsonl.zst"];

    #[tokio::test]
    async fn what_a_busy_bucket_has_not_removed_is_asked_for_again() {
        let (prefix, asked) = bucket(&[
            "<Error><Key>night/b.jsonl.zst</Key><Code>SlowDown</Code></Error>",
            "",
        ]);
        prefix.remove(&NAMES.map(str::to_owned)).await.unwrap();
        let asked = asked.join().unwrap();
        assert!(
            NAMES.iter().all(|name| asked[0].contains(name)),
            "{asked:?}"
        );
        assert!(
            !asked[1].contains(NAMES[0]) && asked[1].contains(NAMES[1]),
            "{asked:?}"
        );
    }

    #[tokio::test]
    async fn what_may_not_be_removed_is_named() {
        let (prefix, asked) =
            bucket(&["<Error><Key>night/b.jsonl.zst</Key><Code>AccessDenied</Code></Error>"]);
        let error = prefix.remove(&NAMES.map(str::to_owned)).await.unwrap_err();
        let error = format!("{error:?}");
        assert!(error.contains("s3://bucket/night/b.jsonl.zst"), "{error}");
        assert!(error.contains("s3:DeleteObject"), "{error}");
        assert_eq!(asked.join().unwrap().len(), 1);
    }
}
