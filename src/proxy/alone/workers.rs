//! The threads that carry connections. Each has a runtime of its own, on which a connection stays for life; what the
//! connections of a gate share (its link, its HTTP faults) lives on one of them and needs no lock.
//!
//! The runtime is a local one: a `LocalSet` on another would wake itself by a system call at each packet.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use futures_util::future::LocalBoxFuture;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::field::Field;
use super::journal;

/// Something to do on a worker.
type Job = Box<dyn FnOnce(&Rc<Field>) -> LocalBoxFuture<'static, ()> + Send>;

/// The workers. They end when this is dropped.
pub(super) struct Workers {
    jobs: Vec<UnboundedSender<Job>>,
    next: AtomicUsize,
}

impl Workers {
    /// Starts `count` workers, each with the field that `field` makes for it.
    ///
    /// # Errors
    /// When the system gives no thread or no runtime.
    pub(super) fn start(count: usize, field: impl Fn() -> Field + Send + Clone + 'static) -> io::Result<Self> {
        let mut jobs = Vec::new();
        for index in 0..count.max(1) {
            let (sender, receiver) = unbounded_channel();
            let (started, starting) = mpsc::sync_channel(1);
            let field = field.clone();
            thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                // Such a runtime stays where it was made; whoever starts the thread waits to hear whether there is one.
                let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
                let _ = match runtime {
                    Ok(runtime) => started.send(Ok(())).map(|()| runtime.block_on(work(Rc::new(field()), receiver))),
                    Err(error) => started.send(Err(error)),
                };
            })?;
            starting.recv().map_err(io::Error::other)??;
            jobs.push(sender);
        }
        Ok(Self { jobs, next: AtomicUsize::new(0) })
    }

    /// The next worker in turn.
    pub(super) fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.jobs.len()
    }

    /// Has `worker` do something.
    pub(super) fn run<F>(&self, worker: usize, job: impl FnOnce(Rc<Field>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let job: Job = Box::new(move |field| Box::pin(job(Rc::clone(field))));
        // A worker ends with the program alone.
        let _ = self.jobs[worker % self.jobs.len()].send(job);
    }

    /// Waits until each has handed in what it has recorded.
    pub(super) async fn hand_in(&self) {
        for worker in 0..self.jobs.len() {
            let (done, waiting) = oneshot::channel();
            self.run(worker, async move |field| {
                journal::hand_in(&field);
                // Whoever asked may have gone away.
                let _ = done.send(());
            });
            let _ = waiting.await;
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("count", &self.jobs.len()).finish_non_exhaustive()
    }
}

async fn work(field: Rc<Field>, mut jobs: UnboundedReceiver<Job>) {
    spawn_local(journal::keep(Rc::clone(&field)));
    while let Some(job) = jobs.recv().await {
        spawn_local(job(&field));
    }
    journal::hand_in(&field);
}
