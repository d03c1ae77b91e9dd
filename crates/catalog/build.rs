//! Embeds the check catalogue: every YAML file below `checks/`, as JSON.
//!
//! New files are picked up without any change here. The conversion happens now because parsing
//! hundreds of YAML files at every start would be slow; what the files mean is validated at run
//! time by the same code that validates a user's own checks.

#[expect(
    unreachable_pub,
    reason = "the library offers to others what is used here"
)]
#[path = "src/yaml.rs"]
mod yaml;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let checks = manifest.join("../../checks");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/yaml.rs");
    println!("cargo:rerun-if-changed={}", checks.display());
    let mut embedded = Vec::new();
    collect(&checks, "checks", &mut embedded)?;
    embedded.sort();
    // One JSON text a file rather than one for all: a file that is not YAML must not take the others
    // with it, and `text` lets the loader say where it is wrong.
    let entries: Vec<serde_json::Value> = embedded
        .iter()
        .map(|(name, path)| {
            let text = fs::read_to_string(path)?;
            Ok::<_, std::io::Error>(match yaml::parse(&text) {
                Ok(tree) => serde_json::json!({"path": name, "content": tree.to_json()}),
                Err(_) => serde_json::json!({"path": name, "text": text}),
            })
        })
        .collect::<Result<_, _>>()?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("checks.json");
    fs::write(out, serde_json::to_vec(&entries)?)?;

    let runtimes = manifest.join("data/lambda_runtimes.yaml");
    println!("cargo:rerun-if-changed={}", runtimes.display());
    let tree = yaml::parse(&fs::read_to_string(runtimes)?).map_err(|mistake| mistake.message)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("lambda_runtimes.json");
    fs::write(out, serde_json::to_vec(&tree.to_json())?)?;
    Ok(())
}

fn collect(
    directory: &Path,
    name: &str,
    embedded: &mut Vec<(String, PathBuf)>,
) -> Result<(), Box<dyn Error>> {
    // A directory's own time stamp changes with its entries only, so each file is named too.
    println!("cargo:rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(file) = path.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let name = format!("{name}/{file}");
        if path.is_dir() {
            collect(&path, &name, embedded)?;
        } else if file.ends_with(".yaml") {
            println!("cargo:rerun-if-changed={}", path.display());
            embedded.push((name, path));
        }
    }
    Ok(())
}
