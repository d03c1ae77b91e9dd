//! Generated histories of a small world, scanned again and again, against what is really true: no ticket is closed
//! without proof, none is opened twice, every failing finding has one, and nothing is called fixed that was not
//! looked at.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use crate::common::{CHECKS, Plan, RESOURCES, Truth, World, finding_id_of, pairs};
use posture_report::v1::{Report, Severity, Status};
use posture_track::Diff;
use posture_track::State;
use posture_track::diff::Kind as Change;
use posture_track::tickets::{
    self, Entry, Found, GroupBy, Kind, Ledger, LedgerFile, OnWaived, Operation, Planner, Policy,
    Sink, SinkError, Step, Ticket,
};
use proptest::prelude::*;
use proptest::sample::select;

/// Something happens in the world.
#[derive(Debug, Clone)]
enum Event {
    Exists(usize),
    Weak(usize, usize),
    Waived(usize, usize),
    Rule(usize),
    Rename(usize),
    Severity(usize),
}

/// What befalls the ticketing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    None,
    /// The ledger is lost.
    Lost,
    /// The ledger is lost, and the report before is at hand.
    LostWithPrevious,
    /// The process dies after so many requests, before (false) or after (true) the last of them had its effect.
    Dies(usize, bool),
    /// Someone closes the first open ticket by hand.
    ClosedByHand,
}

#[derive(Debug, Clone)]
struct Day {
    events: Vec<Event>,
    plan: Plan,
    mishap: Mishap,
}

fn event() -> impl Strategy<Value = Event> {
    let pair = select(pairs().collect::<Vec<_>>());
    prop_oneof![
        3 => (0..RESOURCES.len()).prop_map(Event::Exists),
        5 => pair.clone().prop_map(|(c, r)| Event::Weak(c, r)),
        2 => pair.prop_map(|(c, r)| Event::Waived(c, r)),
        1 => (0..CHECKS.len()).prop_map(Event::Rule),
        1 => (0..RESOURCES.len()).prop_map(Event::Rename),
        1 => (0..CHECKS.len()).prop_map(Event::Severity),
    ]
}

fn mostly<const N: usize>() -> impl Strategy<Value = [bool; N]> {
    prop::collection::vec(prop::bool::weighted(0.93), N).prop_map(|all| all.try_into().unwrap())
}

fn rarely<const N: usize>() -> impl Strategy<Value = [bool; N]> {
    prop::collection::vec(prop::bool::weighted(0.06), N).prop_map(|all| all.try_into().unwrap())
}

fn places() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec((0..2_usize, 0..3_usize, 0..3_usize), 1..4),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let statuses = select(vec![
        vec![Status::Fail, Status::Unknown],
        vec![Status::Fail, Status::Unknown, Status::Waived],
        vec![Status::Fail, Status::Unknown, Status::Waived],
        vec![
            Status::Fail,
            Status::Unknown,
            Status::Pass,
            Status::NotApplicable,
            Status::Waived,
        ],
        vec![Status::Fail],
        vec![Status::Pass],
    ]);
    let unread = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(select(pairs().collect::<Vec<_>>()), 1..4),
    ];
    (
        mostly(),
        mostly(),
        mostly(),
        mostly(),
        rarely(),
        (places(), places(), places()),
        unread,
        statuses,
    )
        .prop_map(
            |(
                accounts,
                regions,
                services,
                checks,
                shut,
                (missing, blind, not_offered),
                unread,
                statuses,
            )| Plan {
                accounts,
                regions,
                services,
                checks,
                shut,
                missing,
                blind,
                not_offered,
                unread,
                statuses,
            },
        )
}

fn day() -> impl Strategy<Value = Day> {
    let mishap = prop_oneof![
        6 => Just(Mishap::None),
        1 => Just(Mishap::Lost),
        1 => Just(Mishap::LostWithPrevious),
        2 => (0..6_usize, any::<bool>()).prop_map(|(at, after)| Mishap::Dies(at, after)),
        1 => Just(Mishap::ClosedByHand),
    ];
    (prop::collection::vec(event(), 0..6), plan(), mishap).prop_map(|(events, plan, mishap)| Day {
        events,
        plan,
        mishap,
    })
}

fn happen(world: &mut World, events: &[Event]) {
    fn toggle<T: Ord>(set: &mut BTreeSet<T>, item: T) {
        if !set.remove(&item) {
            set.insert(item);
        }
    }
    world.day += 1;
    for event in events {
        match *event {
            Event::Exists(resource) => toggle(&mut world.exists, resource),
            Event::Weak(check, resource) => {
                let version = world.version(check);
                toggle(&mut world.weak, (check, resource, version));
            }
            Event::Waived(check, resource) => toggle(&mut world.waived, (check, resource)),
            Event::Rule(check) => *world.versions.entry(check).or_default() += 1,
            Event::Rename(resource) => *world.names.entry(resource).or_default() += 1,
            Event::Severity(check) => toggle(&mut world.severe, check),
        }
    }
}

/// A world in which most things exist and some are weak.
fn start() -> World {
    let mut world = World::default();
    for (check, resource) in pairs() {
        world.exists.insert(resource);
        if (check + resource).is_multiple_of(3) {
            world.weak.insert((check, resource, 0));
        }
    }
    world
}

/// An operation, the key of its ticket, and the findings that it resolves.
type Done = (Kind, String, Vec<(String, tickets::Resolution)>);

/// A ticketing system that everyone can see into.
#[derive(Debug, Default)]
struct Office {
    tickets: Vec<Paper>,
    /// Requests until the process dies, and whether the last one has its effect.
    dies: Option<(usize, bool)>,
    dead: bool,
    /// Everything that was done, to hold it against what is true.
    done: Vec<Done>,
}

#[derive(Debug, Clone)]
struct Paper {
    key: String,
    open: bool,
    entry: Entry,
}

#[derive(Debug, Clone, Default)]
struct Desk(Rc<RefCell<Office>>);

impl Desk {
    /// Counts a request; says whether it has its effect, and whether the process lives to see the answer.
    fn request(&self) -> (bool, bool) {
        let mut office = self.0.borrow_mut();
        if office.dead {
            return (false, false);
        }
        match office.dies {
            Some((0, after)) => {
                office.dead = true;
                (after, false)
            }
            Some((n, after)) => {
                office.dies = Some((n - 1, after));
                (true, true)
            }
            None => (true, true),
        }
    }

    fn change(&self, ticket: &Ticket, operation: &Operation, open: bool) -> Result<(), SinkError> {
        let (works, lives) = self.request();
        if works {
            let mut office = self.0.borrow_mut();
            let number: usize = ticket.id.parse().unwrap();
            let paper = &mut office.tickets[number];
            assert_eq!(paper.key, operation.key);
            paper.open = open;
            paper.entry = operation.after.clone();
            office.note(operation);
        }
        if lives {
            Ok(())
        } else {
            Err(SinkError::Unsure("gone".to_owned()))
        }
    }

    fn papers(&self) -> Vec<Paper> {
        self.0.borrow().tickets.clone()
    }
}

impl Office {
    fn note(&mut self, operation: &Operation) {
        let resolved = operation
            .resolved
            .iter()
            .map(|one| (one.finding.to_string(), one.why))
            .collect();
        self.done
            .push((operation.kind, operation.key.clone(), resolved));
    }
}

impl Sink for Desk {
    fn find(&mut self) -> Result<Vec<Found>, SinkError> {
        let office = self.0.borrow();
        if office.dead {
            return Err(SinkError::Stop {
                message: "dead".to_owned(),
                help: String::new(),
            });
        }
        let papers = office.tickets.iter().enumerate();
        Ok(papers
            .map(|(number, paper)| Found {
                key: paper.key.clone(),
                ticket: Ticket {
                    id: number.to_string(),
                    url: String::new(),
                },
                open: paper.open,
                entry: Some(Entry {
                    ticket: None,
                    pending: None,
                    ..paper.entry.clone()
                }),
            })
            .collect())
    }

    fn open(&mut self, operation: &Operation) -> Result<Ticket, SinkError> {
        let (works, lives) = self.request();
        let mut office = self.0.borrow_mut();
        if works {
            let twice = office
                .tickets
                .iter()
                .any(|paper| paper.key == operation.key);
            assert!(!twice, "{} is opened twice", operation.key);
            office.tickets.push(Paper {
                key: operation.key.clone(),
                open: true,
                entry: operation.after.clone(),
            });
            office.note(operation);
        }
        if lives {
            Ok(Ticket {
                id: (office.tickets.len() - 1).to_string(),
                url: String::new(),
            })
        } else {
            Err(SinkError::Unsure("gone".to_owned()))
        }
    }

    fn update(&mut self, ticket: &Ticket, operation: &Operation, _: bool) -> Result<(), SinkError> {
        let number: usize = ticket.id.parse().unwrap();
        let open = self.0.borrow().tickets[number].open;
        self.change(ticket, operation, open)
    }

    fn reopen(&mut self, ticket: &Ticket, operation: &Operation, _: bool) -> Result<(), SinkError> {
        self.change(ticket, operation, true)
    }

    fn close(&mut self, ticket: &Ticket, operation: &Operation, _: bool) -> Result<(), SinkError> {
        self.change(ticket, operation, false)
    }

    fn settles_in(&self) -> Duration {
        Duration::ZERO
    }

    fn wait(&mut self, _: Duration) {}
}

fn key_of(group_by: GroupBy, world: &World, check: usize, resource: usize) -> String {
    match group_by {
        GroupBy::Finding => finding_id_of(check, resource),
        GroupBy::Check => CHECKS[check].0.to_owned(),
        GroupBy::Resource => world.key(resource),
    }
}

/// Which findings the tickets of a key must still be for, told from the truth of one scan after the other.
#[derive(Default)]
struct Oracle {
    /// (check, resource) that failed and of which nothing better is proved since.
    owed: BTreeSet<(usize, usize)>,
}

impl Oracle {
    /// Whether absence from the findings says something, in a report of these statuses.
    fn visible(world: &World, plan: &Plan, check: usize, status: Status) -> bool {
        let occurs = (0..RESOURCES.len()).any(|resource| {
            RESOURCES[resource].0 == CHECKS[check].1
                && world.truth(plan, check, resource) == Truth::Judged(status)
        });
        // Where a listing failed there are unknowns as well.
        let hidden = status == Status::Unknown && !world.unlisted(plan, CHECKS[check].1).is_empty();
        plan.statuses.contains(&status) || !(occurs || hidden)
    }

    /// Takes in a scan. Returns what may be closed with it and why.
    fn scan(
        &mut self,
        world: &World,
        plan: &Plan,
        least: Severity,
        keep_waived: bool,
    ) -> BTreeMap<(usize, usize), &'static str> {
        let mut proved = BTreeMap::new();
        for (check, resource) in pairs() {
            let pair = (check, resource);
            match world.truth(plan, check, resource) {
                Truth::Judged(Status::Fail) => {
                    if plan.statuses.contains(&Status::Fail)
                        && (world.severity(check) >= least || self.owed.contains(&pair))
                    {
                        self.owed.insert(pair);
                    }
                }
                Truth::Judged(Status::Waived) => {
                    if plan.statuses.contains(&Status::Waived) && !keep_waived {
                        proved.insert(pair, "waived");
                    }
                }
                Truth::Judged(Status::Pass | Status::NotApplicable) => {
                    proved.insert(pair, "sound");
                }
                Truth::Absent => {
                    proved.insert(pair, "gone");
                }
                Truth::Judged(Status::Unknown) | Truth::Blind | Truth::Outside => {}
            }
        }
        proved
    }
}

/// Goes through a history, and holds what the tickets say against what is true.
fn live(days: &[Day], policy: &Policy) {
    let mut world = start();
    let desk = Desk::default();
    let mut oracle = Oracle::default();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.jsonl");
    let mut previous: Option<Report> = None;
    let mut by_hand: BTreeSet<String> = BTreeSet::new();
    let keep_waived = policy.on_waived == OnWaived::Keep;
    for day in days {
        happen(&mut world, &day.events);
        let report = world.report(&day.plan);
        let mut planner = Planner::new(&report, policy).unwrap();
        let proved = oracle.scan(&world, &day.plan, policy.least, keep_waived);
        let mut told = None;
        match day.mishap {
            Mishap::Lost => {
                let _ = std::fs::remove_file(&path);
            }
            Mishap::LostWithPrevious => {
                let _ = std::fs::remove_file(&path);
                told = previous
                    .as_ref()
                    .map(|previous| Planner::new(previous, policy).unwrap().ledger().unwrap());
            }
            Mishap::Dies(at, after) => desk.0.borrow_mut().dies = Some((at, after)),
            Mishap::ClosedByHand => {
                let mut office = desk.0.borrow_mut();
                if let Some(paper) = office.tickets.iter_mut().find(|paper| paper.open) {
                    paper.open = false;
                    by_hand.insert(paper.key.clone());
                }
            }
            Mishap::None => {}
        }
        if let Mishap::Dies(..) = day.mishap {
            let mut file = LedgerFile::open(&path, policy.group_by, Some("desk")).unwrap();
            let mut dying = desk.clone();
            let _ =
                tickets::apply(&mut planner, &mut file, &mut dying, u64::MAX, &mut |_| {}).unwrap();
            let mut office = desk.0.borrow_mut();
            office.dies = None;
            office.dead = false;
        }
        let mut file = LedgerFile::open(&path, policy.group_by, Some("desk")).unwrap();
        if let Some(told) = told {
            file.replace(told);
        }
        let mut sink = desk.clone();
        let applied =
            tickets::apply(&mut planner, &mut file, &mut sink, u64::MAX, &mut |_| {}).unwrap();
        assert_eq!(applied.stopped, None);
        assert_eq!(applied.refused, 0);
        drop(file);

        // Nothing is said to be resolved without proof.
        let done = std::mem::take(&mut desk.0.borrow_mut().done);
        for (kind, key, resolved) in &done {
            if *kind == Kind::Reopen {
                by_hand.remove(key);
            }
            for (finding, why) in resolved {
                let pair = pairs()
                    .find(|(c, r)| finding_id_of(*c, *r) == *finding)
                    .unwrap();
                let proof = proved.get(&pair).copied();
                let expected = match why {
                    tickets::Resolution::Fixed | tickets::Resolution::SoundByNewRule => "sound",
                    tickets::Resolution::Gone => "gone",
                    tickets::Resolution::Waived => "waived",
                };
                assert_eq!(proof, Some(expected), "{finding} is resolved as {why:?}");
            }
        }

        // What is proved is not owed any more, as far as the report shows the proof.
        let complete = |pair: &(usize, usize)| {
            // That there is none of it takes no verdict, only that no listing failed unseen.
            let needed: &[Status] = match proved.get(pair) {
                Some(&"gone") => &[Status::Unknown],
                _ => &[Status::Fail, Status::Unknown, Status::Waived],
            };
            needed
                .iter()
                .all(|status| Oracle::visible(&world, &day.plan, pair.0, *status))
        };
        let before = oracle.owed.clone();
        let resolved_now: BTreeSet<(usize, usize)> = proved.keys().copied().collect();
        oracle.owed.retain(|pair| {
            !resolved_now.contains(pair) || !complete(pair) && !is_listed(&world, &day.plan, *pair)
        });

        // Every key with something owed has exactly one open ticket; what nothing is owed for is closed.
        let papers = desk.papers();
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for paper in &papers {
            *count.entry(paper.key.as_str()).or_default() += 1;
        }
        assert!(count.values().all(|n| *n == 1), "two tickets for one key");
        let owed: BTreeSet<String> = oracle
            .owed
            .iter()
            .map(|(c, r)| key_of(policy.group_by, &world, *c, *r))
            .collect();
        let could: BTreeSet<String> = before
            .iter()
            .map(|(c, r)| key_of(policy.group_by, &world, *c, *r))
            .collect();
        for paper in &papers {
            let expected = owed.contains(&paper.key) && !by_hand.contains(&paper.key);
            let hidden = could.contains(&paper.key) && !owed.contains(&paper.key);
            if hidden {
                // The proof may be in the report or not: both are right as long as nothing is closed without.
                continue;
            }
            if by_hand.contains(&paper.key) {
                continue;
            }
            assert_eq!(paper.open, expected, "{} on day {}", paper.key, world.day);
        }
        for key in &owed {
            assert!(
                papers.iter().any(|paper| paper.key == *key),
                "no ticket for {key}"
            );
        }

        // The same report again says nothing.
        let mut file = LedgerFile::open(&path, policy.group_by, Some("desk")).unwrap();
        let mut steps = 0;
        planner
            .plan(file.ledger(), &mut |step| {
                assert!(!matches!(step, Step::Note(_)), "a note that is not kept");
                steps += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(steps, 0, "replaying is not silent");
        // Nor does a ledger that is rebuilt from the tickets.
        let mut rebuilt = Ledger::new(policy.group_by);
        tickets::adopt(&mut rebuilt, sink.find().unwrap());
        let counts = planner.plan(&rebuilt, &mut |_| Ok(())).unwrap();
        assert_eq!(
            counts.all(),
            0,
            "{counts:?} after the ledger was lost: {rebuilt:#?} instead of {:#?}",
            file.ledger()
        );
        file.tidy().unwrap();
        previous = Some(report);
    }
}

/// Whether the report lists the verdict itself.
fn is_listed(world: &World, plan: &Plan, (check, resource): (usize, usize)) -> bool {
    match world.truth(plan, check, resource) {
        Truth::Judged(status) => plan.statuses.contains(&status),
        _ => false,
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    (
        select(vec![
            GroupBy::Finding,
            GroupBy::Finding,
            GroupBy::Check,
            GroupBy::Resource,
        ]),
        select(vec![Severity::Info, Severity::Info, Severity::Medium]),
        select(vec![OnWaived::Close, OnWaived::Close, OnWaived::Keep]),
    )
        .prop_map(|(group_by, least, on_waived)| Policy {
            group_by,
            least,
            on_waived,
            ..Policy::default()
        })
}

/// What a comparison must say, told from the truth of both scans.
fn expected(
    world: [&World; 2],
    plans: [&Plan; 2],
    check: usize,
    resource: usize,
) -> Option<Vec<Change>> {
    let [old, new] = [0, 1].map(|at| world[at].truth(plans[at], check, resource));
    let same_rule = world[0].version(check) == world[1].version(check);
    let by_rule = |kind| {
        vec![if same_rule {
            kind
        } else {
            Change::CheckChanged
        }]
    };
    let weak = |truth| matches!(truth, Truth::Judged(Status::Fail | Status::Waived));
    let sound = |truth| matches!(truth, Truth::Judged(Status::Pass | Status::NotApplicable));
    let unknown = |truth| truth == Truth::Judged(Status::Unknown);
    let unsure = vec![
        Change::ScopeChanged,
        Change::BecameUnknown,
        Change::CheckChanged,
    ];
    Some(match (old, new) {
        (Truth::Judged(Status::Waived), Truth::Judged(Status::Fail)) => vec![Change::Regressed],
        (a, b) if weak(a) && weak(b) => return None,
        (a, b) if weak(a) && sound(b) => by_rule(Change::Fixed),
        (a, b) if sound(a) && weak(b) => by_rule(Change::Regressed),
        (a, b) if unknown(a) && weak(b) => by_rule(Change::New),
        (Truth::Absent, b) if weak(b) => vec![Change::New],
        (Truth::Blind, b) if weak(b) => vec![Change::New, Change::ScopeChanged],
        (Truth::Outside, b) if weak(b) => {
            vec![Change::New, Change::ScopeChanged, Change::CheckChanged]
        }
        (a, b) if weak(a) && unknown(b) => by_rule(Change::BecameUnknown),
        (a, Truth::Absent) if weak(a) || unknown(a) => vec![Change::ResourceGone],
        (a, Truth::Blind | Truth::Outside) if weak(a) => unsure,
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96), max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tickets_follow_what_is_true(days in prop::collection::vec(day(), 1..9), policy in policies()) {
        live(&days, &policy);
    }

    #[test]
    fn a_comparison_says_what_is_true(
        events in prop::collection::vec(event(), 0..12),
        plans in (plan(), plan()),
    ) {
        let mut plans = [plans.0, plans.1];
        for plan in &mut plans {
            // What the statuses hide is tried with the tickets; here all of what is weak is listed.
            if !plan.statuses.contains(&Status::Waived) {
                plan.statuses = vec![Status::Fail, Status::Unknown, Status::Waived];
            }
        }
        let before = start();
        let mut after = before.clone();
        happen(&mut after, &events);
        let (old, new) = (before.report(&plans[0]), after.report(&plans[1]));
        let diff = Diff::of(&old, &new).unwrap();
        let mut changes = BTreeMap::new();
        diff.each(&mut |change, finding| {
            let twice = changes.insert(finding.id.to_string(), change.clone());
            assert!(twice.is_none(), "{} twice", finding.id);
            Ok(())
        }).unwrap();
        let mut counted = 0;
        for (check, resource) in pairs() {
            let id = finding_id_of(check, resource);
            let expected = expected([&before, &after], [&plans[0], &plans[1]], check, resource);
            let got = changes.get(&id).map(|change| change.kind);
            match (&expected, got) {
                (Some(kinds), Some(kind)) => assert!(kinds.contains(&kind), "{id}: {kind:?}, not {kinds:?}"),
                (Some(kinds), None) => panic!("{id}: nothing, not {kinds:?}"),
                (None, Some(kind)) => assert!(
                    matches!(kind, Change::BecameUnknown | Change::ScopeChanged | Change::CheckChanged),
                    "{id}: {kind:?}, not nothing",
                ),
                (None, None) => {}
            }
            // Above all else.
            let now = after.truth(&plans[1], check, resource);
            if got == Some(Change::Fixed) {
                assert!(matches!(now, Truth::Judged(Status::Pass | Status::NotApplicable)));
            }
            if got == Some(Change::ResourceGone) {
                assert_eq!(now, Truth::Absent);
            }
            counted += usize::from(got.is_some());
        }
        let listings = changes.values().filter(|change| change.kind == Change::BecameUnknown || change.now == State::NotLooked || change.was == State::NotLooked).count();
        assert!(counted + listings >= changes.len());
        let total: u64 = Change::ALL.iter().map(|kind| diff.summary().get(*kind)).sum();
        assert_eq!(total, changes.len() as u64);
    }

    #[test]
    fn a_report_has_not_changed_against_itself(events in prop::collection::vec(event(), 0..12), plan in plan()) {
        let mut world = start();
        happen(&mut world, &events);
        let report = world.report(&plan);
        let diff = Diff::of(&report, &report).unwrap();
        diff.each(&mut |change, _| panic!("{change:?}")).unwrap();
        let weak = report.findings.iter().filter(|f| matches!(f.status, Status::Fail | Status::Waived)).count();
        assert_eq!(diff.summary().unchanged, weak as u64);
    }
}
