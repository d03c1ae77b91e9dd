//! The check catalogue: loads check files, validates and compiles them, runs their cases and evaluates
//! them. The only crate that knows CEL.

mod case;
mod climb;
mod control;
mod diagnostic;
pub mod escalations;
mod estate;
mod expr;
mod frameworks;
mod load;
mod meta;
mod organization;
mod overrides;
mod runtimes;
mod source;
mod world;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use posture_model::Gap;
use sha2::{Digest, Sha256};

pub use case::{CaseResult, example_resources, run_cases};
pub use climb::{Climb, Neighbours};
pub use diagnostic::Diagnostic;
pub use expr::Documents;
pub use frameworks::{Assessable, BestPractice, Frameworks, LensQuestion, OwaspCategory, Practice};
pub use meta::{Case, CheckFile, Confidence, Fix, Severity, Status};
pub use organization::{Organization, OrganizationBuilder};
pub use overrides::Overrides;
pub use world::{Elsewhere, ResourceNode, Shelf, World, WorldBuilder};

/// Files that people write, with the place of everything in them: what checks are read with, for other files.
pub mod document {
    pub use crate::diagnostic::{closest, did_you_mean};
    pub use crate::source::{Fields, Source, list, text};
    pub use crate::yaml::{Key, Place, Value, Yaml};
}

use expr::{Answer, Params, Program, schema};
use source::Source;
use yaml::Yaml;

/// A check, validated and compiled.
#[derive(Debug, Clone)]
pub struct Check {
    /// What its file says.
    pub meta: CheckFile,
    /// The file it came from.
    pub file: String,
    kind: CheckKind,
}

#[derive(Debug, Clone)]
enum CheckKind {
    /// A question for a person.
    Manual,
    /// A rule.
    Rule(Box<Compiled>),
}

#[derive(Debug, Clone)]
struct Compiled {
    of: u16,
    applies: Option<Program>,
    pass: Program,
    evidence: Option<Program>,
    params: Params,
    facts: Facts,
}

/// What a check's verdict rests on, as far as can be told without a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Fields of the check's own resource that its expressions read, as dotted paths, each with the
    /// operations that fill it. Paths go through lists without saying so.
    pub fields: BTreeMap<String, Vec<String>>,
    /// Those of them, or above them, that a call of its own fills.
    pub collected: BTreeSet<String>,
    /// Fields of other types that are read through look-ups, by type.
    pub others: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Fields of the check's own resource that its fix names, with the operations that fill them.
    pub placeholders: BTreeMap<String, Vec<String>>,
    /// Of all these the most exact ones, to be shown with a finding: where `a` and `a.b` are read,
    /// `a.b`.
    pub shown: Vec<(String, Vec<String>)>,
    /// Types reached through look-ups.
    pub lookups: BTreeSet<String>,
    /// Operations that fill what is read, as `service:Operation`.
    pub sources: BTreeSet<String>,
}

impl Facts {
    fn most_exact(&self) -> Vec<(String, Vec<String>)> {
        let all: BTreeMap<&String, &Vec<String>> =
            self.fields.iter().chain(&self.placeholders).collect();
        let above = |path: &str| {
            let prefix = format!("{path}.");
            all.keys().any(|other| other.starts_with(&prefix))
        };
        all.iter()
            .filter(|(path, _)| !above(path))
            .map(|(path, sources)| ((*path).clone(), (*sources).clone()))
            .collect()
    }
}

/// The verdict of a check on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict.
    pub status: Status,
    /// The author's sentence, where everything in it could be read.
    pub evidence: Option<String>,
    /// What could not be read, for `unknown`.
    pub gaps: Vec<Gap>,
    /// Set when an expression failed for another reason than a gap: a mistake in the check.
    pub error: Option<String>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            status: Status::Unknown,
            evidence: None,
            gaps: Vec::new(),
            error: None,
        }
    }
}

impl Check {
    /// Whether the check is a question for a person.
    pub fn is_manual(&self) -> bool {
        matches!(self.kind, CheckKind::Manual)
    }

    /// What its verdict rests on.
    pub fn facts(&self) -> &Facts {
        static NONE: LazyLock<Facts> = LazyLock::new(Facts::default);
        match &self.kind {
            CheckKind::Manual => &NONE,
            CheckKind::Rule(compiled) => &compiled.facts,
        }
    }

    /// All types of resources that judging can look at: the check's own, those of look-ups, and those that
    /// functions look at by themselves, escalation apart.
    pub fn types(&self) -> BTreeSet<&'static str> {
        let CheckKind::Rule(compiled) = &self.kind else {
            return BTreeSet::new();
        };
        let reads = compiled.programs().map(|program| &program.reads);
        reads
            .flat_map(|reads| reads.lookups.iter().chain(&reads.beside))
            .chain([&compiled.of])
            .map(|of| expr::type_name(*of))
            .collect()
    }

    /// Whether it asks who can become an administrator: what that looks at are the types of [`Climb::kinds`].
    pub fn asks_for_escalation(&self) -> bool {
        match &self.kind {
            CheckKind::Manual => false,
            CheckKind::Rule(compiled) => {
                compiled.programs().any(|program| program.reads.escalation)
            }
        }
    }

    /// Judges a resource of the check's type, and words the evidence.
    pub fn evaluate(&self, world: &World, resource: &ResourceNode) -> Outcome {
        let mut outcome = self.judge(world, resource);
        if matches!(outcome.status, Status::Pass | Status::Fail) {
            match self.word(world, resource) {
                Ok(evidence) => outcome.evidence = evidence,
                Err(error) => outcome.error = Some(error),
            }
        }
        outcome
    }

    /// The author's sentence about a resource; `None` where something in it could not be read, as
    /// the verdict does not rest on its wording. The error is a mistake in the check.
    pub fn word(&self, world: &World, resource: &ResourceNode) -> Result<Option<String>, String> {
        let CheckKind::Rule(compiled) = &self.kind else {
            return Ok(None);
        };
        let Some(evidence) = &compiled.evidence else {
            return Ok(None);
        };
        match evidence.text(world, &resource.0, &compiled.params) {
            Answer::Known(text) => Ok(Some(text)),
            Answer::Unknown(_) => Ok(None),
            Answer::Broken(gaps) => Err(last_code(&gaps).unwrap_or_default()),
        }
    }

    /// Judges a resource without wording the evidence.
    pub fn judge(&self, world: &World, resource: &ResourceNode) -> Outcome {
        let CheckKind::Rule(compiled) = &self.kind else {
            return Outcome {
                status: Status::NotApplicable,
                ..Outcome::default()
            };
        };
        let unknown = |answer: Answer<bool>| match answer {
            Answer::Broken(gaps) => Outcome {
                error: last_code(&gaps),
                gaps,
                ..Outcome::default()
            },
            Answer::Unknown(gaps) => Outcome {
                gaps,
                ..Outcome::default()
            },
            Answer::Known(_) => Outcome::default(),
        };
        let known = |status| Outcome {
            status,
            ..Outcome::default()
        };
        if let Some(applies) = &compiled.applies {
            match applies.truth(world, &resource.0, &compiled.params) {
                Answer::Known(true) => {}
                Answer::Known(false) => return known(Status::NotApplicable),
                other => return unknown(other),
            }
        }
        match compiled.pass.truth(world, &resource.0, &compiled.params) {
            Answer::Known(true) => known(Status::Pass),
            Answer::Known(false) => known(Status::Fail),
            other => unknown(other),
        }
    }
}

/// The name of a resource type, if this build knows it.
pub fn known_type(name: &str) -> Option<&'static str> {
    expr::type_number(name).map(expr::type_name)
}

fn last_code(gaps: &[Gap]) -> Option<String> {
    gaps.last().map(|gap| {
        gap.code
            .clone()
            .unwrap_or_else(|| gap.reason.phrase().to_owned())
    })
}

impl Compiled {
    fn new(
        of: u16,
        applies: Option<Program>,
        pass: Program,
        evidence: Option<Program>,
        params: Params,
        placeholders: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let mut compiled = Self {
            of,
            applies,
            pass,
            evidence,
            params,
            facts: Facts::default(),
        };
        compiled.facts = compiled.facts();
        compiled.facts.placeholders = placeholders;
        compiled.facts.shown = compiled.facts.most_exact();
        compiled
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        let programs = [
            self.applies.as_ref(),
            Some(&self.pass),
            self.evidence.as_ref(),
        ];
        programs.into_iter().flatten()
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        if let Some(schema) = schema(self.of) {
            facts.sources.extend(schema.sources.iter().cloned());
        }
        for reads in self.programs().map(|program| &program.reads) {
            for (of, fields) in &reads.fields {
                if *of == self.of {
                    facts.fields.extend(fields.clone());
                } else {
                    facts
                        .others
                        .entry(expr::type_name(*of).to_owned())
                        .or_default()
                        .extend(fields.clone());
                }
            }
            if let Some(collected) = reads.collected.get(&self.of) {
                facts.collected.extend(collected.iter().cloned());
            }
            let names = reads
                .lookups
                .iter()
                .map(|of| expr::type_name(*of).to_owned());
            facts.lookups.extend(names);
            facts.sources.extend(reads.sources.iter().cloned());
        }
        facts
    }

    /// What the rule reads that may be unreadable, if anything.
    fn needs_unknown_case(&self) -> Option<String> {
        let programs = [self.applies.as_ref(), Some(&self.pass)];
        for reads in programs.into_iter().flatten().map(|program| &program.reads) {
            if let Some(field) = reads.collected.get(&self.of).and_then(|all| all.first()) {
                return Some(format!("`{field}`"));
            }
            if let Some(of) = reads.lookups.first() {
                return Some(format!("the list of `{}`", expr::type_name(*of)));
            }
        }
        None
    }
}

/// A set of checks.
#[derive(Debug, Clone)]
pub struct Catalog {
    checks: Vec<Check>,
    /// Those that are switched off, and by which line of which file.
    disabled: Vec<(Check, String)>,
    frameworks: Frameworks,
    digest: String,
}

/// One file that was embedded when the program was built.
#[derive(serde::Deserialize)]
struct Embedded {
    path: String,
    #[serde(default)]
    content: serde_json::Value,
    /// Set instead of `content` for a file that is not YAML.
    #[serde(default)]
    text: Option<String>,
}

fn embedded() -> Result<Vec<Embedded>, Vec<Diagnostic>> {
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/checks.json")))
        .map_err(|error| vec![Diagnostic::whole_file("checks", error.to_string())])
}

const FRAMEWORKS: &str = "checks/frameworks/";
const ESCALATIONS: &str = "checks/escalations/";

fn read_frameworks(files: &[Embedded]) -> Result<Frameworks, Vec<Diagnostic>> {
    let mut frameworks = Frameworks::default();
    for file in files {
        let Some(name) = file.path.strip_prefix(FRAMEWORKS) else {
            continue;
        };
        let content = &file.content;
        let read = match name {
            "well_architected.yaml" => load::framework(content, |x: &BestPractice| &x.id)
                .map(|read| frameworks.well_architected = read),
            "serverless_lens.yaml" => load::framework(content, |x: &LensQuestion| &x.id)
                .map(|read| frameworks.serverless_lens = read),
            "owasp_serverless.yaml" => load::framework(content, |x: &OwaspCategory| &x.id)
                .map(|read| frameworks.owasp_serverless = read),
            "practices.yaml" => load::framework(content, |x: &Practice| &x.id)
                .map(|read| frameworks.practices = read),
            _ => Ok(()),
        };
        read.map_err(|error| vec![Diagnostic::whole_file(&file.path, error.to_string())])?;
    }
    Ok(frameworks)
}

impl Frameworks {
    /// What the built-in checks are keyed to.
    pub fn builtin() -> Result<Self, Vec<Diagnostic>> {
        read_frameworks(&embedded()?)
    }
}

impl Catalog {
    /// The checks that are built in.
    pub fn builtin() -> Result<Self, Vec<Diagnostic>> {
        Self::load(&[])
    }

    /// The built-in checks and those below some directories or files.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Vec<Diagnostic>> {
        let files = embedded()?;
        let mut loader = Loader::new(read_frameworks(&files)?);
        for file in &files {
            if file.path.starts_with(ESCALATIONS) {
                loader.escalation(file);
            } else if !file.path.starts_with(FRAMEWORKS) {
                loader.embedded(file);
            }
        }
        for path in paths {
            loader.path(path);
        }
        loader.finish()
    }

    /// Only the checks below some directories or files, without the built-in ones.
    pub fn load_only(paths: &[PathBuf]) -> Result<Self, Vec<Diagnostic>> {
        let mut loader = Loader::new(read_frameworks(&embedded()?)?);
        for path in paths {
            loader.path(path);
        }
        loader.finish()
    }

    /// Like `load_only`, but keeps what is sound beside the diagnostics of what is not.
    pub fn load_lenient(paths: &[PathBuf]) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut loader = Loader::new(read_frameworks(&embedded()?)?);
        for path in paths {
            loader.path(path);
        }
        let diagnostics = std::mem::take(&mut loader.diagnostics);
        loader.finish().map(|catalog| (catalog, diagnostics))
    }

    /// The checks, in the order of their ids.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The check of an id.
    pub fn find(&self, id: &str) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| check.meta.id.as_str() == id)
    }

    /// The checks that the configuration switched off, each with the place that says so.
    pub fn disabled(&self) -> &[(Check, String)] {
        &self.disabled
    }

    /// The check of an id, and where it is switched off, if it is.
    pub fn find_any(&self, id: &str) -> Option<(&Check, Option<&str>)> {
        let off = || {
            self.disabled
                .iter()
                .find(|(check, _)| check.meta.id.as_str() == id)
        };
        self.find(id)
            .map(|check| (check, None))
            .or_else(|| off().map(|(check, place)| (check, Some(place.as_str()))))
    }

    /// The same checks with what an organization wants otherwise.
    pub fn with_overrides(self, overrides: &Overrides) -> Result<Self, Vec<Diagnostic>> {
        overrides.apply(self)
    }

    /// The id that was probably meant.
    pub fn closest_id(&self, id: &str) -> Option<&str> {
        diagnostic::closest(id, self.checks.iter().map(|check| check.meta.id.as_str()))
    }

    /// What checks are keyed to.
    pub fn frameworks(&self) -> &Frameworks {
        &self.frameworks
    }

    /// SHA-256 over all checks, in hexadecimal digits: equal digests judge alike.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

struct Loader {
    checks: BTreeMap<String, Check>,
    frameworks: Frameworks,
    diagnostics: Vec<Diagnostic>,
}

impl Loader {
    fn new(frameworks: Frameworks) -> Self {
        Self {
            checks: BTreeMap::new(),
            frameworks,
            diagnostics: Vec::new(),
        }
    }

    fn embedded(&mut self, file: &Embedded) {
        match &file.text {
            Some(text) => self.text(&file.path, text),
            None => {
                let (mut source, tree) = Source::embedded(&file.path, &file.content);
                let check = load::check(&mut source, &tree, &self.frameworks);
                self.add(source, &tree, check);
            }
        }
    }

    /// Only looks whether a path is understood: they are read by [`escalations::builtin`].
    fn escalation(&mut self, file: &Embedded) {
        let read = match &file.text {
            Some(_) => Err(Diagnostic::whole_file(&file.path, "it is not YAML")),
            None => escalations::read(&file.path, &file.content),
        };
        self.diagnostics.extend(read.err());
    }

    fn text(&mut self, name: &str, text: &str) {
        let (mut source, tree) = Source::parse(name, text);
        match tree {
            Some(tree) => {
                let check = load::check(&mut source, &tree, &self.frameworks);
                self.add(source, &tree, check);
            }
            None => self.diagnostics.append(&mut source.diagnostics),
        }
    }

    fn add(&mut self, mut source: Source, tree: &Yaml, check: Option<Check>) {
        let taken = check
            .as_ref()
            .and_then(|check| self.checks.get(check.meta.id.as_str()));
        if let Some(other) = taken {
            source.error(
                source::place_of(tree, "id"),
                format!("the id `{}` is taken by {}", other.meta.id, other.file),
                Some("give the check, and its file, a name of its own".to_owned()),
            );
        }
        let free = taken.is_none();
        source
            .diagnostics
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.diagnostics.append(&mut source.diagnostics);
        if let (Some(check), true) = (check, free) {
            self.checks.insert(check.meta.id.as_str().to_owned(), check);
        }
    }

    /// Reads a file, or every YAML file below a directory.
    fn path(&mut self, path: &Path) {
        let name = path.display().to_string();
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.diagnostics
                    .push(Diagnostic::whole_file(name, error.to_string()));
                return;
            }
        };
        if metadata.is_dir() {
            self.directory(path, 0);
        } else {
            self.file(path);
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) {
        // Symbolic links can make a directory contain itself.
        if depth > 16 {
            return;
        }
        let listed: std::io::Result<Vec<PathBuf>> = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut paths = match listed {
            Ok(paths) => paths,
            Err(error) => {
                let name = path.display().to_string();
                self.diagnostics
                    .push(Diagnostic::whole_file(name, error.to_string()));
                return;
            }
        };
        paths.sort();
        for path in paths {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("");
            if path.is_dir() {
                // Neither holds checks.
                if name != "frameworks" && name != "escalations" {
                    self.directory(&path, depth + 1);
                }
            } else if name.ends_with(".yaml") || name.ends_with(".yml") {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let too_large = std::fs::metadata(path).is_ok_and(|m| m.len() > source::MAX_FILE);
        if too_large {
            self.diagnostics.push(Diagnostic::whole_file(
                name,
                "the file is larger than 1 MiB",
            ));
            return;
        }
        match std::fs::read_to_string(path) {
            Ok(text) => self.text(&name, &text),
            Err(error) => self
                .diagnostics
                .push(Diagnostic::whole_file(name, error.to_string())),
        }
    }

    fn finish(self) -> Result<Catalog, Vec<Diagnostic>> {
        if !self.diagnostics.is_empty() {
            return Err(self.diagnostics);
        }
        let checks: Vec<Check> = self.checks.into_values().collect();
        let digest = digest(&checks)?;
        Ok(Catalog {
            checks,
            disabled: Vec::new(),
            frameworks: self.frameworks,
            digest,
        })
    }
}

/// SHA-256 over all that the files say.
fn digest(checks: &[Check]) -> Result<String, Vec<Diagnostic>> {
    let mut digest = Sha256::new();
    for check in checks {
        let text = serde_json::to_vec(&check.meta)
            .map_err(|error| vec![Diagnostic::whole_file(&check.file, error.to_string())])?;
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(&text);
    }
    let digest = digest.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
