//! `--shard`: which part of the scenarios is run here. A scenario's part depends on its file's name and the number of
//! parts alone, so that a new scenario moves none of the others.

use std::env;
use std::str::FromStr;

use crate::report::Shard;

/// `2/4`, `auto/4` or `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShardArgument {
    /// From 1; the pipeline says it when absent.
    number: Option<u32>,
    /// The pipeline says it when absent.
    of: Option<u32>,
}

impl FromStr for ShardArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self { number: None, of: None });
        }
        let wrong = || format!("`{text}` is no shard: write `2/4` for the second of four parts, `auto/4` or `auto`");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let of: u32 = of.parse().ok().filter(|of| *of > 0).ok_or_else(wrong)?;
        if number == "auto" {
            return Ok(Self { number: None, of: Some(of) });
        }
        let number = number.parse().ok().filter(|number| (1..=of).contains(number)).ok_or_else(wrong)?;
        Ok(Self { number: Some(number), of: Some(of) })
    }
}

impl ShardArgument {
    /// The shard, with what the pipeline says of it: `JOB_COMPLETION_INDEX` of a Kubernetes Indexed Job counts from 0,
    /// `CI_NODE_INDEX` of `GitLab` and others from 1.
    ///
    /// # Errors
    /// When nobody says it, in words.
    pub(super) fn resolve(self) -> Result<Shard, String> {
        self.resolve_with(|name| env::var(name).ok())
    }

    fn resolve_with(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
        let number = |name: &str| -> Result<Option<u32>, String> {
            let Some(value) = variable(name) else { return Ok(None) };
            value.trim().parse().map(Some).map_err(|_| format!("{name} is `{value}`, which is no number"))
        };
        let of = match self.of {
            Some(of) => of,
            None => number("CI_NODE_TOTAL")?.ok_or("how many parts? CI_NODE_TOTAL is not set: write `auto/4`")?,
        };
        let here = match (self.number, number("JOB_COMPLETION_INDEX")?, number("CI_NODE_INDEX")?) {
            (Some(number), _, _) => number,
            (None, Some(index), _) => index.saturating_add(1),
            (None, None, Some(index)) => index,
            (None, None, None) => {
                return Err("which part? neither JOB_COMPLETION_INDEX nor CI_NODE_INDEX is set: write `2/4`".into());
            }
        };
        if !(1..=of).contains(&here) {
            return Err(format!("there is no part {here} of {of}: they count from 1 to {of}"));
        }
        Ok(Shard { number: here, of })
    }
}

/// Whether the scenario of `file` is in `shard`.
pub(super) fn holds(shard: Shard, file: &str) -> bool {
    hash(file) % u64::from(shard.of) == u64::from(shard.number - 1)
}

/// FNV-1a in 64 bits, its halves folded: the same on every machine, and no part of the file's name is left out.
fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, set: &[(&str, &str)]) -> Result<(u32, u32), String> {
        let set: Vec<(String, String)> = set.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let variable = |name: &str| set.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone());
        text.parse::<ShardArgument>()?.resolve_with(variable).map(|shard| (shard.number, shard.of))
    }

    #[test]
    fn a_shard_is_written_or_taken_from_the_pipeline() {
        assert_eq!(resolved("2/4", &[("CI_NODE_INDEX", "3")]), Ok((2, 4)));
        assert_eq!(resolved("auto/4", &[("JOB_COMPLETION_INDEX", "0")]), Ok((1, 4)));
        assert_eq!(resolved("auto", &[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "5")]), Ok((3, 5)));
    }

    #[test]
    fn what_is_no_shard_is_said() {
        for wrong in ["", "0/4", "5/4", "1/0", "2", "a/4", "1/-4", "auto/0", "1/2/3"] {
            assert!(wrong.parse::<ShardArgument>().is_err(), "{wrong}");
        }
        assert!(resolved("auto/4", &[]).expect_err("no part").contains("JOB_COMPLETION_INDEX"));
        assert!(resolved("auto/4", &[("JOB_COMPLETION_INDEX", "4")]).expect_err("no part 5").contains("part 5 of 4"));
        assert!(resolved("auto/4", &[("CI_NODE_INDEX", "x")]).expect_err("no number").contains("no number"));
    }

    #[test]
    fn every_scenario_is_in_one_shard_and_no_shard_holds_most() {
        let files: Vec<String> = (0..400).map(|n| format!("scenarios/group-{}/story-{n}.yaml", n % 7)).collect();
        for of in [1, 2, 3, 8] {
            let counts: Vec<usize> =
                (1..=of).map(|number| files.iter().filter(|file| holds(Shard { number, of }, file)).count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), 400);
            let fair = 400 / of as usize;
            assert!(counts.iter().all(|count| (fair / 2..=fair * 2).contains(count)), "{counts:?}");
        }
        // A pipeline and the machine at one's desk agree, today and next year.
        assert_eq!(hash("scenarios/crash/after-the-commit.yaml"), 3_081_820_322_862_373_061);
    }
}
