//! The `posture` binary, run with an environment that nothing leaks into.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::server::Server;

/// Longest time for one run; a scan of everything takes some fifteen seconds.
const PATIENCE: Duration = Duration::from_secs(300);

/// The workspace's directory.
pub(crate) fn manifest_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The binary under test, built once: `cargo test` builds no binary of another package.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("POSTURE_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    // <target>/<profile>/deps/e2e-<hash>
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo set for this test must not look like a changed environment to build scripts.
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        if own {
            cargo.env_remove(name);
        }
    }
    // The whole workspace, so that features and with them the compiled units are those of the test run.
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", "posture"])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .current_dir(manifest_dir());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "posture does not build");
    profile.join("posture")
}

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Posture {
    command: Command,
    input: Vec<u8>,
}

/// A shell in which a new and empty file system lies at `mount`, which the script has as `$0` and the further words
/// behind it: it goes away with the run. None where that is not permitted.
pub(crate) fn with_file_system(
    mount: &Path,
    options: &str,
    script: &str,
    words: &[&Path],
) -> Option<Command> {
    std::fs::create_dir_all(mount).unwrap();
    let shell = |script: &str| {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["-rm", "bash", "-c"])
            .arg(format!(
                "mount -t tmpfs -o {options} none \"$0\" && {script}"
            ))
            .arg(mount)
            .args(words);
        unshare
    };
    let permitted = shell("true").status().is_ok_and(|status| status.success());
    permitted.then(|| shell(script))
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Posture {
    /// The program with these arguments and no credentials.
    pub(crate) fn new<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::by(Command::new(binary()), args)
    }

    /// The same, started by another program, whose last argument it becomes.
    pub(crate) fn through<S: AsRef<OsStr>>(
        mut wrapper: Command,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        wrapper.arg(binary());
        Self::by(wrapper, args)
    }

    fn by<S: AsRef<OsStr>>(mut command: Command, args: impl IntoIterator<Item = S>) -> Self {
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("RUST_BACKTRACE", "1")
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// With this on standard input.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = bytes.into();
        self
    }

    /// Reaches this server as the organization's management account.
    pub(crate) fn against(self, server: &Server) -> Self {
        let management = &server.seed["management"];
        self.at(&server.endpoint).keys(
            management["access_key_id"].as_str().unwrap_or("local"),
            management["secret_access_key"].as_str().unwrap_or("local"),
        )
    }

    /// Reaches this server with one of the seed's credentials.
    pub(crate) fn with_credentials_of(self, server: &Server, name: &str) -> Self {
        let credentials = &server.seed["credentials"][name];
        self.at(&server.endpoint).keys(
            credentials["access_key_id"].as_str().unwrap(),
            credentials["secret_access_key"].as_str().unwrap(),
        )
    }

    /// With this endpoint.
    pub(crate) fn at(self, endpoint: &str) -> Self {
        self.args(["--endpoint-url", endpoint])
    }

    /// With these credentials.
    pub(crate) fn keys(mut self, id: &str, secret: &str) -> Self {
        self.command
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// In this working directory.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn spawn(mut self) -> Child {
        let mut child = self.command.spawn().unwrap();
        if let Some(mut pipe) = child.stdin.take() {
            // It may end before it has read everything. All inputs fit into a pipe.
            let _ = pipe.write_all(&self.input);
        }
        child
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        Ran::of(self.spawn())
    }
}

impl Ran {
    /// Waits for a started run.
    pub(crate) fn of(mut child: Child) -> Self {
        let stdout = reader(child.stdout.take());
        let stderr = reader(child.stderr.take());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("posture did not end: {}", stderr.join().unwrap());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            status,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(expected),
            "{}\n--- stderr\n{}\n--- stdout\n{}",
            self.status,
            self.stderr,
            self.stdout
        );
        self
    }

    /// The lines of stderr that are no log lines.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter(|line| !line.contains("Z  INFO ") && !line.contains("Z  WARN "))
            .collect()
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks has given what there was.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
