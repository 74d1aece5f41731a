//! Which cipher protects packets. spec: STC-24.

use std::fmt;

/// A cipher for packets: an AEAD and the cipher of the header protection that goes with it.
///
/// Of the suites a HELLO offers, the responder takes the first of its own list. A side without
/// AES instructions does not offer AES, so AES is used only where both have it in hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Suite {
    /// AES-256-GCM, headers by AES-256. Also protects every Initial packet.
    Aes256Gcm = 1,
    /// ChaCha20-Poly1305, headers by `ChaCha20`.
    ChaCha20Poly1305 = 2,
}

impl Suite {
    /// What this machine should offer and accept, best first.
    pub fn preferred() -> &'static [Self] {
        if has_fast_aes() {
            &[Self::Aes256Gcm, Self::ChaCha20Poly1305]
        } else {
            &[Self::ChaCha20Poly1305]
        }
    }

    /// The number on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The suite of a number on the wire.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes256Gcm => "AES-256-GCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        })
    }
}

/// Whether the CPU computes AES and the GHASH multiplication in hardware.
fn has_fast_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_survives_the_wire() {
        for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            assert_eq!(Suite::from_code(suite.code()), Some(suite));
        }
        assert_eq!(Suite::from_code(0), None);
        assert_eq!(Suite::from_code(3), None);
    }

    #[test]
    fn chacha_is_always_offered() {
        assert!(Suite::preferred().contains(&Suite::ChaCha20Poly1305));
    }
}
