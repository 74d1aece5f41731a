//! What names an object of the store, a part of one, and an amount of bytes.

use std::{error::Error, str::FromStr};

use stt_store::{Address, Reference, SealedReference};

/// `ADDRESS`, `ADDRESS:ROOT:LENGTH`, or `ADDRESS:ROOT:LENGTH:KEY`.
#[derive(Debug, Clone)]
pub(crate) enum ObjectName {
    Address(Address),
    Reference(Reference),
    /// Of a sealed object: where it is, and what opens it.
    Sealed(SealedReference),
}

impl ObjectName {
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Address(address) | Self::Reference(Reference { address, .. }) => *address,
            Self::Sealed(sealed) => sealed.address(),
        }
    }
}

impl ObjectName {
    /// As it was given, with the key of a sealed object.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Reference(reference) => reference.to_string(),
            Self::Sealed(sealed) => sealed.to_text(),
        }
    }
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.matches(':').count() {
            0 => text.parse().map(Self::Address).map_err(told),
            3 => text.parse().map(Self::Sealed).map_err(told),
            _ => text.parse().map(Self::Reference).map_err(told),
        }
    }
}

fn told(error: impl Error) -> String {
    error.to_string()
}

/// `START..END`: bytes from START on, up to END and without it; either may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

impl FromStr for ByteRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (start, end) = text.split_once("..").ok_or(RANGE_FORM)?;
        let number = |text: &str| match text {
            "" => Ok(None),
            text => digits(text).map(Some).ok_or(RANGE_FORM),
        };
        let (start, end) = (number(start)?.unwrap_or(0), number(end)?);
        if end.is_some_and(|end| end < start) {
            return Err("a range ends where it begins or after that");
        }
        Ok(Self { start, end })
    }
}

/// Bytes, as a number with an optional K, M, G or T, which stand for powers of 1,024.
pub(crate) fn amount(text: &str) -> Result<u64, &'static str> {
    let unit = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let factor = match unit {
        "" => Some(1),
        "K" | "k" | "KiB" => Some(1 << 10),
        "M" | "MiB" => Some(1 << 20),
        "G" | "GiB" => Some(1 << 30),
        "T" | "TiB" => Some(1_u64 << 40),
        _ => None,
    };
    let number = digits(&text[..text.len() - unit.len()]);
    let bytes = factor
        .zip(number)
        .map(|(factor, number)| number.checked_mul(factor));
    bytes
        .ok_or(AMOUNT_FORM)?
        .ok_or("more bytes than there can be")
}

/// No sign, no space.
fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

const RANGE_FORM: &str = "a range is START..END in bytes, END excluded; either may be left out";
const AMOUNT_FORM: &str =
    "an amount is a number of bytes, with K, M, G or T for 1,024 and its powers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_reference_name_the_same_object() {
        let address = "ab".repeat(32);
        let reference = format!("{address}:{}:7", "cd".repeat(32));
        let one: ObjectName = address.parse().unwrap();
        let other: ObjectName = reference.parse().unwrap();
        assert_eq!(one.address(), other.address());
        let sealed = format!("{reference}:{address}");
        let sealed: ObjectName = sealed.parse().unwrap();
        assert_eq!(sealed.address(), one.address());
        for bad in ["", "abcd", &format!("{address}:"), &format!("{reference}:")] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ends_of_a_range_may_be_left_out() {
        let range = |start, end| Ok(ByteRange { start, end });
        assert_eq!("3..5".parse(), range(3, Some(5)));
        assert_eq!("3..".parse(), range(3, None));
        assert_eq!("..5".parse(), range(0, Some(5)));
        assert_eq!("..".parse(), range(0, None));
        assert_eq!("5..5".parse(), range(5, Some(5)));
        for bad in [
            "",
            "5",
            "5..3",
            "-1..3",
            "+1..3",
            "1...3",
            "1..=3",
            "a..b",
            "1..99999999999999999999",
        ] {
            assert!(bad.parse::<ByteRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_amount_has_a_unit_or_none() {
        assert_eq!(amount("10"), Ok(10));
        assert_eq!(amount("2K"), Ok(2_048));
        assert_eq!(amount("3GiB"), Ok(3 << 30));
        for bad in [
            "",
            "K",
            "-1",
            "+1",
            "1.5G",
            "1 G",
            "1KB",
            "1e3",
            "99999999999T",
            "99999999999999999999",
            "1\u{e4}",
        ] {
            assert!(amount(bad).is_err(), "{bad}");
        }
    }
}
