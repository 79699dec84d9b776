//! Somebody with stolen goods tries them, off the devices' network. What it is good for, the history says.

use serde_json::{Value, json};

use super::http::HttpClient;
use super::network::{SERVER, ToServer};
use super::platform::StolenKeychain;
use super::stage::{Member, World};
use super::steps::{Done, impossible};
use crate::client::{Method, Request, Transport};
use crate::history::Guarded;
use crate::protocol::{Tokens, path};
use crate::scenario::{Loot, Steal};

/// A thief gives up after so many guesses that were looked at.
const PATIENCE: u32 = 1000;
/// The answers to a success and to too many tries.
const OK: u16 = 200;
const TOO_MANY: u16 = 429;

impl World {
    pub(super) async fn steal(&self, member: &Member, step: &Steal) -> Done {
        match step.what {
            Loot::Disk => return self.steal_disk(member, StolenKeychain::Empty),
            Loot::LockedDevice => return self.steal_disk(member, StolenKeychain::Locked),
            Loot::DiskAndOtherKeys => return self.steal_disk(member, StolenKeychain::Another),
            Loot::Password | Loot::UsedCode | Loot::GuessedCodes => {}
        }
        let user = member.user.borrow().clone();
        let thief =
            Thief { http: HttpClient::new(self.clock, SERVER, std::rc::Rc::new(ToServer(self.server.clone()))) };
        let with = |code: Option<String>| json!({ "userId": user, "password": self.password_of(&user), "code": code, "deviceId": "thief" });
        let (mut tries, mut given) = (0, false);
        match step.what {
            Loot::Password => (tries, given) = (1, thief.signs_in(&with(None)).await? == OK),
            Loot::UsedCode => {
                let used = self.authenticators.last_code(&user, &member.name);
                let used = used.ok_or_else(|| impossible(format!("{user} has typed no code on {}", member.name)))?;
                (tries, given) = (1, thief.signs_in(&with(Some(used))).await? == OK);
            }
            Loot::GuessedCodes => {
                while tries < PATIENCE && !given {
                    let status = thief.signs_in(&with(Some(format!("{tries:06}")))).await?;
                    if status == TOO_MANY {
                        break;
                    }
                    (tries, given) = (tries + 1, status == OK);
                }
            }
            Loot::Disk | Loot::LockedDevice | Loot::DiskAndOtherKeys => {}
        }
        self.guarded(&member.name, Guarded::Stolen { loot: step.what.to_string(), tries, given });
        Ok(())
    }
}

/// Whoever it is, with a terminal of their own.
struct Thief {
    http: HttpClient,
}

impl Thief {
    /// The status of the answer to a sign-in, or to what is asked for with its token.
    async fn signs_in(&self, body: &Value) -> Result<u16, super::steps::StepError> {
        let body = serde_json::to_vec(body).map_err(impossible)?;
        let request =
            Request { method: Method::Post, target: path::SIGN_IN.into(), bearer: None, body: Some(body), gzip: false };
        let answer = self.http.send(request).await.map_err(impossible)?;
        if answer.status != OK {
            return Ok(answer.status);
        }
        let tokens: Tokens = serde_json::from_slice(&answer.body).map_err(impossible)?;
        self.reads(tokens.access_token).await
    }

    /// The status of a pull with `token`.
    async fn reads(&self, token: String) -> Result<u16, super::steps::StepError> {
        let target = path::DELTA.to_owned();
        let request = Request { method: Method::Get, target, bearer: Some(token), body: None, gzip: false };
        Ok(self.http.send(request).await.map_err(impossible)?.status)
    }
}
