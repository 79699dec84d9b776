//! Checks a scenario's header: its words, its world and its devices.

use std::collections::BTreeMap;
use std::path::Path;

use super::story::LONGEST_STORY;
use super::{Cast, at_least_one, is_name};
use crate::base::Span;
use crate::history::Tls;
use crate::protocol::{MAX_PAGE, SEALABLE};
use crate::scenario::file::{Assign, DEFAULT_LINK, DEFAULT_ORDERS, DEFAULT_SYNC_EVERY, Device, Orders, Role, World};
use crate::scenario::link::Link;
use crate::scenario::outline::Node;
use crate::scenario::period::Every;
use crate::scenario::problem::{Problems, did_you_mean};
use crate::scenario::requirements::{REQUIREMENTS, requirement};
use crate::scenario::written::{Written, WrittenDevice, WrittenDevices, WrittenWorld};

/// Largest group.
const LARGEST_GROUP: u32 = 10_000;
/// Most generated work orders.
pub const MOST_GENERATED: u32 = 100_000;
/// Shortest interval between syncs of its own.
pub(super) const SHORTEST_INTERVAL: Span = Span::from_millis(1_000);
/// What assigns all orders by rule rather than to a device.
const ASSIGN_RULES: [&str; 2] = ["in-turn", "as-in-file"];

/// Checks name, covers, tags and the bound on settling.
pub(super) fn check_words(written: &Written, outline: &Node, problems: &mut Problems<'_>) {
    if written.name.trim().is_empty() {
        problems.add(outline.at("name").place, "`name` is empty; say in a few words what the scenario shows", None);
    }
    for (index, id) in written.covers.iter().enumerate() {
        if !problems.is_full() && requirement(id).is_none() {
            let help = did_you_mean(id, REQUIREMENTS.iter().map(|known| known.id));
            let help = help.unwrap_or_else(|| "ids are such as F2 or 4.2/server-fields".to_owned());
            let place = outline.at("covers").item(index).place;
            problems.add(place, format!("there is no requirement `{id}`"), Some(help));
        }
    }
    for (index, tag) in written.tags.iter().enumerate() {
        if !is_name(tag) {
            let place = outline.at("tags").item(index).place;
            problems.add(place, format!("`{tag}` cannot be a tag"), Some(NAME_HELP.to_owned()));
        }
    }
    if written.settle_within.is_some_and(|span| span == Span::default()) {
        problems.add(outline.at("settle-within").place, "`settle-within` must be more than nothing", None);
    }
    if written.settle_within.is_some_and(|span| span > LONGEST_STORY) {
        problems.add(
            outline.at("settle-within").place,
            format!("`settle-within` must be at most {LONGEST_STORY}"),
            None,
        );
    }
}

const NAME_HELP: &str = "use small letters, digits and hyphens";

/// The devices, complete.
pub(super) fn devices(written: WrittenDevices, outline: &Node, problems: &mut Problems<'_>) -> Vec<Device> {
    let devices: Vec<Device> = written.0.into_iter().map(|(name, device)| complete(name, device)).collect();
    for device in &devices {
        check_device(device, outline, problems);
    }
    check_members(&devices, outline, problems);
    check_roles(&devices, outline, problems);
    devices
}

fn complete(name: String, written: WrittenDevice) -> Device {
    let Every(sync_every) = written.sync_every.unwrap_or(Every(Some(DEFAULT_SYNC_EVERY)));
    Device {
        name,
        count: written.count,
        user: written.user,
        role: written.role,
        sites: written.sites,
        link: written.link.unwrap_or_else(|| Link::Named(DEFAULT_LINK.to_owned())),
        sync_every,
        retry: written.retry,
        clock: written.clock,
        page: written.page,
        keys: written.keys,
    }
}

fn check_device(device: &Device, outline: &Node, problems: &mut Problems<'_>) {
    let (key, node) = (outline.key_place(&device.name), outline.at(&device.name));
    let user = device.user.as_deref().map(|user| (user, "a user", node.at("user").place));
    for (name, what, place) in [Some((device.name.as_str(), "a device", key)), user].into_iter().flatten() {
        if name == "office" || name == "auditor" || ASSIGN_RULES.contains(&name) {
            problems.add(place, format!("the name `{name}` is reserved"), Some(format!("call {what} otherwise")));
        } else if !is_name(name) {
            problems.add(place, format!("`{name}` cannot be the name of {what}"), Some(NAME_HELP.to_owned()));
        }
    }
    if device.count.is_some_and(|count| !(1..=LARGEST_GROUP).contains(&count)) {
        problems.add(node.at("count").place, format!("`count` must be from 1 to {LARGEST_GROUP}"), None);
    }
    if device.sync_every.is_some_and(|every| every < SHORTEST_INTERVAL) {
        let help = Some("write `never` for a device that syncs only when told".to_owned());
        problems.add(node.at("sync-every").place, format!("`sync-every` must be at least {SHORTEST_INTERVAL}"), help);
    }
    if !device.sites.is_empty() && device.role != Role::Supervisor {
        let help = Some("leave it out, or write `role: supervisor`: a technician's sites are those of their orders");
        problems.add(node.at("sites").place, "`sites` is for supervisors", help.map(str::to_owned));
    }
    if let Some(index) = device.sites.iter().position(|site| site.trim().is_empty()) {
        problems.add(node.at("sites").item(index).place, "a site needs a name such as `SITE-1`", None);
    }
    if device.page.is_some_and(|page| !(1..=MAX_PAGE).contains(&page)) {
        problems.add(node.at("page").place, format!("`page` must be from 1 to {MAX_PAGE}"), None);
    }
}

/// Reports a device whose name is one that a group gives to a member.
fn check_members(devices: &[Device], outline: &Node, problems: &mut Problems<'_>) {
    let cast = Cast::new(devices);
    for device in devices {
        let Some((group, _)) = device.name.rsplit_once('-') else { continue };
        if cast.find(group).is_some_and(|group| group.count.is_some() && group.has_member(&device.name)) {
            let message = format!("the group `{group}` has a `{}` already", device.name);
            problems.add(outline.key_place(&device.name), message, None);
        }
    }
}

/// Reports a user who is a technician on one device and a supervisor on another, or of other sites there.
fn check_roles(devices: &[Device], outline: &Node, problems: &mut Problems<'_>) {
    let cast = Cast::new(devices);
    let mut first: BTreeMap<&str, &Device> = BTreeMap::new();
    for device in devices {
        let user = device.user.as_deref().unwrap_or(&device.name);
        let namesake = cast.find(user).filter(|namesake| namesake.user.is_none());
        let known = namesake.unwrap_or_else(|| *first.entry(user).or_insert(device));
        if known.role == device.role && known.sites != device.sites {
            let node = outline.at(&device.name);
            let place = if node.has("sites") { node.at("sites").place } else { outline.key_place(&device.name) };
            let message = format!("`{user}` has other sites on another device");
            problems.add(place, message, Some("a user has the same sites everywhere; write them on each".to_owned()));
        }
        if known.role != device.role {
            let node = outline.at(&device.name);
            let place = if node.has("role") { node.at("role").place } else { outline.key_place(&device.name) };
            let message = format!("`{user}` has another role on another device");
            problems.add(place, message, Some("a user has one role; write it the same on each".to_owned()));
        }
    }
}

/// The world, complete.
pub(super) fn world(
    written: Option<WrittenWorld>,
    outline: &Node,
    file: &str,
    cast: &Cast<'_>,
    problems: &mut Problems<'_>,
) -> World {
    let Some(written) = written else {
        let (orders, sealed) = (Orders::Generate(DEFAULT_ORDERS), Vec::new());
        return World { orders, assign: Assign::InTurn, tls: Tls::None, sealed };
    };
    let orders = match (written.orders, written.generate) {
        (Some(orders), generate) => {
            if generate.is_some() {
                problems.add(outline.key_place("generate"), "a world has `orders` or `generate`, not both", None);
            }
            if let Some(take) = written.take {
                at_least_one(take, "take", outline.at("take").place, problems);
            }
            let path = Path::new(file).parent().unwrap_or(Path::new("")).join(&orders);
            Orders::File { written: orders, path, take: written.take }
        }
        (None, generate) => {
            // A proxy alone takes of a world its `tls` and nothing else.
            if generate.is_none() && written.tls == Tls::None {
                problems.add(outline.place, "a world needs `orders` (a file) or `generate` (a number)", None);
            }
            if generate.is_some_and(|count| count > MOST_GENERATED) {
                let message = format!("`generate` must be at most {MOST_GENERATED}");
                problems.add(outline.at("generate").place, message, None);
            }
            if written.take.is_some() {
                problems.add(outline.key_place("take"), "`take` goes with `orders` alone", None);
            }
            Orders::Generate(generate.unwrap_or(DEFAULT_ORDERS))
        }
    };
    let assign = written
        .assign
        .map_or_else(|| Assign::default_of(&orders), |word| assign(word, &orders, outline, cast, problems));
    sealed(&written.sealed, outline, problems);
    World { orders, assign, tls: written.tls, sealed: written.sealed }
}

fn sealed(fields: &[String], outline: &Node, problems: &mut Problems<'_>) {
    for (index, field) in fields.iter().enumerate() {
        let place = outline.at("sealed").item(index).place;
        if !SEALABLE.contains(&field.as_str()) {
            let help = format!("those that can are {}", SEALABLE.join(", "));
            problems.add(place, format!("`{field}` is no field that can be sealed"), Some(help));
        } else if fields[..index].contains(field) {
            problems.add(place, format!("`{field}` is named twice"), None);
        }
    }
}

fn assign(word: String, orders: &Orders, outline: &Node, cast: &Cast<'_>, problems: &mut Problems<'_>) -> Assign {
    let place = outline.at("assign").place;
    match word.as_str() {
        "in-turn" => Assign::InTurn,
        "as-in-file" => {
            if matches!(orders, Orders::Generate(_)) {
                problems.add(place, "`as-in-file` goes with `orders` alone", None);
            }
            Assign::AsInFile
        }
        name => {
            cast.single(name, place, problems);
            Assign::To(word)
        }
    }
}
