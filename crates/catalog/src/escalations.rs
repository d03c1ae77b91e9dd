//! Ways to become somebody else, or more: the files below `checks/escalations/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use posture_policy::escalation::{Gain, Need, On, Path, Target};
use serde::Deserialize;

use crate::diagnostic::Diagnostic;

/// A path as its file describes it.
#[derive(Debug, Clone)]
pub struct EscalationPath {
    /// What the analysis needs of it.
    pub path: Path,
    /// What the analysis cannot see.
    pub limits: Option<String>,
    /// What to do about it.
    pub fix: String,
    /// Where AWS documents it.
    pub references: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    title: String,
    target: TargetName,
    #[serde(default)]
    through: Option<Through>,
    #[serde(default)]
    trusts: Vec<String>,
    #[serde(default)]
    instance_profile: bool,
    needs: Vec<NeedLine>,
    gains: GainName,
    #[serde(default)]
    limits: Option<String>,
    fix: String,
    references: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Through {
    r#type: String,
    role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeedLine {
    action: String,
    on: OnName,
    #[serde(default)]
    passed_to: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum TargetName {
    #[serde(rename = "self")]
    Itself,
    OwnUser,
    OwnRole,
    OwnGroup,
    Group,
    User,
    Role,
    Through,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum OnName {
    Target,
    Through,
    Policy,
    Any,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum GainName {
    Target,
    Administrator,
    Membership,
}

/// Reads one file. The error says what is wrong with it.
pub(crate) fn read(name: &str, content: &serde_json::Value) -> Result<EscalationPath, Diagnostic> {
    let wrong = |problem: String| Diagnostic::whole_file(name, problem);
    let file = File::deserialize(content).map_err(|error| wrong(error.to_string()))?;
    let stem = name
        .rsplit('/')
        .next()
        .and_then(|n| n.strip_suffix(".yaml"));
    if stem.is_some_and(|stem| stem != file.id) {
        return Err(wrong(format!(
            "the id must be the file's name, not {}",
            file.id
        )));
    }
    let target = match (file.target, file.through) {
        (TargetName::Through, Some(Through { r#type, role })) => {
            Target::Through { kind: r#type, role }
        }
        (TargetName::Through, None) => return Err(wrong("`through` is missing".to_owned())),
        (_, Some(_)) => return Err(wrong("`through` needs `target: through`".to_owned())),
        (TargetName::Itself, None) => Target::Itself,
        (TargetName::OwnUser, None) => Target::OwnUser,
        (TargetName::OwnRole, None) => Target::OwnRole,
        (TargetName::OwnGroup, None) => Target::OwnGroup,
        (TargetName::Group, None) => Target::Group,
        (TargetName::User, None) => Target::User,
        (TargetName::Role, None) => Target::Role,
    };
    let gains = match file.gains {
        GainName::Target => Gain::Target,
        GainName::Administrator => Gain::Administrator,
        GainName::Membership => Gain::Membership,
    };
    let fits = match gains {
        Gain::Target => matches!(target, Target::User | Target::Role | Target::Through { .. }),
        Gain::Administrator => !matches!(target, Target::Group | Target::Through { .. }),
        Gain::Membership => matches!(target, Target::Group),
    };
    if !fits {
        return Err(wrong("`gains` and `target` do not go together".to_owned()));
    }
    if file.needs.is_empty() {
        return Err(wrong("`needs` is empty".to_owned()));
    }
    let mut needs = Vec::with_capacity(file.needs.len());
    for need in &file.needs {
        if !posture_policy::question::is_action(&need.action) {
            return Err(wrong(format!("{} is not one action", need.action)));
        }
        if need.on == OnName::Through && !matches!(target, Target::Through { .. }) {
            return Err(wrong("`on: through` needs `target: through`".to_owned()));
        }
        let on = match need.on {
            OnName::Target => On::Target,
            OnName::Through => On::Through,
            OnName::Policy => On::Policy,
            OnName::Any => On::Any,
        };
        needs.push(Need::new(&need.action, on, need.passed_to.clone()));
    }
    Ok(EscalationPath {
        path: Path {
            id: file.id,
            title: file.title,
            target,
            trusts: file.trusts,
            instance_profile: file.instance_profile,
            needs,
            gains,
        },
        limits: file.limits,
        fix: file.fix,
        references: file.references,
    })
}

/// The paths that are built in, by id. A file that is not understood is left out here and reported by
/// [`crate::Catalog::load`].
pub fn builtin() -> &'static BTreeMap<String, EscalationPath> {
    static PATHS: LazyLock<BTreeMap<String, EscalationPath>> = LazyLock::new(|| {
        crate::embedded()
            .unwrap_or_default()
            .iter()
            .filter(|file| file.path.starts_with(crate::ESCALATIONS))
            .filter_map(|file| read(&file.path, &file.content).ok())
            .map(|path| (path.path.id.clone(), path))
            .collect()
    });
    &PATHS
}
