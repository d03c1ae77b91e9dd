//! A call as the services see it: where, by whom, what.

use std::ops::Range;

use crate::account::Account;
use crate::config::{Estate, Faults};
use crate::dice::{Dice, fold, mix};
use crate::id;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::service::{Operation, Service};
use crate::signer::Signer;

/// One account in one region, or an account's global side (an empty region).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) account: Account,
    pub(crate) region: &'a str,
}

impl<'a> Place<'a> {
    /// The dice of one thing that is here.
    pub(crate) fn dice(&self, kind: &str, index: usize) -> Dice {
        Dice::new(self.estate.seed)
            .at(u64::try_from(self.account.index().unwrap_or(usize::MAX)).unwrap_or(u64::MAX))
            .with(self.region)
            .with(kind)
            .at(u64::try_from(index).unwrap_or(u64::MAX))
    }

    /// Resources of a service's main kind.
    pub(crate) fn count(&self, service: &str) -> usize {
        self.estate.resources_of(service)
    }

    /// The same account, in no region.
    pub(crate) fn global(self) -> Self {
        Self { region: "", ..self }
    }

    /// The same account in another region.
    pub(crate) fn in_region<'b>(self, region: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place { region, ..self }
    }

    /// `arn:aws:SERVICE:REGION:ACCOUNT:REST`.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        let (partition, region, account) = (&self.estate.partition, self.region, self.account);
        format!("arn:{partition}:{service}:{region}:{account}:{rest}")
    }

    /// The account's tags for a thing; a fifth of all things has none.
    pub(crate) fn tags(&self, dice: Dice) -> Vec<(&'static str, &'static str)> {
        if dice.percent(20, "untagged") {
            return Vec::new();
        }
        let mut tags = vec![
            ("team", dice.word(id::WORDS, "team")),
            (
                "environment",
                dice.word(&["production", "staging", "development"], "environment"),
            ),
        ];
        if dice.percent(30, "classified") {
            tags.push((
                "classification",
                dice.word(&["public", "internal", "confidential"], "classification"),
            ));
        }
        tags
    }

    /// So many days before the estate's moment, drawn from the thing's dice.
    pub(crate) fn days_ago(&self, dice: Dice, least: usize, most: usize, what: &str) -> i64 {
        let days = least + dice.below(most.saturating_sub(least) + 1, what);
        self.estate.now - i64::try_from(days).unwrap_or(0) * crate::clock::DAY
    }
}

/// A call.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) service: &'static Service,
    pub(crate) parameters: &'a Parameters,
    pub(crate) signer: &'a Signer,
    pub(crate) faults: &'a Faults,
    /// The server's clock, in Unix milliseconds; only credentials look at it.
    pub(crate) now_ms: i64,
    window: Window,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// What the listing is of: a token of one listing does not fit another.
    listing: u64,
    offset: usize,
    size: usize,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// Which items.
    pub(crate) items: Range<usize>,
    /// The token of the next page, when there is one.
    pub(crate) next: Option<String>,
    listing: u64,
}

impl Page {
    /// The token of what follows, even when nothing does.
    pub(crate) fn marker(&self) -> String {
        token(self.listing, self.items.end)
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn new(
        place: Place<'a>,
        service: &'static Service,
        operation: &'static Operation,
        parameters: &'a Parameters,
        signer: &'a Signer,
        faults: &'a Faults,
        now_ms: i64,
    ) -> Result<Self, Refusal> {
        let window = window(place, service, operation, parameters)
            .ok_or_else(|| Refusal::invalid_token(service))?;
        Ok(Self {
            place,
            service,
            parameters,
            signer,
            faults,
            now_ms,
            window,
        })
    }

    /// The number of the page that is asked for, from 0.
    pub(crate) fn page_number(&self) -> u32 {
        u32::try_from(self.window.offset.div_ceil(self.window.size)).unwrap_or(u32::MAX)
    }

    /// The page of a listing of so many items.
    pub(crate) fn page(&self, total: usize) -> Page {
        let start = self.window.offset.min(total);
        let end = start.saturating_add(self.window.size).min(total);
        Page {
            items: start..end,
            next: (end < total).then(|| token(self.window.listing, end)),
            listing: self.window.listing,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.parameters.text(name)
    }

    /// A parameter without which nothing can be answered.
    pub(crate) fn needed(&self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)
            .ok_or_else(|| Refusal::new(400, "ValidationException", &format!("{name} is missing")))
    }

    /// Which of `count` things a parameter names.
    pub(crate) fn named(
        &self,
        name: &str,
        count: usize,
        make: impl Fn(usize) -> String,
    ) -> Result<usize, Refusal> {
        let id = self.needed(name)?;
        id::find(id, count, make).ok_or_else(|| Refusal::missing(self.service, id))
    }
}

fn window(
    place: Place<'_>,
    service: &'static Service,
    operation: &'static Operation,
    parameters: &Parameters,
) -> Option<Window> {
    let largest = place.estate.page_size(service.name, operation.name);
    let Some(paging) = operation.paging else {
        return Some(Window {
            listing: 0,
            offset: 0,
            size: usize::MAX,
        });
    };
    let listing = mix(fold(
        place
            .dice(service.name, 0)
            .with(operation.name)
            .number("listing"),
        &parameters
            .fingerprint(&[paging.token, paging.limit])
            .to_le_bytes(),
    ));
    let wanted = parameters.number(paging.limit).filter(|size| *size > 0);
    let offset = match parameters.text(paging.token) {
        None => 0,
        Some(token) => offset(listing, token)?,
    };
    Some(Window {
        listing,
        offset,
        size: wanted.map_or(largest, |wanted| wanted.min(largest)),
    })
}

fn token(listing: u64, offset: usize) -> String {
    format!("{listing:016x}{offset:x}")
}

fn offset(listing: u64, token: &str) -> Option<usize> {
    let rest = token.strip_prefix(&format!("{listing:016x}"))?;
    usize::from_str_radix(rest, 16).ok()
}
