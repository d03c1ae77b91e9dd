//! What checks are keyed to: practices, Well-Architected, the Serverless Lens, OWASP Serverless.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A Well-Architected best practice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestPractice {
    /// Such as `SEC03-BP07`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The pillar, such as `Security`.
    pub pillar: String,
    /// The question it answers, such as `SEC03`.
    pub question_id: String,
    /// That question.
    pub question: String,
    /// Where AWS describes it.
    pub url: String,
}

/// A question of the Serverless Lens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LensQuestion {
    /// Such as `SEC 1`.
    pub id: String,
    /// The question.
    pub question: String,
    /// The best practices that answer it.
    #[serde(default)]
    pub best_practices: Vec<String>,
}

/// A category of the OWASP Serverless Top 10.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwaspCategory {
    /// Such as `S2`.
    pub id: String,
    /// Such as `S2:2017`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What configuration can show of it.
    pub assessable: Assessable,
    /// What checks of this category look at.
    pub looks_at: String,
}

/// What configuration can show of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assessable {
    /// All that matters.
    Yes,
    /// Some of it.
    Partly,
    /// Nothing: it is a matter of code.
    No,
}

/// What a well-kept account does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Such as `FN-01`.
    pub id: String,
    /// What it says.
    pub practice: String,
}

/// All frameworks, each by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frameworks {
    /// Well-Architected best practices.
    pub well_architected: BTreeMap<String, BestPractice>,
    /// Serverless Lens questions.
    pub serverless_lens: BTreeMap<String, LensQuestion>,
    /// OWASP Serverless Top 10 categories.
    pub owasp_serverless: BTreeMap<String, OwaspCategory>,
    /// Practices.
    pub practices: BTreeMap<String, Practice>,
}
