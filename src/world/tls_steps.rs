//! Steps about TLS: a man in the middle, handshakes that come to nothing, the server's certificate, clients of yesterday.

use std::rc::Rc;

use jiff::SignedDuration;

use super::network::{OverLink, SERVER};
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible};
use super::tls::{OWN, Secured, Security, Shows};
use crate::base::WallClock;
use crate::history::{Fault, LinkState};
use crate::proxy::{Greeting, Meeting, Upstream};
use crate::scenario::{self, Action, CertificateKey, HandshakeHow, Impostor};
use crate::tls::Versions;

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn meddle_with_tls<'w>(&self, named: &dyn Fn(&str) -> Vec<&'w Member>, action: &Action) -> Done {
        let Some(security) = &self.security else { return Err(impossible("the world has no TLS of its own")) };
        match action {
            Action::Mitm(step) => {
                named(&step.device).into_iter().try_for_each(|member| self.impostor(security, member, step.with))
            }
            Action::Handshake(step) => {
                named(&step.device).into_iter().try_for_each(|member| self.handshake(security, member, step))
            }
            Action::Certificate(step) => show(security, step),
            Action::OldClient(name) => {
                for member in named(name) {
                    self.old_client(security, member).await?;
                }
                Ok(())
            }
            other => Err(impossible(format!("`{other}` has nothing to do with TLS"))),
        }
    }

    /// Nothing spoils a handshake any more, and the server shows what it should.
    pub(super) fn renew_certificate(&self) {
        if let Some(security) = &self.security {
            security.terminator().greetings.clear();
            // It could be made at the start of the run, and so it can be made now.
            let _ = security.show(OWN);
        }
    }

    fn impostor(&self, security: &Security, member: &Member, with: Impostor) -> Done {
        if member.impostor.get().is_some() {
            return Err(impossible(format!("somebody is between {} and the server already", member.name)));
        }
        let shows = match with {
            Impostor::OtherAuthority => Shows { trusted: false, key: CertificateKey::Unknown, ..OWN },
            Impostor::OtherKey => Shows { key: CertificateKey::Unknown, ..OWN },
        };
        let how = Greeting::By(security.face(shows).map_err(impossible)?);
        let id = self.arm_fault(&member.name, Fault::ManInTheMiddle, false);
        member.impostor.set(Some(id));
        let device = member.name.clone();
        security.terminator().greetings.arm(Meeting { id, device, nth: 1, times: u32::MAX, how });
        // Whoever moves in between ends the connections that are open, and meets the next ones.
        let state = member.link.state();
        member.link.set_state(LinkState::Airplane);
        member.link.set_state(state);
        Ok(())
    }

    fn handshake(&self, security: &Security, member: &Member, step: &scenario::Handshake) -> Done {
        let how = match step.how {
            HandshakeHow::Stalled => Greeting::Silence,
            HandshakeHow::Cut => Greeting::Cut,
            HandshakeHow::Downgraded => {
                Greeting::By(security.face(Shows { versions: Versions::Only12, ..OWN }).map_err(impossible)?)
            }
        };
        let id = self.arm_fault(&member.name, Fault::Handshake, false);
        let (device, nth, times) = (member.name.clone(), step.nth, step.times);
        security.terminator().greetings.arm(Meeting { id, device, nth, times, how });
        Ok(())
    }

    /// Somebody with a client of yesterday tries the server in the device's place; the server must not have it.
    async fn old_client(&self, security: &Security, member: &Member) -> Done {
        let (device, link, proxy) = (member.name.clone(), member.link.clone(), self.proxy.clone());
        let over = Rc::new(OverLink { device, link, proxy, inside: false });
        let clock = WallClock::new(self.clock, 0);
        let client = Secured::behind_the_times(over, &security.trust(), &clock).map_err(impossible)?;
        match client.connect().await {
            Ok(_) => Err(StepError::Failed("the server spoke TLS 1.2 with it".into())),
            Err(_) => Ok(()),
        }
    }
}

fn show(security: &Security, step: &scenario::NewCertificate) -> Done {
    let life = step.lasts.map_or(OWN.life, |span| SignedDuration::from_micros(span.micros().cast_signed()));
    let name = step.name.as_deref().unwrap_or(SERVER);
    security.show(Shows { key: step.key, name, life, ..OWN }).map_err(impossible)
}
