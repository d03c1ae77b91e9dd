//! Is there a request that gets through?
//!
//! Most questions about a policy are of this form: some caller, doing some action on some resource,
//! with some context, is allowed by a statement and denied by none. The search tries finitely many
//! candidates, made from the texts that the policy itself mentions and from fresh ones that it does
//! not, so that each way in which the policy can tell requests apart is tried. Conditions are
//! evaluated as the candidate grows; branches that are already refused are cut.

use std::collections::{BTreeSet, HashSet};

use crate::caller::{Caller, domain};
use crate::condition::{Condition, Fact, Request, evaluate_all};
use crate::document::{Body, Clause, Statement};
use crate::pattern::{Pattern, Syntax};
use crate::public::ResourceContext;
use crate::tri::{Tri, Undecided};

/// Bounds the search. A policy that needs more is answered with "undecided".
const MAX_STEPS: usize = 10_000;
/// Bounds the pairs of an action and a resource that are tried.
const MAX_PAIRS: usize = 20_000;

/// What is asked about.
pub(crate) struct Search<'a> {
    pub(crate) caller: &'a Caller,
    /// Statements that may deny, of all documents that bind the caller.
    pub(crate) denies: Vec<&'a Statement>,
    /// Only this action, lower case; any when none.
    pub(crate) action: Option<&'a str>,
    /// Only actions under this pattern.
    pub(crate) universe: Option<Pattern>,
    /// Only this resource; any when none.
    pub(crate) resource: Option<&'a str>,
    pub(crate) context: ResourceContext<'a>,
}

impl Search<'_> {
    /// Whether a request exists that each of the `required` statements allows and none denies.
    pub(crate) fn reachable(&self, required: &[&Statement]) -> Tri {
        let mut bodies = Vec::new();
        for statement in required {
            match &statement.body {
                Ok(body) => bodies.push(body),
                Err(problem) => {
                    return if statement.may_allow() {
                        Tri::opaque(format!("{}: {problem}", statement.label()))
                    } else {
                        Tri::No
                    };
                }
            }
        }
        let principal = Tri::all(
            bodies
                .iter()
                .map(|body| self.caller.is_named(body.principals.as_ref())),
        );
        if principal.is_no() {
            return Tri::No;
        }
        let mut result = Tri::No;
        let mut tried = HashSet::new();
        let mut steps = 0;
        let resources = self.resources(&bodies);
        let mut pairs = 0;
        'pairs: for action in self.actions(&bodies) {
            for resource in &resources {
                pairs += 1;
                if pairs > MAX_PAIRS {
                    result = result.or(Tri::opaque("it names too many actions and resources"));
                    break 'pairs;
                }
                let denies = self.applicable(&action, resource);
                let key: Vec<usize> = denies.iter().map(|(index, _)| *index).collect();
                if !tried.insert(key) {
                    continue;
                }
                let answer = self.context_exists(&bodies, &denies, &mut steps);
                result = result.or(principal.clone().and(answer));
                if result.is_yes() {
                    return result;
                }
            }
        }
        match result {
            Tri::Unknown(reason) => Tri::Unknown(match required {
                [one] => reason.at(&one.label()),
                _ => reason,
            }),
            decided => decided,
        }
    }

    /// Statements that may deny this action on this resource to the caller, each with how certain
    /// that is apart from its conditions.
    fn applicable(&self, action: &str, resource: &str) -> Vec<(usize, Tri)> {
        let mut list = Vec::new();
        for (index, statement) in self.denies.iter().enumerate() {
            let certainty = match &statement.body {
                Err(problem) => Tri::opaque(format!("{} may deny: {problem}", statement.label())),
                Ok(body) => {
                    let principal = self.caller.is_named(body.principals.as_ref());
                    let action = Tri::from(body.actions.admits(action, false));
                    let resource = Tri::from(
                        body.resources
                            .as_ref()
                            .is_none_or(|clause| clause.admits(resource, false)),
                    );
                    principal.and(action).and(resource)
                }
            };
            if !certainty.is_no() {
                list.push((index, certainty));
            }
        }
        list
    }

    fn actions(&self, required: &[&Body]) -> Vec<String> {
        if let Some(action) = self.action {
            let all = required.iter().all(|b| b.actions.admits(action, true));
            return if all {
                vec![action.to_owned()]
            } else {
                Vec::new()
            };
        }
        let clauses: Vec<&Clause<Pattern>> = required.iter().map(|b| &b.actions).collect();
        let others = self.deny_bodies().flat_map(|b| b.actions.listed());
        let universe = match &self.universe {
            Some(universe) => universe.clone(),
            None => self
                .context
                .service
                .map(|service| Pattern::action(&format!("{service}:*")))
                .filter(|universe| overlaps_all(&clauses, universe))
                .unwrap_or_else(|| Pattern::action("*:*")),
        };
        atoms(&clauses, others, &[universe])
    }

    fn resources(&self, required: &[&Body]) -> Vec<String> {
        let clauses: Vec<&Clause<Pattern>> = required
            .iter()
            .filter_map(|b| b.resources.as_ref())
            .collect();
        if let Some(resource) = self.resource {
            let all = clauses.iter().all(|c| c.admits(resource, true));
            return if all {
                vec![resource.to_owned()]
            } else {
                Vec::new()
            };
        }
        let others = self
            .deny_bodies()
            .filter_map(|b| b.resources.as_ref())
            .flat_map(|c| c.listed());
        // A resource policy speaks of its resource and what is under it. A statement that names
        // anything else is judged by what it names, in case the ARN is spelled in another way.
        let own: Vec<Pattern> = self.context.arn.map_or_else(Vec::new, |arn| {
            std::iter::once("")
                .chain(below(arn).iter().copied())
                .map(|tail| {
                    Pattern::new(
                        &format!("{arn}{tail}"),
                        Syntax {
                            wildcards: !tail.is_empty(),
                            ..Syntax::default()
                        },
                    )
                })
                .filter(|universe| overlaps_all(&clauses, universe))
                .collect()
        });
        if own.is_empty() {
            atoms(&clauses, others, &[Pattern::everything()])
        } else {
            atoms(&clauses, others, &own)
        }
    }

    fn deny_bodies(&self) -> impl Iterator<Item = &Body> {
        self.denies.iter().filter_map(|s| s.body.as_ref().ok())
    }

    fn context_exists(
        &self,
        required: &[&Body],
        denies: &[(usize, Tri)],
        steps: &mut usize,
    ) -> Tri {
        let denies: Vec<(&Statement, &Tri)> = denies
            .iter()
            .filter_map(|(index, certainty)| Some((*self.denies.get(*index)?, certainty)))
            .collect();
        let conditions: Vec<&Condition> = required
            .iter()
            .copied()
            .chain(denies.iter().filter_map(|(s, _)| s.body.as_ref().ok()))
            .flat_map(|body| &body.conditions)
            .collect();
        // In order of appearance, so that what the allowing statements ask for is fixed first.
        let mut keys: Vec<String> = Vec::new();
        for condition in &conditions {
            for key in std::iter::once(condition.key_lower()).chain(condition.variables()) {
                if !keys.iter().any(|k| k == key) {
                    keys.push(key.to_owned());
                }
            }
        }
        let choices: Vec<(String, Vec<Fact>)> = keys
            .into_iter()
            .map(|key| {
                let facts = domain(&key, self.caller, &self.context, &conditions);
                (key, facts)
            })
            .collect();
        let mut request = Request::new();
        grow(required, &denies, &choices, &mut request, steps)
    }
}

/// Tries every way to complete a request.
fn grow(
    required: &[&Body],
    denies: &[(&Statement, &Tri)],
    choices: &[(String, Vec<Fact>)],
    request: &mut Request,
    steps: &mut usize,
) -> Tri {
    *steps += 1;
    if *steps > MAX_STEPS {
        return Tri::opaque("its conditions combine in too many ways to try them all");
    }
    let allowed = Tri::all(
        required
            .iter()
            .map(|b| evaluate_all(&b.conditions, request)),
    );
    if allowed.is_no() {
        return Tri::No;
    }
    let denied = Tri::any(denies.iter().map(|(statement, certainty)| {
        let holds = match &statement.body {
            Ok(body) => evaluate_all(&body.conditions, request),
            Err(_) => Tri::Yes,
        };
        (*certainty).clone().and(holds)
    }));
    let here = allowed.and(!denied);
    let Some(((key, facts), rest)) = choices.split_first() else {
        return here;
    };
    if !matches!(here, Tri::Unknown(_)) {
        return here;
    }
    let mut result = Tri::No;
    for fact in facts {
        request.set(key, fact.clone());
        result = result.or(grow(required, denies, rest, request, steps));
        if result.is_yes() || *steps > MAX_STEPS {
            break;
        }
    }
    request.unset(key);
    result
}

/// How the parts of a resource are spelled that the same policy speaks of.
fn below(arn: &str) -> &'static [&'static str] {
    match arn.split(':').nth(2) {
        Some("sqs" | "sns" | "kms" | "secretsmanager" | "iam" | "ecr") => &[],
        Some("s3" | "es" | "dynamodb" | "execute-api") => &["/*"],
        Some("lambda" | "logs") => &[":*"],
        _ => &["/*", ":*"],
    }
}

fn overlaps_all(clauses: &[&Clause<Pattern>], universe: &Pattern) -> bool {
    clauses.iter().all(|clause| match clause {
        Clause::Only(list) => list.iter().any(|p| p.overlaps(universe)),
        Clause::Except(list) => !list.iter().any(|p| p.covers(universe)),
    })
}

/// Texts that all clauses admit, one for each way in which the patterns at hand tell texts apart.
fn atoms<'p>(
    clauses: &[&'p Clause<Pattern>],
    others: impl Iterator<Item = &'p Pattern>,
    universe: &[Pattern],
) -> Vec<String> {
    let others: Vec<&Pattern> = others.collect();
    let mut texts = BTreeSet::new();
    for bound in universe {
        texts.extend(bound.witness(bound));
        texts.extend(others.iter().filter_map(|other| bound.witness(other)));
    }
    for (index, clause) in clauses.iter().enumerate() {
        // Patterns of one clause need no comparing among themselves: it admits what any of them does.
        let beside = clauses
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, clause)| clause.listed())
            .chain(others.iter().copied());
        for pattern in clause.listed() {
            texts.extend(universe.iter().filter_map(|bound| bound.witness(pattern)));
            texts.extend(beside.clone().filter_map(|other| pattern.witness(other)));
        }
    }
    texts
        .into_iter()
        .filter(|text| universe.iter().any(|bound| bound.matches(text)))
        .filter(|text| clauses.iter().all(|clause| clause.admits(text, true)))
        .collect()
}

/// A reason for what could not be read.
pub(crate) fn unread(what: &str) -> Undecided {
    Undecided::opaque(format!("{what} could not be read"))
}
