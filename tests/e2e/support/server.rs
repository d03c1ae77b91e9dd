//! The emulators, started by `localstack/local.py`. Each lives as long as the pipe to it, so it ends
//! with the test process however that ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::program::manifest_dir;
use super::scanned::work_dir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Moto,
    LocalStack,
}

/// What a server starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    Empty,
    Planted,
    PlantedEnforcing,
}

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: String,
    /// What was planted, as the seed tells it; null when nothing was.
    pub(crate) seed: Value,
    // Its open standard input is what keeps the server up.
    _process: Child,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Moto => "moto",
            Self::LocalStack => "localstack",
        }
    }

    /// The Python that has the emulator's packages; none when the tests are to be skipped.
    pub(crate) fn python(self) -> Option<PathBuf> {
        let variable = format!("POSTURE_{}_PYTHON", self.name().to_uppercase());
        if std::env::var_os("POSTURE_E2E").is_some_and(|value| value == "skip") {
            return None;
        }
        let python = std::env::var_os(&variable).unwrap_or_else(|| {
            panic!(
                "{variable} is not set: run `make test`, or \
                 {variable}=$(python3 localstack/local.py venv {}) cargo test; \
                 POSTURE_E2E=skip skips the end-to-end tests",
                self.name()
            )
        });
        Some(python.into())
    }
}

impl Server {
    /// The planted organization in moto.
    pub(crate) fn moto() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER
            .get_or_init(|| Self::start(Kind::Moto, Setup::Planted))
            .as_ref()
    }

    /// The same, where requests need permissions.
    pub(crate) fn enforcing() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER
            .get_or_init(|| Self::start(Kind::Moto, Setup::PlantedEnforcing))
            .as_ref()
    }

    /// What LocalStack can hold of it.
    pub(crate) fn localstack() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER
            .get_or_init(|| Self::start(Kind::LocalStack, Setup::Planted))
            .as_ref()
    }

    /// A server of one's own.
    pub(crate) fn start(kind: Kind, setup: Setup) -> Option<Self> {
        let python = kind.python()?;
        let label = format!("{}-{setup:?}", kind.name()).to_lowercase();
        let seed = work_dir().join(format!("{label}.json"));
        let mut command = Command::new(&python);
        command
            .arg(manifest_dir().join("localstack/local.py"))
            .args(["serve", kind.name(), "--until-eof", "--log"])
            .arg(work_dir().join(format!("{label}.log")))
            .env(
                format!("POSTURE_{}_PYTHON", kind.name().to_uppercase()),
                &python,
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if setup != Setup::Empty {
            command.arg("--seed").arg(&seed);
        }
        if setup == Setup::PlantedEnforcing {
            command.arg("--enforce-iam");
        }
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("{label} did not start ({e}): {line:?}"));
        let seed = match setup {
            Setup::Empty => Value::Null,
            _ => serde_json::from_slice(&std::fs::read(seed).unwrap()).unwrap(),
        };
        Some(Self {
            endpoint: ready["endpoint"].as_str().unwrap().to_owned(),
            seed,
            _process: process,
        })
    }

    /// The id of a planted account.
    pub(crate) fn account(&self, name: &str) -> &str {
        self.seed["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|account| account["name"] == name)
            .and_then(|account| account["id"].as_str())
            .unwrap()
    }
}
