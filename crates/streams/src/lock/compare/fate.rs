//! What became of things that have names.

use std::collections::BTreeMap;

/// A thing and its name.
pub(super) type Named<'a, T> = (&'a str, T);

/// What became of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate<'a, T> {
    Kept(&'a str, T, T),
    /// There is nothing of the old name, one thing of a new name that is just like it, and no other like either.
    Renamed(Named<'a, T>, Named<'a, T>),
    Removed(&'a str, T),
    Added(&'a str, T),
}

impl<'a, T: Copy> Fate<'a, T> {
    /// The thing in both versions, if it is in both.
    pub(super) fn both(&self) -> Option<(Named<'a, T>, Named<'a, T>)> {
        match *self {
            Self::Kept(name, old, new) => Some(((name, old), (name, new))),
            Self::Renamed(old, new) => Some((old, new)),
            Self::Removed(..) | Self::Added(..) => None,
        }
    }
}

/// What became of each: of the old ones in the order of their names, then the new ones.
pub(super) fn fates<'a, T: Copy>(
    old: &BTreeMap<&'a str, T>,
    new: &BTreeMap<&'a str, T>,
    alike: impl Fn(T, T) -> bool,
) -> Vec<Fate<'a, T>> {
    let removed: Vec<_> = old.iter().filter(|(name, _)| !new.contains_key(*name)).collect();
    let added: Vec<_> = new.iter().filter(|(name, _)| !old.contains_key(*name)).collect();
    let heir = |is: T| only(added.iter().filter(|(_, new)| alike(is, **new)));
    let forebear = |is: T| only(removed.iter().filter(|(_, old)| alike(**old, is)));
    let of_old = old.iter().map(|(name, is)| match (new.get(name), heir(*is)) {
        (Some(new), _) => Fate::Kept(name, *is, *new),
        (None, Some((heir, new))) if forebear(**new).is_some() => {
            Fate::Renamed((*name, *is), (**heir, **new))
        }
        (None, _) => Fate::Removed(name, *is),
    });
    let mut fates: Vec<_> = of_old.collect();
    let is_heir = |new: &str| {
        let heirs = fates.iter().filter_map(Fate::both);
        heirs.into_iter().any(|(_, (name, _))| name == new)
    };
    let unrelated: Vec<_> = added.iter().filter(|(name, _)| !is_heir(name)).collect();
    fates.extend(unrelated.into_iter().map(|(name, is)| Fate::Added(name, **is)));
    fates
}

/// The item, if there is exactly one.
fn only<I: Iterator>(mut items: I) -> Option<I::Item> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::Fate::{Added, Kept, Removed, Renamed};
    use super::*;

    #[test]
    fn a_new_name_is_a_renaming_only_where_one_old_and_one_new_thing_are_alike() {
        let told = |old: &[(&'static str, u8)], new: &[(&'static str, u8)]| {
            let (old, new) = (old.iter().copied().collect(), new.iter().copied().collect());
            fates(&old, &new, |old, new| old == new)
        };
        assert_eq!(told(&[("a", 1)], &[("a", 2)]), [Kept("a", 1, 2)]);
        assert_eq!(told(&[("a", 1)], &[("b", 1)]), [Renamed(("a", 1), ("b", 1))]);
        assert_eq!(told(&[("a", 1)], &[("b", 2)]), [Removed("a", 1), Added("b", 2)]);
        assert_eq!(told(&[("a", 1)], &[("b", 1), ("c", 1)]), [Removed("a", 1), Added("b", 1), Added("c", 1)]);
        assert_eq!(
            told(&[("a", 1), ("c", 1)], &[("b", 1)]),
            [Removed("a", 1), Removed("c", 1), Added("b", 1)]
        );
    }
}
