//! Every file: what belongs to one machine, and words that do not belong here.

use std::sync::LazyLock;

use regex::Regex;

use super::{Violation, line_of};

/// Directories of the machine that someone happened to work on. Put together here so that this file
/// does not hold them.
static MACHINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = ["work", "root"].join("|");
    // Not the end of a longer path or of an address.
    Regex::new(&format!(r"(?:^|[^\w.~*)}}\]-])(/(?:{names})/)")).ok()
});

/// Hosts of package registries and mirrors: which one is used is a matter of each machine.
static REGISTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let hosts = [
        ["static", "crates", "io"].join("."),
        ["index", "crates", "io"].join("."),
        ["files", "pythonhosted", "org"].join("."),
        ["pypi", "org/simple"].join("."),
        ["registry", "npmjs", "org"].join("."),
        ["jfrog", "io"].join("."),
    ];
    let hosts: Vec<String> = hosts.iter().map(|host| regex::escape(host)).collect();
    let options =
        ["index-url", "trusted-host", "find-links"].map(|name| format!("--(?:extra-)?{name}"));
    Regex::new(&format!(
        r"(?i)(?:{}|artifactory|\bnexus[\w-]*(?:\.[\w-]+)+/|(?:{})\b)",
        hosts.join("|"),
        options.join("|")
    ))
    .ok()
});

/// Where the lock file says that packages come from.
const PUBLIC_INDEX: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

pub(super) fn lint(path: &str, text: &str, words: &[(String, Regex)]) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(machine) = &*MACHINE {
        for found in machine.captures_iter(text).filter_map(|all| all.get(1)) {
            violations.push(Violation::new(
                path,
                line_of(text, found.start()),
                format!(
                    "a path of one machine, `{}...`; make it relative to the repository",
                    found.as_str()
                ),
            ));
        }
    }
    // What this module looks for it must name.
    if let Some(registry) = REGISTRY.as_ref().filter(|_| path != THIS) {
        for found in registry.find_iter(text) {
            violations.push(Violation::new(
                path,
                line_of(text, found.start()),
                format!(
                    "the registry `{}`; leave it to the configuration of each machine",
                    found.as_str()
                ),
            ));
        }
    }
    if path == "Cargo.lock" {
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with("source = ") && line != PUBLIC_INDEX {
                violations.push(Violation::new(
                    path,
                    number,
                    "a package that does not come from crates.io; use a published version",
                ));
            }
        }
    }
    for (word, pattern) in words {
        for found in pattern.find_iter(text) {
            violations.push(Violation::new(
                path,
                line_of(text, found.start()),
                format!("the word `{word}`; the repository speaks of the product alone"),
            ));
        }
        if pattern.is_match(path) {
            violations.push(Violation::new(
                path,
                0,
                format!("the word `{word}` in its name; rename it"),
            ));
        }
    }
    violations
}

const THIS: &str = "crates/xtask/src/lint/text.rs";

/// The words of a list: one a line, `#` begins a comment.
pub(super) fn words(list: &str) -> Vec<(String, Regex)> {
    list.lines()
        .map(str::trim)
        .filter(|word| !word.is_empty() && !word.starts_with('#'))
        .filter_map(|word| {
            let pattern = Regex::new(&format!(
                r"(?i)(?:^|\W|_)({})(?:$|\W|_)",
                regex::escape(word)
            ));
            Some((word.to_owned(), pattern.ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine_are_found() {
        let path = |name: &str| format!("/{name}/x");
        for text in [
            path("work"),
            format!("cd {}", path("root")),
            format!("\"{}\"", path("work")),
            format!("file://{}", path("work")),
        ] {
            assert_eq!(lint("a.md", &text, &[]).len(), 1, "{text}");
        }
        for text in [
            format!("https://example.com{}", path("work")),
            format!("$HOME{}", path("work")),
            "arn:aws:iam::123456789012:root".to_owned(),
            "a/worker/b".to_owned(),
        ] {
            assert_eq!(lint("a.md", &text, &[]), [], "{text}");
        }
    }

    #[test]
    fn registries_are_found() {
        for text in [
            "pip install --index-url x",
            "pip install --extra-index-url x",
            "https://example.jfrog.io/pypi",
            "url = https://nexus.example.com/repository",
        ] {
            assert_eq!(lint("a.txt", text, &[]).len(), 1, "{text}");
        }
        let lock = format!("{PUBLIC_INDEX}\nsource = \"git+https://example.com/x\"\n");
        assert_eq!(
            lint("Cargo.lock", &lock, &[]).first().map(|v| v.line),
            Some(2)
        );
        // Where people read about a package is no mirror of it.
        let pages = [
            ["crates", "io"].join("."),
            ["pypi", "org/project/moto"].join("."),
        ];
        assert_eq!(lint("a.md", &pages.join(" and "), &[]), []);
    }

    #[test]
    fn listed_words_are_found_whole() {
        let words = words("# names\nfoo bar\nQux\n\n");
        let lines: Vec<usize> = lint("a.md", "x\nqux_1\nFoo Bar\nquxes", &words)
            .iter()
            .map(|violation| violation.line)
            .collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lint("docs/qux.md", "", &words).len(), 1);
    }
}
