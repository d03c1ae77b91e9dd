//! As much of Jira as issues take, of the cloud and of a server.

use serde_json::{Value, json};

use super::server::{Asked, Office, Said};

#[derive(Debug)]
pub(crate) struct Jira {
    pub(crate) cloud: bool,
    pub(crate) authorization: String,
    pub(crate) issues: Vec<Value>,
    pub(crate) comments: Vec<(String, Value)>,
    /// Whether the project's screens have a due date.
    pub(crate) takes_due_date: bool,
    /// Whether closing wants a resolution.
    pub(crate) wants_resolution: bool,
    /// Whether there is any way to done.
    pub(crate) can_close: bool,
    pub(crate) page: usize,
}

impl Jira {
    pub(crate) fn new(cloud: bool, authorization: &str) -> Self {
        Self {
            cloud,
            authorization: authorization.to_owned(),
            issues: Vec::new(),
            comments: Vec::new(),
            takes_due_date: true,
            wants_resolution: false,
            can_close: true,
            page: 100,
        }
    }

    fn api(&self) -> &'static str {
        if self.cloud {
            "/rest/api/3"
        } else {
            "/rest/api/2"
        }
    }

    fn search(&self, asked: &Asked) -> Said {
        let jql = asked.query("jql").unwrap();
        assert_eq!(
            jql,
            "project = \"SEC\" AND labels = \"posture\" ORDER BY created ASC"
        );
        assert_eq!(asked.query("properties").as_deref(), Some("posture"));
        let from = if self.cloud {
            "nextPageToken"
        } else {
            "startAt"
        };
        let start: usize = asked.query(from).map_or(0, |from| from.parse().unwrap());
        let all: Vec<&Value> = self
            .issues
            .iter()
            .filter(|issue| {
                issue["fields"]["labels"]
                    .as_array()
                    .unwrap()
                    .contains(&json!("posture"))
            })
            .collect();
        let rows: Vec<&&Value> = all.iter().skip(start).take(self.page).collect();
        let end = start + rows.len();
        let mut page = json!({"issues": rows});
        if self.cloud {
            page["isLast"] = json!(end >= all.len());
            if end < all.len() {
                page["nextPageToken"] = json!(end.to_string());
            }
        } else {
            page["startAt"] = json!(start);
            page["maxResults"] = json!(self.page);
            page["total"] = json!(all.len());
        }
        Said::new(200, page)
    }

    fn check(&self, fields: &Value) -> Option<Said> {
        if !self.takes_due_date && fields.get("duedate").is_some() {
            let why =
                "Field 'duedate' cannot be set. It is not on the appropriate screen, or unknown.";
            return Some(Said::new(
                400,
                json!({"errorMessages": [], "errors": {"duedate": why}}),
            ));
        }
        if let Some(text) = fields.get("description") {
            // The cloud takes documents, a server text.
            assert_eq!(text.is_object(), self.cloud);
            assert_eq!(text.is_string(), !self.cloud);
        }
        if let Some(summary) = fields.get("summary") {
            let summary = summary.as_str().unwrap();
            assert!(!summary.contains('\n') && summary.chars().count() <= 255);
        }
        None
    }

    fn create(&mut self, body: &Value) -> Said {
        if let Some(said) = self.check(&body["fields"]) {
            return said;
        }
        let fields = &body["fields"];
        assert_eq!(fields["project"]["key"], "SEC");
        if fields["issuetype"]["name"] != "Task" {
            return Said::new(
                400,
                json!({"errorMessages": [], "errors": {"issuetype": "The issue type selected is invalid."}}),
            );
        }
        for label in fields["labels"].as_array().unwrap() {
            assert!(!label.as_str().unwrap().contains(' '));
        }
        let key = format!("SEC-{}", self.issues.len() + 1);
        let mut issue = json!({"id": "1", "key": key, "fields": fields, "properties": {}});
        issue["fields"]["status"] = json!({"name": "To Do", "statusCategory": {"key": "new"}});
        for property in body["properties"].as_array().unwrap() {
            issue["properties"][property["key"].as_str().unwrap()] = property["value"].clone();
        }
        self.issues.push(issue);
        Said::new(201, json!({"id": "1", "key": key, "self": "x"}))
    }

    fn edit(&mut self, at: usize, body: &Value) -> Said {
        if let Some(said) = self.check(&body["fields"]) {
            return said;
        }
        let issue = &mut self.issues[at];
        for (field, value) in body["fields"].as_object().unwrap() {
            issue["fields"][field] = value.clone();
        }
        let labels = issue["fields"]["labels"].as_array_mut().unwrap();
        for change in body["update"]["labels"].as_array().into_iter().flatten() {
            if let Some(label) = change.get("remove") {
                labels.retain(|one| one != label);
            } else if !labels.contains(&change["add"]) {
                labels.push(change["add"].clone());
            }
        }
        Said::new(204, Value::Null)
    }

    fn transitions(&self) -> Value {
        let to = |id: &str, name: &str, category: &str| json!({"id": id, "name": name, "to": {"statusCategory": {"key": category}}, "fields": {}});
        let mut done = to("31", "Done", "done");
        if self.wants_resolution {
            done["fields"]["resolution"] = json!({
                "required": true, "allowedValues": [{"name": "Won't Do"}, {"name": "Done"}],
            });
        }
        let mut all = vec![
            to("21", "In Progress", "indeterminate"),
            to("11", "To Do", "new"),
        ];
        if self.can_close {
            all.push(done);
        }
        json!({"transitions": all})
    }

    fn transit(&mut self, at: usize, body: &Value) -> Said {
        let id = body["transition"]["id"].as_str().unwrap();
        let category = match id {
            "11" => "new",
            "21" => "indeterminate",
            "31" => "done",
            other => panic!("{other}"),
        };
        if category == "done" && self.wants_resolution {
            assert_eq!(body["fields"]["resolution"]["name"], "Done");
        }
        self.issues[at]["fields"]["status"] =
            json!({"name": category, "statusCategory": {"key": category}});
        Said::new(204, Value::Null)
    }
}

impl Office for Jira {
    fn answer(&mut self, asked: &Asked, _: &str) -> Said {
        assert_eq!(
            asked.header("authorization"),
            Some(self.authorization.as_str())
        );
        let path = asked.path().to_owned();
        if path == "/rest/api/2/serverInfo" {
            let kind = if self.cloud { "Cloud" } else { "Server" };
            return Said::new(200, json!({"deploymentType": kind}));
        }
        let rest = path
            .strip_prefix(self.api())
            .unwrap_or_else(|| panic!("{path}"));
        let search = if self.cloud { "/search/jql" } else { "/search" };
        if rest == search {
            return self.search(asked);
        }
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        assert_eq!(parts[0], "issue");
        let Some(key) = parts.get(1) else {
            assert_eq!(asked.method, "POST");
            return self.create(&asked.body);
        };
        let Some(at) = self
            .issues
            .iter()
            .position(|issue| issue["key"] == *key && issue["gone"] != true)
        else {
            return Said::new(
                404,
                json!({"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}),
            );
        };
        match (asked.method.as_str(), parts.get(2).copied()) {
            ("GET", None) => Said::new(200, self.issues[at].clone()),
            ("PUT", None) => self.edit(at, &asked.body),
            ("PUT", Some("properties")) => {
                assert_eq!(parts[3], "posture");
                assert!(asked.body.to_string().len() <= 32_768);
                self.issues[at]["properties"]["posture"] = asked.body.clone();
                Said::new(200, Value::Null)
            }
            ("GET", Some("transitions")) => Said::new(200, self.transitions()),
            ("POST", Some("transitions")) => self.transit(at, &asked.body),
            ("GET", Some("comment")) => {
                let of = self.comments.iter().filter(|(of, _)| of == key);
                Said::new(
                    200,
                    json!({"comments": of.map(|(_, body)| json!({"body": body})).collect::<Vec<_>>()}),
                )
            }
            ("POST", Some("comment")) => {
                assert_eq!(asked.body["body"].is_object(), self.cloud);
                self.comments
                    .push(((*key).to_owned(), asked.body["body"].clone()));
                Said::new(201, json!({"id": "1"}))
            }
            other => panic!("{other:?}"),
        }
    }
}
