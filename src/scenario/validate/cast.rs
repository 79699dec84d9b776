//! Who is in the story: looks devices and groups up by name.

use std::collections::BTreeMap;

use crate::scenario::file::Device;
use crate::scenario::outline::Place;
use crate::scenario::problem::{Problems, did_you_mean};

/// Most names that a help text lists.
const LISTED: usize = 8;

/// The devices and groups of a scenario by name.
pub(super) struct Cast<'a> {
    by_name: BTreeMap<&'a str, &'a Device>,
}

impl<'a> Cast<'a> {
    pub(super) fn new(devices: &'a [Device]) -> Self {
        Self { by_name: devices.iter().map(|device| (device.name.as_str(), device)).collect() }
    }

    /// The device called `name`, or the group that it is or belongs to.
    pub(super) fn find(&self, name: &str) -> Option<&'a Device> {
        self.by_name.get(name).copied().or_else(|| self.group_of(name).filter(|group| group.has_member(name)))
    }

    /// Reports a name that nobody has.
    pub(super) fn known(&self, name: &str, place: Place, problems: &mut Problems<'_>) {
        if !problems.is_full() && self.find(name).is_none() {
            problems.add(place, format!("there is no device `{name}`"), Some(self.help(name)));
        }
    }

    /// Reports a name that nobody has, or that a whole group has.
    pub(super) fn single(&self, name: &str, place: Place, problems: &mut Problems<'_>) {
        self.known(name, place, problems);
        if let Some(count) = self.by_name.get(name).and_then(|device| device.count) {
            let help = format!("name one of them, such as `{name}-1`");
            problems.add(place, format!("`{name}` is a group of {count}; this is about a single device"), Some(help));
        }
    }

    /// The group that a name such as `phone-7` points to, whether or not it has that many.
    fn group_of(&self, name: &str) -> Option<&'a Device> {
        let (group, number) = name.rsplit_once('-')?;
        number.parse::<u32>().ok()?;
        self.by_name.get(group).copied().filter(|device| device.count.is_some())
    }

    fn help(&self, name: &str) -> String {
        if name == "office" {
            return "the office has no device: it acts by `office-edit`, `office-create` and the like".to_owned();
        }
        if let Some((group, count)) = self.group_of(name).and_then(|group| Some((group, group.count?))) {
            return format!("the group has `{0}-1` to `{0}-{count}`", group.name);
        }
        did_you_mean(name, self.by_name.keys().copied()).unwrap_or_else(|| {
            let names: Vec<&str> = self.by_name.keys().copied().take(LISTED).collect();
            let more = if self.by_name.len() > LISTED { " and others" } else { "" };
            format!("there are {}{more}", names.join(", "))
        })
    }
}
