//! Carries out what a fault decides: the exchange as it has it, with the server asked as often as it says.

use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::task::spawn_local;

use super::exchange::{Answered, Asked, Asking, Fate, Session, complete};
use super::faults::{Act, Canned, Damaged, Duplicate, Garble, LoseHow, Moment, Refuse, Replay, Slow, Spoil, leave_out};
use super::inspect;
use super::script::head_text;
use crate::history::MessageKind;
use crate::protocol::{PushAnswer, PushRequest};

impl Session {
    /// The exchange as `act` has it.
    pub(super) async fn struck(self: &Rc<Self>, asked: &Asked, id: u64, act: Act, request: Asking) -> io::Result<Fate> {
        let (head, body) = request;
        let answer = match act {
            Act::LoseRequest(_) | Act::Crash(Moment::BeforeRequest) => self.strike(asked.number, id, act).await?,
            Act::Answer(canned) => self.instead(asked, id, canned),
            Act::AnswerAfter(canned) => {
                self.keep_back(asked, &self.forward(head, body).await?, 0);
                self.instead(asked, id, canned)
            }
            Act::Spoil(spoil) => {
                let answer = self.forward(head, body).await?;
                self.keep_back(asked, &answer, 0);
                return Ok(self.spoilt(asked, id, spoil, answer));
            }
            Act::LeaveOut => self.short_of_one(asked, id, (head, body)).await?,
            Act::Refuse(refuse) => {
                let answer = self.refused(asked, id, &refuse, (head, body)).await?;
                self.hand_over(asked, answer).0
            }
            Act::LoseAnswer(_) | Act::Crash(Moment::AfterCommit) => {
                let mut answer = self.forward(head, body).await?;
                complete(&mut answer.0, answer.1.len(), asked.closing);
                self.keep_back(asked, &answer, self.size(&answer.0, answer.1.len()));
                self.strike(asked.number, id, act).await?
            }
            Act::Crash(Moment::AfterAnswer) => {
                let answer = self.forward(head, body).await?;
                let (response, size) = self.hand_over(asked, answer);
                self.crash_after(size, asked.number, id);
                response
            }
            Act::Slow(slow) => return self.slowly(asked, id, slow, (head, body)).await,
            Act::Duplicate(duplicate) => self.twice(asked, id, duplicate, (head, body)).await?,
            Act::Garble(garble) => self.garbled(asked, id, garble, (head, body)).await?,
            Act::Replay(replay) => self.replayed(asked, id, replay, (head, body)).await?,
        };
        Ok(Fate::Answer(answer))
    }

    /// An answer of the proxy's own.
    fn instead(&self, asked: &Asked, id: u64, canned: Canned) -> Response<Full<Bytes>> {
        let (fields, body) = canned.write(self.proxy.recorder.wall());
        let mut head = Response::new(()).into_parts().0;
        head.status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                head.headers.insert(name, value);
            }
        }
        let body = Bytes::from(body);
        complete(&mut head, body.len(), asked.closing);
        self.hear_answer(asked, &head, &body);
        let kind = inspect::answer(asked.route, &head, &body);
        self.record_answer(asked, &head, self.size(&head, body.len()), kind);
        self.proxy.fired(&self.device, asked.number, id);
        Response::from_parts(head, Full::new(body))
    }

    /// The server's answer, damaged.
    fn spoilt(&self, asked: &Asked, id: u64, spoil: Spoil, (mut head, body): Answered) -> Fate {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        complete(&mut head, body.len(), asked.closing);
        let damaged = spoil.of(head.clone(), body);
        let bytes = match &damaged {
            Damaged::Answer((head, body)) => self.size(head, body.len()),
            Damaged::Script(script) => self.layer.on_the_wire(script.length()),
        };
        let kind = MessageKind::Other { summary: format!("a spoilt answer ({spoil:?})") };
        self.record_answer(asked, &head, bytes, kind);
        self.proxy.fired(&self.device, asked.number, id);
        match damaged {
            Damaged::Answer((head, body)) => Fate::Answer(Response::from_parts(head, Full::new(body))),
            Damaged::Script(script) => Fate::Script(script),
        }
    }

    /// The exchange, with a pause in it or drop by drop.
    async fn slowly(&self, asked: &Asked, id: u64, slow: Slow, (head, body): Asking) -> io::Result<Fate> {
        self.proxy.fired(&self.device, asked.number, id);
        sleep(slow.before()).await;
        let answer = self.forward(head, body).await?;
        sleep(slow.after()).await;
        let (mut head, body) = answer.clone();
        complete(&mut head, body.len(), asked.closing);
        let script = slow.script(head_text(&head).into(), body);
        let (response, _) = self.hand_over(asked, answer);
        Ok(script.map_or(Fate::Answer(response), Fate::Script))
    }

    /// The exchange, of which the server sees the request twice.
    async fn twice(
        self: &Rc<Self>,
        asked: &Asked,
        id: u64,
        duplicate: Duplicate,
        (head, body): Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        let first = self.forward(head.clone(), body.clone()).await?;
        let Duplicate::Late(after) = duplicate else {
            self.keep_back(asked, &first, 0);
            self.proxy.fired(&self.device, asked.number, id);
            let second = self.forward(head, body).await?;
            return Ok(self.hand_over(asked, second).0);
        };
        let copy = self.aside();
        let asked_again = asked.clone();
        spawn_local(async move {
            sleep(after).await;
            if let Ok(second) = copy.forward(head, body).await {
                copy.proxy.fired(&copy.device, asked_again.number, id);
                copy.keep_back(&asked_again, &second, 0);
            }
        });
        Ok(self.hand_over(asked, first).0)
    }

    /// The exchange, of which the server sees another request.
    async fn garbled(
        &self,
        asked: &Asked,
        id: u64,
        garble: Garble,
        (head, body): Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        let garbled = garble.of(&body);
        if garbled.is_some() {
            self.proxy.fired(&self.device, asked.number, id);
        }
        let answer = self.forward(head, garbled.unwrap_or(body)).await?;
        Ok(self.hand_over(asked, answer).0)
    }

    /// An answer that the device has had before; the server's own where there was none.
    async fn replayed(
        &self,
        asked: &Asked,
        id: u64,
        replay: Replay,
        (head, body): Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        let recall = |target| self.proxy.memory.borrow().recall(&self.device, target, replay.back);
        let Some((earlier, content)) = asked.target.and_then(recall) else {
            let answer = self.forward(head, body).await?;
            return Ok(self.hand_over(asked, answer).0);
        };
        if replay.after_commit {
            self.keep_back(asked, &self.forward(head, body).await?, 0);
        }
        let kind = MessageKind::Other { summary: format!("an answer of before ({} back)", replay.back) };
        self.record_answer(asked, &earlier, self.size(&earlier, content.len()), kind);
        self.proxy.fired(&self.device, asked.number, id);
        Ok(Response::from_parts(earlier, Full::new(content)))
    }

    /// The server's answer; where it is a page with work orders, one is missing.
    async fn short_of_one(&self, asked: &Asked, id: u64, (head, body): Asking) -> io::Result<Response<Full<Bytes>>> {
        let (mut head, mut body) = self.forward(head, body).await?;
        if let Some(page) = inspect::json(&head.headers, &body).and_then(leave_out) {
            self.proxy.fired(&self.device, asked.number, id);
            body = rewritten(&mut head.headers, &page)?;
        }
        Ok(self.hand_over(asked, (head, body)).0)
    }

    /// Asks the server for all but the operations to refuse, and puts those into its answer. What it may have seen before,
    /// such as a change whose answer was lost, cannot be refused any more.
    async fn refused(&self, asked: &Asked, id: u64, refuse: &Refuse, (mut head, body): Asking) -> io::Result<Answered> {
        let Some(PushRequest { mut operations }) = inspect::json(&head.headers, &body) else {
            return self.forward(head, body).await;
        };
        let refused = refuse.take(&mut operations, &self.proxy.pushed.borrow());
        if !refused.is_empty() {
            self.proxy.fired(&self.device, asked.number, id);
        }
        self.proxy.note_pushed(&operations);
        let rest = rewritten(&mut head.headers, &PushRequest { operations })?;
        let (mut head, body) = self.forward(head, rest).await?;
        let Some(PushAnswer { results }) = inspect::json(&head.headers, &body) else { return Ok((head, body)) };
        let results = Refuse::join(refused, results);
        let body = rewritten(&mut head.headers, &PushAnswer { results })?;
        Ok((head, body))
    }

    /// Ends the exchange without an answer. Returns, with an error, only if the connection is to be cut.
    async fn strike<T>(&self, exchange: u64, id: u64, act: Act) -> io::Result<T> {
        self.proxy.fired(&self.device, exchange, id);
        let how = match act {
            Act::LoseRequest(how) | Act::LoseAnswer(how) => Some(how),
            Act::Crash(moment) => {
                self.proxy.crash(&self.device, id, moment);
                None
            }
            Act::Answer(_)
            | Act::AnswerAfter(_)
            | Act::Spoil(_)
            | Act::LeaveOut
            | Act::Refuse(_)
            | Act::Slow(_)
            | Act::Duplicate(_)
            | Act::Garble(_)
            | Act::Replay(_) => None,
        };
        match how {
            Some(LoseHow::Reset) => {
                self.wire.reset_at_end();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(LoseHow::Cut) => Err(io::ErrorKind::ConnectionAborted.into()),
            // hyper drops this future when the device closes its side.
            Some(LoseHow::Silence) | None => pending().await,
        }
    }

    fn crash_after(&self, size: u64, exchange: u64, id: u64) {
        let (proxy, device) = (Rc::clone(&self.proxy), self.device.clone());
        self.wire.after(
            size,
            Box::new(move || {
                proxy.fired(&device, exchange, id);
                proxy.crash(&device, id, Moment::AfterAnswer);
            }),
        );
    }
}

/// A body in place of the one that came with `headers`, which say no more how long that was and how it was packed.
fn rewritten(headers: &mut HeaderMap, body: &impl Serialize) -> io::Result<Bytes> {
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(serde_json::to_vec(body).map_err(io::Error::other)?.into())
}

/// No time at all is not even a tick of the clock.
async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
