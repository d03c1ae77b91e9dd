//! As much of GitHub as issues take.

use serde_json::{Value, json};

use super::server::{Asked, Office, Said};

pub(crate) const TOKEN: &str = "ghp_thisIsTheSecretToken";
pub(crate) const REPOSITORY: &str = "acme/cloud-security";

#[derive(Debug, Default)]
pub(crate) struct GitHub {
    pub(crate) issues: Vec<Value>,
    pub(crate) comments: Vec<(usize, String)>,
    /// Whether labels of new issues are dropped, as for those who may not push.
    pub(crate) drops_labels: bool,
    /// Issues on a page, where fewer than asked for.
    pub(crate) page: usize,
}

impl GitHub {
    pub(crate) fn issue(&self, number: usize) -> &Value {
        &self.issues[number - 1]
    }

    /// As a person does it.
    pub(crate) fn edit(&mut self, number: usize, change: impl FnOnce(&mut Value)) {
        change(&mut self.issues[number - 1]);
    }

    fn list(&self, asked: &Asked, host: &str) -> Said {
        assert_eq!(asked.query("labels").as_deref(), Some("posture"));
        assert_eq!(asked.query("state").as_deref(), Some("all"));
        let size: usize = asked.query("per_page").unwrap().parse().unwrap();
        let size = if self.page == 0 {
            size
        } else {
            self.page.min(size)
        };
        let page: usize = asked.query("page").map_or(1, |page| page.parse().unwrap());
        let all: Vec<&Value> = self
            .issues
            .iter()
            .filter(|issue| !issue["gone"].as_bool().unwrap_or(false))
            .filter(|issue| {
                let mut labels = issue["labels"].as_array().unwrap().iter();
                labels.any(|label| label["name"] == "posture")
            })
            .collect();
        let rows: Vec<&&Value> = all.iter().skip((page - 1) * size).take(size).collect();
        let said = Said::new(200, json!(rows));
        if page * size < all.len() {
            let path = asked.path();
            let next = format!(
                "{host}{path}?labels=posture&state=all&per_page={size}&page={}",
                page + 1
            );
            return said.header(
                "link",
                format!("<{host}{path}?page=1>; rel=\"first\", <{next}>; rel=\"next\""),
            );
        }
        said
    }

    fn create(&mut self, asked: &Asked) -> Said {
        let body = &asked.body;
        let title = body["title"].as_str().unwrap();
        assert!(
            !title.is_empty() && title.chars().count() <= 256,
            "{title:?}"
        );
        assert!(body["body"].as_str().unwrap().chars().count() <= 65_536);
        let number = self.issues.len() + 1;
        let labels = if self.drops_labels {
            json!([])
        } else {
            named(&body["labels"])
        };
        self.issues.push(json!({
            "number": number, "html_url": format!("https://github.com/{REPOSITORY}/issues/{number}"),
            "title": title, "body": body["body"], "labels": labels, "state": "open", "state_reason": null,
        }));
        Said::new(201, self.issues[number - 1].clone())
    }

    fn patch(&mut self, number: usize, body: &Value) -> Said {
        let issue = &mut self.issues[number - 1];
        for (field, value) in body.as_object().unwrap() {
            assert!(
                ["title", "body", "labels", "state", "state_reason"].contains(&field.as_str()),
                "{field}"
            );
            issue[field] = if field == "labels" {
                named(value)
            } else {
                value.clone()
            };
        }
        Said::new(200, issue.clone())
    }
}

fn named(labels: &Value) -> Value {
    labels
        .as_array()
        .unwrap()
        .iter()
        .map(|label| json!({"name": label}))
        .collect()
}

impl Office for GitHub {
    fn answer(&mut self, asked: &Asked, host: &str) -> Said {
        assert_eq!(
            asked.header("authorization"),
            Some(format!("Bearer {TOKEN}").as_str())
        );
        assert_eq!(asked.header("x-github-api-version"), Some("2022-11-28"));
        assert!(asked.header("user-agent").unwrap().starts_with("posture/"));
        let base = format!("/repos/{REPOSITORY}/issues");
        let Some(rest) = asked.path().strip_prefix(&base) else {
            return Said::new(404, json!({"message": "Not Found"}));
        };
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let number = parts.first().map(|number| number.parse::<usize>().unwrap());
        if let Some(number) = number
            && self
                .issues
                .get(number - 1)
                .is_none_or(|issue| issue["gone"] == true)
        {
            return Said::new(410, json!({"message": "This issue was deleted"}));
        }
        match (asked.method.as_str(), number, parts.get(1)) {
            ("GET", None, _) => self.list(asked, host),
            ("POST", None, _) => self.create(asked),
            ("GET", Some(number), None) => Said::new(200, self.issues[number - 1].clone()),
            ("PATCH", Some(number), None) => self.patch(number, &asked.body),
            ("GET", Some(number), Some(&"comments")) => {
                let of = self.comments.iter().filter(|(of, _)| *of == number);
                Said::new(200, of.map(|(_, body)| json!({"body": body})).collect())
            }
            ("POST", Some(number), Some(&"comments")) => {
                self.comments
                    .push((number, asked.body["body"].as_str().unwrap().to_owned()));
                Said::new(201, json!({"id": 1}))
            }
            other => panic!("{other:?}"),
        }
    }
}
