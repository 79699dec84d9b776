//! Which exchanges a fault is about: the matcher, a pure function of what is known of a request.

use std::fmt;
use std::time::Duration;

use super::Act;

/// One fault: of the requests that it is about, the `nth` from now and the following ones, `times` in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its number in the run.
    pub id: u64,
    /// Whose requests; everybody's when absent.
    pub device: Option<String>,
    /// Which of them.
    pub target: Target,
    /// The first that may be struck; 1 is the next one.
    pub nth: u32,
    /// How many are struck; after that it has recovered.
    pub times: u32,
    /// What narrows it further.
    pub only: Only,
    /// What happens to them.
    pub act: Act,
}

/// Which requests a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Pushes.
    Push,
    /// Pages of a pull.
    Pull,
    /// Sign-ins.
    SignIn,
    /// Token refreshes.
    Refresh,
    /// The user's profile.
    Profile,
    /// Changes of what the user picks to sync.
    Selection,
    /// Requests of an upload.
    Upload,
    /// Requests for files.
    File,
    /// Every request, whatever it is for.
    Any,
}

/// What narrows a rule: all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Only {
    /// The method, in capitals.
    pub method: Option<String>,
    /// The path without its query; with a `*` at its end, all that begin so.
    pub path: Option<String>,
    /// A record by any of its ids, in the path or the body.
    pub entity: Vec<String>,
    /// How likely it strikes where it could, from 0 to 1; drawn from a stream of the rule's own.
    pub chance: Option<f64>,
    /// Not before this time of the run.
    pub from: Option<Duration>,
    /// No more from this time of the run on.
    pub until: Option<Duration>,
    /// Never more than so many exchanges at once; what comes meanwhile passes.
    pub at_once: Option<u32>,
}

/// What is known of a request when it is decided about.
pub struct Facts<'a> {
    /// Whose it is.
    pub device: &'a str,
    /// What it is for; `None` when it is nothing that a rule has a name for.
    pub target: Option<Target>,
    /// Its method.
    pub method: &'a str,
    /// Its path.
    pub path: &'a str,
    /// The records that a push is about, in its order.
    pub entities: &'a [&'a str],
    /// Whether its body names something. Asked for only where a rule looks.
    pub mentions: &'a dyn Fn(&str) -> bool,
    /// The time of the run.
    pub at: Duration,
}

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {} at {:?}", self.method, self.path, self.device, self.at)
    }
}

impl Rule {
    /// Whether it is about the request, whoever's turn it is.
    pub(super) fn matches(&self, facts: &Facts<'_>) -> bool {
        self.device.as_deref().is_none_or(|name| name == facts.device)
            && (self.target == Target::Any || Some(self.target) == facts.target)
            && self.act.concerns(facts.entities)
            && self.only.matches(facts)
    }
}

impl Only {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        self.from.is_none_or(|from| facts.at >= from)
            && self.until.is_none_or(|until| facts.at < until)
            && self.method.as_deref().is_none_or(|method| method == facts.method)
            && self.path.as_deref().is_none_or(|path| fits(path, facts.path))
            && (self.entity.is_empty() || self.entity.iter().any(|id| is_about(facts, id)))
    }
}

fn fits(wanted: &str, path: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == path, |start| path.starts_with(start))
}

fn is_about(facts: &Facts<'_>, id: &str) -> bool {
    facts.path.split('/').any(|part| part == id) || facts.entities.contains(&id) || (facts.mentions)(id)
}

#[cfg(test)]
mod tests {
    use super::super::LoseHow;
    use super::*;

    const AT: Duration = Duration::from_secs(60);

    fn strikes(only: Only) -> bool {
        let (device, target, nth, times) = (None, Target::Any, 1, 1);
        let rule = Rule { id: 1, device, target, nth, times, only, act: Act::LoseAnswer(LoseHow::Cut) };
        rule.matches(&Facts {
            device: "maria",
            target: Some(Target::Push),
            method: "POST",
            path: "/api/v1/sync/push",
            entities: &["WO-1"],
            mentions: &|word| word == "WO-7",
            at: AT,
        })
    }

    #[test]
    fn method_and_path_must_fit() {
        let method = |method: &str| strikes(Only { method: Some(method.into()), ..Only::default() });
        assert!(method("POST") && !method("GET"));
        let path = |path: &str| strikes(Only { path: Some(path.into()), ..Only::default() });
        assert!(path("/api/v1/sync/push") && path("/api/v1/*") && path("*"));
        assert!(!path("/api/v1/sync") && !path("/api/v1/auth/*") && !path(""));
    }

    #[test]
    fn a_record_is_looked_for_in_operations_path_and_body() {
        let entity =
            |ids: &[&str]| strikes(Only { entity: ids.iter().map(|id| (*id).to_owned()).collect(), ..Only::default() });
        assert!(entity(&["WO-1"]) && entity(&["WO-7"]) && entity(&["push"]) && entity(&["x", "WO-1"]) && entity(&[]));
        assert!(!entity(&["WO-2"]) && !entity(&["WO"]));
    }

    #[test]
    fn a_window_holds_its_first_moment_and_not_its_last() {
        let second = Duration::from_secs(1);
        let from = |from| strikes(Only { from: Some(from), ..Only::default() });
        assert!(from(AT) && from(AT - second) && !from(AT + second));
        let until = |until| strikes(Only { until: Some(until), ..Only::default() });
        assert!(until(AT + second) && !until(AT) && !until(AT - second));
    }
}
