//! What expressions of checks can use.
//!
//! Names and signatures come from the catalogue's own table of functions, whose source is read as
//! text since it is private to its crate; what each means comes from the tables of the architecture
//! page. A function that only one of the two knows is an error.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::markdown::{code, head, row};
use crate::Error;

/// Says what each function means.
pub(crate) const PROSE: &str = "docs/design/architecture.md";
/// Declares the functions.
pub(crate) const TABLE: &str = "crates/catalog/src/expr/functions.rs";

const HEADING: &str = "### What expressions can use";

/// A function as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    receiver: String,
    name: String,
    params: Vec<String>,
    returns: String,
}

impl Function {
    /// Its signature, in words that an author of checks knows.
    fn signature(&self) -> String {
        let subject = match self.receiver.as_str() {
            "None" => "",
            "Policy" => "policy.",
            "Principal" => "principal.",
            _ => "text.",
        };
        let params: Vec<&str> = self.params.iter().map(|param| kind(param)).collect();
        format!(
            "{subject}{}({}) -> {}",
            self.name,
            params.join(", "),
            kind(&self.returns)
        )
    }
}

/// A parameter's or a result's kind in words.
fn kind(name: &str) -> &str {
    match name {
        "Text" => "text",
        "Int" => "int",
        "Bool" => "bool",
        "Moment" => "timestamp",
        "Texts" => "list of text",
        "Type" => "\"resource type\"",
        "Path" => "\"field\"",
        "Key" => "text or int",
        "Rules" => "list of rules",
        "Action" => "\"action\"",
        "Pattern" => "\"regular expression\"",
        "Resource" => "resource or null",
        "Resources" => "list of resources",
        other => other,
    }
}

fn functions(table: &str) -> Vec<Function> {
    static LINE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)^\s*(\w+)\.(\w+)\(([\w, ]*)\)\s*->\s*(\w+)\s*=").ok());
    let body = table
        .split_once("= functions! {")
        .map_or("", |(_, rest)| rest.split("\n};").next().unwrap_or(rest));
    LINE.iter()
        .flat_map(|line| line.captures_iter(body))
        .map(|found| Function {
            receiver: found[1].to_owned(),
            name: found[2].to_owned(),
            params: found[3]
                .split(',')
                .map(|param| param.trim().to_owned())
                .filter(|param| !param.is_empty())
                .collect(),
            returns: found[4].to_owned(),
        })
        .collect()
}

/// A stretch of the architecture page: a paragraph, or a table's row of two cells.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Paragraph(String),
    Row(&'a str, &'a str),
}

fn parts(prose: &str) -> Option<Vec<Part<'_>>> {
    let (_, section) = prose.split_once(HEADING)?;
    let section = section.split("\n#").next().unwrap_or(section);
    let mut parts = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in section.lines().map(str::trim).chain([""]) {
        let cells = line
            .strip_prefix('|')
            .and_then(|rest| rest.strip_suffix('|'))
            .and_then(|cells| cells.split_once(" | "));
        match cells {
            Some((left, right)) => {
                let (left, right) = (left.trim(), right.trim());
                if !left.is_empty() {
                    parts.push(Part::Row(left, right));
                }
            }
            None if line.starts_with('|') => {}
            None if line.is_empty() => {
                if !paragraph.is_empty() {
                    parts.push(Part::Paragraph(paragraph.join(" ")));
                    paragraph.clear();
                }
            }
            None => paragraph.push(line),
        }
    }
    Some(parts)
}

/// The functions that a cell names, each with the receiver that its spelling says.
fn named(cell: &str) -> Vec<(&'static str, String)> {
    static CALL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:\b([pr])\.)?\b([a-z_]+)\(").ok());
    CALL.iter()
        .flat_map(|call| call.captures_iter(cell))
        .map(|found| {
            let receiver = match found.get(1).map(|receiver| receiver.as_str()) {
                Some("p") => "Policy",
                Some(_) => "Principal",
                None => "None",
            };
            (receiver, found[2].to_owned())
        })
        .collect()
}

pub(crate) fn page(prose: &str, table: &str) -> Result<String, Error> {
    let declared = functions(table);
    if declared.is_empty() {
        return Err(format!("{TABLE}: no table of functions is found").into());
    }
    let parts = parts(prose).ok_or_else(|| format!("{PROSE}: there is no {HEADING:?}"))?;
    let mut text = super::marker(&format!("`{PROSE}` and `{TABLE}`"));
    text.push_str(
        "# What expressions can use\n\nConditions and evidence of checks are CEL over the \
         [fields of resources](../model.md). The functions and their signatures are those that the \
         catalogue declares; their meaning is told in the words of \
         [the architecture page](../design/architecture.md). In signatures, what stands in quotes must be \
         a literal.\n",
    );
    let mut told = BTreeSet::new();
    let mut in_table = false;
    for part in &parts {
        match part {
            Part::Paragraph(paragraph) => {
                in_table = false;
                text.push_str(&format!("\n{paragraph}\n"));
            }
            Part::Row(left, right) => {
                if !in_table {
                    in_table = true;
                    text.push('\n');
                    text.push_str(&head(&["Written", "Signature", "Meaning"]));
                }
                let mut signatures = Vec::new();
                for (receiver, name) in named(left) {
                    let function = declared
                        .iter()
                        .find(|one| one.receiver == receiver && one.name == name)
                        .ok_or_else(|| {
                            format!("{PROSE} tells of `{name}` ({receiver}), which {TABLE} does not declare")
                        })?;
                    told.insert((receiver, name));
                    signatures.push(code(&function.signature()));
                }
                text.push_str(&row(&[*left, &signatures.join("<br>"), *right]));
            }
        }
    }
    // CEL's own, redefined so that patterns are compiled once and checked when a check is loaded.
    told.insert(("Text", "matches".to_owned()));
    let untold: Vec<String> = declared
        .iter()
        .filter(|one| {
            !told
                .iter()
                .any(|(receiver, name)| *receiver == one.receiver && *name == one.name)
        })
        .map(Function::signature)
        .collect();
    if !untold.is_empty() {
        return Err(format!(
            "{TABLE} declares what the tables below {HEADING:?} in {PROSE} do not tell of: {}",
            untold.join("; ")
        )
        .into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &str = "pub(crate) static FUNCTIONS: &[Function] = functions! {
    None.lookup(Type, Key) -> Resource = lookup;
    Text.matches(Pattern) -> Bool = matches;
    Policy.is_public() -> Bool = policies::is_public;
};
";

    const TOLD: &str = "# A

### What expressions can use

Beside CEL's
operators:

| | |
|---|---|
| `lookup(\"kms.key\", x)` | the resource |

Members:

| | |
|---|---|
| `p.is_public()` | anyone \\| all |

## Next

| `no()` | no |
";

    #[test]
    fn declarations_and_prose_meet() {
        let page = page(TOLD, DECLARED).unwrap();
        assert!(page.contains("\nBeside CEL's operators:\n"));
        assert!(page.contains(
            "| `lookup(\"kms.key\", x)` | `lookup(\"resource type\", text or int) -> resource or null` | the resource |"
        ));
        assert!(
            page.contains("| `p.is_public()` | `policy.is_public() -> bool` | anyone \\| all |")
        );
        assert!(!page.contains("no()"));
    }

    #[test]
    fn what_only_one_side_knows_is_an_error() {
        let more = DECLARED.replace("};", "    None.lower(Text) -> Text = lower;\n};");
        let error = page(TOLD, &more).unwrap_err().to_string();
        assert!(error.contains("lower(text) -> text"), "{error}");
        let fewer = DECLARED.replace("Policy.is_public", "Policy.is_closed");
        let error = page(TOLD, &fewer).unwrap_err().to_string();
        assert!(error.contains("`is_public`"), "{error}");
        assert!(page("nothing", DECLARED).is_err());
    }
}
