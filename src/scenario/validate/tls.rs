//! Checks the steps about TLS: they need a world that has it.

use rustls::pki_types::DnsName;

use super::story::Story;
use crate::base::Span;
use crate::history::Tls;
use crate::scenario::action::Action;
use crate::scenario::outline::Node;
use crate::scenario::tls_step::NewCertificate;

impl<'a> Story<'a, '_, '_> {
    /// The steps about TLS.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) fn meddles(&mut self, step: &'a Action, at: &Node) {
        if self.tls != Tls::Real {
            let help = Some("write `tls: real` in `world`".to_owned());
            self.problems.add(at.place, "this step needs a world with TLS that can be broken", help);
        }
        match step {
            Action::Mitm(step) => self.device(&step.device, at.at("device").place),
            Action::Handshake(step) => {
                self.device(&step.device, at.at("device").place);
                self.nth_times(step.nth, step.times, at);
            }
            Action::Certificate(step) => self.shows(step, at),
            Action::OldClient(device) => self.device(device, at.place),
            _ => {}
        }
    }

    fn shows(&mut self, step: &NewCertificate, at: &Node) {
        if step.name.as_deref().is_some_and(|name| DnsName::try_from(name).is_err()) {
            let help = Some("write for example `name: other.example`".to_owned());
            self.problems.add(at.at("name").place, "`name` is no name of a server", help);
        }
        if step.lasts.is_some_and(|span| span < Span::from_millis(1_000)) {
            self.problems.add(at.at("lasts").place, "a certificate lasts a second at least", None);
        }
    }
}
