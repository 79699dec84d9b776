//! The process behind a device, as a stranger that is not trusted: what it says is read within bounds, and whatever it
//! started ends with it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::child::{Client, FromDevice, ToDevice};

/// The longest line that is read: a state with tens of thousands of orders fits in.
const LONGEST_LINE: usize = 64 << 20;
/// What a device may say in one life without having been asked, in bytes.
const MOST_SAID: usize = 64 << 20;
/// The same in lines.
const MOST_LINES: usize = 50_000;
/// How much of a line, or of the end of the device's log, is quoted.
const QUOTED: usize = 300;
/// A process that has closed its output ends within this time, or is not asked how it ended.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A running device.
pub(super) struct Process {
    child: Child,
    input: Rc<tokio::sync::Mutex<ChildStdin>>,
    last_words: Rc<RefCell<VecDeque<u8>>>,
    log: JoinHandle<()>,
}

impl Process {
    /// Starts `client` as the leader of a process group of its own.
    pub(super) fn start(client: &Client) -> Result<(Self, Output), String> {
        let mut command = Command::new(&client.program);
        command.args(&client.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{}: {error}", client.program.display()))?;
        let (Some(input), Some(output), Some(log)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("it has no standard input, output or error".to_owned());
        };
        let last_words = Rc::new(RefCell::default());
        let log = spawn_local(keep_the_end(log, Rc::clone(&last_words)));
        let input = Rc::new(tokio::sync::Mutex::new(input));
        Ok((Self { child, input, last_words, log }, Output { lines: BufReader::new(output), said: 0, unasked: 0 }))
    }

    /// Where lines to it are written.
    pub(super) fn input(&self) -> Rc<tokio::sync::Mutex<ChildStdin>> {
        self.input.clone()
    }

    /// Kills it and all that it started.
    pub(super) fn kill(&mut self) {
        // Its number is its own until it has been waited for.
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // Fails only when all of them have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Kills it, and returns once it is gone and its locks with it.
    pub(super) async fn end(mut self) {
        self.kill();
        // It is dead; that it cannot be waited for would change nothing.
        let _ = self.child.wait().await;
    }

    /// How it ended, and the end of its log.
    pub(super) async fn epitaph(mut self) -> String {
        let status = match timeout(END_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its output and went on".to_owned(),
        };
        // Whoever holds the log open still has had its time.
        let _ = timeout(END_WITHIN, &mut self.log).await;
        let words: Vec<u8> = self.last_words.borrow().iter().copied().collect();
        let words = String::from_utf8_lossy(&words);
        let words = words.trim();
        let words = words.char_indices().rev().nth(QUOTED).map_or(words, |(at, _)| &words[at..]);
        if words.is_empty() { status } else { format!("{status}; the end of its log: {words}") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.log.abort();
    }
}

/// Reads the device's log, so that it never waits for a reader, and keeps the end.
async fn keep_the_end(mut log: ChildStderr, kept: Rc<RefCell<VecDeque<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = log.read(&mut buffer).await {
        tracing::debug!(target: "deadzone::device", "{}", String::from_utf8_lossy(&buffer[..read]));
        let mut kept = kept.borrow_mut();
        kept.extend(&buffer[..read]);
        let over = kept.len().saturating_sub(4 * QUOTED);
        kept.drain(..over);
    }
}

/// What a device says.
pub(super) struct Output {
    lines: BufReader<ChildStdout>,
    /// Bytes that it said without having been asked.
    said: usize,
    /// In so many lines.
    unasked: usize,
}

impl Output {
    /// The next line; `None` when it has closed its output.
    ///
    /// # Errors
    /// When what it says is not of the protocol, or too much.
    pub(super) async fn next(&mut self) -> Result<Option<FromDevice>, String> {
        let Some(line) = self.line().await? else { return Ok(None) };
        let said = serde_json::from_slice(&line).map_err(|error| {
            let line = String::from_utf8_lossy(&line);
            let end = line.char_indices().nth(QUOTED).map_or(line.len(), |(at, _)| at);
            format!("it wrote `{}`, which is not of the protocol: {error}", &line[..end])
        })?;
        if !matches!(said, FromDevice::Reply { .. }) {
            self.said += line.len();
            self.unasked += 1;
            if self.said > MOST_SAID || self.unasked > MOST_LINES {
                return Err(format!("it floods: {} lines that nobody asked for", self.unasked));
            }
        }
        Ok(Some(said))
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut line = Vec::new();
        loop {
            let read = self.lines.fill_buf().await.map_err(|error| error.to_string())?;
            if read.is_empty() {
                return if line.is_empty() { Ok(None) } else { Err("it ended in the middle of a line".to_owned()) };
            }
            let end = memchr::memchr(b'\n', read);
            let taken = end.unwrap_or(read.len());
            line.extend_from_slice(&read[..taken]);
            self.lines.consume(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                return Ok(Some(line));
            }
            if line.len() > LONGEST_LINE {
                return Err(format!("it floods: a line of more than {} MiB", LONGEST_LINE >> 20));
            }
        }
    }
}

/// Writes one line to a device.
pub(super) async fn write_line(input: &tokio::sync::Mutex<ChildStdin>, line: &ToDevice) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let mut input = input.lock().await;
    input.write_all(&text).await?;
    input.flush().await
}
