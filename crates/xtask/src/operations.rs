//! The operations that collectors declare, read from their sources: nothing here links them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::Error;

/// The IAM action of each operation, by `service:Operation`.
#[derive(Debug, Default)]
pub(crate) struct Operations(BTreeMap<String, String>);

impl Operations {
    /// Reads all collectors.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut operations = Self::default();
        let mut directories = vec![root.join("crates/collect/src")];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    operations.add(&std::fs::read_to_string(&path)?);
                }
            }
        }
        if operations.0.is_empty() {
            return Err("no collector declares an operation with `operations!`".into());
        }
        Ok(operations)
    }

    fn add(&mut self, source: &str) {
        // Declarations begin a line; the one in the macro's own documentation does not.
        static BLOCK: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"(?ms)^operations!\s*\{\s*"([^"]+)":(.*?)^\}"#).ok());
        static ENTRY: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"=\s*"([^"]+)"\s*=>\s*"([^"]+)""#).ok());
        let (Some(block), Some(entry)) = (&*BLOCK, &*ENTRY) else {
            return;
        };
        for found in block.captures_iter(source) {
            for operation in entry.captures_iter(&found[2]) {
                self.0.insert(
                    format!("{}:{}", &found[1], &operation[1]),
                    operation[2].to_owned(),
                );
            }
        }
    }

    /// The IAM action that an operation needs. An error where no collector declares it: the model then
    /// names a source that nothing calls.
    pub(crate) fn action(&self, operation: &str) -> Result<&str, Error> {
        self.0.get(operation).map(String::as_str).ok_or_else(|| {
            format!("no collector declares the operation `{operation}`, which the model names as a source")
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read_and_examples_are_not() {
        let mut operations = Operations::default();
        operations.add(
            "/// operations! { \"no\":\n///     A = \"A\" => \"no:A\",\n/// }\n\
             operations! { \"s3\":\n    GET_CORS = \"GetBucketCors\" => \"s3:GetBucketCORS\",\n\
             \x20   LONG_NAME =\n        \"GetBucketAcl\"\n        => \"s3:GetBucketAcl\",\n}\n\
             fn f() { let a = \"x\" => \"y\"; }\n",
        );
        assert_eq!(operations.0.len(), 2);
        assert_eq!(
            operations.action("s3:GetBucketCors").unwrap(),
            "s3:GetBucketCORS"
        );
        assert!(operations.action("no:A").is_err());
    }
}
