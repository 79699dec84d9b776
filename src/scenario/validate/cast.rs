//! Who is in the story: looks devices and groups up by name.

use std::collections::BTreeMap;

use crate::scenario::file::Device;
use crate::scenario::outline::Place;
use crate::scenario::problem::{Problems, did_you_mean, slip_of};

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

    /// Reports a user to whom nothing can be assigned: a slip in the name of one, or the name of another's device. Others
    /// who are not on the stage may be meant.
    pub(super) fn assignable(&self, name: &str, place: Place, problems: &mut Problems<'_>) {
        if problems.is_full() || name == "office" || self.is_user(name) {
            return;
        }
        let message = format!("there is no user `{name}`");
        match self.find(name) {
            Some(Device { user: Some(user), .. }) => {
                problems.add(place, message, Some(format!("the device `{name}` is that of `{user}`")));
            }
            Some(_) => {
                let help = format!("`{name}` is a group; name one of them, such as `{name}-1`");
                problems.add(place, message, Some(help));
            }
            None => {
                let first = |device: &&Device| device.count.map(|_| format!("{}-1", device.name));
                let firsts: Vec<String> = self.by_name.values().filter_map(first).collect();
                let users = self.by_name.values().map(|device| device.user.as_deref().unwrap_or(&device.name));
                if let Some(user) = slip_of(name, users.chain(firsts.iter().map(String::as_str))) {
                    problems.add(place, message, Some(format!("did you mean `{user}`?")));
                }
            }
        }
    }

    fn is_user(&self, name: &str) -> bool {
        let own = self.find(name).is_some_and(|device| device.user.is_none() && device.has_member(name));
        own || self.by_name.values().any(|device| device.user.as_deref() == Some(name))
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
