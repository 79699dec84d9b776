//! Every check that no scenario needs to ask for: what it is called in findings, and what it holds.

/// A check that is made of every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// As findings name it.
    pub name: &'static str,
    /// What must hold.
    pub text: &'static str,
}

const fn holds(name: &'static str, text: &'static str) -> Check {
    Check { name, text }
}

/// Every check, the invariants first and in their order.
pub const CHECKS: &[Check] = &[
    holds(
        "I1 no lost update",
        "Every change that a device acknowledged to its user ends in exactly one named way: visible, superseded by a \
         named other, in a conflict record, rejected and shown, or rescued. The sum is the changes made.",
    ),
    holds(
        "I2 no duplicate",
        "One effect for each change, one record for each create, one line for each key, one upload for each file, and \
         parts are taken from stock once for each line, whatever is sent twice.",
    ),
    holds(
        "I3 convergence",
        "At rest each device holds what the server gives its user, by set, by value and by version, and that is what \
         the rules say they should see.",
    ),
    holds(
        "I4 no phantom",
        "Every record and every value stems from the beginning or from a user: what is acknowledged is what the user \
         did, what is sent is what was acknowledged, and every choice on a conflict is the user's.",
    ),
    holds("I5 no resurrection", "What was deleted stays deleted, on the server and on every device."),
    holds(
        "I6 session",
        "A device reads its own changes at once, and what its user has read does not go back to something older.",
    ),
    holds(
        "I7 order",
        "Changes to one record go out in the order in which they were made, records before what names them, and all \
         by the priorities of spec 5.2.",
    ),
    holds(
        "I8 liveness",
        "After the network heals everything comes to rest by itself; a device waits for a sign-in only when the server \
         asked for one, and goes on by itself after it.",
    ),
    holds(
        "I9 bounded work",
        "Requests, bytes, retries, wake-ups and queue rows stay within a budget that follows from what the user and \
         the network did: nobody runs in circles.",
    ),
    holds(
        "I11 references",
        "Orders that name other orders go out after them, and at rest nothing names what is not there, nor by a name \
         that was only for the time being.",
    ),
    holds(
        "I12 cursor",
        "A device asks from a position that it was given and never from an earlier one; a pull names each record once, \
         and leaves none out that has changed or gone.",
    ),
    holds(
        "I13 isolation",
        "Nobody is given a record that is not theirs to see (spec 2.3), nor more of a part than spec 2.2 lists.",
    ),
    holds(
        "I14 durability",
        "What was acknowledged to a user is still queued after a crash, and the log of conflicts only grows.",
    ),
    holds("I15 atomicity", "A record and its queue row are written together: what is queued shows, and the reverse."),
    holds(
        "I16 blobs",
        "What the server holds of a file is what its device kept, byte for byte, and what a device shows of one is what the \
         server holds.",
    ),
    holds(
        "I17 conflicts counted",
        "Each overlap of changes is recorded exactly once on each side, with the right values and the right winner, \
         decided by the rules or by its user.",
    ),
    holds(
        "I18 honest status",
        "`Synced` and `0 waiting` are shown only while they are true, at every instant; so are the icons of orders and \
         the lines of the queue view.",
    ),
    holds(
        "I20 backoff",
        "Waits between tries follow the table of spec 7.2, drawn from its upper half, start anew after a success, and \
         obey what the server asks for; nothing cuts one short but the user, a reconnect and the app's return; after ten \
         failures in a row the user is told.",
    ),
    holds("I33 look-ups", "What a user looks up is their own, and as the server has it (spec 6.4)."),
    holds("2.1 encryption at rest", "Nothing that the story put into records can be read from a device's disk."),
    holds("2.1 secrets in the keychain alone", "Passwords, tokens and keys never lie on a device's disk."),
    holds("6.2 thumbnails", "A device shows each picture of its orders, by its thumbnail at least."),
    holds("6.2 settings", "Files go up and come down only over the networks that the user allows."),
    holds(
        "7.2 failed changes",
        "A change is given up after ten answers of the server and not before, is shown, and is never sent again, corrected or dropped but by its user's word.",
    ),
    holds("8.1 database key", "A locked device gives nothing, and no copy of its disk can be opened without its keys."),
    holds("8.1 nothing outlives the app", "When the app is removed, nothing of its data is left that could be read."),
    holds("8.4 nothing outlives the logout", "After a logout no file is left on the device."),
    holds("8.4 clean-up", "A device keeps files that its orders name, and no others."),
    holds("8.2 access token in memory", "An access token is gone after a restart."),
    holds("8.2 secrets on the wire", "Secrets pass the wire only where they belong."),
    holds("8.2 stolen goods are good for nothing", "A stolen password, code, token or disk gives its thief nothing."),
    holds(
        "8.3 in motion",
        "Where there is TLS, no word of HTTP goes to anybody but the device's own server, over TLS 1.3 with a pinned key.",
    ),
    holds(
        "8.3 sealed fields",
        "What is written into a sealed field can be read neither on the wire nor in the server's database, and by every device that was there when it was sealed and may see it.",
    ),
    holds(
        "8.4 warning before a loss",
        "A device that warns before a logout names all that would be lost, no fewer changes and no more.",
    ),
    holds(
        "3.1A order of a full pull",
        "A first sync asks in the order of spec 3.1A: sign-in, profile, work orders, assets, inventory, files.",
    ),
    holds(
        "3.1B shape of a pull",
        "`deletedIds` names what was deleted and nothing else; `syncTimestamp` is a time that has been, and never goes back.",
    ),
    holds("5.1 triggers", "Each trigger starts a sync when its condition holds, and none starts one when it does not."),
    holds(
        "dead letters",
        "Each update that came too late for its order lies with the office, once, as it was sent; only what was deleted is called so.",
    ),
    holds("push answers", "A push gets one result for each change, in their order."),
    holds(
        "device protocol",
        "A client keeps to the device protocol: it opens, answers in time and what it was asked, and does not end by \
         itself.",
    ),
    holds(
        "vacuity",
        "A fault that was armed strikes, every step can be done, and what a requirement is about that the scenario \
         covers, such as a conflict or a crash, comes about: otherwise the run proves nothing.",
    ),
];
