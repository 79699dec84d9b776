//! What a device's platform does besides running the app, and what thieves do: lock, unlock, remove, copy the disk.

use std::io;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::http::HttpClient;
use super::in_process::InProcess;
use super::network::SERVER;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible, together};
use crate::base::CrashHow;
use crate::client::{
    Credentials, DeviceKey, Engine, FILE_PREFIX, Keychain, MemoryKeychain, Parts, REFRESH_TOKEN, VAULT, Vault,
};
use crate::disk::Storage;
use crate::history::{Guarded, Secret, What};
use crate::proxy::{ByteStream, Upstream};
use crate::scenario::{Action, Uninstall};

/// The keychain beside a copied disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StolenKeychain {
    /// Another device's, which knows nothing.
    Empty,
    /// The device's own, locked.
    Locked,
    /// One that holds the keys of another installation.
    Another,
}

/// What came of opening a copy of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOpened {
    /// Whether it opened.
    pub opened: bool,
    /// Whether a file of the copy changed, or appeared.
    pub changed: bool,
    /// What the engine said.
    pub said: String,
    /// Whether the same copy opens with the device's own keychain: else the attempt proves nothing.
    pub good_copy: bool,
}

/// The platform under a device that runs in this process.
pub trait Platform {
    /// Locks the device: the app ends, the keychain gives nothing.
    fn lock(&self);

    /// Unlocks it; returns how often its disk was read or written meanwhile.
    fn unlock(&self) -> u64;

    /// Removes the app and all its files; some platforms leave the keychain's entries behind.
    fn uninstall(&self, keychain_stays: bool);

    /// How many files lie on its disk beside the database.
    fn files(&self) -> usize;

    /// Copies the disk and has an engine open the copy.
    fn open_copy(&self, keychain: StolenKeychain) -> CopyOpened;

    /// The refresh token in the keychain, as somebody who broke it open finds it, and the key that it is bound to.
    fn refresh_token(&self) -> Option<(String, DeviceKey)>;

    /// The refresh token before the one in its keychain, and the key that both are bound to.
    fn used_refresh_token(&self) -> Option<(String, DeviceKey)>;

    /// The cost at which the key of the database is derived from the credentials, and whether these are the ones.
    fn key_is_bound_to(&self, user: &str, password: &str) -> Option<(String, bool)>;
}

/// A thief's phone is in airplane mode.
struct Nowhere;

impl Upstream for Nowhere {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::ErrorKind::NetworkUnreachable.into()) })
    }
}

impl Platform for InProcess {
    fn lock(&self) {
        let shell = self.shell();
        shell.fall(CrashHow::Kill);
        shell.keychain.lock();
        shell.locked_at.set(shell.disk.accesses());
    }

    fn unlock(&self) -> u64 {
        let shell = self.shell();
        shell.keychain.unlock();
        shell.disk.accesses() - shell.locked_at.get()
    }

    fn uninstall(&self, keychain_stays: bool) {
        let shell = self.shell();
        shell.fall(CrashHow::Kill);
        shell.disk.wipe();
        if !keychain_stays {
            shell.keychain.clear();
        }
    }

    fn files(&self) -> usize {
        self.shell().disk.files().keys().filter(|name| name.starts_with(FILE_PREFIX)).count()
    }

    fn open_copy(&self, keychain: StolenKeychain) -> CopyOpened {
        let shell = self.shell();
        let own = shell.keychain.copy();
        let good_copy = self.try_copy(own.copy()).0.is_ok();
        let stolen = match keychain {
            StolenKeychain::Empty => MemoryKeychain::default(),
            StolenKeychain::Locked => {
                own.lock();
                own
            }
            StolenKeychain::Another => {
                let mut random = shell.build.seed.stream("thief/vault");
                // A memory keychain that is not locked cannot fail.
                let _ = Vault::found(&own, &mut random);
                own
            }
        };
        let (outcome, changed) = self.try_copy(stolen);
        let (opened, said) = outcome.map_or_else(|said| (false, said), |()| (true, "it opened".into()));
        CopyOpened { opened, changed, said, good_copy }
    }

    fn refresh_token(&self) -> Option<(String, DeviceKey)> {
        self.shell().keychain.get(REFRESH_TOKEN).ok()?.zip(self.device_key())
    }

    fn used_refresh_token(&self) -> Option<(String, DeviceKey)> {
        let shell = self.shell();
        let ever = shell.keychain.secrets_ever();
        let tokens = ever.into_iter().rev().filter(|(name, _)| name == REFRESH_TOKEN);
        let (_, used) = tokens.into_iter().nth(1)?;
        Some((used, self.device_key()?))
    }

    fn key_is_bound_to(&self, user: &str, password: &str) -> Option<(String, bool)> {
        let keychain = &self.shell().keychain;
        let text = keychain.get(VAULT).ok()??;
        let cost = match Vault::cost(&text) {
            Some(cost) => cost.to_string(),
            // Once somebody has signed in it must hang on their credentials.
            None => keychain.get(REFRESH_TOKEN).ok()?.map(|_| "nothing".to_owned())?,
        };
        let opens = |password: &str| Vault::is_bound_to(&text, &Credentials { user, password }).unwrap_or(false);
        Some((cost, opens(password) && !opens("another password")))
    }
}

impl InProcess {
    fn device_key(&self) -> Option<DeviceKey> {
        let shell = self.shell();
        DeviceKey::of(&shell.keychain.copy(), &mut shell.build.seed.stream("thief/copy")).ok()
    }

    /// Opens a copy of the disk beside `keychain`: what the engine says, and whether that changed the copy.
    fn try_copy(&self, keychain: MemoryKeychain) -> (Result<(), String>, bool) {
        let shell = self.shell();
        let copy = shell.disk.copy();
        let before = copy.files();
        let build = &shell.build;
        let parts = Parts {
            transport: Rc::new(HttpClient::new(build.clock, SERVER, Rc::new(Nowhere))),
            keychain: Rc::new(keychain),
            clock: shell.wall.clone(),
            random: build.seed.stream("thief"),
            observer: Rc::new(|_| {}),
            settings: build.settings.clone(),
            online: false,
        };
        let outcome = Engine::open(&Storage::Simulated(copy.clone()), parts);
        let outcome = outcome.map(drop).map_err(|error| error.to_string());
        (outcome, copy.files() != before)
    }
}

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these steps come here")]
    pub(super) async fn act_on_platform<'a>(&'a self, all: &impl Fn(&str) -> Vec<&'a Member>, action: &Action) -> Done {
        match action {
            Action::Lock(name) => all(name).into_iter().try_for_each(|member| self.lock(member)),
            Action::Unlock(name) => together(all(name), async |member| self.unlock(member).await).await,
            Action::Uninstall(step) => {
                all(&step.device).into_iter().try_for_each(|member| self.uninstall(member, step))
            }
            Action::Install(name) => together(all(name), async |member| self.install(member).await).await,
            Action::Steal(step) => together(all(&step.from), async |member| self.steal(member, step).await).await,
            _ => Ok(()),
        }
    }

    pub(super) fn guarded(&self, device: &str, event: Guarded) {
        self.recorder.record(What::Guarded { device: device.to_owned(), event });
    }

    pub(super) fn platform<'a>(&self, member: &'a Member) -> Result<&'a dyn Platform, StepError> {
        member.device.platform().ok_or_else(|| impossible("this device's platform is out of reach"))
    }

    pub(super) fn lock(&self, member: &Member) -> Done {
        let platform = self.platform(member)?;
        self.guarded(&member.name, Guarded::Locked);
        platform.lock();
        member.locked.set(true);
        Ok(())
    }

    pub(super) async fn unlock(&self, member: &Member) -> Done {
        let accesses = self.platform(member)?.unlock();
        member.locked.set(false);
        self.guarded(&member.name, Guarded::Unlocked { accesses });
        Ok(self.start_again(member).await?)
    }

    pub(super) fn uninstall(&self, member: &Member, step: &Uninstall) -> Done {
        self.platform(member)?.uninstall(step.keychain_stays);
        member.removed.set(true);
        self.guarded(&member.name, Guarded::Uninstalled);
        Ok(())
    }

    /// The user installs the app anew, and signs in.
    pub(super) async fn install(&self, member: &Member) -> Done {
        self.start_again(member).await?;
        member.removed.set(false);
        self.sign_in_member(member).await
    }

    pub(super) fn steal_disk(&self, member: &Member, keychain: StolenKeychain) -> Done {
        let CopyOpened { opened, changed, said, good_copy } = self.platform(member)?.open_copy(keychain);
        if !good_copy {
            return Err(impossible("the copy does not open with the device's own keychain, so it proves nothing"));
        }
        self.guarded(&member.name, Guarded::CopyTried { opened, changed, said });
        Ok(())
    }

    /// The office gives the user a new password; it reaches them some other way.
    pub(super) async fn change_password(&self, member: &Member) -> Done {
        let user = member.user.borrow().clone();
        let password = format!("new {}", self.password_of(&user));
        self.office.change_password(&user, &password).await.map_err(impossible)?;
        self.secrets.know(Secret::Password, format!("the new password of {user}"), &password);
        self.passwords.borrow_mut().insert(user, password);
        Ok(())
    }

    /// Records of each device on which somebody is signed in what its database's key hangs on.
    pub(super) fn check_keys(&self) {
        for (device, member) in &self.members {
            let user = member.user.borrow().clone();
            let password = self.password_of(&user);
            let known = member.device.platform().and_then(|platform| platform.key_is_bound_to(&user, &password));
            if let Some((cost, bound)) = known {
                self.guarded(device, Guarded::KeyChecked { cost, bound });
            }
        }
    }
}
