//! An IPv4 packet as a NAT changes it: its two ends, its checksums, and the packet that an ICMP
//! error tells of.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::table::Protocol;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;
/// The header in front of what an ICMP error tells of.
const ICMP_HEADER: usize = 8;

/// The ends of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) protocol: Protocol,
    pub(super) source: SocketAddrV4,
    pub(super) destination: SocketAddrV4,
}

/// One of the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// The ends of a whole packet of UDP or TCP. Fragments have none.
pub(super) fn flow(packet: &[u8]) -> Option<Flow> {
    let is_fragment = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3FFF != 0;
    ends(packet).filter(|_| !is_fragment)
}

fn ends(packet: &[u8]) -> Option<Flow> {
    let protocol = match (packet.first()? >> 4, packet.get(9)?) {
        (4, &UDP) => Protocol::Udp,
        (4, &TCP) => Protocol::Tcp,
        _ => return None,
    };
    let ports = header_len(packet)?;
    Some(Flow {
        protocol,
        source: SocketAddrV4::new(address(packet, SOURCE)?, word(packet, ports)?),
        destination: SocketAddrV4::new(address(packet, DESTINATION)?, word(packet, ports + 2)?),
    })
}

/// Puts another end into a packet that has a flow.
pub(super) fn set_end(packet: &mut [u8], end: End, to: SocketAddrV4) -> Option<()> {
    let transport = header_len(packet)?;
    let (address_at, port_at) = match end {
        End::Source => (SOURCE, transport),
        End::Destination => (DESTINATION, transport + 2),
    };
    let sum_at = match packet.get(9)? {
        &UDP => transport + 6,
        _ => transport + 16,
    };
    let is_summed = packet.get(9)? != &UDP || word(packet, sum_at)? != 0;
    let old = [
        word(packet, address_at)?,
        word(packet, address_at + 2)?,
        word(packet, port_at)?,
    ];
    set_address(packet, address_at, *to.ip())?;
    set_word(packet, port_at, to.port())?;
    let new = [
        word(packet, address_at)?,
        word(packet, address_at + 2)?,
        to.port(),
    ];
    if is_summed {
        adjust(packet, sum_at, &old, &new)?;
    }
    adjust(packet, 10, &old[..2], &new[..2])
}

/// The ends of the packet that an ICMP error tells of.
pub(super) fn told_of(packet: &[u8]) -> Option<Flow> {
    /// Unreachable, with "too large"; time exceeded; a problem with a parameter.
    const ERRORS: [u8; 3] = [3, 11, 12];
    let icmp = header_len(packet).filter(|_| packet.get(9) == Some(&ICMP))?;
    let is_error = packet.get(icmp).is_some_and(|kind| ERRORS.contains(kind));
    ends(packet.get(icmp + ICMP_HEADER..)?).filter(|_| is_error)
}

/// Sends an ICMP error on to whom it concerns, who knows the packet by another source.
pub(super) fn redirect_error(packet: &mut [u8], to: SocketAddrV4) -> Option<()> {
    let icmp = header_len(packet)?;
    let inner = packet.get_mut(icmp + ICMP_HEADER..)?;
    let ports = header_len(inner)?;
    set_address(inner, SOURCE, *to.ip())?;
    set_word(inner, ports, to.port())?;
    set_word(inner, 10, 0)?;
    let sum = sum_of(inner.get(..ports)?);
    set_word(inner, 10, sum)?;
    set_address(packet, DESTINATION, *to.ip())?;
    set_word(packet, icmp + 2, 0)?;
    let sum = sum_of(packet.get(icmp..)?);
    set_word(packet, icmp + 2, sum)?;
    set_word(packet, 10, 0)?;
    let sum = sum_of(packet.get(..icmp)?);
    set_word(packet, 10, sum)
}

fn header_len(packet: &[u8]) -> Option<usize> {
    packet.first().map(|first| usize::from(first & 0xF) * 4)
}

fn address(packet: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
    Some(octets.into())
}

fn set_address(packet: &mut [u8], at: usize, to: Ipv4Addr) -> Option<()> {
    packet.get_mut(at..at + 4)?.copy_from_slice(&to.octets());
    Some(())
}

fn word(packet: &[u8], at: usize) -> Option<u16> {
    let bytes: [u8; 2] = packet.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

fn set_word(packet: &mut [u8], at: usize, to: u16) -> Option<()> {
    packet
        .get_mut(at..at + 2)?
        .copy_from_slice(&to.to_be_bytes());
    Some(())
}

/// Changes a checksum as the words it covers have changed (RFC 1624, equation 3).
fn adjust(packet: &mut [u8], at: usize, old: &[u16], new: &[u16]) -> Option<()> {
    let mut sum = u32::from(!word(packet, at)?);
    sum += old.iter().map(|word| u32::from(!word)).sum::<u32>();
    sum += new.iter().map(|word| u32::from(*word)).sum::<u32>();
    set_word(packet, at, !folded(sum))
}

/// The Internet checksum of some bytes.
fn sum_of(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or_default();
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    !folded(words.sum())
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 33, 1, 2, 0, 0, 64, UDP, 0, 0];
        packet.extend([192, 168, 1, 2, 50, 0, 1, 2]);
        packet.extend([0x0F, 0xA0, 0x13, 0x88, 0, 13, 0, 0]);
        packet.extend(b"hello");
        let sum = sum_of(&packet[..20]);
        set_word(&mut packet, 10, sum).unwrap();
        let sum = transport_sum(&packet);
        set_word(&mut packet, 26, sum).unwrap();
        packet
    }

    /// The checksum of UDP, which is nothing if the one in the packet is right.
    fn transport_sum(packet: &[u8]) -> u16 {
        let pseudo = [&packet[12..20], &[0, UDP], &packet[24..26], &packet[20..]].concat();
        sum_of(&pseudo)
    }

    fn end(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }

    #[test]
    fn ends_are_read_and_changed_and_sums_stay_right() {
        let mut packet = datagram();
        let before = flow(&packet).unwrap();
        assert_eq!(before.source, end("192.168.1.2:4000"));
        assert_eq!(before.destination, end("50.0.1.2:5000"));
        for (which, to) in [
            (End::Source, "50.0.9.2:61234"),
            (End::Destination, "50.0.8.2:1"),
        ] {
            set_end(&mut packet, which, end(to)).unwrap();
            assert_eq!((sum_of(&packet[..20]), transport_sum(&packet)), (0, 0));
        }
        let after = flow(&packet).unwrap();
        assert_eq!(after.source, end("50.0.9.2:61234"));
        assert_eq!(after.destination, end("50.0.8.2:1"));
    }

    #[test]
    fn fragment_has_no_flow() {
        let mut packet = datagram();
        packet[6] = 0x20;
        assert_eq!(flow(&packet), None);
    }

    #[test]
    fn error_finds_whom_it_concerns() {
        let mut packet = vec![0x45, 0, 0, 61, 0, 0, 0, 0, 64, ICMP, 0, 0];
        packet.extend([50, 0, 1, 1, 50, 0, 9, 2, 3, 4, 0, 0, 0, 0, 5, 0]);
        let mut inner = datagram();
        set_end(&mut inner, End::Source, end("50.0.9.2:61234")).unwrap();
        packet.extend(&inner);
        assert_eq!(told_of(&packet).unwrap().source, end("50.0.9.2:61234"));
        redirect_error(&mut packet, end("192.168.1.2:4000")).unwrap();
        assert_eq!(told_of(&packet).unwrap().source, end("192.168.1.2:4000"));
        assert_eq!(
            address(&packet, DESTINATION),
            Some(Ipv4Addr::new(192, 168, 1, 2))
        );
        assert_eq!((sum_of(&packet[..20]), sum_of(&packet[20..])), (0, 0));
        assert_eq!(sum_of(&packet[28..48]), 0);
    }

    #[test]
    fn short_packets_are_nothing() {
        for len in 0..28 {
            let mut packet = datagram();
            packet.truncate(len);
            assert_eq!(flow(&packet).is_some(), len >= 24, "{len}");
            assert_eq!(told_of(&packet), None);
        }
    }
}
