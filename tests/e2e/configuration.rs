//! `posture.toml`: what it decides, what goes before it, and what is said about mistakes in it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Posture, Ran, demo, findings, manifest_dir, read_json, work_dir};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

/// A directory with this configuration.
fn directory(name: &str, text: &str) -> PathBuf {
    let directory = work_dir().join(format!("config-{name}"));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("posture.toml"), text).unwrap();
    directory
}

fn source(shown: &Value, flag: &str) -> (String, String) {
    let settings = shown["settings"].as_array().unwrap();
    let found = settings
        .iter()
        .find(|setting| setting["flag"] == flag)
        .unwrap();
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let Some(demo) = demo() else { return };
    let text = format!(
        "outputs = [\"json=out.json\"]\nstatus = [\"fail\"]\nfail_on = \"none\"\nallow_incomplete = true\nsnapshot = \"{}\"\n",
        demo.snapshot.display()
    );
    let directory = directory("precedence", &text);
    let out = directory.join("out.json");
    let evaluate = || Posture::new(["evaluate"]).within(&directory);
    let statuses = || read_json(&out)["scan"]["statuses"].clone();

    // The file alone; its path is in its own directory.
    evaluate().run().code(0);
    assert_eq!(statuses(), serde_json::json!(["fail"]));
    evaluate().env("POSTURE_STATUS", "unknown").run().code(0);
    assert_eq!(statuses(), serde_json::json!(["unknown"]));
    evaluate()
        .env("POSTURE_STATUS", "unknown")
        .args(["--status", "pass"])
        .run()
        .code(0);
    assert_eq!(statuses(), serde_json::json!(["pass"]));
    // One that is on in the file is switched off by either.
    evaluate()
        .env("POSTURE_ALLOW_INCOMPLETE", "false")
        .run()
        .code(3);
    evaluate().args(["--allow-incomplete=false"]).run().code(3);
    evaluate().env("POSTURE_FAIL_ON", "critical").run().code(1);
    evaluate()
        .env("POSTURE_FAIL_ON", "critical")
        .args(["--fail-on", "none"])
        .run()
        .code(0);
    // From elsewhere: named, or not read at all.
    std::fs::remove_file(&out).unwrap();
    let file = directory.join("posture.toml");
    Posture::new(["evaluate", "--config"])
        .args([&file])
        .run()
        .code(0);
    Posture::new(["evaluate"])
        .env("POSTURE_CONFIG", &file)
        .run()
        .code(0);
    assert_eq!(statuses(), serde_json::json!(["fail"]));
    let ran = evaluate()
        .args([Path::new("--no-config"), &demo.snapshot])
        .run();
    assert_eq!(ran.status.code(), demo.ran.status.code());
    assert!(ran.stdout.starts_with("posture  "), "{}", ran.stdout);
    let ran = Posture::new(["evaluate", "--config", "/nonexistent.toml"])
        .run()
        .code(2);
    assert!(
        ran.stderr
            .contains("there is no configuration file /nonexistent.toml"),
        "{}",
        ran.stderr
    );
}

#[test]
fn config_show_says_where_each_setting_comes_from() {
    let directory = directory(
        "show",
        "fail_on = \"low\"\n[scope]\nexternal_id = \"CANARYexternal\"\nregions = [\"eu-west-1\", \"us-east-1\"]\n[schedule]\nkeep = 5\n",
    );
    let show = |args: &[&str]| {
        Posture::new(["config", "show"])
            .args(args)
            .within(&directory)
            .env("POSTURE_FAIL_ON", "medium")
            .env(
                "POSTURE_WEBHOOK_URL",
                "https://hooks.slack.com/services/CANARYhook",
            )
            .run()
            .code(0)
    };
    let ran = show(&["-o", "json"]);
    let shown = json(&ran.stdout);
    let is = |flag: &str, value: &str, from: &str| {
        assert_eq!(source(&shown, flag), (value.to_owned(), from.to_owned()))
    };
    is("fail-on", "medium", "environment");
    is("region", "eu-west-1,us-east-1", "posture.toml:4");
    is("keep", "5", "posture.toml:6");
    is("max-attempts", "4", "default");
    is("external-id", "(set)", "posture.toml:3");
    is("webhook", "(set)", "environment");
    let table = show(&[]);
    assert!(
        table.stdout.contains("configuration file: posture.toml"),
        "{}",
        table.stdout
    );
    for text in [ran.stdout, ran.stderr, table.stdout, table.stderr] {
        assert!(!text.contains("CANARY"), "{text}");
    }
}

#[test]
fn switches_of_the_environment_take_what_people_write() {
    let directory = directory("switches", "");
    let show = || Posture::new(["config", "show", "-o", "json"]).within(&directory);
    let ran = show()
        .env("POSTURE_ORG", "1")
        .env("POSTURE_KEEP_SNAPSHOTS", "no")
        .env("POSTURE_QUIET", "yes")
        .run()
        .code(0);
    let shown = json(&ran.stdout);
    for (flag, value) in [("org", "true"), ("keep-snapshots", "false")] {
        assert_eq!(
            source(&shown, flag),
            (value.to_owned(), "environment".to_owned())
        );
    }
    assert_eq!(ran.stderr, "");
    let ran = show().env("POSTURE_KEEP", "often").run().code(2);
    assert!(
        ran.stderr.starts_with("error: invalid value 'often'"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_documents_examples_are_accepted() {
    for page in ["configuration", "scheduling", "organization"] {
        let file = manifest_dir().join(format!("docs/{page}.md"));
        let text = std::fs::read_to_string(file).unwrap();
        let example = text
            .split("```toml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let directory = directory(&format!("docs-{page}"), example);
        let ran = Posture::new(["config", "show"])
            .within(&directory)
            .run()
            .code(0);
        assert!(ran.stdout.contains("posture.toml:2"), "{}", ran.stdout);
    }
}

fn verdicts(ran: &Ran, check: &str) -> Vec<(String, String, String)> {
    let found = findings(&json(&ran.stdout));
    let of = found.values().filter(|f| f.check == check);
    of.map(|f| (f.arn.clone(), f.status.clone(), f.severity.clone()))
        .collect()
}

#[test]
fn overrides_change_severities_verdicts_and_what_is_run() {
    let Some(demo) = demo() else { return };
    const TIMEOUT: &str = "lambda-function-timeout-maximum";
    const PUBLIC: &str = "lambda-function-policy-public";
    let evaluate = |directory: &Path, args: &[&str]| {
        Posture::new([
            "evaluate",
            "--status",
            "all",
            "--allow-incomplete",
            "-o",
            "json",
        ])
        .args([&demo.snapshot])
        .args(args)
        .within(directory)
        .run()
    };
    let nothing = directory("no-overrides", "");
    let before = evaluate(&nothing, &["--check", TIMEOUT]);
    let weak = verdicts(&before, TIMEOUT)
        .into_iter()
        .filter(|v| v.1 == "fail")
        .count();
    assert!(weak > 0);

    let changed = directory(
        "overrides",
        &format!(
            "[overrides.{TIMEOUT}]\nparams.maximum = 901\ntitle = \"Function may run for a quarter of an hour\"\n\
             [overrides.{PUBLIC}]\nseverity = \"info\"\nreferences = [\"https://wiki.example.com/lambda\"]\n\
             [overrides.kms-key-rotation-off]\nenabled = false\n"
        ),
    );
    let after = evaluate(&changed, &["--check", TIMEOUT]);
    assert!(verdicts(&after, TIMEOUT).iter().all(|v| v.1 != "fail"));
    let run = |ran: &Ran| json(&ran.stdout)["checks"][0].clone();
    assert_ne!(
        run(&before)["digest"],
        run(&after)["digest"],
        "it is another rule"
    );
    assert_eq!(
        run(&after)["title"],
        "Function may run for a quarter of an hour"
    );
    let digest = |ran: &Ran| json(&ran.stdout)["scan"]["tool"]["catalog_digest"].clone();
    assert_ne!(digest(&before), digest(&after));

    // The same verdicts, and nobody is woken up for them.
    let (before, after) = (
        evaluate(&nothing, &["--check", PUBLIC]).code(1),
        evaluate(&changed, &["--check", PUBLIC]).code(0),
    );
    let pairs = verdicts(&before, PUBLIC)
        .into_iter()
        .zip(verdicts(&after, PUBLIC));
    for (old, new) in pairs {
        assert_eq!((old.0, old.1), (new.0, new.1));
        assert_eq!((old.2.as_str(), new.2.as_str()), ("critical", "info"));
    }
    assert_eq!(run(&before)["digest"], run(&after)["digest"]);
    assert_eq!(
        json(&after.stdout)["findings"][0]["references"],
        serde_json::json!(["https://wiki.example.com/lambda"])
    );

    let all = evaluate(&changed, &[]);
    assert!(verdicts(&all, "kms-key-rotation-off").is_empty());
    let ran = evaluate(&changed, &["--check", "kms-key-rotation-off"]).code(2);
    assert!(
        ran.stderr.contains("is switched off by posture.toml:7"),
        "{}",
        ran.stderr
    );
    let list = Posture::new(["checks", "list"])
        .within(&changed)
        .run()
        .code(0)
        .stdout;
    assert!(
        list.ends_with(", 1 switched off by the configuration\n"),
        "{list}"
    );
    assert!(!list.contains("kms-key-rotation-off"));
    let show = Posture::new(["checks", "show", TIMEOUT])
        .within(&changed)
        .run()
        .code(0)
        .stdout;
    assert!(
        show.contains("maximum = 901") && show.contains("quarter of an hour"),
        "{show}"
    );
    let show = Posture::new(["checks", "show", "kms-key-rotation-off"])
        .within(&changed)
        .run()
        .code(0)
        .stdout;
    assert!(show.contains("switched off by posture.toml:7"), "{show}");
}

#[test]
fn mistakes_underline_the_users_own_line() {
    for (text, expected) in [
        (
            "fail_on = \"hihg\"\n",
            "posture.toml:1:11: there is no severity `hihg`\n  |\n1 | fail_on = \"hihg\"\n  |           ^^^^^^\n  = help: did you mean `high`?",
        ),
        (
            "[scope]\nregion = []\n",
            "posture.toml:2:1: unknown key `region`\n  |\n2 | region = []\n  | ^^^^^^\n  = help: did you mean `regions`?",
        ),
        (
            "[scope]\nservices = [\"lamda\"]\n",
            "posture.toml:2:13: there is no service `lamda`",
        ),
        (
            "allow_incomplete = \"yes\"\n",
            "posture.toml:1:20: `allow_incomplete` must be true or false",
        ),
        (
            "[overrides.kms-key-rotation-of]\nenabled = false\n",
            "posture.toml:1:12: there is no check `kms-key-rotation-of`",
        ),
        (
            "[overrides.lambda-function-timeout-maximum]\nparams = { maximun = 1 }\n",
            "posture.toml:2:12: `lambda-function-timeout-maximum` has no parameter `maximun`",
        ),
        (
            "[overrides.lambda-function-timeout-maximum.params]\nmaximum = \"1\"\n",
            "posture.toml:2:11: `maximum` is of type int, such as 900",
        ),
        (
            "[overrides.lambda-function-timeout-maximum]\nseverity = \"hihg\"\n",
            "posture.toml:2:12: `hihg` is no severity",
        ),
        ("fail_on = \n", "posture.toml:1:1"),
        (
            "fail_on = \"high\"\nfail_on = \"low\"\n",
            "posture.toml:2:1: duplicate key",
        ),
    ] {
        let directory = directory("mistakes", text);
        // Before anybody asks for credentials.
        let ran = Posture::new(["scan"]).within(&directory).run().code(2);
        assert!(
            ran.stderr.contains(expected),
            "{expected}\nis not in\n{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("a mistake in the configuration file"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_anyone_can_write_is_read_only_when_it_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory("open", "fail_on = \"none\"\n");
    let file = directory.join("posture.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let list = || Posture::new(["checks", "list"]).within(&directory);
    let ran = list().run().code(2);
    assert!(
        ran.stderr.contains("can be written by anyone"),
        "{}",
        ran.stderr
    );
    list().args(["--config", "posture.toml"]).run().code(0);
    list().args(["--no-config"]).run().code(0);
}

#[test]
fn an_external_id_needs_a_role_wherever_it_is_given() {
    let ran = Posture::new(["scan", "--external-id", "x"]).run().code(2);
    assert!(ran.stderr.contains("--role-name"), "{}", ran.stderr);
    let ran = Posture::new(["doctor"])
        .env("POSTURE_EXTERNAL_ID", "x")
        .run()
        .code(2);
    assert!(ran.stderr.contains("--role-name"), "{}", ran.stderr);
}
