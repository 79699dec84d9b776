//! Reading what is printed gives the same scenario.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::{after_story, read};
use crate::base::{Rate, Share, Size, Span};
use crate::check::Claim;
use crate::history::Tls;
use crate::protocol::{FieldKind, Record, SEALABLE, WORK_ORDER_FIELDS};
use crate::scenario::problem::deceives;
use crate::scenario::{
    Action, Assign, Device, Expectation, Keys, Link, Orders, Retry, Role, Scenario, Skew, Step, World, print,
};

/// Text that YAML, or its older versions, would read as something else.
const TRAPS: [&str; 34] = [
    "",
    " ",
    "true",
    "No",
    "~",
    "null",
    "NULL",
    "1",
    "-1",
    "0x1F",
    "0o7",
    "1e3",
    "1_000",
    "012",
    ".5",
    ".nan",
    "inf",
    "NaN",
    "-",
    "- a",
    "a: b",
    "a #b",
    "#",
    "'",
    "\"",
    "\\",
    "a\nb",
    "\t",
    "{",
    "]",
    "&a",
    "*a",
    "<<",
    "2025-11-08",
];

fn text() -> impl Strategy<Value = String> {
    let any = prop_oneof![select(TRAPS.to_vec()).prop_map(str::to_owned), "[a-z0-9]{1,8}", "\\PC{1,12}", ".{0,6}"];
    any.prop_filter("terminals would obey it", |text| !text.chars().any(|c| deceives(c) && !"\n\t\r".contains(c)))
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    plain.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn record() -> impl Strategy<Value = Record> {
    let field = (0..WORK_ORDER_FIELDS.len()).prop_map(|index| WORK_ORDER_FIELDS[index]);
    let field = field.prop_flat_map(|(field, kind)| {
        let map = || prop::collection::btree_map(text(), value(), 0..4).prop_map(|map| json!(map));
        let value = match kind {
            FieldKind::Scalar if field.ends_with("Start") || field.ends_with("End") => {
                select(vec![Value::Null, json!("2025-11-14T08:00:00.000Z"), json!("2025-11-14T08:00:00+01:00")]).boxed()
            }
            FieldKind::Scalar => prop_oneof![Just(Value::Null), text().prop_map(Value::from)].boxed(),
            FieldKind::Document => {
                let list = prop::collection::vec(value(), 0..4).prop_map(Value::from);
                prop_oneof![Just(Value::Null), list, map()].boxed()
            }
            FieldKind::Lines(_) => prop::collection::vec(map(), 0..3).prop_map(Value::from).boxed(),
        };
        value.prop_map(move |value| (field.to_owned(), value))
    });
    let no_slip = |map: &Map<String, Value>| {
        let text = |field: &str| map.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let short = ["status", "priority", "type"].iter().all(|field| text(field).chars().count() < 4);
        short && text("assignedTo").is_empty()
    };
    let record = prop::collection::vec(field, 1..4).prop_map(|all| all.into_iter().collect::<Map<_, _>>());
    record.prop_filter("a slip is refused", no_slip)
}

fn span() -> impl Strategy<Value = Span> {
    (1..u64::MAX).prop_map(Span::new)
}

/// What a story or the bound on coming to rest may take.
fn bounded() -> impl Strategy<Value = Span> {
    (1..86_400_000_000 * 100_u64).prop_map(Span::new)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,6}",
        "[0-9]{1,3}",
        select(vec!["on", "no", "true", "1e3", "-", "null"]).prop_map(str::to_owned)
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let named = select(vec!["wifi", "3g", "lte"]).prop_map(|name| json!(name));
    let share = || (0..1_000_000_u64).prop_map(Share::new);
    let delay = || (0..3_600_000_000_u64).prop_map(Span::new);
    let rates = (100..u64::MAX, 100..u64::MAX, delay(), delay());
    let own = (rates, share(), share(), delay()).prop_map(|((down, up, rtt, jitter), loss, ends, wake)| {
        let burst = json!({ "begins": loss, "ends": ends.max(Share::new(1)), "loss": "100%" });
        json!({ "down": Rate::new(down), "up": Rate::new(up), "rtt": rtt, "jitter": jitter, "loss": loss,
            "burst": burst, "queue": "2s", "congestion": "reno", "wake-up": wake, "sleeps-after": "5s" })
    });
    let trace = (text(), delay(), delay()).prop_map(|(file, down, up)| {
        json!({ "trace": { "down": file, "up": "b", "at-end": "stop" }, "delay-down": down, "delay-up": up })
    });
    let payload = (100..u64::MAX)
        .prop_map(|rate| json!({ "down": Rate::new(rate), "up": "750kbps", "rtt": "0us", "counts": "payload" }));
    prop_oneof![named, own, trace, payload].prop_map(|json| serde_json::from_value(json).unwrap())
}

/// A device but for its name: the same user on two devices could have two roles.
fn device(role: Role) -> impl Strategy<Value = Device> {
    let rare = (prop::option::of(1..=10_000_u32), prop::option::of(1..=1000_u32), any::<i32>());
    let often = (link(), prop::option::of((1_000_000..u64::MAX).prop_map(Span::new)), any::<bool>());
    (rare, often).prop_map(move |((count, page, skew), (link, sync_every, exact))| Device {
        name: String::new(),
        count,
        user: None,
        role,
        sites: if exact && role == Role::Supervisor { vec!["SITE-1".into()] } else { Vec::new() },
        link,
        sync_every,
        retry: if exact { Retry::Exact } else { Retry::Jitter },
        clock: Skew::from_millis(i64::from(skew)),
        page,
        keys: if exact { Keys::Real } else { Keys::Cheapest },
    })
}

fn world() -> impl Strategy<Value = World> {
    let assign = select(vec![Assign::InTurn, Assign::AsInFile, Assign::To("maria".into())]);
    let file = (text(), prop::option::of(1..1000_u32));
    let from_file = (file, assign).prop_map(|((written, take), assign)| World {
        orders: Orders::File { path: written.clone().into(), written, take },
        assign,
        tls: Tls::None,
        sealed: Vec::new(),
    });
    let generated = (1..1000_u32, any::<bool>()).prop_map(|(count, to_one)| World {
        orders: Orders::Generate(count),
        assign: if to_one { Assign::To("maria".into()) } else { Assign::InTurn },
        tls: Tls::None,
        sealed: Vec::new(),
    });
    let tls = select(vec![Tls::None, Tls::Modelled, Tls::Real]);
    let sealed = subsequence(SEALABLE.to_vec(), 0..=SEALABLE.len());
    let sealed = sealed.prop_map(|fields| fields.into_iter().map(str::to_owned).collect::<Vec<_>>());
    (prop_oneof![from_file, generated], tls, sealed).prop_map(|(world, tls, sealed)| World { tls, sealed, ..world })
}

/// Any step or claim, as JSON: the types' own form.
fn action() -> impl Strategy<Value = Action> {
    let how = select(vec!["kill", "power", "torn"]);
    let json = prop_oneof![
        select(vec!["sync", "online", "restart", "launch", "background", "foreground", "clear-cache"])
            .prop_map(|key| json!({ key: "maria" })),
        bounded().prop_map(|span| json!({ "wait": span })),
        select(vec!["airplane", "dead-zone"]).prop_map(|how| json!({ "offline": { "device": "maria", "how": how } })),
        record().prop_map(|set| json!({ "edit": { "device": "maria", "order": "first", "set": set } })),
        (1..9_u32, record()).prop_map(|(n, set)| json!({ "edit-many": { "device": "maria", "orders": n, "set": set } })),
        (1..9_u32, record()).prop_map(|(n, set)| json!({ "office-edit-many": { "orders": n, "set": set } })),
        record().prop_map(|set| json!({ "office-edit": { "order": "WO-000001", "set": set } })),
        Just(json!({ "delete": { "device": "maria", "order": "WO-000001" } })),
        Just(json!({ "office-delete": { "order": "first" } })),
        select(vec!["mine", "server"]).prop_map(|with| {
            json!({ "resolve": { "device": "maria", "order": "first", "field": "partsUsed/L-1", "with": with } })
        }),
        select(vec!["mine", "server", "ask"])
            .prop_map(|with| json!({ "prefer": { "device": "maria", "field": "rootCause", "with": with } })),
        Just(json!({ "undo": { "device": "maria", "order": "WO-000001" } })),
        (how, 1..u64::MAX).prop_map(|(how, at)| {
            json!({ "crash": { "device": "maria", "when": "disk-operation", "operation": at, "how": how } })
        }),
        (1..9_u32, only()).prop_map(|(nth, only)| {
            json!({ "crash": { "device": "maria", "when": "after-commit", "of": "pull", "nth": nth, "only": only } })
        }),
        fault_step(),
        (link(), prop::option::of(span())).prop_map(|(to, over)| match over {
            Some(over) => json!({ "link": { "device": "maria", "to": to, "over": over } }),
            None => json!({ "link": { "device": "maria", "to": to } }),
        }),
        Just(json!({ "handover": "maria" })),
        (10_000..u64::MAX).prop_map(|up| json!({ "flap": { "device": "maria", "down": "10ms", "up": Span::new(up) } })),
        tls_step(),
        (0..=100_u8, any::<bool>()).prop_map(|(percent, charging)| {
            json!({ "battery": { "device": "maria", "percent": percent, "charging": charging } })
        }),
        any::<bool>().prop_map(|on| json!({ "data-saver": { "device": "maria", "on": on } })),
        file_step(),
        any::<bool>().prop_map(|force| json!({ "logout": { "device": "maria", "force": force } })),
        Just(json!({ "sign-in": { "device": "maria", "as": "tablet" } })),
        Just(json!({ "select": { "device": "maria", "orders": ["WO-000001", "first"], "give-up": ["WO-000002"] } })),
        text().prop_map(|at| json!({ "select": { "device": "maria", "from": "2025-11-10", "to": at } })),
        text().prop_map(|what| json!({ "look-up": { "device": "maria", "what": format!("AST-{what}") } })),
        record().prop_map(|set| json!({ "edit-cached": { "device": "maria", "record": "AST-0001", "set": set } })),
        screen().prop_map(|screen| json!({ "look": screen })),
        any::<i32>().prop_map(|by| json!({ "server-clock": { "by": Skew::from_millis(i64::from(by)) } })),
        text().prop_map(|word| json!({ "search-disk": { "device": "maria", "for": [format!("a word {word}")] } })),
        prop::collection::vec(value(), 1..4).prop_map(|push| json!({ "tamper": { "device": "maria", "push": push } })),
        value().prop_map(|body| {
            let call = json!({ "method": "POST", "path": "/x", "body": [body], "fill": "300kB", "gzip": "cut", "token": "", "without": ["a word"] });
            json!({ "tamper": { "device": "maria", "call": [call, { "path": "/y" }] } })
        }),
        (1..99_u32, 0..=10_000_u32).prop_map(|(days, edits)| {
            json!({ "work": { "device": "maria", "days": days, "edits-a-day": edits, "dead-zone": { "at-least": "1h", "at-most": "6h" } } })
        }),
        select(vec!["lock", "unlock", "install", "change-password", "lose-files"]).prop_map(|key| json!({ key: "maria" })),
        any::<bool>().prop_map(|stays| json!({ "uninstall": { "device": "maria", "keychain-stays": stays } })),
        select(vec!["password", "used-code", "guessed-codes", "refresh-token", "used-refresh-token", "disk", "locked-device", "disk-and-other-keys"])
            .prop_map(|what| json!({ "steal": { "from": "maria", "what": what } })),
        any::<i32>().prop_map(|by| json!({ "clock": { "device": "maria", "by": Skew::from_millis(i64::from(by)) } })),
    ];
    json.prop_map(|json| serde_json::from_value(json).unwrap())
}

fn file_step() -> impl Strategy<Value = Value> {
    let broken = select(vec!["truncated", "bomb", "empty", "no-picture"]);
    let photo = (1..u64::MAX, 1..9_u32, broken).prop_map(|(bytes, times, broken)| {
        json!({ "attach": { "device": "maria", "order": "first", "photo": Size::new(bytes), "times": times, "broken": broken, "critical": true } })
    });
    let document = (1..u64::MAX).prop_map(
        |bytes| json!({ "attach": { "device": "maria", "order": "WO-000001", "document": Size::new(bytes) } }),
    );
    let settings = any::<[bool; 2]>().prop_map(|[wifi, compress]| {
        json!({ "file-settings": { "device": "maria", "wifi-only": wifi, "compress-photos": compress } })
    });
    let network =
        select(vec!["wifi", "cellular"]).prop_map(|kind| json!({ "network": { "device": "maria", "kind": kind } }));
    let space = select(vec![json!({ "device": "maria" }), json!({ "device": "maria", "free": "50kB" })])
        .prop_map(|body| json!({ "disk-space": body }));
    let opened = select(vec![None, Some("leak.jpg")])
        .prop_map(|file| json!({ "open-file": { "device": "maria", "order": "first", "file": file } }));
    let period =
        select(vec!["never", "1h"]).prop_map(|every| json!({ "sync-every": { "device": "maria", "every": every } }));
    prop_oneof![photo, document, settings, network, space, opened, period]
}

/// A fault's own keys, and those that all faults share.
fn fault_step() -> impl Strategy<Value = Value> {
    let step = (own_keys(), 1..9_u32, 1..9_u32, exchange(), only());
    let message = step.prop_map(|((key, mut body), nth, times, of, only)| {
        let shared = json!({ "device": "maria", "nth": nth, "times": times, "only": only });
        body.as_object_mut().unwrap().extend(shared.as_object().unwrap().clone());
        if key != "refuse" {
            body["of"] = of.into();
        }
        json!({ key: body })
    });
    let portal = select(vec!["login-page", "redirect", "forbidden", "not-found"])
        .prop_map(|how| json!({ "captive-portal": { "device": "maria", "how": how } }));
    let user = Just(json!({ "revoke": "maria" }));
    let decision =
        select(vec!["retry", "discard"]).prop_map(|key| json!({ key: { "device": "maria", "order": "first" } }));
    prop_oneof![6 => message, 1 => portal, 1 => user, 1 => decision]
}

fn exchange() -> impl Strategy<Value = &'static str> {
    select(vec!["push", "pull", "sign-in", "refresh", "profile", "selection", "upload", "file", "any"])
}

fn own_keys() -> impl Strategy<Value = (&'static str, Value)> {
    let lose = (select(vec!["request", "answer"]), select(vec!["cut", "reset", "silence"]))
        .prop_map(|(what, how)| ("lose", json!({ "what": what, "how": how })));
    let answer = (400..600_u16, 1..9_999_u64, any::<bool>()).prop_map(|(status, s, date)| {
        let body = json!({ "status": status, "retry-after": Span::from_millis(s * 1_000), "as-date": date,
            "when": "after-commit", "code": "AUTH_ERROR" });
        ("answer", body)
    });
    let page = select(vec!["html", "nothing"]).prop_map(|page| ("answer", json!({ "status": 200, "page": page })));
    let whole = select(vec!["empty", "cut-in-chunk", "bad-chunk", "garbage", "bad-gzip", "mislabelled"]);
    let spoil = whole.prop_map(|how| ("spoil", json!({ "how": how })));
    let placed = (select(vec!["half", "cut-off", "stalled", "overlong", "cut-in-head"]), any::<u64>());
    let spoil_at = placed.prop_map(|(how, at)| ("spoil", json!({ "how": how, "at": Size::new(at) })));
    let code = select(vec!["SERVER_ERROR", "VALIDATION_ERROR", "VERSION_CONFLICT"]);
    let refuse = code.prop_map(|code| ("refuse", json!({ "order": "first", "with": code, "retry-after": "30s" })));
    let slow =
        (select(vec!["request", "answer"]), span()).prop_map(|(what, by)| ("slow", json!({ "what": what, "by": by })));
    let drips = (select(vec!["head", "body"]), span(), 1..u64::MAX)
        .prop_map(|(what, by, bytes)| ("slow", json!({ "what": what, "by": by, "bytes": Size::new(bytes) })));
    let duplicate = prop::option::of(span()).prop_map(|late| match late {
        Some(late) => ("duplicate", json!({ "late": late })),
        None => ("duplicate", json!({})),
    });
    let garble = prop::option::of(any::<u64>()).prop_map(|at| match at {
        Some(at) => ("garble", json!({ "at": Size::new(at) })),
        None => ("garble", json!({})),
    });
    let replay = (1..=3_u32, select(vec!["instead", "after-commit"]))
        .prop_map(|(back, when)| ("replay", json!({ "back": back, "when": when })));
    prop_oneof![lose, answer, page, spoil, spoil_at, refuse, slow, drips, duplicate, garble, replay]
}

fn only() -> impl Strategy<Value = Value> {
    let who = (
        prop::option::of(select(vec!["GET", "POST", "PATCH"])),
        prop::option::of("[a-z*/]{0,9}"),
        prop::option::of(select(vec!["WO-000001", "first"])),
    );
    let when = (prop::option::of(0..1_000_u64), prop::option::of(1_001..u64::MAX));
    let how_often = (prop::option::of(1..=99_u8), prop::option::of(1..99_u32), any::<bool>());
    (who, when, how_often).prop_map(|((method, path, order), (from, until), (percent, at_once, may_miss))| {
        let given = json!({ "method": method, "path": path.map(|path| format!("/{path}")), "order": order,
            "percent": percent, "from": from.map(Span::new), "until": until.map(Span::new), "at-once": at_once });
        let given = given.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null());
        let may_miss = may_miss.then(|| ("may-miss".to_owned(), Value::Bool(true)));
        Value::Object(given.chain(may_miss).collect())
    })
}

fn tls_step() -> impl Strategy<Value = Value> {
    let mitm = select(vec!["other-authority", "other-key"])
        .prop_map(|with| json!({ "mitm": { "device": "maria", "with": with } }));
    let how = select(vec!["stalled", "cut", "downgraded"]);
    let handshake = (1..9_u32, 1..9_u32, how).prop_map(
        |(nth, times, how)| json!({ "handshake": { "device": "maria", "how": how, "nth": nth, "times": times } }),
    );
    let certificate = (select(vec!["first", "backup", "unknown"]), 1_000..u64::MAX / 1_000).prop_map(
        |(key, ms)| json!({ "certificate": { "key": key, "name": "other.example", "lasts": Span::from_millis(ms) } }),
    );
    prop_oneof![mitm, handshake, certificate, Just(json!({ "old-client": "maria" }))]
}

/// Steps about TLS are for worlds that have it.
fn fitting(world: World, steps: &[Action]) -> World {
    let meddles = |step: &Action| {
        matches!(step, Action::Mitm(_) | Action::Handshake(_) | Action::Certificate(_) | Action::OldClient(_))
    };
    if steps.iter().any(meddles) { World { tls: Tls::Real, ..world } } else { world }
}

/// What a look may claim.
fn screen() -> impl Strategy<Value = Value> {
    prop_oneof![
        record().prop_map(
            |has| json!({ "device": "maria", "order": "first", "icon": "queued", "change": "syncing", "has": has })
        ),
        span().prop_map(|span| json!({ "device": "maria", "status": "synced", "synced-ago": span, "queued": 0 })),
        Just(
            json!({ "device": "maria", "lacks": "first", "orders": 3, "thumbnails": 2, "files": 1, "done": 1, "of": 2, "code": "SERVER_ERROR" })
        ),
    ]
}

fn claim() -> impl Strategy<Value = Claim> {
    let json = prop_oneof![
        record().prop_map(|has| json!({ "server": { "order": "first", "has": has } })),
        (value(), value()).prop_map(|(mine, theirs)| {
            json!({ "conflict": { "device": "maria", "order": "first", "field": "status", "mine": mine, "theirs": theirs,
                "outcome": "server-wins" } })
        }),
        (value(), value()).prop_map(|(mine, theirs)| {
            json!({ "undecided": { "device": "maria", "order": "first", "field": "rootCause", "mine": mine, "theirs": theirs } })
        }),
        select(vec!["client-wins", "server-wins", "merged", "gone"]).prop_map(|how| {
            json!({ "decided": { "device": "maria", "order": "first", "field": "rootCause", "as": how } })
        }),
        span().prop_map(|most| json!({ "took": { "device": "maria", "sync": 1, "phase": "push", "at-most": most } })),
        prop::collection::vec(span(), 0..4).prop_map(|all| json!({ "waits": { "device": "maria", "exactly": all } })),
        screen().prop_map(|screen| json!({ "shown": screen })),
        (0..9_u64).prop_map(|n| json!({ "syncs": { "device": "maria", "by": "foreground", "exactly": n } })),
        span().prop_map(|most| json!({ "acked": { "device": "maria", "order": "first", "at-most": most } })),
        any::<u64>().prop_map(|count| json!({ "conflicts": { "count": count } })),
        (any::<u64>(), select(vec!["at-most", "at-least", "exactly"])).prop_map(|(count, bound)| {
            json!({ "requests": { "device": "maria", "of": "refresh", bound: count } })
        }),
        (any::<u64>(), select(vec!["devices", "requests"])).prop_map(|(count, of)| {
            json!({ "peak": { "of": of, "within": "1s", "at-most": count } })
        }),
        Just(json!({ "escalated": { "device": "maria" } })),
        Just(json!({ "compressed": { "device": "maria", "text": "Two litres of oil on the floor" } })),
        (0..100_u64).prop_map(|n| json!({ "fetched-again": { "device": "maria", "at-most-percent": n } })),
        (0..9_u64).prop_map(|n| json!({ "warned": { "device": "maria", "changes": n } })),
        any::<i64>().prop_map(|count| json!({ "stock": { "part": "P-1", "taken": count } })),
        record().prop_map(|has| json!({ "dead-letter": { "device": "maria", "order": "first", "has": has } })),
        (0..9_u64, span(), 1..999_u64).prop_map(|(count, within, percent)| {
            json!({ "uploads": { "device": "maria", "count": count, "within": within, "sent-at-most-percent": percent } })
        }),
        (0..9_u64, span()).prop_map(|(count, within)| {
            json!({ "opened": { "device": "maria", "count": count, "within": within, "withheld": 1, "fetched-at-most-percent": 101 } })
        }),
        text().prop_map(|code| json!({ "tampered": { "device": "maria", "answers": [code, "success"] } })),
        text().prop_map(|words| json!({ "failed": { "device": "maria", "code": "NETWORK_ERROR", "says": words } })),
        Just(json!({ "bytes": { "device": "maria", "up-at-most": "5MB" } })),
        Just(json!({ "pushed": { "device": "maria", "orders": ["first", "WO-000001"] } })),
    ];
    json.prop_map(|json| serde_json::from_value(json).unwrap())
}

/// Maria, who is in every step, and others.
fn devices() -> impl Strategy<Value = Vec<Device>> {
    let others = prop::collection::btree_map(name(), device(Role::Supervisor), 0..4);
    (device(Role::Technician), others).prop_map(|(maria, others)| {
        let mut devices = vec![Device { name: "maria".into(), count: None, ..maria }];
        let others = others.into_iter().filter(|(name, _)| name != "maria" && !name.contains('-'));
        devices.extend(others.map(|(name, device)| Device { name, ..device }));
        devices.push(Device { name: "tablet".into(), user: Some("maria".into()), ..devices[0].clone() });
        devices
    })
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let first = record().prop_map(|set| {
        serde_json::from_value(json!({ "create": { "device": "maria", "as": "first", "set": set } })).unwrap()
    });
    let crash = Just(json!({ "crash": { "device": "maria", "when": "now" } }))
        .prop_map(|json| serde_json::from_value(json).unwrap());
    let steps = (first, crash, prop::collection::vec(action(), 0..6));
    let covers = prop::collection::vec(select(crate::scenario::REQUIREMENTS.to_vec()), 0..3);
    let words = (
        text().prop_filter("a name says something", |name| !name.trim().is_empty() && !name.contains(deceives)),
        covers,
        prop::collection::vec(name(), 0..3),
    );
    let rest = (any::<u64>(), prop::option::of(bounded()), prop::collection::vec(claim(), 0..4));
    (words, world(), devices(), steps, rest).prop_map(
        |((name, covers, tags), world, devices, (first, crash, steps), rest)| {
            let (seed, settle_within, claims) = rest;
            let world = fitting(world, &steps);
            let actions = [first, crash].into_iter().chain(steps);
            Scenario {
                name,
                covers: covers.into_iter().map(|requirement| requirement.id.to_owned()).collect(),
                tags,
                seed,
                world,
                devices,
                settle_within,
                steps: actions.map(|action: Action| Step { line: 0, action }).collect(),
                expect: claims.into_iter().map(|claim| Expectation { line: 0, claim }).collect(),
            }
        },
    )
}

#[test]
fn the_printed_form_is_the_one_that_people_write() {
    let written = "name: Completed offline, put on hold by the office
covers: [F2, 4.2/server-fields]
tags: [smoke]
world: { orders: data/work-orders-100.json, assign: maria }
devices:
  maria: { link: 3g, clock: \"-5min\" }
  phone: { count: 100 }
  jo: {}
steps:
  - offline: { device: maria, how: dead-zone }
  - edit: { device: maria, order: WO-000017, set: { partsUsed: [{ lineId: L1, qty: 2 }], status: completed } }
  - create: { device: maria, as: leak, set: { title: Oil leak } }
  - wait: 2h
  - crash: { device: maria, when: after-commit }
expect:
  - conflict: { device: maria, order: WO-000017, field: status, mine: completed, outcome: server-wins, theirs: on-hold }
";
    assert_eq!(print(&read(written).unwrap()), written);
}

#[test]
fn places_make_no_difference() {
    let (near, far) = (read(&after_story("")).unwrap(), read(&format!("\n\n{}", after_story(""))).unwrap());
    assert_ne!(near.steps[0].line, far.steps[0].line);
    assert_eq!(near, far);
}

proptest! {
    #[test]
    fn printing_and_reading_are_inverse(scenario in scenario()) {
        let printed = print(&scenario);
        match read(&printed) {
            Ok(read) => prop_assert_eq!(&read, &scenario, "{}", printed),
            Err(problems) => prop_assert!(false, "{}\n{:#?}", printed, problems),
        }
    }
}
