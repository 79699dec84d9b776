//! Waiting for a moment of the run. The runtime's timers count whole milliseconds and are up to two late. Virtual time has none
//! to lose; in real time whoever waits on a thread shares a timer of the system's that is exact to some microseconds, where
//! there is one (Linux's timerfd).

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::clock::Clock;

/// One waiter's alarm, for one moment after another.
#[derive(Default)]
pub struct Alarm {
    /// The moment it is set for.
    due: Option<Instant>,
    /// Whom the thread's timer wakes then.
    waker: Option<Waker>,
    /// In place of that timer where there is none.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready once `elapsed` is over on `clock`. In real time it is to be called on a thread's local tasks.
    pub fn poll(&mut self, clock: &Clock, elapsed: Duration, context: &mut Context<'_>) -> Poll<()> {
        let due = clock.instant(elapsed);
        let ready = match clock.is_real().then(bell::of_thread).flatten() {
            Some(bell) => {
                let over = Instant::now() >= due;
                let waits = self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
                let set = waits && self.due == Some(due);
                if !over && !set {
                    self.waker = Some(context.waker().clone());
                    bell.ring_at(due, context.waker().clone());
                }
                over
            }
            None => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
                if self.due != Some(due) {
                    sleep.as_mut().reset(due);
                }
                sleep.as_mut().poll(context).is_ready()
            }
        };
        self.due = (!ready).then_some(due);
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("due", &self.due).finish_non_exhaustive()
    }
}

#[cfg(target_os = "linux")]
mod bell {
    //! The thread's timer, and who waits for it.

    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::rc::{Rc, Weak};
    use std::task::Waker;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;
    use tokio::task::spawn_local;
    use tokio::time::Instant;

    thread_local! {
        /// A task of the runtime's has it, so that it ends with the runtime.
        static BELL: RefCell<Weak<Bell>> = const { RefCell::new(Weak::new()) };
    }

    /// It.
    pub(super) struct Bell {
        timer: AsyncFd<OwnedFd>,
        /// By the time they wait for, and in the order in which they came.
        waiting: RefCell<BTreeMap<(Instant, u64), Waker>>,
        came: Cell<u64>,
    }

    /// The thread's bell; none where the system gives no such timer.
    pub(super) fn of_thread() -> Option<Rc<Bell>> {
        if let Some(bell) = BELL.with_borrow(Weak::upgrade) {
            return Some(bell);
        }
        let bell = Rc::new(Bell::new().ok()?);
        spawn_local(Rc::clone(&bell).ring());
        BELL.set(Rc::downgrade(&bell));
        Some(bell)
    }

    impl Bell {
        fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(deprecated, reason = "what takes its place is unsafe, for descriptors that nobody owns")]
            let timer = AsyncFd::new(timer)?;
            Ok(Self { timer, waiting: RefCell::default(), came: Cell::default() })
        }

        /// Wakes `waker` at `due`.
        pub(super) fn ring_at(&self, due: Instant, waker: Waker) {
            self.came.set(self.came.get() + 1);
            let mut waiting = self.waiting.borrow_mut();
            let first = waiting.first_key_value().is_none_or(|((first, _), _)| due < *first);
            waiting.insert((due, self.came.get()), waker);
            drop(waiting);
            if first {
                self.set(due);
            }
        }

        fn set(&self, due: Instant) {
            let left = due.saturating_duration_since(Instant::now());
            // None would stop it.
            let left =
                Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos().max(1)) };
            let once = Itimerspec { it_interval: Timespec::default(), it_value: left };
            // It fails for numbers that are none.
            let _ = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once);
        }

        /// Wakes whom it is time for, for as long as the runtime lasts.
        async fn ring(self: Rc<Self>) {
            while let Ok(mut rung) = self.timer.readable().await {
                rung.clear_ready();
                let now = Instant::now();
                loop {
                    let first = self.waiting.borrow().first_key_value().map(|((due, _), _)| *due);
                    match first {
                        Some(due) if due <= now => {
                            let due = self.waiting.borrow_mut().pop_first();
                            due.into_iter().for_each(|(_, waker)| waker.wake());
                        }
                        Some(due) => break self.set(due),
                        None => break,
                    }
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod bell {
    //! There is none.

    use std::convert::Infallible;
    use std::task::Waker;

    use tokio::time::Instant;

    pub(super) struct Bell(Infallible);

    pub(super) fn of_thread() -> Option<Bell> {
        None
    }

    impl Bell {
        pub(super) fn ring_at(&self, _: Instant, _: Waker) {
            match self.0 {}
        }
    }
}
