//! Both sinks against local servers that check what they are asked, keep what they are told, and fail.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::github::{self, REPOSITORY, TOKEN};
use crate::common::jira;
use crate::common::server::{Asked, Fault, Office, Said, Server};
use crate::common::{Plan, World};
use posture_report::v1::Report;
use posture_track::tickets::{
    self, Applied, GitHub, GroupBy, Jira, JiraCredentials, LedgerFile, Planner, Policy, Secret,
    Sink, SinkError,
};
use serde_json::{Value, json};

/// Waits without waiting, and remembers.
#[derive(Clone, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl Waits {
    fn by(&self) -> impl FnMut(Duration) + Send + 'static {
        let all = self.0.clone();
        move |time| all.lock().unwrap().push(time)
    }

    fn seconds(&self) -> Vec<u64> {
        std::mem::take(&mut *self.0.lock().unwrap())
            .iter()
            .map(Duration::as_secs)
            .collect()
    }
}

fn github_of(server: &Server<github::GitHub>, waits: &Waits, group_by: GroupBy) -> GitHub {
    let token = Secret::new(TOKEN);
    GitHub::new(
        Some(&server.address),
        REPOSITORY,
        &token,
        group_by,
        Duration::ZERO,
    )
    .unwrap()
    .sleep_by(waits.by())
}

fn jira_of(server: &Server<jira::Jira>, credentials: &JiraCredentials) -> Jira {
    Jira::new(
        &server.address,
        "SEC",
        "Task",
        credentials,
        GroupBy::Finding,
        Duration::ZERO,
    )
    .unwrap()
    .sleep_by(|_| {})
}

/// Two findings: a critical bucket and a high function.
fn world() -> World {
    let mut world = World::default();
    world.exists.extend([0, 4]);
    world.weak.extend([(0, 0, 0), (2, 4, 0)]);
    world
}

fn report(world: &World) -> Report {
    world.report(&Plan::default())
}

fn run(
    sink: &mut dyn Sink,
    report: &Report,
    ledger: &Path,
    policy: &Policy,
) -> (Applied, Vec<String>) {
    let mut planner = Planner::new(report, policy).unwrap();
    let mut file = LedgerFile::open(ledger, policy.group_by, Some("here")).unwrap();
    let mut told = Vec::new();
    let applied = tickets::apply(&mut planner, &mut file, sink, 100, &mut |progress| {
        told.push(match progress {
            tickets::Progress::Done(operation, ticket) => {
                format!(
                    "{} {}",
                    operation.kind,
                    ticket.map_or("-", |ticket| &ticket.id)
                )
            }
            tickets::Progress::Refused(operation, why) => {
                format!("{} refused: {why}", operation.kind)
            }
        });
    })
    .unwrap();
    (applied, told)
}

fn stop(applied: &Applied) -> String {
    let error = applied.stopped.as_ref().unwrap();
    let help = match error {
        SinkError::Stop { help, .. } => help.as_str(),
        _ => "",
    };
    format!("{error} | {help}")
}

#[test]
fn github_issues_live_through_a_finding() {
    let server = Server::start(github::GitHub::default());
    let waits = Waits::default();
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.jsonl");
    let mut policy = Policy::default();
    policy.labels.push("team: platform".to_owned());
    let mut sink = github_of(&server, &waits, GroupBy::Finding);
    let mut world = world();

    let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told, ["open 1", "open 2"]);
    assert_eq!(applied.stopped, None);
    assert_eq!(
        server.log(),
        [
            "GET /repos/acme/cloud-security/issues",
            "POST /repos/acme/cloud-security/issues",
            "POST /repos/acme/cloud-security/issues",
        ]
    );
    {
        let office = server.office.lock().unwrap();
        let issue = office.issue(1);
        assert_eq!(
            issue["title"],
            "s3-bucket-open is a problem: logs (111111111111 prod, eu-west-1)"
        );
        assert_eq!(
            issue["labels"],
            json!([{"name": "posture"}, {"name": "posture-critical"}, {"name": "team: platform"}])
        );
        let body = issue["body"].as_str().unwrap();
        insta::assert_snapshot!("github_body", body);
    }

    // Nothing new: nobody is asked anything.
    world.day += 1;
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert!(told.is_empty());
    assert!(server.log().is_empty());

    // People write into the issue and label it; posture changes only its own.
    server.office.lock().unwrap().edit(1, |issue| {
        let body = issue["body"].as_str().unwrap().to_owned();
        issue["body"] = format!("Assigned to Ann.\n\n{body}\n\nSee the wiki.").into();
        issue["labels"] =
            json!([{"name": "posture"}, {"name": "posture-critical"}, {"name": "sprint-12"}]);
    });
    world.names.insert(4, 1);
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told, ["update 1"]);
    {
        let office = server.office.lock().unwrap();
        let issue = office.issue(1);
        assert!(issue["title"].as_str().unwrap().contains("logs renamed 1"));
        let body = issue["body"].as_str().unwrap();
        assert!(
            body.starts_with("Assigned to Ann.\n\n<!-- posture:begin -->"),
            "{body}"
        );
        assert!(body.ends_with("-->\n\nSee the wiki."), "{body}");
        let labels: Vec<&str> = issue["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            labels,
            ["sprint-12", "posture", "posture-critical", "team: platform"]
        );
        assert!(
            office.comments[0].1.contains("another name"),
            "{:?}",
            office.comments
        );
    }
    server.taken();

    // Mended: closed, with the reason.
    world.weak.remove(&(2, 4, 0));
    world.day += 1;
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told, ["close 1"]);
    {
        let office = server.office.lock().unwrap();
        assert_eq!(office.issue(1)["state"], "closed");
        assert_eq!(office.issue(1)["state_reason"], "completed");
        let (_, comment) = office.comments.last().unwrap();
        assert!(
            comment.contains("mended: the check was run again"),
            "{comment}"
        );
    }

    // Back again: the same issue.
    world.weak.insert((2, 4, 0));
    world.day += 1;
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told, ["reopen 1"]);
    assert_eq!(server.office.lock().unwrap().issue(1)["state"], "open");

    // The ledger is lost: all of it is found again, on several pages, and nothing is said twice.
    std::fs::remove_file(&ledger).unwrap();
    server.office.lock().unwrap().page = 1;
    let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!((applied.adopted, told.len()), (2, 0));
    assert_eq!(server.office.lock().unwrap().issues.len(), 2);
    // And is as good as the one before: what is mended is closed by it.
    world.weak.clear();
    world.day += 1;
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        server
            .office
            .lock()
            .unwrap()
            .issues
            .iter()
            .all(|issue| issue["state"] == "closed")
    );
    assert!(waits.seconds().is_empty());
}

#[test]
fn github_answers_that_are_lost_make_no_second_issue() {
    let directory = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    for (name, fault) in [
        ("done, and the connection breaks", Fault::Hangup),
        ("not done, and the connection breaks", Fault::Deaf),
        (
            "a gateway gives up",
            Fault::Instead(Said::new(502, Value::Null)),
        ),
    ] {
        let server = Server::start(github::GitHub::default());
        let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
        let ledger = directory.path().join(name);
        server.fault("POST", "/issues", fault);
        let (applied, told) = run(&mut sink, &report(&world()), &ledger, &policy);
        assert_eq!(applied.stopped, None, "{name}");
        assert_eq!(told.len(), 2, "{name}");
        assert_eq!(server.office.lock().unwrap().issues.len(), 2, "{name}");
    }
    // The comment's answer is lost, and the run ends there: the next one does not repeat it.
    let server = Server::start(github::GitHub::default());
    let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
    let ledger = directory.path().join("comment");
    let mut world = world();
    run(&mut sink, &report(&world), &ledger, &policy);
    world.weak.clear();
    server.fault("POST", "/issues/1/comments", Fault::Hangup);
    let (applied, _) = run(&mut sink, &report(&world), &ledger, &policy);
    assert!(
        stop(&applied).contains("did not answer"),
        "{}",
        stop(&applied)
    );
    let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(applied.stopped, None);
    // The other one was closed before the answer was lost.
    assert_eq!(told, ["close 1"]);
    assert_eq!(server.office.lock().unwrap().comments.len(), 2);
}

#[test]
fn github_limits_are_kept() {
    let server = Server::start(github::GitHub::default());
    let waits = Waits::default();
    let mut sink = github_of(&server, &waits, GroupBy::Finding);
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.jsonl");
    let secondary = json!({"message": "You have exceeded a secondary rate limit. Please wait."});
    server.fault(
        "GET",
        "/issues",
        Fault::Instead(Said::new(429, Value::Null).header("retry-after", 7)),
    );
    server.fault("POST", "/issues", Fault::Instead(Said::new(403, secondary)));
    let reset = posture_model::Timestamp::now().unix() + 90;
    let spent = Said::new(403, json!({"message": "API rate limit exceeded"}))
        .header("x-ratelimit-remaining", 0)
        .header("x-ratelimit-reset", reset);
    server.fault("POST", "/issues", Fault::Instead(spent));
    let (applied, told) = run(&mut sink, &report(&world()), &ledger, &Policy::default());
    assert_eq!((applied.stopped.clone(), told.len()), (None, 2));
    let waited = waits.seconds();
    assert_eq!(waited.len(), 3, "{waited:?}");
    assert_eq!(waited[..2], [7, 60]);
    assert!((80..=91).contains(&waited[2]), "{waited:?}");

    // Who is asked for hours is not patient; the same command goes on later.
    let mut world = world();
    world.weak.insert((1, 0, 0));
    server.fault(
        "POST",
        "/issues",
        Fault::Instead(Said::new(429, Value::Null).header("retry-after", 7200)),
    );
    let (applied, told) = run(&mut sink, &report(&world), &ledger, &Policy::default());
    assert!(told.is_empty());
    assert!(
        stop(&applied).contains("asks to wait 7200 s"),
        "{}",
        stop(&applied)
    );
    let (applied, told) = run(&mut sink, &report(&world), &ledger, &Policy::default());
    assert_eq!((applied.stopped, told), (None, vec!["open 3".to_owned()]));
}

#[test]
fn github_says_what_is_wrong_and_the_ledger_says_what_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    for (status, message, expected) in [
        (401, "Bad credentials", "GITHUB_TOKEN must hold"),
        (403, "Resource not accessible", "read and write issues"),
        (404, "Not Found", "check --repo"),
        (410, "Issues are disabled for this repo", "switch issues on"),
    ] {
        let server = Server::start(github::GitHub::default());
        let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
        let ledger = directory.path().join(format!("{status}.jsonl"));
        server.fault(
            "GET",
            "/issues",
            Fault::Instead(Said::new(
                status,
                json!({"message": format!("{message} {TOKEN}")}),
            )),
        );
        let (applied, _) = run(&mut sink, &report(&world()), &ledger, &policy);
        let said = stop(&applied);
        assert!(
            said.contains(expected) && said.contains(message) || status == 404,
            "{said}"
        );
        assert!(!said.contains(TOKEN), "{said}");
        // Half-way: the first is made and known, the second is not.
        server.fault("POST", "/issues", Fault::Instead(Said::new(422, json!({
            "message": "Validation Failed", "errors": [{"field": "title", "code": "invalid"}],
        }))));
        let (applied, told) = run(&mut sink, &report(&world()), &ledger, &policy);
        assert_eq!((applied.refused, told.len()), (1, 2), "{told:?}");
        assert!(
            told[0].contains("Validation Failed (title invalid)"),
            "{told:?}"
        );
        let (applied, told) = run(&mut sink, &report(&world()), &ledger, &policy);
        assert_eq!((applied.refused, told.len()), (0, 1));
        assert_eq!(server.office.lock().unwrap().issues.len(), 2);
    }
    // Whoever may not label would not find its issues again.
    let server = Server::start(github::GitHub {
        drops_labels: true,
        ..github::GitHub::default()
    });
    let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
    let (applied, told) = run(
        &mut sink,
        &report(&world()),
        &directory.path().join("labels"),
        &policy,
    );
    assert_eq!(told, ["open 1"]);
    assert!(stop(&applied).contains("cannot be labelled"));
    // A deleted issue is forgotten, and made anew by the next run.
    let server = Server::start(github::GitHub::default());
    let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
    let ledger = directory.path().join("deleted");
    let mut world = world();
    run(&mut sink, &report(&world), &ledger, &policy);
    server
        .office
        .lock()
        .unwrap()
        .edit(1, |issue| issue["gone"] = true.into());
    world.names.insert(4, 1);
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert!(
        told[0].starts_with("update refused: the ticket does not exist any more"),
        "{told:?}"
    );
    let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert_eq!(told, ["open 3"]);
}

#[test]
fn a_token_stays_where_it_belongs() {
    struct Stranger;
    impl Office for Stranger {
        fn answer(&mut self, _: &Asked, _: &str) -> Said {
            Said::new(200, json!([]))
        }
    }
    let stranger = Server::start(Stranger);
    let server = Server::start(github::GitHub::default());
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger");
    let mut sink = github_of(&server, &Waits::default(), GroupBy::Finding);
    for (status, to) in [
        (302, format!("{}/repos/x/issues", stranger.address)),
        (307, format!("{}/repos/x/issues", stranger.address)),
        (301, "//evil.example/x".to_owned()),
    ] {
        server.fault(
            "GET",
            "/issues",
            Fault::Instead(Said::new(status, Value::Null).header("location", to)),
        );
        let (applied, _) = run(&mut sink, &report(&world()), &ledger, &Policy::default());
        assert!(
            stop(&applied).contains("the token is not sent there"),
            "{}",
            stop(&applied)
        );
    }
    // Nor to the next page, if that is elsewhere.
    let elsewhere = format!("<{}/repos/x/issues?page=2>; rel=\"next\"", stranger.address);
    server.fault(
        "GET",
        "/issues",
        Fault::Instead(Said::new(200, json!([])).header("link", elsewhere)),
    );
    let (applied, _) = run(&mut sink, &report(&world()), &ledger, &Policy::default());
    assert!(stop(&applied).contains("the token is not sent there"));
    assert!(stranger.taken().is_empty());
    // On the same host a question follows, and a change says where to.
    let path = format!("/repos/{REPOSITORY}/issues");
    server.fault(
        "GET",
        "/issues",
        Fault::Instead(Said::new(301, Value::Null).header(
            "location",
            format!("{path}?labels=posture&state=all&per_page=100"),
        )),
    );
    server.fault(
        "POST",
        "/issues",
        Fault::Instead(Said::new(301, Value::Null).header("location", "/repositories/1/issues")),
    );
    let (applied, _) = run(&mut sink, &report(&world()), &ledger, &Policy::default());
    assert!(
        stop(&applied).contains("has moved this to"),
        "{}",
        stop(&applied)
    );
    // Never in the clear, and never in an address.
    for address in [
        "http://github.example/api/v3",
        "ftp://x",
        "github.example",
        "https://user:pw@x.example",
    ] {
        let error = GitHub::new(
            Some(address),
            REPOSITORY,
            &Secret::new(TOKEN),
            GroupBy::Finding,
            Duration::ZERO,
        );
        let error = error.err().unwrap().to_string();
        assert!(!error.contains("pw@") && !error.contains(TOKEN), "{error}");
    }
    assert!(!format!("{sink:?} {:?}", Secret::new(TOKEN)).contains(TOKEN));
}

#[test]
fn jira_issues_live_through_a_finding() {
    let bearer = JiraCredentials::Bearer(Secret::new("secret-bearer"));
    let basic = JiraCredentials::Basic {
        user: "ann@example.com".to_owned(),
        token: Secret::new("secret-token"),
    };
    // base64 of ann@example.com:secret-token
    let pair = "Basic YW5uQGV4YW1wbGUuY29tOnNlY3JldC10b2tlbg==";
    for (cloud, credentials, header) in
        [(true, basic, pair), (false, bearer, "Bearer secret-bearer")]
    {
        let mut office = jira::Jira::new(cloud, header);
        office.takes_due_date = cloud;
        office.wants_resolution = !cloud;
        office.page = 1;
        let server = Server::start(office);
        let mut sink = jira_of(&server, &credentials);
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path().join("ledger.jsonl");
        let policy = Policy {
            labels: vec!["team platform".to_owned()],
            ..Policy::default()
        };
        let mut world = world();

        let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!(
            (applied.stopped, told),
            (None, vec!["open SEC-1".to_owned(), "open SEC-2".to_owned()])
        );
        {
            let office = server.office.lock().unwrap();
            let fields = &office.issues[0]["fields"];
            assert_eq!(
                fields["summary"],
                "s3-bucket-open is a problem: logs (111111111111 prod, eu-west-1)"
            );
            let labels = fields["labels"].as_array().unwrap();
            assert_eq!(
                labels[..3],
                [
                    json!("posture"),
                    json!("posture-critical"),
                    json!("team-platform")
                ]
            );
            assert!(labels[3].as_str().unwrap().starts_with("posture-finding-"));
            assert_eq!(
                fields.get("duedate"),
                cloud.then(|| json!("2026-11-08")).as_ref()
            );
            let name = if cloud {
                "jira_cloud_description"
            } else {
                "jira_server_description"
            };
            let text = match &fields["description"] {
                Value::String(text) => text.clone(),
                document => serde_json::to_string_pretty(document).unwrap(),
            };
            insta::assert_snapshot!(name, text);
        }
        server.taken();
        world.day += 1;
        run(&mut sink, &report(&world), &ledger, &policy);
        assert!(server.log().is_empty());

        // Worse, and renamed.
        world.severe.insert(0);
        world.names.insert(0, 1);
        let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!(told, ["update SEC-2"]);
        {
            let office = server.office.lock().unwrap();
            let fields = &office.issues[1]["fields"];
            assert!(
                fields["summary"]
                    .as_str()
                    .unwrap()
                    .contains("alpha renamed 1")
            );
            let labels = fields["labels"].to_string();
            assert!(
                labels.contains("posture-critical") && !labels.contains("posture-high"),
                "{labels}"
            );
        }

        // Gone, then back.
        world.exists.remove(&4);
        world.day += 1;
        let (_, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!(told, ["close SEC-1"]);
        {
            let office = server.office.lock().unwrap();
            assert_eq!(
                office.issues[0]["fields"]["status"]["statusCategory"]["key"],
                "done"
            );
            let said = office.comments.last().unwrap().1.to_string();
            assert!(said.contains("does not exist any more"), "{said}");
        }
        world.exists.insert(4);
        world.day += 1;
        server.fault("POST", "/transitions", Fault::Hangup);
        let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!(
            (applied.stopped, told),
            (None, vec!["reopen SEC-1".to_owned()])
        );
        assert_eq!(
            server.office.lock().unwrap().issues[0]["fields"]["status"]["statusCategory"]["key"],
            "new"
        );

        // The ledger is lost, over two pages.
        std::fs::remove_file(&ledger).unwrap();
        let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!((applied.adopted, told.len()), (2, 0), "{told:?}");
        assert_eq!(server.office.lock().unwrap().issues.len(), 2);
        // Its answer is lost: it is searched before it is made again.
        world.weak.insert((1, 0, 0));
        server.fault("POST", "/issue", Fault::Hangup);
        let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
        assert_eq!(
            (applied.stopped, told),
            (None, vec!["open SEC-3".to_owned()])
        );
        assert_eq!(server.office.lock().unwrap().issues.len(), 3);
    }
}

#[test]
fn jira_says_what_is_wrong() {
    let credentials = JiraCredentials::Bearer(Secret::new("secret-bearer"));
    let directory = tempfile::tempdir().unwrap();
    let policy = Policy::default();
    for (status, expected) in [
        (401, "JIRA_USER and JIRA_TOKEN"),
        (403, "it needs to browse"),
        (404, "check --url"),
    ] {
        let server = Server::start(jira::Jira::new(true, "Bearer secret-bearer"));
        let mut sink = jira_of(&server, &credentials);
        let ledger = directory.path().join(status.to_string());
        let body = json!({"errorMessages": ["no secret-bearer"], "errors": {}});
        server.fault(
            "GET",
            "/search/jql",
            Fault::Instead(Said::new(status, body)),
        );
        let (applied, _) = run(&mut sink, &report(&world()), &ledger, &policy);
        let said = stop(&applied);
        assert!(
            said.contains(expected) && !said.contains("secret-bearer"),
            "{said}"
        );
    }
    let server = Server::start(jira::Jira::new(true, "Bearer secret-bearer"));
    let mut sink = jira_of(&server, &credentials);
    let ledger = directory.path().join("refused");
    // A project that does not exist is a bad query for Jira.
    let body = json!({"errorMessages": ["The value 'SEC' does not exist for the field 'project'."], "errors": {}});
    server.fault("GET", "/search/jql", Fault::Instead(Said::new(400, body)));
    let (applied, _) = run(&mut sink, &report(&world()), &ledger, &policy);
    assert!(
        stop(&applied).contains("cannot be searched: status 400: The value 'SEC'"),
        "{}",
        stop(&applied)
    );
    // A workflow without an end.
    server.office.lock().unwrap().can_close = false;
    run(&mut sink, &report(&world()), &ledger, &policy);
    let mut sound = world();
    sound.weak.clear();
    let (applied, told) = run(&mut sink, &report(&sound), &ledger, &policy);
    assert_eq!(applied.refused, 2);
    assert!(told[0].contains("no way for SEC-"), "{told:?}");
    server.office.lock().unwrap().can_close = true;
    let (applied, told) = run(&mut sink, &report(&sound), &ledger, &policy);
    assert_eq!((applied.refused, told.len()), (0, 2));
    // Something else than Jira.
    server.fault(
        "GET",
        "/serverInfo",
        Fault::Instead(Said::new(200, json!({"hello": 1}))),
    );
    let mut sink = jira_of(&server, &credentials);
    let (applied, _) = run(
        &mut sink,
        &report(&world()),
        &directory.path().join("other"),
        &policy,
    );
    assert!(stop(&applied).contains("does not answer like Jira"));
    let wrong = Jira::new(
        &server.address,
        "SEC\" OR 1=1",
        "Task",
        &credentials,
        GroupBy::Finding,
        Duration::ZERO,
    );
    assert!(wrong.is_err());
    // A type of issue that the project does not have.
    let mut sink = Jira::new(
        &server.address,
        "SEC",
        "Nope",
        &credentials,
        GroupBy::Finding,
        Duration::ZERO,
    )
    .unwrap();
    let mut world = world();
    world.weak.insert((1, 0, 0));
    let (applied, told) = run(&mut sink, &report(&world), &ledger, &policy);
    assert!(applied.refused >= 1);
    assert!(
        told.iter()
            .any(|one| one.contains("issuetype: The issue type selected is invalid")),
        "{told:?}"
    );
}

#[test]
fn large_groups_fit_and_are_not_closed_on_a_guess() {
    // A group whose members do not fit into its own memory.
    let server = Server::start(github::GitHub::default());
    let mut sink = github_of(&server, &Waits::default(), GroupBy::Check);
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.jsonl");
    let policy = Policy {
        group_by: GroupBy::Check,
        ..Policy::default()
    };
    let world = world();
    let mut many = report(&world);
    let first = many
        .findings
        .iter()
        .find(|f| f.check.as_str() == "lambda-function-open")
        .unwrap()
        .clone();
    for number in 0..400 {
        let mut finding = first.clone();
        finding.resource.name = format!("function-{number}-{}", "x".repeat(60));
        finding.resource.arn = format!("arn:aws:lambda:eu-west-1:111111111111:function:{number}");
        finding.id = posture_engine::finding_id(
            finding.check.as_str(),
            finding.account.as_str(),
            finding.region.as_str(),
            &finding.resource.arn,
        )
        .unwrap();
        many.findings.push(finding);
    }
    let (_, told) = run(&mut sink, &many, &ledger, &policy);
    assert_eq!(told.len(), 2);
    std::fs::remove_file(&ledger).unwrap();
    let (applied, _) = run(&mut sink, &many, &ledger, &policy);
    assert_eq!(applied.adopted, 2);
    let mut sound = world;
    sound.weak.clear();
    let (_, told) = run(&mut sink, &report(&sound), &ledger, &policy);
    // The bucket's ticket remembers all it is for; the other one does not, and stays.
    assert_eq!(told, ["close 1"]);
}
