//! Steps that change a device's link: what it is like, whether it comes and goes, which address the device has.

use super::device::Ask;
use super::faults::Named;
use super::stage::{Member, World};
use super::steps::{Done, impossible, simply, together};
use crate::history::What;
use crate::net::{self, Conditions};
use crate::scenario::{Action, ChangeLink, Flap, Link, OfflineHow};

/// What the scenario's `link` is like.
///
/// # Errors
/// In words, when there is no such profile, or a trace cannot be read.
pub fn conditions(link: &Link) -> Result<Conditions, String> {
    match link {
        Link::Named(name) => {
            net::profile(name).map(Conditions::from).ok_or_else(|| format!("no profile is called `{name}`"))
        }
        Link::Own(own) => own.conditions(),
    }
}

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn change_network(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Offline(step) => {
                together(all(&step.device), async |member| self.offline(member, step.how).await).await
            }
            Action::Online(name) => together(all(name), async |member| Ok(self.reconnect(member).await?)).await,
            Action::Link(step) => all(&step.device).into_iter().try_for_each(|member| change_link(member, step)),
            Action::Flap(step) => {
                all(&step.device).into_iter().for_each(|member| self.flap(member, step));
                Ok(())
            }
            Action::Handover(name) => {
                all(name).into_iter().for_each(|member| member.link.hand_over());
                Ok(())
            }
            other => Err(impossible(format!("`{other}` is nothing about the network"))),
        }
    }

    async fn offline(&self, member: &Member, how: OfflineHow) -> Done {
        member.flaps.calm();
        self.set_link(member, how.state());
        // In a dead zone nobody is told.
        if how == OfflineHow::Airplane {
            member.told_offline.set(true);
            simply(member, Ask::Connectivity { online: false }).await?;
        }
        Ok(())
    }

    fn flap(&self, member: &Member, step: &Flap) {
        let (recorder, device) = (self.recorder.clone(), member.name.clone());
        let tell = move |state| recorder.record(What::LinkChanged { device: device.clone(), state });
        member.flaps.begin(member.link.clone().flap(step.down.duration(), step.up.duration(), tell));
    }
}

/// Gives the member's link new conditions, at once or bit by bit.
fn change_link(member: &Member, step: &ChangeLink) -> Done {
    let to = conditions(&step.to).map_err(impossible)?;
    match step.over {
        Some(over) => member.ramp.begin(member.link.clone().fade(to, over.duration())),
        None => {
            member.ramp.calm();
            member.link.set_conditions(to);
        }
    }
    Ok(())
}
