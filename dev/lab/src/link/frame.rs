//! As much of an Ethernet frame as a link needs: how large its packet is, and whether it is one.

/// Destination, source, type.
pub(super) const HEADER: usize = 14;

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xDD];
const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
/// The header in front of each multicast listener report, and of hardly anything else.
const HOP_BY_HOP: u8 = 0;
/// Router and neighbour solicitations and advertisements, redirects.
const NEIGHBOUR_DISCOVERY: std::ops::RangeInclusive<u8> = 133..=137;

/// The bytes of the IP packet in a frame; nothing for what the hosts of an Ethernet tell each other
/// about it: neighbours, routers, multicast groups.
pub(super) fn packet_len(frame: &[u8]) -> Option<usize> {
    let kind = frame.get(12..HEADER)?;
    let packet = &frame[HEADER..];
    let is_packet =
        (kind == IPV4 && packet.get(9) != Some(&IGMP)) || (kind == IPV6 && !is_of_the_link(packet));
    is_packet.then_some(packet.len())
}

fn is_of_the_link(packet: &[u8]) -> bool {
    match packet.get(6) {
        Some(&HOP_BY_HOP) => true,
        Some(&ICMPV6) => packet
            .get(40)
            .is_some_and(|kind| NEIGHBOUR_DISCOVERY.contains(kind)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: [u8; 2], packet: &[u8]) -> Vec<u8> {
        [&[0; 12], &kind[..], packet].concat()
    }

    #[test]
    fn packets_are_measured_and_neighbours_are_not() {
        let mut ping = [0; 48];
        (ping[6], ping[40]) = (ICMPV6, 128);
        let mut neighbour = ping;
        neighbour[40] = 135;
        assert_eq!(packet_len(&frame(IPV4, &[17; 100])), Some(100));
        assert_eq!(packet_len(&frame(IPV6, &ping)), Some(48));
        assert_eq!(packet_len(&frame(IPV6, &neighbour)), None);
        assert_eq!(packet_len(&frame([0x08, 0x06], &[0; 28])), None);
        let (mut report, mut igmp) = ([0; 76], [0; 40]);
        (report[6], igmp[9]) = (HOP_BY_HOP, IGMP);
        assert_eq!(packet_len(&frame(IPV6, &report)), None);
        assert_eq!(packet_len(&frame(IPV4, &igmp)), None);
        assert_eq!(packet_len(&[0; 13]), None);
    }
}
