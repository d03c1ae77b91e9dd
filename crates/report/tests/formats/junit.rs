//! JUnit XML, against what Jenkins' and Surefire's schemas agree on.

use std::collections::BTreeMap;

use posture_report::Format;
use posture_report::v1::Status;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::{empty, full, hostile_reports, rendered};

/// An element with what it holds.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

/// An element's name, the attributes that must be and those that may be, the children.
type Shape = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// What may stand where: attributes that must be, attributes that may be, children in their order.
const SHAPES: &[Shape] = &[
    (
        "testsuites",
        &["tests", "failures", "errors"],
        &["name", "skipped", "time"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "skipped"],
        &["time", "timestamp", "hostname", "id", "package"],
        &["properties", "testcase"],
    ),
    ("properties", &[], &[], &["property"]),
    ("property", &["name", "value"], &[], &[]),
    (
        "testcase",
        &["name", "classname"],
        &["time"],
        &["failure", "error", "skipped"],
    ),
    ("failure", &["type", "message"], &[], &[]),
    ("error", &["type", "message"], &[], &[]),
    ("skipped", &["message"], &[], &[]),
];

impl Element {
    fn parse(text: &str) -> Self {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(Self::of(&start)),
                Event::Empty(start) => {
                    let element = Self::of(&start);
                    open.last_mut().unwrap().children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(element);
                }
                Event::Text(text) => {
                    open.last_mut()
                        .unwrap()
                        .text
                        .push_str(&text.decode().unwrap());
                }
                Event::GeneralRef(entity) => {
                    let name = entity.decode().unwrap();
                    let text = quick_xml::escape::resolve_predefined_entity(&name).unwrap();
                    open.last_mut().unwrap().text.push_str(text);
                }
                Event::Decl(_) => {}
                Event::Eof => break,
                other => panic!("{other:?} in {text}"),
            }
        }
        assert_eq!(open.len(), 1, "not closed");
        open.pop().unwrap().children.pop().unwrap()
    }

    fn of(start: &BytesStart<'_>) -> Self {
        Self {
            name: String::from_utf8(start.name().as_ref().to_vec()).unwrap(),
            attributes: start
                .attributes()
                .map(|attribute| {
                    let attribute = attribute.unwrap();
                    let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    (name, attribute.unescape_value().unwrap().into_owned())
                })
                .collect(),
            ..Self::default()
        }
    }

    fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found: Vec<&Self> = Vec::new();
        if self.name == name {
            found.push(self);
        }
        for child in &self.children {
            found.extend(child.all(name));
        }
        found
    }

    fn count(&self, attribute: &str) -> usize {
        self.attributes[attribute].parse().unwrap()
    }

    /// Asserts the shape, and that the counts are those of what is there.
    fn assert_sound(&self) {
        let (_, needed, allowed, children) =
            SHAPES.iter().find(|(name, ..)| *name == self.name).unwrap();
        for name in *needed {
            assert!(
                self.attributes.contains_key(*name),
                "{} without {name}",
                self.name
            );
        }
        for name in self.attributes.keys() {
            let known = needed.contains(&name.as_str()) || allowed.contains(&name.as_str());
            assert!(known, "{} has {name}", self.name);
        }
        let mut reached = 0;
        for child in &self.children {
            let place = children.iter().position(|name| *name == child.name);
            let place = place.unwrap_or_else(|| panic!("{} in {}", child.name, self.name));
            assert!(
                place >= reached,
                "{} comes too late in {}",
                child.name,
                self.name
            );
            reached = place;
            child.assert_sound();
        }
        assert!(self.name != "testcase" || self.children.len() <= 1);
        if self.name == "testsuites" || self.name == "testsuite" {
            for (attribute, element) in [
                ("tests", "testcase"),
                ("failures", "failure"),
                ("errors", "error"),
                ("skipped", "skipped"),
            ] {
                assert_eq!(
                    self.count(attribute),
                    self.all(element).len(),
                    "{attribute}"
                );
            }
        }
    }
}

#[test]
fn verdicts_are_what_a_build_server_makes_of_them() {
    let report = full();
    let root = Element::parse(&rendered(Format::Junit, &report));
    root.assert_sound();
    let cases = root.all("testcase");
    let (coverage, cases) = cases.split_first().unwrap();
    assert_eq!(coverage.children[0].name, "error");
    assert_eq!(cases.len(), report.findings.len());
    for (case, finding) in cases.iter().zip(&report.findings) {
        let outcome = case.children.first().map(|child| child.name.as_str());
        let expected = match finding.status {
            Status::Fail => Some("failure"),
            Status::Unknown => Some("error"),
            Status::Waived | Status::NotApplicable => Some("skipped"),
            Status::Pass => None,
        };
        assert_eq!(outcome, expected, "{}", finding.id);
        let class = &case.attributes["classname"];
        assert!(class.ends_with(finding.check.as_str()), "{class}");
    }
    let waived = cases.last().unwrap().children.first().unwrap();
    assert_eq!(
        waived.attributes["message"],
        "waived until 2026-06-30T00:00:00Z by alice: behind the office's network (SEC-12)"
    );
}

#[test]
fn tests_have_names_of_their_own() {
    let mut report = full();
    // Two resources under one ARN.
    let mut twin = report.findings[0].clone();
    twin.id = report.findings[1].id.clone();
    report.findings[1] = twin;
    let root = Element::parse(&rendered(Format::Junit, &report));
    let mut names = std::collections::BTreeSet::new();
    for case in root.all("testcase") {
        let name = (&case.attributes["classname"], &case.attributes["name"]);
        assert!(names.insert(name), "{name:?} twice");
    }
}

#[test]
fn a_report_without_findings_says_whether_everything_was_read() {
    let mut report = empty();
    let root = Element::parse(&rendered(Format::Junit, &report));
    root.assert_sound();
    assert_eq!((root.count("tests"), root.count("errors")), (1, 1));
    assert!(
        root.all("error")[0]
            .text
            .contains("lambda:GetPolicy: access denied")
    );
    report.head.summary.complete = true;
    let root = Element::parse(&rendered(Format::Junit, &report));
    root.assert_sound();
    assert_eq!((root.count("tests"), root.count("errors")), (1, 0));
}

#[test]
fn hostile_text_stays_text() {
    for (text, report) in hostile_reports() {
        let root = Element::parse(&rendered(Format::Junit, &report));
        root.assert_sound();
        assert_eq!(
            root.all("testcase").len(),
            report.findings.len() + 1,
            "{text:?}"
        );
        let case = root.all("testcase")[1];
        let arn = posture_report::clean(&report.findings[0].resource.arn);
        // What XML cannot hold is gone.
        let arn = arn.replace(['\u{fffe}', '\u{ffff}'], "");
        assert!(
            case.attributes["name"].starts_with(&arn),
            "{:?}",
            case.attributes
        );
    }
}
