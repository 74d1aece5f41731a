//! Sizes, rates and numbers of things, as people read them.

use std::time::Duration;

/// Bytes a second, of `bytes` that took `time`.
pub(crate) fn per_second(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// Bytes in the unit that suits them, one decimal.
pub(crate) fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1_000.0 {
            break;
        }
        (value, unit) = (value / 1_024.0, larger);
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{value:.1} {unit}"),
    }
}

/// So many of what has this name.
pub(crate) fn count(number: u64, name: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_takes_nine_columns_at_most() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1_536), "1.5 KiB");
        for shift in 0..40 {
            for bytes in [(1 << shift) - 1, 1 << shift, 999 << shift] {
                assert!(size(bytes).len() <= 9, "{}", size(bytes));
            }
        }
    }

    #[test]
    fn no_time_at_all_is_no_division_by_zero() {
        assert_eq!(per_second(1, Duration::ZERO), 1_000_000_000);
        assert_eq!(per_second(3_000, Duration::from_millis(1_500)), 2_000);
    }
}
