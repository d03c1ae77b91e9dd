//! An organization looked at part by part yields the chains that it yields as a whole.

#![expect(clippy::expect_used, reason = "a helper of tests fails them")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posture_policy::bridges::{Bridges, doors};
use posture_policy::escalation::{
    Escalations, Gain, Need, On, Path, Target, escalations, escalations_of_part,
};
use posture_policy::estate::{Actor, ActorParts, Attached, Estate, Group, Thing};
use posture_policy::{Boundary, Control, IdentitySet, NamedPolicy, PolicySet, Requester};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{document, parse};

const ACCOUNTS: [&str; 5] = [
    "111111111111",
    "222222222222",
    "333333333333",
    "444444444444",
    "555555555555",
];

/// Choices that a property test makes and shortens.
struct Tape<'t>(std::slice::Iter<'t, u16>);

impl Tape<'_> {
    /// A number below a bound; 0 when the tape is over.
    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |n| usize::from(*n) % bound)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &'a [&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 1
    }
}

/// How large the accounts of an estate are.
struct Size {
    users: usize,
    roles: usize,
    functions: usize,
}

fn named(name: &str, statement: &Value) -> NamedPolicy {
    NamedPolicy::new(name, parse(&document(statement)))
}

fn attached(statement: &Value) -> Attached {
    Attached::Set(Arc::new(PolicySet::new(vec![named("of it", statement)])))
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn role_arn(account: &str, number: usize) -> String {
    format!("arn:aws:iam::{account}:role/r{number}")
}

fn user_arn(account: &str, number: usize) -> String {
    format!("arn:aws:iam::{account}:user/u{number}")
}

struct Maker<'t> {
    tape: Tape<'t>,
    size: Size,
    estate: Estate,
}

impl Maker<'_> {
    fn any_role(&mut self) -> String {
        let account = self.tape.pick(&ACCOUNTS);
        let number = self.tape.below(self.size.roles);
        role_arn(account, number)
    }

    fn any_user(&mut self) -> String {
        let account = self.tape.pick(&ACCOUNTS);
        let number = self.tape.below(self.size.users);
        user_arn(account, number)
    }

    /// Whom something lets in.
    fn principal(&mut self, own: &str) -> Value {
        match self.tape.below(12) {
            0 | 1 => json!({"Service": "lambda.amazonaws.com"}),
            2 | 3 => json!({"AWS": own}),
            4 | 5 => json!({"AWS": self.tape.pick(&ACCOUNTS)}),
            6 | 7 => json!({"AWS": self.any_role()}),
            8 => json!({"AWS": self.any_user()}),
            9 => {
                let role = self.any_role().replace(":iam:", ":sts:");
                json!({"AWS": format!("{}/session", role.replace(":role/", ":assumed-role/"))})
            }
            10 => json!({"AWS": ["999999999999", self.tape.pick(&ACCOUNTS)]}),
            _ => json!("*"),
        }
    }

    fn condition(&mut self) -> Value {
        match self.tape.below(10) {
            0 => json!({"StringEquals": {"aws:PrincipalOrgID": "o-one"}}),
            1 => json!({"Strange": {"aws:NewKey": "x"}}),
            2 => json!({"StringEquals": {"sts:ExternalId": "x"}}),
            3 => json!({"StringEquals": {"aws:PrincipalTag/team": "a"}}),
            _ => json!({}),
        }
    }

    fn on_resource(&mut self, own: &str, action: &str) -> Attached {
        if self.tape.one_in(12) {
            return Attached::Unread("denied".to_owned());
        }
        let effect = if self.tape.one_in(10) {
            "Deny"
        } else {
            "Allow"
        };
        let first = json!({
            "Effect": effect,
            "Principal": self.principal(own),
            "Action": action,
            "Condition": self.condition(),
        });
        let second = json!({"Effect": "Allow", "Principal": self.principal(own), "Action": action});
        attached(&json!([first, second]))
    }

    fn statement(&mut self, own: &str) -> Value {
        let mut statement = match self.tape.below(16) {
            0 | 1 => allow("sts:AssumeRole", "*"),
            2..5 => allow("sts:AssumeRole", &self.any_role()),
            5 => allow("iam:CreateAccessKey", &self.any_user()),
            6 => allow("iam:PutUserPolicy", &self.any_user()),
            7 => allow("iam:PutRolePolicy", &self.any_role()),
            8 => {
                json!({"Effect": "Allow", "Action": ["iam:PassRole", "lambda:*"], "Resource": "*"})
            }
            9 | 10 => allow("lambda:UpdateFunctionCode", "*"),
            11 => {
                json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": self.any_role()})
            }
            12 => allow("iam:AddUserToGroup", "*"),
            13 => {
                json!({"Effect": "Allow", "Action": ["ssm:StartSession", "build:Start"], "Resource": "*"})
            }
            14 => allow("s3:GetObject", &format!("arn:aws:s3:::{own}/*")),
            _ => allow("*", "*"),
        };
        if self.tape.one_in(4) {
            statement["Condition"] = self.condition();
        }
        statement
    }

    fn set(&mut self, own: &str) -> IdentitySet {
        let count = self.tape.below(3);
        let mut set = IdentitySet::default();
        for number in 0..=count {
            let statement = self.statement(own);
            set.policies
                .push(named(&format!("p{number}"), &json!([statement])));
        }
        if self.tape.one_in(20) {
            set.unread.push("lost".to_owned());
        }
        set.boundary = match self.tape.below(16) {
            0 => Boundary::Policy(named("b", &json!([allow("sts:*", "*")]))),
            1 => Boundary::Unread("denied".to_owned()),
            _ => Boundary::None,
        };
        set
    }

    fn control(&mut self) -> Arc<Control> {
        let statement = match self.tape.below(8) {
            0 => json!([{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]),
            1 => json!([
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "lambda:*", "Resource": "*"}
            ]),
            2 => {
                return Arc::new(Control {
                    levels: Vec::new(),
                    unread: Some("denied".to_owned()),
                });
            }
            _ => return Arc::default(),
        };
        Arc::new(Control {
            levels: vec![Arc::new(PolicySet::new(vec![named("c", &statement)]))],
            unread: None,
        })
    }

    fn actor(&mut self, arn: &str, account: &str, scps: &Arc<Control>, groups: &[usize]) {
        let is_role = arn.contains(":role/");
        let parts = ActorParts {
            requester: Requester::parse(arn).expect("a principal"),
            set: self.set(account),
            scps: Arc::clone(scps),
            trust: if is_role {
                self.on_resource(account, "sts:AssumeRole")
            } else {
                Attached::None
            },
            customer_policies: Vec::new(),
            groups: if is_role { Vec::new() } else { groups.to_vec() },
            in_instance_profile: (!self.tape.one_in(30)).then_some(true),
            service_linked: is_role && self.tape.one_in(20),
            tags: Some(match self.tape.below(3) {
                0 => BTreeMap::from([("team".to_owned(), "a".to_owned())]),
                _ => BTreeMap::new(),
            }),
        };
        self.estate.actors.push(Actor::new(parts));
    }

    fn thing(&mut self, account: &str, number: usize) {
        let is_instance = self.tape.one_in(4);
        let role = match self.tape.below(10) {
            0 => Ok(None),
            1 => Err("denied".to_owned()),
            2 => Ok(Some(self.any_role())),
            3 | 4 => Ok(Some(format!("arn:aws:iam::{account}:instance-profile/i"))),
            _ => Ok(Some(role_arn(account, self.tape.below(self.size.roles)))),
        };
        let kind = if is_instance {
            "ec2.instance"
        } else {
            "lambda.function"
        };
        let arn = format!("arn:aws:lambda:eu-west-1:{account}:function:f{number}");
        let policy = if self.tape.below(2) == 0 {
            self.on_resource(account, "lambda:UpdateFunctionCode")
        } else {
            Attached::None
        };
        let restricted = match self.tape.below(12) {
            0 => Ok(true),
            1 => Err("denied".to_owned()),
            _ => Ok(false),
        };
        self.estate.things.push(Thing {
            kind: kind.to_owned(),
            arn,
            account: account.to_owned(),
            region: "eu-west-1".to_owned(),
            policy,
            restricted,
            roles: BTreeMap::from([("role".to_owned(), role)]),
            tags: Some(BTreeMap::new()),
        });
    }

    fn account(&mut self, account: &str) {
        let scps = self.control();
        let rcps = self.control();
        self.estate.rcps.insert(account.to_owned(), rcps);
        if !self.tape.one_in(3) {
            let id = self.tape.pick(&["o-one", "o-one", "o-two"]);
            self.estate
                .organizations
                .insert(account.to_owned(), id.to_owned());
        }
        let group = self.estate.groups.len();
        let statement = self.statement(account);
        self.estate.groups.push(Group {
            arn: format!("arn:aws:iam::{account}:group/g"),
            account: account.to_owned(),
            policies: vec![named("g", &json!([statement]))],
            unread: Vec::new(),
            customer_policies: Vec::new(),
        });
        for number in 0..self.size.users {
            let groups = [group];
            let of = if self.tape.one_in(3) {
                &groups[..]
            } else {
                &[]
            };
            self.actor(&user_arn(account, number), account, &scps, of);
        }
        for number in 0..self.size.roles {
            self.actor(&role_arn(account, number), account, &scps, &[]);
        }
        for number in 0..self.size.functions {
            self.thing(account, number);
        }
        for kind in [
            "iam.role",
            "iam.user",
            "iam.group",
            "lambda.function",
            "build.project",
        ] {
            if self.tape.one_in(14) || kind == "build.project" && self.tape.one_in(2) {
                let place = (kind.to_owned(), account.to_owned());
                self.estate.unlisted.insert(place, "denied".to_owned());
            }
        }
    }
}

fn estate(tape: &[u16], size: Size) -> Estate {
    let mut maker = Maker {
        tape: Tape(tape.iter()),
        size,
        estate: Estate::default(),
    };
    for account in ACCOUNTS {
        maker.account(account);
    }
    let mut estate = maker.estate;
    estate.actors.sort_by(|a, b| a.arn().cmp(b.arn()));
    estate.things.sort_by(|a, b| a.arn.cmp(&b.arn));
    for account in ACCOUNTS {
        let profile = format!("arn:aws:iam::{account}:instance-profile/i");
        let held = estate.position(&role_arn(account, 0)).into_iter().collect();
        estate.instance_profiles.insert(profile, held);
    }
    estate
}

/// The estate of some accounts, with of the others what concerns everybody.
fn part(whole: &Estate, accounts: &BTreeSet<String>) -> Estate {
    let mut estate = Estate {
        rcps: whole.rcps.clone(),
        organizations: whole.organizations.clone(),
        ..Estate::default()
    };
    let mut moved = BTreeMap::new();
    for (index, group) in whole.groups.iter().enumerate() {
        if accounts.contains(&group.account) {
            moved.insert(index, estate.groups.len());
            estate.groups.push(group.clone());
        }
    }
    for actor in &whole.actors {
        if accounts.contains(actor.account()) {
            let parts: &ActorParts = actor;
            let groups = parts
                .groups
                .iter()
                .filter_map(|old| moved.get(old).copied());
            estate.actors.push(Actor::new(ActorParts {
                groups: groups.collect(),
                ..parts.clone()
            }));
        }
    }
    let own = whole
        .things
        .iter()
        .filter(|thing| accounts.contains(&thing.account));
    estate.things = own.cloned().collect();
    for (profile, roles) in &whole.instance_profiles {
        let own: Vec<usize> = roles
            .iter()
            .filter_map(|role| estate.position(whole.actors.get(*role)?.arn()))
            .collect();
        if !own.is_empty() {
            estate.instance_profiles.insert(profile.clone(), own);
        }
    }
    for ((kind, account), why) in &whole.unlisted {
        if kind == "iam.role" || accounts.contains(account) {
            let place = (kind.clone(), account.clone());
            estate.unlisted.insert(place, why.clone());
        }
    }
    estate
}

/// What all parts yield together.
fn in_parts(whole: &Estate, parts: &[BTreeSet<String>]) -> (Escalations, usize) {
    let paths = paths();
    let estates: Vec<Estate> = parts.iter().map(|accounts| part(whole, accounts)).collect();
    let mut bridges = Bridges::new(parts);
    for (number, estate) in estates.iter().enumerate() {
        bridges.add(number, doors(estate, &paths));
    }
    let mut again: BTreeSet<usize> = (0..parts.len()).collect();
    let mut rounds = 0;
    while !again.is_empty() {
        for number in again {
            let mut estate = estates[number].clone();
            bridges.guests(number).enter(&mut estate);
            let asked = bridges.asked(number);
            let asked = asked.iter().map(String::as_str);
            let found = escalations_of_part(&estate, &paths, asked);
            bridges.report(found.standings);
        }
        again = bridges.settle();
        rounds += 1;
    }
    let mut all = Escalations::default();
    for (number, estate) in estates.iter().enumerate() {
        let mut estate = estate.clone();
        bridges.guests(number).enter(&mut estate);
        let found = escalations_of_part(&estate, &paths, []).found;
        all.principals.extend(found.principals);
        all.undecided.extend(found.undecided);
    }
    all.principals.sort_by(|a, b| a.principal.cmp(&b.principal));
    (all, rounds)
}

fn paths() -> Vec<Path> {
    let mut paths = crate::escalation::paths();
    let through = |id: &str, kind: &str, needs: Vec<Need>| Path {
        id: id.to_owned(),
        title: id.to_owned(),
        target: Target::Through {
            kind: kind.to_owned(),
            role: "role".to_owned(),
        },
        trusts: Vec::new(),
        instance_profile: false,
        needs,
        gains: Gain::Target,
    };
    let need = |action: &str, on: On| Need::new(action, on, None);
    paths.push(through(
        "start-session",
        "ec2.instance",
        vec![need("ssm:StartSession", On::Through)],
    ));
    paths.push(through(
        "start-build",
        "build.project",
        vec![need("build:Start", On::Through)],
    ));
    paths.sort_by(|a, b| a.id.cmp(&b.id));
    paths
}

/// The accounts in parts, as a number says.
fn parts(number: usize) -> Vec<BTreeSet<String>> {
    let sizes: &[usize] = match number {
        0 => &[1, 1, 1, 1, 1],
        1 => &[2, 1, 2],
        2 => &[1, 4],
        _ => &[3, 2],
    };
    let mut accounts = ACCOUNTS.iter().map(|account| (*account).to_owned());
    sizes
        .iter()
        .map(|size| accounts.by_ref().take(*size).collect())
        .collect()
}

fn same(tape: &[u16], size: Size, split: usize) -> Result<(), TestCaseError> {
    let whole = estate(tape, size);
    let expected = Escalations {
        cuts: Vec::new(),
        ..escalations(&whole, &paths())
    };
    let (found, _) = in_parts(&whole, &parts(split));
    prop_assert_eq!(&found.undecided, &expected.undecided);
    prop_assert_eq!(found.principals.len(), expected.principals.len());
    for (found, expected) in found.principals.iter().zip(&expected.principals) {
        prop_assert_eq!(found, expected);
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(config(120))]

    #[test]
    fn parts_come_to_the_chains_of_the_whole(
        tape in proptest::collection::vec(any::<u16>(), 300..900),
        split in 0..4_usize,
    ) {
        same(&tape, Size { users: 2, roles: 4, functions: 3 }, split)?;
    }
}

proptest! {
    #![proptest_config(config(2))]

    /// Large enough that some have more steps, and more that cannot be told, than are kept.
    #[test]
    fn nor_do_the_bounds_of_the_analysis_tell_them_apart(
        tape in proptest::collection::vec(any::<u16>(), 6000..9000),
        split in 0..4_usize,
    ) {
        same(&tape, Size { users: 10, roles: 50, functions: 20 }, split)?;
    }
}

#[test]
fn a_chain_over_all_accounts_takes_a_round_for_each_of_them() {
    // r0 of each account takes r0 of the next, and that of the last is an administrator.
    let actors = ACCOUNTS.iter().enumerate().map(|(number, account)| {
        let statement = match ACCOUNTS.get(number + 1) {
            Some(next) => allow("sts:AssumeRole", &role_arn(next, 0)),
            None => allow("*", "*"),
        };
        let trust = json!({
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNTS[number.saturating_sub(1)]},
            "Action": "sts:AssumeRole",
        });
        Actor::new(ActorParts {
            requester: Requester::parse(&role_arn(account, 0)).expect("a role"),
            set: IdentitySet::of("p", parse(&document(&json!([statement])))),
            scps: Arc::default(),
            trust: attached(&json!([trust])),
            customer_policies: Vec::new(),
            groups: Vec::new(),
            in_instance_profile: Some(false),
            service_linked: false,
            tags: None,
        })
    });
    let whole = Estate {
        actors: actors.collect(),
        ..Estate::default()
    };
    let (found, rounds) = in_parts(&whole, &parts(0));
    let lengths: Vec<usize> = found
        .principals
        .iter()
        .map(|one| one.chains.first().map_or(0, |chain| chain.hops.len()))
        .collect();
    assert_eq!(lengths, [4, 3, 2, 1, 0]);
    // All; then one account after the other, but for the first, at which nobody asks.
    assert_eq!(rounds, 4);
    assert!(found.undecided.is_empty(), "{:?}", found.undecided);
}
