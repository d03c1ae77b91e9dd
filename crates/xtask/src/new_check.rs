//! `cargo xtask new-check`: the skeleton of a check, to be filled in.

use std::path::Path;

use posture_model::{CheckId, all_types, find_type};

use crate::Error;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The check's id: service, noun, problem, such as lambda-function-tracing-off
    id: CheckId,
    /// The resource type [default: the one that the id names]
    #[arg(long, value_name = "TYPE")]
    resource: Option<String>,
    /// A question for a person, where no API answers
    #[arg(long, conflicts_with = "resource")]
    manual: bool,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<bool, Error> {
    let id = args.id.as_str();
    let names: Vec<&'static str> = all_types().map(|info| info.name).collect();
    let service = service(id, &names)?;
    let resource = match &args.resource {
        _ if args.manual => None,
        Some(name) => Some(given(name, service, &names)?),
        None => Some(guess(id, service, &names)?),
    };
    if let Some(taken) = taken(&root.join("checks"), id)? {
        return Err(format!("the id is taken by {taken}").into());
    }
    let path = format!("checks/{service}/{id}.yaml");
    let full = root.join(&path);
    if let Some(directory) = full.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(&full, skeleton(id, resource)).map_err(|error| format!("{path}: {error}"))?;
    println!("{path}");
    println!("fill in what stands in angle brackets, then: posture checks test {path}");
    Ok(true)
}

/// The service that an id begins with.
fn service(id: &str, names: &[&'static str]) -> Result<&'static str, Error> {
    let wanted = id.split('-').next().unwrap_or(id);
    names
        .iter()
        .filter_map(|name| name.split('.').next())
        .find(|service| *service == wanted)
        .ok_or_else(|| {
            let mut services: Vec<&str> = names
                .iter()
                .filter_map(|name| name.split('.').next())
                .collect();
            services.dedup();
            format!(
                "the id begins with {wanted:?}, which is no service; one of {}",
                services.join(", ")
            )
            .into()
        })
}

fn given(name: &str, service: &str, names: &[&'static str]) -> Result<&'static str, Error> {
    let of_service = || of_service(service, names).join(", ");
    match names.iter().find(|known| **known == name) {
        Some(known) if known.split('.').next() == Some(service) => Ok(known),
        Some(_) => Err(format!(
            "`{name}` is of another service than the id begins with; types of {service}: {}",
            of_service()
        )
        .into()),
        None => Err(format!(
            "there is no type `{name}`; types of {service}: {}",
            of_service()
        )
        .into()),
    }
}

fn of_service(service: &str, names: &[&'static str]) -> Vec<&'static str> {
    names
        .iter()
        .filter(|name| name.split('.').next() == Some(service))
        .copied()
        .collect()
}

/// The type whose name the id goes on with; the longest where there are several.
fn guess(id: &str, service: &str, names: &[&'static str]) -> Result<&'static str, Error> {
    let types = of_service(service, names);
    types
        .iter()
        .filter(|name| id.starts_with(&format!("{}-", name.replace(['.', '_'], "-"))))
        .max_by_key(|name| name.len())
        .copied()
        .ok_or_else(|| {
            format!(
                "the id names no type of {service}; say which with --resource: {}",
                types.join(", ")
            )
            .into()
        })
}

/// The file that has this id already, wherever it is.
fn taken(checks: &Path, id: &str) -> Result<Option<String>, Error> {
    for entry in std::fs::read_dir(checks)? {
        let folder = entry?.path();
        let file = folder.join(format!("{id}.yaml"));
        if file.exists() {
            let folder = folder.file_name().unwrap_or_default().to_string_lossy();
            return Ok(Some(format!("checks/{folder}/{id}.yaml")));
        }
    }
    Ok(None)
}

/// A field of a type that a call of its own fills, if it has one.
fn collected_field(resource: &str) -> Option<String> {
    let schema = find_type(resource)?.schema().to_value();
    let properties = schema.get("properties")?.as_object()?;
    properties
        .iter()
        .find(|(_, field)| field.get("x-collected").is_some())
        .map(|(name, _)| name.clone())
}

fn skeleton(id: &str, resource: Option<&str>) -> String {
    let mut text = format!(
        "id: {id}\ntitle: <the problem, as a sentence without a full stop>\n\
         severity: medium # critical, high, medium, low, info: CONTRIBUTING.md says which\n\
         confidence: high # high, medium, low\n"
    );
    if let Some(resource) = resource {
        text.push_str(&format!("resource: {resource}\n"));
    }
    text.push_str(
        "practices: [<ids of checks/frameworks/practices.yaml>]\n\
         well_architected: [<ids such as SEC03-BP07>]\n\
         serverless_lens: []\n\
         owasp_serverless: []\n",
    );
    match resource {
        None => text.push_str("manual: >-\n  <the question, so that yes is good>\n"),
        Some(_) => text.push_str(
            "# docs/model.md lists the fields, docs/checks/expressions.md the functions.\n\
             applies: <when the check has something to say; leave out for always>\n\
             pass: <when the resource is sound>\n\
             evidence: '<the facts, as text: \"runtime \" + resource.runtime>'\n",
        ),
    }
    text.push_str(
        "risk: >-\n  <what can happen, in two or three sentences, for the person who has to act>\n\
         fix:\n\
         \x20 cli: <aws ... --region {resource.region} ... {resource.name}>\n\
         \x20 terraform: |\n    <the attribute that mends it>\n\
         \x20 console: <the way to the setting>\n\
         references:\n  - <https://docs.aws.amazon.com/...>\n",
    );
    if let Some(resource) = resource {
        let field = collected_field(resource).unwrap_or_else(|| "<field>".to_owned());
        text.push_str(&format!(
            "cases:\n\
             \x20 - name: <what is sound>\n    expect: pass\n    resource: {{}}\n\
             \x20 - name: <what is weak>\n    expect: fail\n    resource: {{}}\n\
             \x20 # One for every fact that may be unreadable and that the rule reads.\n\
             \x20 - name: <what could not be read>\n    expect: unknown\n    resource: {{{field}: {{unavailable: access_denied}}}}\n\
             \x20 - name: <when there is nothing to say>\n    expect: not_applicable\n    resource: {{}}\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "ec2.transit_gateway",
        "ec2.transit_gateway_attachment",
        "lambda.function",
    ];

    #[test]
    fn the_id_names_service_and_type() {
        assert_eq!(service("lambda-function-x", NAMES).unwrap(), "lambda");
        let error = service("lamda-function-x", NAMES).unwrap_err().to_string();
        assert!(error.ends_with("one of ec2, lambda"), "{error}");
        assert_eq!(
            guess("ec2-transit-gateway-attachment-x", "ec2", NAMES).unwrap(),
            "ec2.transit_gateway_attachment"
        );
        assert_eq!(
            guess("ec2-transit-gateway-x", "ec2", NAMES).unwrap(),
            "ec2.transit_gateway"
        );
        assert!(guess("ec2-volume-x", "ec2", NAMES).is_err());
        assert!(given("lambda.function", "ec2", NAMES).is_err());
        assert!(given("lambda.nothing", "lambda", NAMES).is_err());
    }

    #[test]
    fn a_taken_id_is_found_in_any_folder() {
        let checks = tempfile::tempdir().unwrap();
        std::fs::create_dir(checks.path().join("s3")).unwrap();
        std::fs::write(checks.path().join("s3/s3-bucket-x.yaml"), "").unwrap();
        assert_eq!(
            taken(checks.path(), "s3-bucket-x").unwrap().as_deref(),
            Some("checks/s3/s3-bucket-x.yaml")
        );
        assert_eq!(taken(checks.path(), "s3-bucket-y").unwrap(), None);
    }

    #[test]
    fn a_skeleton_has_every_key_and_is_refused_until_it_is_filled_in() {
        for (id, resource, key) in [
            ("lambda-function-x", Some("lambda.function"), "\npass: "),
            ("lambda-function-y", None, "\nmanual: "),
        ] {
            let text = skeleton(id, resource);
            assert!(text.contains(key), "{text}");
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(format!("{id}.yaml"));
            std::fs::write(&file, text).unwrap();
            let (_, mistakes) = posture_catalog::Catalog::load_lenient(&[file]).unwrap();
            assert!(!mistakes.is_empty());
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert!(!all.join("\n").contains("missing"), "{}", all.join("\n"));
        }
    }
}
