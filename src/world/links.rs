//! Steps that change a device's link: what it is like, whether it comes and goes, which address the device has.

use std::cell::RefCell;
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

use super::device::Ask;
use super::faults::Named;
use super::stage::{Member, World};
use super::steps::{Done, impossible, simply, together};
use crate::base::{Share, Span};
use crate::history::{LinkState, What};
use crate::net::{self, Conditions};
use crate::scenario::{Action, ChangeLink, Flap, Link, OfflineHow};

/// A change bit by bit takes so many steps.
const RAMP_STEPS: u64 = 20;

/// What goes on at a device's link by itself, one thing at a time.
#[derive(Debug, Default)]
pub(super) struct Weather(RefCell<Option<AbortHandle>>);

impl Weather {
    /// Ends it.
    pub(super) fn calm(&self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }

    fn begin(&self, task: impl Future<Output = ()> + 'static) {
        self.calm();
        self.0.replace(Some(spawn_local(task).abort_handle()));
    }
}

impl Drop for Weather {
    fn drop(&mut self) {
        self.calm();
    }
}

/// What the scenario's `link` is like.
pub(super) fn conditions(link: &Link) -> Result<Conditions, String> {
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
        let state = match how {
            OfflineHow::Airplane => LinkState::Airplane,
            OfflineHow::DeadZone => LinkState::DeadZone,
            OfflineHow::NoUplink => LinkState::NoUplink,
            OfflineHow::NoDownlink => LinkState::NoDownlink,
            OfflineHow::NoDns => LinkState::NoDns,
        };
        member.flaps.calm();
        self.set_link(member, state);
        // In a dead zone nobody is told.
        if how == OfflineHow::Airplane {
            member.told_offline.set(true);
            simply(member, Ask::Connectivity { online: false }).await?;
        }
        Ok(())
    }

    fn flap(&self, member: &Member, step: &Flap) {
        let (link, recorder, device) = (member.link.clone(), self.recorder.clone(), member.name.clone());
        let (down, up): (Duration, Duration) = (Span::duration(step.down), Span::duration(step.up));
        member.flaps.begin(async move {
            for (state, lasts) in [(LinkState::DeadZone, down), (LinkState::Up, up)].into_iter().cycle() {
                link.set_state(state);
                recorder.record(What::LinkChanged { device: device.clone(), state });
                sleep(lasts).await;
            }
        });
    }
}

/// Gives the member's link new conditions, at once or bit by bit.
fn change_link(member: &Member, step: &ChangeLink) -> Done {
    let to = conditions(&step.to).map_err(impossible)?;
    let link = member.link.clone();
    let Some(over) = step.over else {
        member.ramp.calm();
        link.set_conditions(to);
        return Ok(());
    };
    let from = link.conditions();
    let pause = over.duration() / u32::try_from(RAMP_STEPS).unwrap_or(1);
    member.ramp.begin(async move {
        for step in 1..=RAMP_STEPS {
            sleep(pause).await;
            link.set_conditions(from.towards(&to, Share::new(step * 1_000_000 / RAMP_STEPS)));
        }
    });
    Ok(())
}
