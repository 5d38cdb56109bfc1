//! Which networks go together, and where each is read.

use std::ops::Range;

use toml::Spanned;

use super::defaults;
use super::error::StudyError;
use super::listed::{Pairs, Sites};
use super::networks::Network;
use super::source::Source;

/// A list of names of networks or groups, as it is written.
pub(super) type Names = Spanned<Vec<Spanned<String>>>;

/// What is needed to understand what a table says of networks.
#[derive(Debug, Clone)]
pub(super) struct Pairing<'a> {
    /// The study file.
    pub source: &'a Source<'a>,
    /// The study's networks.
    pub networks: &'a [Network],
    /// Where to point when a default does not suit: the table's name.
    pub place: Range<usize>,
}

/// What `pairs` can ask for, for one kind of work.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// What the work is called in messages.
    pub what: &'a str,
    /// The most networks that it takes at once.
    pub most: Option<usize>,
    /// Whether it makes a difference which network comes first.
    pub directed: bool,
}

impl Pairing<'_> {
    /// Groups of networks, as places in the study's, each group one piece of work.
    pub(super) fn groups(
        &self,
        pairs: Option<&Spanned<Pairs>>,
        chosen: Option<&Names>,
        wanted: &Wanted,
    ) -> Result<Vec<Vec<usize>>, StudyError> {
        let source = self.source;
        let given = pairs.map(Spanned::span).or(chosen.map(Spanned::span));
        let span = given.unwrap_or_else(|| self.place.clone());
        let word = match pairs.map(Spanned::get_ref) {
            None => "all",
            Some(Pairs::Named(word)) => word,
            Some(Pairs::Listed(lists)) => {
                if let Some(chosen) = chosen {
                    let help = "leave out `networks`: the lists in `pairs` name them";
                    return Err(source.error(chosen.span(), "both `pairs` and `networks` name networks", help));
                }
                if lists.is_empty() {
                    return Err(source.error(span, "`pairs` is empty", "leave it out for every two networks"));
                }
                return lists.iter().map(|list| self.listed(list, wanted)).collect();
            }
        };
        let members = self.members(chosen)?;
        let n = members.len();
        if n < 2 {
            let only = members.iter().map(|&member| self.networks[member].name.as_str()).collect::<String>();
            let message = format!("{} needs two networks, there is only `{only}`", wanted.what);
            return Err(source.error(
                span,
                message,
                "add a network or a seed; within one network, the method is `das`",
            ));
        }
        let every = |keep: fn(usize, usize) -> bool| -> Vec<Vec<usize>> {
            let all = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
            all.filter(|(i, j)| keep(*i, *j)).map(|(i, j)| vec![members[i], members[j]]).collect()
        };
        match word {
            "all" => Ok(every(|i, j| i < j)),
            "ordered" => Ok(every(|i, j| i != j)),
            // Two networks make a ring of one pair, unless the way back is another fit.
            "ring" if n == 2 && !wanted.directed => Ok(vec![members]),
            "ring" => Ok((0..n).map(|i| vec![members[i], members[(i + 1) % n]]).collect()),
            "joint" if wanted.most.is_none_or(|most| n <= most) => Ok(vec![members]),
            "joint" => {
                let message = format!("{} takes two networks at once, not {n}", wanted.what);
                Err(source.error(span, message, "take \"all\", \"ordered\" or \"ring\", or name two networks"))
            }
            other => {
                let help = "write \"all\", \"ordered\", \"ring\", \"joint\" or lists of networks: [[\"a\", \"b\"]]";
                Err(source.error(span, format!("there is no way to pair networks called `{other}`"), help))
            }
        }
    }

    fn listed(&self, list: &Names, wanted: &Wanted) -> Result<Vec<usize>, StudyError> {
        let source = self.source;
        let (names, n) = (list.get_ref(), list.get_ref().len());
        if n < 2 || wanted.most.is_some_and(|most| n > most) {
            let number = if wanted.most.is_some() { "two networks" } else { "two networks or more" };
            let message = format!("{} takes {number}, not {n}", wanted.what);
            return Err(source.error(list.span(), message, "name two: [\"a\", \"b\"]"));
        }
        source.distinct("in this list, the network", names)?;
        let one = |name: &Spanned<String>| match self.with_name(name)?.as_slice() {
            [one] => Ok(*one),
            several => {
                let members: Vec<_> = several.iter().map(|&place| format!("`{}`", self.networks[place].name)).collect();
                let message = format!("`{}` is {} networks", name.get_ref(), several.len());
                Err(source.error_with(name.span(), message, format!("name one: {}", members.join(", "))))
            }
        };
        names.iter().map(one).collect()
    }

    /// The networks that a table chooses, in the order of its choice.
    pub(super) fn members(&self, chosen: Option<&Names>) -> Result<Vec<usize>, StudyError> {
        let Some(chosen) = chosen else { return Ok((0..self.networks.len()).collect()) };
        if chosen.get_ref().is_empty() {
            return Err(self.source.error(chosen.span(), "`networks` is empty", "leave it out for all networks"));
        }
        let mut members = Vec::new();
        for name in chosen.get_ref() {
            let places = self.with_name(name)?;
            if places.iter().any(|place| members.contains(place)) {
                let message = format!("`{}` is chosen already", name.get_ref());
                return Err(self.source.error(name.span(), message, "leave it out"));
            }
            members.extend(places);
        }
        Ok(members)
    }

    /// The network with this name, or the networks of the group with this name.
    fn with_name(&self, name: &Spanned<String>) -> Result<Vec<usize>, StudyError> {
        let meant = |network: &Network| network.name == *name.get_ref() || network.group == *name.get_ref();
        let places: Vec<_> = (0..self.networks.len()).filter(|&place| meant(&self.networks[place])).collect();
        if !places.is_empty() {
            return Ok(places);
        }
        let mut known: Vec<String> = Vec::new();
        for name in self.networks.iter().flat_map(|network| [&network.group, &network.name]) {
            if !known.contains(name) {
                known.push(name.clone());
            }
        }
        Err(self.source.no_such("network", name, known))
    }

    /// The site of each of `members`.
    pub(super) fn sites(&self, given: Option<&Spanned<Sites>>, members: &[usize]) -> Result<Vec<String>, StudyError> {
        let whole = given.map_or_else(|| self.place.clone(), Spanned::span);
        let same = |site: &str| {
            let checked = |&place: &usize| self.has_site(place, site, whole.clone());
            members.iter().map(checked).collect::<Result<Vec<_>, _>>()
        };
        let each = match given.map(Spanned::get_ref) {
            None => return same(defaults::SITE),
            Some(Sites::Same(site)) => return same(site),
            Some(Sites::Each(each)) => each,
        };
        let mut sites: Vec<Option<String>> = vec![None; self.networks.len()];
        for (name, site) in each {
            for place in self.with_name(name)? {
                if sites[place].is_some() {
                    let message = format!("the site of `{}` is given twice", self.networks[place].name);
                    return Err(self.source.error(name.span(), message, "name either the group or its networks"));
                }
                sites[place] = Some(self.has_site(place, site.get_ref(), site.span())?);
            }
        }
        let site = |&place: &usize| {
            sites[place].clone().ok_or_else(|| {
                let message = format!("`site` says nothing of `{}`", self.networks[place].name);
                let help = "give every network that is compared a site, or one name for all";
                self.source.error(whole.clone(), message, help)
            })
        };
        members.iter().map(site).collect()
    }

    fn has_site(&self, place: usize, site: &str, span: Range<usize>) -> Result<String, StudyError> {
        let network = &self.networks[place];
        if network.sites.iter().any(|one| one == site) {
            return Ok(site.to_string());
        }
        let known = network.sites.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
        let help = format!("it has {known}; where networks differ, write site = {{ NETWORK = \"SITE\", … }}");
        Err(self.source.error_with(span, format!("`{}` has no site `{site}`", network.name), help))
    }
}
