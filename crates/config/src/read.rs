//! From text to settings.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use posture_catalog::document::{
    Fields, Place, Source, Value, Yaml, did_you_mean, list, text as plain,
};
use posture_catalog::{Diagnostic, Overrides, Severity};

use crate::schema::{FailOn, GroupBy, OnWaived, Status, WebhookFormat};
use crate::{
    Config, DueDays, GitHub, Jira, Keep, Said, Schedule, Scope, Tickets, Webhook, Words, tree,
};

/// More than anyone writes by hand.
const MAX_FILE: u64 = 4 << 20;
const SEVERITIES: &[&str] = &["critical", "high", "medium", "low", "info"];

pub(crate) fn file(file: &Path, words: Words<'_>) -> Result<Config, Vec<Diagnostic>> {
    let failed =
        |problem: String| vec![Diagnostic::whole_file(file.display().to_string(), problem)];
    let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?;
    if size.len() > MAX_FILE {
        return Err(failed("the file is larger than 4 MiB".to_owned()));
    }
    let read = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    text(file, &read, words)
}

pub(crate) fn text(file: &Path, text: &str, words: Words<'_>) -> Result<Config, Vec<Diagnostic>> {
    let mut source = Source::of(&file.display().to_string(), text);
    let tree = tree::parse(&mut source, text);
    let base = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut reader = Reader {
        source,
        base,
        words,
    };
    let mut config = tree.map(|tree| reader.config(&tree)).unwrap_or_default();
    if !reader.source.diagnostics.is_empty() {
        reader.source.diagnostics.sort();
        for diagnostic in &mut reader.source.diagnostics {
            diagnostic.source = without_paths(&diagnostic.source);
        }
        return Err(reader.source.diagnostics);
    }
    config.file = file.to_owned();
    Ok(config)
}

/// A line with stars for what stands behind the host of an address, which may be a secret. No character moves:
/// carets point at the same places.
fn without_paths(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        // A user and a password stand before the host.
        let open = if address.contains('@') {
            0
        } else {
            address.find('/').map_or(end, |slash| slash + 1)
        };
        let (host, path) = address.split_at(open.min(end));
        shown.push_str(host);
        shown.extend(path.chars().map(|_| '*'));
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

struct Reader<'w> {
    source: Source,
    /// Where relative paths begin.
    base: PathBuf,
    words: Words<'w>,
}

/// Reads the value at a node; the name is for what is wrong with it.
type Read<'w, T> = fn(&mut Reader<'w>, &Yaml, &str) -> Option<T>;

impl<'w> Reader<'w> {
    fn config(&mut self, tree: &Yaml) -> Config {
        let Some(mut fields) = Fields::of(&mut self.source, tree, "the file") else {
            return Config::default();
        };
        let config = Config {
            file: PathBuf::new(),
            outputs: self.said(&mut fields, "outputs", |r, node, name| {
                r.list(node, name, Self::output)
            }),
            status: self.said(&mut fields, "status", |r, node, name| {
                r.list(node, name, |r, node, _| r.word(node, "status", Status::ALL))
            }),
            fail_on: self.said(&mut fields, "fail_on", |r, node, _| {
                r.word(node, "severity", FailOn::ALL)
            }),
            allow_incomplete: self.said(&mut fields, "allow_incomplete", Self::truth),
            max_findings: self.said(&mut fields, "max_findings", Self::number),
            snapshot: self.said(&mut fields, "snapshot", Self::path),
            waivers: self.said(&mut fields, "waivers", Self::path),
            checks: self.said(&mut fields, "checks", |r, node, name| {
                r.list(node, name, Self::path)
            }),
            scope: self.table(&mut fields, "scope", Self::scope),
            overrides: fields
                .optional("overrides")
                .map(|node| Overrides::new(self.source.clone(), node.clone())),
            tickets: self.table(&mut fields, "tickets", Self::tickets),
            schedule: self.table(&mut fields, "schedule", Self::schedule),
        };
        fields.finish(&mut self.source);
        config
    }

    fn scope(&mut self, fields: &mut Fields<'_>) -> Scope {
        let url = |r: &mut Self, node: &Yaml, name: &str| r.url(node, name);
        Scope {
            organization: self.said(fields, "organization", Self::truth),
            accounts: self.said(fields, "accounts", |r, node, name| {
                r.list(node, name, Self::parsed)
            }),
            accounts_file: self.said(fields, "accounts_file", Self::path),
            exclude_accounts: self.said(fields, "exclude_accounts", |r, node, name| {
                r.list(node, name, Self::parsed)
            }),
            organizational_units: self.said(fields, "organizational_units", |r, node, name| {
                r.list(node, name, Self::text)
            }),
            exclude_organizational_units: self.said(
                fields,
                "exclude_organizational_units",
                |r, node, name| r.list(node, name, Self::text),
            ),
            account_tags: self.said(fields, "account_tags", |r, node, name| {
                r.list(node, name, Self::pair)
            }),
            via: self.said(fields, "via", |r, node, name| {
                r.list(node, name, Self::text)
            }),
            role_name: self.said(fields, "role_name", Self::text),
            external_id: self.said(fields, "external_id", Self::text),
            session_name: self.said(fields, "session_name", Self::text),
            session_tags: self.said(fields, "session_tags", |r, node, name| {
                r.list(node, name, Self::pair)
            }),
            regions: self.said(fields, "regions", |r, node, name| {
                r.list(node, name, Self::parsed)
            }),
            exclude_regions: self.said(fields, "exclude_regions", |r, node, name| {
                r.list(node, name, Self::parsed)
            }),
            services: self.said(fields, "services", |r, node, name| {
                r.list(node, name, |r, node, _| {
                    r.word(node, "service", r.words.services)
                })
            }),
            profile: self.said(fields, "profile", Self::text),
            endpoint_url: self.said(fields, "endpoint_url", url),
            call_timeout: self.said(fields, "call_timeout", Self::number),
            max_attempts: self.said(fields, "max_attempts", |r, node, name| {
                r.within(node, name, 1..=20)
            }),
            max_rps: self.said(fields, "max_rps", |r, node, name| {
                r.within(node, name, 1..=u32::MAX)
            }),
            max_in_flight: self.said(fields, "max_in_flight", |r, node, name| {
                r.within(node, name, 1..=10_000)
            }),
            workers: self.said(fields, "workers", |r, node, name| {
                r.within(node, name, 1..=10_000)
            }),
            unit_timeout: self.said(fields, "unit_timeout", |r, node, name| {
                r.within(node, name, 1..=10_080)
            }),
            scan_timeout: self.said(fields, "scan_timeout", |r, node, name| {
                r.within(node, name, 1..=10_080)
            }),
        }
    }

    fn tickets(&mut self, fields: &mut Fields<'_>) -> Tickets {
        Tickets {
            group_by: self.said(fields, "group_by", |r, node, _| {
                r.word(node, "way to group tickets", GroupBy::ALL)
            }),
            min_severity: self.said(fields, "min_severity", Self::severity),
            labels: self.said(fields, "labels", |r, node, name| {
                r.list(node, name, Self::text)
            }),
            on_waived: self.said(fields, "on_waived", |r, node, _| {
                r.word(node, "thing to do with a ticket", OnWaived::ALL)
            }),
            due_days: self.table(fields, "due_days", |r, fields| DueDays {
                critical: r.said(fields, "critical", Self::days),
                high: r.said(fields, "high", Self::days),
                medium: r.said(fields, "medium", Self::days),
                low: r.said(fields, "low", Self::days),
                info: r.said(fields, "info", Self::days),
            }),
            github: self.table(fields, "github", |r, fields| GitHub {
                repository: r.said(fields, "repository", Self::text),
                api_url: r.said(fields, "api_url", Self::url),
            }),
            jira: self.table(fields, "jira", |r, fields| Jira {
                url: r.said(fields, "url", Self::url),
                project: r.said(fields, "project", Self::text),
                issue_type: r.said(fields, "issue_type", Self::text),
            }),
        }
    }

    fn schedule(&mut self, fields: &mut Fields<'_>) -> Schedule {
        Schedule {
            output_dir: self.said(fields, "output_dir", Self::path),
            keep: self.said(fields, "keep", Self::keep),
            keep_snapshots: self.said(fields, "keep_snapshots", Self::truth),
            webhook: self.table(fields, "webhook", |r, fields| Webhook {
                url: r.said(fields, "url", Self::open_url),
                url_file: r.said(fields, "url_file", Self::path),
                format: r.said(fields, "format", |r, node, _| {
                    r.word(node, "form of a webhook", WebhookFormat::ALL)
                }),
                severity: r.said(fields, "severity", Self::severity),
            }),
        }
    }

    fn said<T>(
        &mut self,
        fields: &mut Fields<'_>,
        name: &'static str,
        read: Read<'w, T>,
    ) -> Option<Said<T>> {
        let node = fields.optional(name)?;
        Some(Said {
            value: read(self, node, &format!("`{name}`"))?,
            line: self.source.line(node.place),
        })
    }

    fn table<T: Default>(
        &mut self,
        fields: &mut Fields<'_>,
        name: &'static str,
        read: impl FnOnce(&mut Self, &mut Fields<'_>) -> T,
    ) -> T {
        let Some(node) = fields.optional(name) else {
            return T::default();
        };
        let Value::Map(_) = &node.value else {
            self.error(node.place, format!("`{name}` must be a table"));
            return T::default();
        };
        let Some(mut inner) = Fields::of(&mut self.source, node, name) else {
            return T::default();
        };
        let table = read(self, &mut inner);
        inner.finish(&mut self.source);
        table
    }

    fn error(&mut self, place: Place, message: impl Into<String>) {
        self.source.error(place, message, None);
    }

    fn text(&mut self, node: &Yaml, name: &str) -> Option<String> {
        match node.value {
            // The check files' reader takes these for text, which they are in YAML.
            Value::Bool(_) => {
                self.error(node.place, format!("{name} must be text"));
                None
            }
            _ => plain(&mut self.source, node, name),
        }
    }

    /// A key and a value, as `KEY=VALUE`.
    fn pair(&mut self, node: &Yaml, name: &str) -> Option<String> {
        let text = self.text(node, name)?;
        if text.split_once('=').is_some_and(|(key, _)| !key.is_empty()) {
            return Some(text);
        }
        self.error(node.place, format!("{name} must be written KEY=VALUE"));
        None
    }

    fn truth(&mut self, node: &Yaml, name: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.error(node.place, format!("{name} must be true or false"));
        None
    }

    fn number<T: TryFrom<i64>>(&mut self, node: &Yaml, name: &str) -> Option<T> {
        let read = match node.value {
            Value::Int(number) if number >= 0 => T::try_from(number).ok(),
            _ => None,
        };
        if read.is_none() {
            self.error(node.place, format!("{name} must be a whole number from 0"));
        }
        read
    }

    fn within(
        &mut self,
        node: &Yaml,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let read = match node.value {
            Value::Int(number) => u32::try_from(number)
                .ok()
                .filter(|number| range.contains(number)),
            _ => None,
        };
        if read.is_none() {
            let (least, most) = (range.start(), range.end());
            self.error(
                node.place,
                format!("{name} must be a whole number from {least} to {most}"),
            );
        }
        read
    }

    fn list<T>(&mut self, node: &Yaml, name: &str, read: Read<'w, T>) -> Option<Vec<T>> {
        if !matches!(node.value, Value::List(_)) {
            self.error(node.place, format!("{name} must be a list"));
            return None;
        }
        let items: &[Yaml] = list(&mut self.source, node, name);
        // All of them are read before any that is wrong makes the list so.
        let read: Vec<Option<T>> = items
            .iter()
            .map(|item| read(self, item, &format!("each of {name}")))
            .collect();
        read.into_iter().collect()
    }

    fn parsed<T>(&mut self, node: &Yaml, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(node, name)?;
        text.parse()
            .map_err(|error: T::Err| self.error(node.place, error.to_string()))
            .ok()
    }

    /// One of a few words.
    fn word(&mut self, node: &Yaml, what: &str, words: &[&str]) -> Option<String> {
        let given = self.text(node, &format!("a {what}"))?;
        if words.contains(&given.as_str()) {
            return Some(given);
        }
        let help = did_you_mean(&given, words.iter().copied());
        self.source
            .error(node.place, format!("there is no {what} `{given}`"), help);
        None
    }

    fn severity(&mut self, node: &Yaml, _: &str) -> Option<Severity> {
        self.word(node, "severity", SEVERITIES)?.parse().ok()
    }

    fn path(&mut self, node: &Yaml, name: &str) -> Option<PathBuf> {
        let text = self.text(node, name)?;
        Some(self.place(&text))
    }

    /// A path of the file's directory; an object's is whole as it is.
    fn place(&self, path: &str) -> PathBuf {
        match path.starts_with("s3://") {
            true => PathBuf::from(path),
            false => self.base.join(path),
        }
    }

    /// `FORMAT`, or `FORMAT=PATH`.
    fn output(&mut self, node: &Yaml, name: &str) -> Option<String> {
        let text = self.text(node, name)?;
        let (format, path) = match text.split_once('=') {
            Some((format, path)) => (format, Some(path)),
            None => (text.as_str(), None),
        };
        if !self.words.formats.contains(&format) {
            let help = did_you_mean(format, self.words.formats.iter().copied());
            self.source.error(
                node.place,
                format!("there is no report format `{format}`"),
                help,
            );
            return None;
        }
        Some(match path {
            None => text,
            Some("-") => text,
            Some(path) => format!("{format}={}", self.place(path).display()),
        })
    }

    fn days(&mut self, node: &Yaml, name: &str) -> Option<Option<u32>> {
        match &node.value {
            Value::Text(text) if text == "none" => Some(None),
            Value::Int(number) if (0..=3650).contains(number) => Some(u32::try_from(*number).ok()),
            _ => {
                let message = format!("{name} must be a number of days up to 3650, or \"none\"");
                self.error(node.place, message);
                None
            }
        }
    }

    fn keep(&mut self, node: &Yaml, name: &str) -> Option<Keep> {
        let text = match &node.value {
            Value::Int(number) => number.to_string(),
            _ => self.text(node, name)?,
        };
        text.parse()
            .map_err(|error: crate::KeepError| self.error(node.place, error.to_string()))
            .ok()
    }

    fn url(&mut self, node: &Yaml, name: &str) -> Option<String> {
        let url = self.text(node, name)?;
        let after = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        if after.is_none_or(str::is_empty) || url.chars().any(char::is_whitespace) {
            self.error(
                node.place,
                format!("{name} must begin with https://, or http:// on this machine"),
            );
            return None;
        }
        if after.is_some_and(|after| after.split('/').next().unwrap_or_default().contains('@')) {
            self.error(
                node.place,
                format!("{name} holds a user or a password; they go into the environment"),
            );
            return None;
        }
        Some(url)
    }

    /// An address that may be read by whoever reads the file.
    fn open_url(&mut self, node: &Yaml, name: &str) -> Option<String> {
        let url = self.url(node, name)?;
        // Those of chat services are passwords by themselves.
        let secret = [
            "hooks.slack.com/",
            "/api/webhooks/",
            ".webhook.office.com/",
            "chat.googleapis.com/",
            "?",
        ];
        if secret.iter().any(|part| url.contains(part)) {
            self.source.error(
                node.place,
                format!("{name} looks like one that is a secret by itself"),
                "set POSTURE_WEBHOOK_URL, or put it into a file of its own and name that as `url_file`".to_owned(),
            );
            return None;
        }
        Some(url)
    }
}
