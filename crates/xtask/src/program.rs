//! The built `posture`, and other programs that are started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Error;

/// `posture`, built and ready to be asked.
pub(crate) struct Posture(PathBuf);

impl Posture {
    /// The given one, or else the one of the workspace, built now.
    pub(crate) fn find(root: &Path, given: Option<&Path>) -> Result<Self, Error> {
        match given {
            Some(path) if path.is_file() => Ok(Self(std::path::absolute(path)?)),
            Some(path) => Err(format!("there is no program {}", path.display()).into()),
            None => build(root).map(Self),
        }
    }

    /// What it prints on stdout when it is called so.
    pub(crate) fn ask(&self, args: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(&self.0);
        // The help shows what environment variables are set to; the documents must not.
        command.env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        output(command.args(args))
    }
}

/// Builds it; Cargo says where it put the program, whatever target directory is in force.
fn build(root: &Path) -> Result<PathBuf, Error> {
    let messages = output(cargo(root).args([
        "build",
        "--quiet",
        "--package",
        "posture-cli",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    executable(&messages, "posture").ok_or_else(|| "Cargo built no program `posture`".into())
}

/// The program of this name among Cargo's messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Cargo in the workspace, without what `cargo xtask` itself was started with.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // Set by `cargo run` for this process; the SDK's build scripts would see them as changed.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// What a program prints on stdout; it is an error when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<String> = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let line = format!("{name} {}", arguments.join(" "));
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{line}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{line}: {}", output.status).into());
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{line}: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_where_the_program_is() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"posture_model"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"posture"},"executable":"/t/debug/posture"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "posture"),
            Some(PathBuf::from("/t/debug/posture"))
        );
        assert_eq!(executable(messages, "other"), None);
    }
}
