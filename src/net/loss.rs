//! Which packets get lost.

use super::conditions::Loss;
use crate::base::{Share, Stream};

/// Decides over packets, one after the other.
#[derive(Debug)]
pub(super) struct Fate {
    loss: Loss,
    in_burst: bool,
    draws: Stream,
}

impl Fate {
    pub(super) fn new(loss: Loss, draws: Stream) -> Self {
        Self { loss, in_burst: false, draws }
    }

    /// From the next packet on it is decided by `loss`.
    pub(super) fn set(&mut self, loss: Loss) {
        self.loss = loss;
        self.in_burst &= loss.burst.is_some();
    }

    /// Whether the next packet gets lost.
    pub(super) fn strikes(&mut self) -> bool {
        let Loss { share, burst } = self.loss;
        let Some(burst) = burst else { return self.happens(share) };
        let turns = if self.in_burst { burst.ends } else { burst.begins };
        if self.happens(turns) {
            self.in_burst = !self.in_burst;
        }
        self.happens(if self.in_burst { burst.loss } else { share })
    }

    fn happens(&mut self, share: Share) -> bool {
        share.ppm() > 0 && self.draws.below(1_000_000) < share.ppm()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::net::Burst;

    fn fates(loss: Loss, count: usize) -> Vec<bool> {
        let mut fate = Fate::new(loss, Seed(3).stream("loss"));
        (0..count).map(|_| fate.strikes()).collect()
    }

    #[test]
    fn the_share_asked_for_is_lost() {
        let lost = fates(Loss { share: Share::new(20_000), burst: None }, 100_000);
        let count = lost.iter().filter(|lost| **lost).count();
        assert!((1_800..2_200).contains(&count), "{count}");
        assert!(!fates(Loss::default(), 1_000).contains(&true));
    }

    /// A share of `begins / (begins + ends)` of the packets is in a burst, and bursts last `1 / ends` packets.
    #[test]
    fn bursts_come_as_often_and_last_as_long_as_asked_for() {
        let burst = Burst { begins: Share::new(10_000), ends: Share::new(250_000), loss: Share::new(1_000_000) };
        let lost = fates(Loss { share: Share::default(), burst: Some(burst) }, 200_000);
        let count = lost.iter().filter(|lost| **lost).count();
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((6_900..8_500).contains(&count), "{count}");
        assert!((3..=5).contains(&((count + bursts / 2) / bursts)), "{count} in {bursts} bursts");
    }
}
