//! Ids and names. Each ends in its thing's index, so that what an id names is found without a search.

use crate::dice::Dice;

/// An id such as `i-0a1b2c3d4e5f00002a`: the prefix and seventeen hexadecimal digits.
pub(crate) fn hex(prefix: &str, dice: Dice, index: usize) -> String {
    format!("{prefix}{}{index:06x}", dice.hex(11, "id"))
}

/// A UUID.
pub(crate) fn uuid(dice: Dice, index: usize) -> String {
    format!(
        "{}-{}-4{}-8{}-{}{index:06x}",
        dice.hex(8, "id a"),
        dice.hex(4, "id b"),
        dice.hex(3, "id c"),
        dice.hex(3, "id d"),
        dice.hex(6, "id e"),
    )
}

/// A name that a person would give: `orders-00002a`.
pub(crate) fn name(words: &[&'static str], dice: Dice, index: usize) -> String {
    format!("{}-{index:06x}", dice.word(words, "name"))
}

/// Which of `count` things has this id, when `make` makes their ids.
pub(crate) fn find(id: &str, count: usize, make: impl Fn(usize) -> String) -> Option<usize> {
    let tail = id.get(id.len().checked_sub(6)?..)?;
    let index = usize::from_str_radix(tail, 16).ok()?;
    (index < count && make(index) == id).then_some(index)
}

/// What products and services are called here.
pub(crate) const WORDS: &[&str] = &[
    "orders", "billing", "search", "mail", "catalog", "ledger", "reports", "media", "session",
    "pricing", "gateway", "ingest", "archive", "invoice", "stock", "events",
];

/// First names.
pub(crate) const PEOPLE: &[&str] = &[
    "ana", "ben", "chen", "dana", "emil", "fatma", "gus", "hana", "ivo", "jo", "kim", "lena",
    "mira", "noor", "otto", "pia",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_thing() {
        let dice = |index: usize| Dice::new(1).at(u64::try_from(index).unwrap());
        for index in [0, 1, 4095, 70_000] {
            let id = hex("i-", dice(index), index);
            assert_eq!(id.len(), 19);
            assert_eq!(find(&id, 100_000, |n| hex("i-", dice(n), n)), Some(index));
            let id = uuid(dice(index), index);
            assert_eq!(id.len(), 36);
            assert_eq!(find(&id, 100_000, |n| uuid(dice(n), n)), Some(index));
        }
        let id = hex("i-", dice(5), 5);
        assert_eq!(
            find(&id, 5, |n| hex("i-", dice(n), n)),
            None,
            "out of count"
        );
        assert_eq!(
            find("i-000000000000000005", 9, |n| hex("i-", dice(n), n)),
            None
        );
        assert_eq!(find("ü", 9, |n| hex("i-", dice(n), n)), None);
    }
}
