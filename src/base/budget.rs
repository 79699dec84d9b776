//! A budget of steps: virtual time moves on only when everybody waits, so that a party which never waits would freeze it.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use super::Clock;

/// Steps that everybody together may take at one instant. A thousand devices that start at once take a fiftieth of it.
pub const STEP_BUDGET: u32 = 100_000;

/// Why a future was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// [`STEP_BUDGET`] was spent and the clock stood still.
    Frozen,
    /// It was told to stop.
    Stopped,
}

/// Drives `future` to its end, and looks before each step whether `stop` says so or the clock has stood still for too long.
/// What never yields cannot be given up.
///
/// # Errors
/// When it is given up.
pub async fn within_budget<F: Future>(
    future: F,
    clock: Clock,
    mut stop: impl FnMut() -> bool,
) -> Result<F::Output, GivenUp> {
    let mut future = pin!(future);
    let (mut instant, mut steps) = (clock.elapsed(), 0);
    std::future::poll_fn(|context| {
        let now = clock.elapsed();
        (instant, steps) = if now == instant { (now, steps + 1) } else { (now, 0) };
        match () {
            () if stop() => Poll::Ready(Err(GivenUp::Stopped)),
            () if steps > STEP_BUDGET => Poll::Ready(Err(GivenUp::Frozen)),
            () => future.as_mut().poll(context).map(Ok),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::*;

    async fn run_in_circles() {
        loop {
            yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_party_that_never_waits_is_found_out_though_another_one_waits() {
        let tasks = LocalSet::new();
        tasks.spawn_local(run_in_circles());
        let day = tasks.run_until(tokio::time::sleep(Duration::from_secs(86_400)));
        assert_eq!(within_budget(day, Clock::simulated(), || false).await, Err(GivenUp::Frozen));
    }

    #[tokio::test(start_paused = true)]
    async fn many_steps_are_no_circle_while_time_moves() {
        let busy = async {
            for _ in 0..3 * STEP_BUDGET {
                spawn_local(yield_now());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert_eq!(within_budget(LocalSet::new().run_until(busy), Clock::simulated(), || false).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_stopped_while_time_stands_still() {
        let mut looks = 0;
        let stop = || {
            looks += 1;
            looks > 10
        };
        assert_eq!(within_budget(run_in_circles(), Clock::simulated(), stop).await, Err(GivenUp::Stopped));
    }
}
