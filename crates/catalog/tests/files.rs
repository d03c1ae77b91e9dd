//! What a user's own check file gets when it is wrong.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of these tests are outside of test functions"
)]

use std::fs;
use std::path::Path;

use posture_catalog::{Catalog, Diagnostic, run_cases};

const SOUND: &str = r#"id: own
title: Function runs long
severity: low
confidence: high
resource: lambda.function
practices: [FN-09]
params: {limit: 60}
pass: resource.timeout != null && resource.timeout <= params.limit
evidence: '"time-out " + string(resource.timeout) + " s"'
risk: It costs.
fix: {cli: "aws lambda update-function-configuration --function-name {resource.name} --timeout 60"}
references: [https://docs.aws.amazon.com/lambda/]
cases:
  - {name: short, expect: pass, resource: {timeout: 3}}
  - {name: long, expect: fail, resource: {timeout: 900}}
"#;

fn load(files: &[(&str, &str)]) -> Result<Catalog, Vec<Diagnostic>> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Catalog::load_only(&[dir.path().to_owned()])
}

/// The diagnostics as text, the temporary directory left out.
fn complaints(files: &[(&str, &str)]) -> String {
    let diagnostics = load(files).err().unwrap_or_default();
    diagnostics
        .into_iter()
        .map(|mut diagnostic| {
            let name = Path::new(&diagnostic.file).file_name().unwrap();
            diagnostic.file = name.to_str().unwrap().to_owned();
            diagnostic.to_string()
        })
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn changed(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    complaints(&[("own.yaml", &SOUND.replace(from, to))])
}

#[test]
fn a_sound_check_loads_and_proves_itself() {
    let catalog = load(&[("deep/er/own.yaml", SOUND)]).unwrap();
    let check = catalog.find("own").unwrap();
    let results = run_cases(check);
    assert_eq!(results.len(), 2);
    for result in &results {
        assert_eq!(result.problem, None);
    }
    assert_eq!(
        results[1].outcome.evidence.as_deref(),
        Some("time-out 900 s")
    );
}

#[test]
fn a_typo_is_shown_in_the_authors_own_line() {
    assert_eq!(
        changed("resource.timeout <=", "resource.timout <="),
        "own.yaml:8:44: lambda.function has no field `timout`
  |
8 | pass: resource.timeout != null && resource.timout <= params.limit
  |                                            ^^^^^^
  = help: did you mean `timeout`?"
    );
}

#[test]
fn a_mistake_is_found_in_folded_quoted_and_literal_text() {
    for (style, line, column) in [
        (
            ">-\n  resource.timeout != null\n  && resource.timout <= 60\n",
            10,
            15,
        ),
        (
            "|\n  resource.timeout != null\n  && resource.timout <= 60\n",
            10,
            15,
        ),
        (
            "'resource.timeout != null && resource.timout <= 60'\n",
            8,
            45,
        ),
        (
            "\"resource.timeout != null\n  && resource.timout <= 60\"\n",
            9,
            15,
        ),
        (
            "resource.timeout != null\n  && resource.timout <= 60\n",
            9,
            15,
        ),
    ] {
        let text = SOUND.replace(
            "resource.timeout != null && resource.timeout <= params.limit\n",
            style,
        );
        let found = complaints(&[("own.yaml", &text)]);
        assert!(
            found.starts_with(&format!("own.yaml:{line}:{column}: ")),
            "{style}: {found}"
        );
    }
}

#[test]
fn each_mistake_says_what_was_meant() {
    for (from, to, expected) in [
        (
            "id: own",
            "id: other",
            "the id must be the file's name, `own`",
        ),
        ("severity: low", "severity: lowish", "did you mean `low`?"),
        (
            "confidence: high",
            "confidence: sure",
            "`sure` is no confidence",
        ),
        (
            "lambda.function",
            "lambda.fnction",
            "did you mean `lambda.function`?",
        ),
        ("[FN-09]", "[FN-9]", "did you mean `FN-09`?"),
        ("[FN-09]", "[]", "name at least one practice"),
        ("[FN-09]", "[FN-09, FN-09]", "named twice"),
        (
            "practices: [FN-09]",
            "practices: [FN-09]\nwell_architected: [SEC99-BP01]",
            "there is no Well-Architected best practice",
        ),
        (
            "risk: It costs.",
            "risks: It costs.",
            "did you mean `risk`?",
        ),
        ("risk: It costs.", "risk: ''", "`risk` is empty"),
        (
            "title: Function runs long",
            "title: Function runs long.",
            "no full stop",
        ),
        ("{resource.name}", "{resource.nme}", "did you mean `name`?"),
        (
            "{resource.name}",
            "{resource.qualifiers}",
            "is no text to put into a fix",
        ),
        ("{resource.name}", "{resource.name", "is not closed"),
        ("https://docs", "http://docs", "https:// address"),
        ("expect: fail", "expect: failed", "did you mean `fail`?"),
        ("expect: fail", "expect: pass", "no case shows a fail"),
        (
            "{timeout: 900}",
            "{timeuot: 900}",
            "did you mean `timeout`?",
        ),
        (
            "{timeout: 900}",
            "{timeout: long}",
            "this must be int or null",
        ),
        ("{timeout: 900}", "{name: 3}", "put it in quotes"),
        (
            "{timeout: 900}",
            "{timeout: {unavailable: throttled}}",
            "cannot be unavailable",
        ),
        (
            "{timeout: 900}",
            "{policy: {unavailable: denied}}",
            "no reason for a gap",
        ),
        (
            "{timeout: 900}}",
            "{timeout: 900}, others: [{type: iam.rol}]}",
            "did you mean `iam.role`?",
        ),
        (
            "{timeout: 900}}",
            "{timeout: 900}, others: [{name: x}]}",
            "name its `type`",
        ),
        (
            "{timeout: 900}}",
            "{timeout: 900}, unlisted: [iam.rol]}",
            "did you mean `iam.role`?",
        ),
        ("name: long", "name: short", "two cases are called `short`"),
        (
            "resource.timeout <= params.limit",
            "resource.url == null",
            "no case shows `unknown`",
        ),
        (
            "resource.timeout <= params.limit",
            "lookup(\"iam.role\", resource.role_arn) != null",
            "no case shows `unknown`",
        ),
        (
            "cases:",
            "manual: Is it?\ncases:",
            "either a `resource` or a `manual`",
        ),
        (
            "resource: lambda.function\n",
            "manual: Is it?\n",
            "has no rule and no cases",
        ),
        ("pass: ", "passes: ", "`pass` is missing"),
        (
            "title: Function",
            "title: *x\nfoo: Function",
            "this alias has no anchor",
        ),
        (
            "title: Function",
            "title: !!str Function",
            "tags are not supported",
        ),
        (
            "title: Function",
            "title: x\ntitle: Function",
            "`title` is given twice",
        ),
        ("params: {limit: 60}", "params: {Limit: 60}", "snake_case"),
        (
            "params: {limit: 60}",
            "params: {limit: '60'}",
            "int or null has no order with string",
        ),
    ] {
        let found = changed(from, to);
        assert!(found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn all_mistakes_are_listed_not_only_the_first() {
    let text = SOUND
        .replace("severity: low", "severity: x")
        .replace("[FN-09]", "[FN-99]")
        .replace("resource.timeout <=", "resource.tmeout <=")
        .replace("{timeout: 900}", "{timeut: 900}");
    let found = complaints(&[("own.yaml", &text), ("two.yaml", "id: two")]);
    for expected in [
        "`x` is no severity",
        "FN-99",
        "`tmeout`",
        "`timeut`",
        "two.yaml",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn ids_are_unique_over_all_directories() {
    let found = complaints(&[("a/own.yaml", SOUND), ("b/own.yaml", SOUND)]);
    assert!(found.contains("the id `own` is taken by"), "{found}");
    let builtin = Catalog::builtin().unwrap();
    let id = builtin.checks()[0].meta.id.to_string();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("{id}.yaml"));
    fs::write(&path, SOUND.replace("id: own", &format!("id: {id}"))).unwrap();
    let diagnostics = Catalog::load(&[path]).unwrap_err();
    assert!(diagnostics[0].message.contains("is taken by"));
    assert_eq!((diagnostics[0].line, diagnostics[0].column), (1, 5));
}

#[test]
fn what_is_missing_is_said_once() {
    let bare = SOUND.replace("title: ", "titel: ");
    let found = complaints(&[("own.yaml", &bare)]);
    assert!(found.contains("did you mean `title`?"), "{found}");
    assert!(!found.contains("missing"), "{found}");
    let bare = "id: own\nresource: kms.key\npass: \"true\"\n";
    let found = complaints(&[("own.yaml", bare)]);
    assert!(
        found.contains("`severity`, `confidence`") && found.contains("are missing"),
        "{found}"
    );
    assert_eq!(found.matches("missing").count(), 1, "{found}");
}

#[test]
fn hostile_files_are_refused_in_words() {
    let deep = "[".repeat(200_000);
    let nested = format!("a: {}", "{a: ".repeat(5000));
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        laughs.push_str(&format!(
            "a{level}: &a{level} [*a{below}, *a{below}, *a{below}, *a{below}, *a{below}, *a{below}]\n"
        ));
    }
    for text in [
        "",
        "\u{0}",
        "\u{feff}",
        "[]",
        "just text",
        "- a\n- b",
        "a: b: c",
        "{",
        "'",
        "id: own\n---\nid: two\n",
        "? [a]\n: b",
        "id: \u{1b}[31mred",
        &deep,
        &nested,
        &laughs,
        &format!("id: own\ntitle: {}", "x".repeat(2 << 20)),
    ] {
        let found = complaints(&[("own.yaml", text)]);
        assert!(!found.is_empty(), "{}", &text[..text.len().min(40)]);
        assert!(
            !found.contains('\u{1b}'),
            "control sequences reach the terminal"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("own.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(Catalog::load_only(&[dir.path().to_owned()]).is_err());
    let missing = Catalog::load_only(&[dir.path().join("none")]).unwrap_err();
    assert!(missing[0].to_string().contains("none"));
}
