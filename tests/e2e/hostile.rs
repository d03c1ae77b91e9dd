//! Whoever names a resource writes into the reports of those who audit it. Names must stay text.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Kind, Posture, Server, Setup, work_dir};

/// Colours, a window title, a forged line, a wiped line, an 8-bit control, text that runs backwards.
pub(crate) const HOSTILE: &str = "\u{1b}[31mred\u{1b}]0;owned\u{7}\nFORGED critical line\r\u{9b}2K\u{202e}<script>alert(1)</script>";

const PLANT: &str = r#"
import json, os, botocore.session
hostile = os.environ["HOSTILE"]
session = botocore.session.Session()
def client(service):
    return session.create_client(
        service, region_name="us-east-1", endpoint_url=os.environ["ENDPOINT"],
        aws_access_key_id="local", aws_secret_access_key="local",
    )
client("apigateway").create_rest_api(name=hostile, description=hostile, tags={"note": hostile})
client("apigatewayv2").create_api(Name=hostile, ProtocolType="HTTP", Tags={"note": hostile})
kms = client("kms")
key = kms.create_key(Description=hostile, Tags=[{"TagKey": "Name", "TagValue": hostile}])
client("ecr").create_repository(repositoryName="plain", tags=[{"Key": "note", "Value": hostile}])
# XML cannot hold control characters: what else there is.
client("ec2").create_security_group(GroupName="<b>&amp;\n\tgroup", Description="<i>\nFORGED")
iam = client("iam")
iam.create_user(UserName="someone", Tags=[{"Key": "note", "Value": "<b>\nFORGED line"}])
# Documents are JSON, which holds all of it: IAM takes few letters for a Sid, other services take any.
def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": hostile, "Effect": "Allow", **statement}]})
iam.put_user_policy(
    UserName="someone", PolicyName="rights",
    PolicyDocument=document(Action=["iam:PutUserPolicy", "s3:GetObject"], Resource="*"),
)
s3 = client("s3")
s3.create_bucket(Bucket="hostile-garden")
s3.put_bucket_policy(
    Bucket="hostile-garden",
    Policy=document(
        Principal={"AWS": ["999999999999", hostile]}, Action="s3:GetObject", Resource="arn:aws:s3:::hostile-garden/*",
    ),
)
"#;

/// A server whose resources have this name.
pub(crate) fn planted(hostile: &str) -> Option<Server> {
    let python = Kind::Moto.python()?;
    let server = Server::start(Kind::Moto, Setup::Empty)?;
    let planted = Command::new(python)
        .args(["-c", PLANT])
        .env("HOSTILE", hostile)
        .env("ENDPOINT", &server.endpoint)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(planted.success());
    Some(server)
}

#[test]
fn names_cannot_write_to_the_terminal() {
    let Some(server) = planted(HOSTILE) else {
        return;
    };
    let snapshot = work_dir().join("hostile");
    let report = work_dir().join("hostile.json");
    let scan = Posture::new(["scan", "-vv", "--region", "us-east-1", "--service"])
        .args(["apigateway,apigatewayv2,kms,ecr,ec2,iam,s3,s3control,organizations"])
        .args([
            "--status",
            "all",
            "--max-findings",
            "5000",
            "-o",
            "table",
            "-o",
        ])
        .args([format!("json={}", report.display())])
        .args(["--snapshot".into(), snapshot.clone()])
        .against(&server)
        .run();
    assert!([Some(1), Some(3)].contains(&scan.status.code()), "{scan:?}");
    assert_plain("the table", &scan.stdout);
    assert_plain("the log", &scan.stderr);
    assert!(scan.stdout.contains("red"), "the name is not shown at all");

    let text = std::fs::read_to_string(&report).unwrap();
    // Its encoding escapes control characters; nothing is lost for programs that read it.
    assert!(!text.contains('\u{1b}') && text.contains("\\u001b"));
    let report: Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding.to_string().contains("alert(1)"))
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert!(!ids.is_empty(), "no finding is about what was planted");
    for id in ids.iter().take(5) {
        let ran = Posture::new(["explain", id, "--snapshot"])
            .args([&snapshot])
            .run()
            .code(0);
        assert_plain("explain", &ran.stdout);
    }
    assert_answers_plain(&snapshot);
}

/// Reasons name statements, errors what was asked.
#[track_caller]
fn assert_answers_plain(snapshot: &Path) {
    let object = "arn:aws:s3:::hostile-garden/key";
    let ask = |args: &[&str]| {
        Posture::new(args)
            .args([Path::new("--snapshot"), snapshot])
            .run()
    };
    for args in [
        &["escalations"][..],
        &["can", "someone", "s3:GetObject", object],
        &["can", "999999999999", "s3:GetObject", object],
        &["who-can", "s3:GetObject", object],
    ] {
        let ran = ask(args).code(0);
        assert_plain(args[0], &ran.stdout);
        assert!(
            ran.stdout.contains("[31mred"),
            "{args:?} does not name the statement: {}",
            ran.stdout
        );
        let json = ask(&[args, &["-o", "json"]].concat()).code(0).stdout;
        assert!(
            !json.contains('\u{1b}') && json.contains("[31mred"),
            "{json}"
        );
    }
    for args in [
        &["escalations", HOSTILE][..],
        &["can", HOSTILE, "s3:GetObject", object],
        &["can", "someone", HOSTILE, object],
        &["can", "someone", "s3:GetObject", HOSTILE],
        &["who-can", HOSTILE, object],
    ] {
        assert_plain("an error", &ask(args).code(2).stderr);
    }
    let question = json!({"principal": HOSTILE, "action": "s3:GetObject"});
    let unknown = json!({HOSTILE: 1});
    for input in [question, unknown] {
        for command in [&["evaluate"][..], &["public", "--type", "s3"]] {
            let ran = Posture::new(["policy"])
                .args(command)
                .input(input.to_string())
                .run()
                .code(2);
            assert_plain("an error", &ran.stderr);
        }
    }
}

/// No control characters but line ends, and no line that a name began.
#[track_caller]
fn assert_plain(what: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let odd = line
            .chars()
            .find(|c| c.is_control() && *c != '\t' || ('\u{202a}'..='\u{202e}').contains(c));
        assert!(
            odd.is_none(),
            "{odd:?} in line {} of {what}: {line:?}",
            number + 1
        );
        assert!(
            !line.trim_start().starts_with("FORGED"),
            "a forged line in {what}: {line:?}"
        );
    }
}
