//! Somebody with stolen goods tries them, off the devices' network. What it is good for, the history says.

use serde_json::{Value, json};

use super::http::HttpClient;
use super::network::SERVER;
use super::platform::StolenKeychain;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible};
use crate::client::{DeviceKey, MemoryKeychain, Method, Request, Transport};
use crate::history::Guarded;
use crate::protocol::{DPOP, MAX_INFLATED_BODY, Tokens, gzip, path};
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
            Loot::RefreshToken => return self.steal_refresh_token(member).await,
            Loot::UsedRefreshToken => return self.steal_used_refresh_token(member).await,
            Loot::Password | Loot::UsedCode | Loot::GuessedCodes => {}
        }
        let user = member.user.borrow().clone();
        let thief = self.thief();
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
            Loot::RefreshToken | Loot::UsedRefreshToken | Loot::Disk | Loot::LockedDevice | Loot::DiskAndOtherKeys => {}
        }
        self.guarded(&member.name, Guarded::Stolen { loot: step.what.to_string(), tries, given });
        Ok(())
    }
}

impl World {
    /// Without a proof, with one by the thief's own key, and with that under the head of one by the device's, which tells
    /// nothing but its public half.
    async fn steal_refresh_token(&self, member: &Member) -> Done {
        let stolen = self.platform(member)?.refresh_token();
        let (token, key) = stolen.ok_or_else(|| impossible("the device has no refresh token"))?;
        let mut random = self.seed.stream("thief/key");
        let own = DeviceKey::of(&MemoryKeychain::default(), &mut random).map_err(impossible)?;
        let prove = |key: &DeviceKey| key.prove(path::REFRESH, self.server_clock.now().as_second(), None);
        let (proof, heard) = (prove(&own), prove(&key));
        let head = heard.split_once('.').map_or("", |(head, _)| head);
        let forged = proof.split_once('.').map_or_else(String::new, |(_, rest)| format!("{head}.{rest}"));
        let thief = self.thief();
        let mut given = false;
        for headers in [Vec::new(), vec![(DPOP, proof)], vec![(DPOP, forged)]] {
            given |= thief.asks(path::REFRESH, headers, &json!({ "refreshToken": token })).await? == OK;
        }
        self.guarded(&member.name, Guarded::Stolen { loot: Loot::RefreshToken.to_string(), tries: 3, given });
        Ok(())
    }

    /// With a proof by the device's own key: only that the token was used gives the thief away.
    async fn steal_used_refresh_token(&self, member: &Member) -> Done {
        let stolen = self.platform(member)?.used_refresh_token();
        let (token, key) = stolen.ok_or_else(|| impossible("the device has used no refresh token"))?;
        let proof = key.prove(path::REFRESH, self.server_clock.now().as_second(), None);
        let body = json!({ "refreshToken": token });
        let given = self.thief().asks(path::REFRESH, vec![(DPOP, proof)], &body).await? == OK;
        let loot = Loot::UsedRefreshToken.to_string();
        self.guarded(&member.name, Guarded::Stolen { loot, tries: 1, given });
        Ok(())
    }

    fn thief(&self) -> Thief {
        Thief { http: HttpClient::new(self.clock, SERVER, self.upstream.clone()) }
    }
}

/// Whoever it is, with a terminal of their own.
struct Thief {
    http: HttpClient,
}

impl Thief {
    async fn signs_in(&self, body: &Value) -> Result<u16, StepError> {
        self.asks(path::SIGN_IN, Vec::new(), body).await
    }

    /// The status of the answer to a request for tokens, or, once there are any, to a pull with them.
    async fn asks(&self, at: &str, headers: Vec<(&'static str, String)>, body: &Value) -> Result<u16, StepError> {
        let body = Some(serde_json::to_vec(body).map_err(impossible)?);
        let request = Request { headers, body, ..Request::new(Method::Post, at) };
        let answer = self.http.send(request).await.map_err(impossible)?;
        if answer.status != OK {
            return Ok(answer.status);
        }
        let plain =
            if answer.gzip { gzip::unpack(&answer.body, MAX_INFLATED_BODY).map_err(impossible)? } else { answer.body };
        let tokens: Tokens = serde_json::from_slice(&plain).map_err(impossible)?;
        let request = Request { bearer: Some(tokens.access_token), ..Request::new(Method::Get, path::DELTA) };
        Ok(self.http.send(request).await.map_err(impossible)?.status)
    }
}
