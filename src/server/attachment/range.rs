//! Which part of a file a request asks for (RFC 9110, 14).

/// What a `Range` header comes to for a file of some length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: there is no range, or none that is understood.
    Whole,
    /// From the first byte up to, and without, the second.
    Part(u64, u64),
    /// Nothing that the file has.
    Outside,
}

/// Reads `header`. Several ranges at once are answered with the whole, which a server may always do.
pub(super) fn asked(header: Option<&str>, length: u64) -> Asked {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Asked::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1), length),
        (Some(first), None) if last.is_empty() => part(first, length, length),
        (None, Some(suffix)) if first.is_empty() => part(length - suffix.min(length), length, length),
        (Some(_) | None, Some(_) | None) => Asked::Whole,
    }
}

fn part(first: u64, end: u64, length: u64) -> Asked {
    if first < length { Asked::Part(first, end.min(length)) } else { Asked::Outside }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_http_has_it() {
        for (header, expected) in [
            ("bytes=0-0", Asked::Part(0, 1)),
            ("bytes=0-99", Asked::Part(0, 100)),
            ("bytes=10-19", Asked::Part(10, 20)),
            ("bytes=90-", Asked::Part(90, 100)),
            ("bytes=0-", Asked::Part(0, 100)),
            ("bytes=007-", Asked::Part(7, 100)),
            ("bytes=50-1000", Asked::Part(50, 100)),
            ("bytes=-30", Asked::Part(70, 100)),
            ("bytes=-1000", Asked::Part(0, 100)),
            ("bytes=99-99", Asked::Part(99, 100)),
            ("bytes=100-", Asked::Outside),
            ("bytes=100-200", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=20-10", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=1-99999999999999999999", Asked::Whole),
        ] {
            assert_eq!(asked(Some(header), 100), expected, "{header}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Outside);
    }
}
