//! What goes on at a link by itself, over time: it fades into another one, it comes and goes.

use std::cell::RefCell;
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

use super::conditions::Conditions;
use super::memory::Link;
use crate::base::Share;
use crate::history::LinkState;

/// A change bit by bit takes so many steps.
const FADE_STEPS: u32 = 20;

/// What goes on at a link by itself, one thing at a time.
#[derive(Debug, Default)]
pub struct Weather(RefCell<Option<AbortHandle>>);

impl Weather {
    /// Begins with something, in place of what went on before. Call it inside a `LocalSet`.
    pub fn begin(&self, task: impl Future<Output = ()> + 'static) {
        self.calm();
        self.0.replace(Some(spawn_local(task).abort_handle()));
    }

    /// Ends it.
    pub fn calm(&self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }
}

impl Drop for Weather {
    fn drop(&mut self) {
        self.calm();
    }
}

impl Link {
    /// Becomes like `to`, bit by bit `over` this time.
    pub async fn fade(self, to: Conditions, over: Duration) {
        let from = self.conditions();
        let pause = over / FADE_STEPS;
        for step in 1..=FADE_STEPS {
            sleep(pause).await;
            self.set_conditions(from.towards(&to, Share::new(u64::from(step) * 1_000_000 / u64::from(FADE_STEPS))));
        }
    }

    /// Nothing passes for `down`, then all does for `up`, and so on without end; `tell` hears of every change.
    pub async fn flap(self, down: Duration, up: Duration, tell: impl Fn(LinkState)) {
        for (state, lasts) in [(LinkState::DeadZone, down), (LinkState::Up, up)].into_iter().cycle() {
            self.set_state(state);
            tell(state);
            sleep(lasts).await;
        }
    }
}
