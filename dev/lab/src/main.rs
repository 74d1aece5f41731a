//! `stt-lab`: shows what the lab is made of. `stt-lab probe` builds each kind of NAT and says what
//! it turns out to be, by the tests of RFC 4787.

#![allow(clippy::print_stdout, reason = "a command talks to its user")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words != ["probe"] {
        println!("usage: stt-lab probe    (as root)");
        return ExitCode::from(2);
    }
    probe::all()
}

#[cfg(not(target_os = "linux"))]
mod probe {
    //! Elsewhere there is no lab.

    use std::process::ExitCode;

    pub(super) fn all() -> ExitCode {
        println!("the lab needs Linux");
        ExitCode::FAILURE
    }
}

#[cfg(target_os = "linux")]
mod probe {
    //! All the kinds, one after the other.

    use std::process::ExitCode;

    use stt_lab::{Dependence, Hairpin, Host, Lab, LabError, NatKind, Ports, hairpin, probe};

    const DEPENDENCES: [Dependence; 3] = [
        Dependence::EndpointIndependent,
        Dependence::AddressDependent,
        Dependence::AddressAndPortDependent,
    ];

    pub(super) fn all() -> ExitCode {
        println!("mapping  filter  ports        hairpin    found");
        match measure() {
            Ok(0) => ExitCode::SUCCESS,
            Ok(others) => {
                println!("{others} are not what they are called");
                ExitCode::FAILURE
            }
            Err(error) => {
                println!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    /// How many are not what they are called.
    fn measure() -> Result<usize, LabError> {
        let mut others = 0;
        for mapping in DEPENDENCES {
            for filtering in DEPENDENCES {
                for ports in [Ports::Preserved, Ports::Random, Ports::Sequential] {
                    let kind = NatKind::EASY
                        .with_mapping(mapping)
                        .with_filtering(filtering);
                    for hairpin in [Hairpin::Off, Hairpin::On] {
                        others += usize::from(!is_as_called(
                            kind.with_ports(ports).with_hairpin(hairpin),
                        )?);
                    }
                }
            }
        }
        Ok(others)
    }

    fn is_as_called(kind: NatKind) -> Result<bool, LabError> {
        let lab = Lab::new()?;
        let sites = [lab.host_public("s1")?, lab.host_public("s2")?];
        let nat = lab.nat("nat", kind)?;
        let hosts: [Host; 2] = [lab.host_behind("a", &nat)?, lab.host_behind("b", &nat)?];
        let found = probe(&hosts[0], [&sites[0], &sites[1]])?;
        let turns = hairpin([&hosts[0], &hosts[1]], &sites[0])?.is_some();
        let is_kept = found.ports == Ports::Preserved;
        // A port that stands for one remote side, and lets in but that, is of no use to a neighbour.
        let may_turn = [kind.mapping, kind.filtering].contains(&Dependence::EndpointIndependent);
        let is_same = (found.mapping, found.filtering) == (kind.mapping, kind.filtering)
            && is_kept == (kind.ports == Ports::Preserved)
            && turns == (kind.hairpin == Hairpin::On && may_turn);
        println!(
            "{:<8} {:<7} {:<12} {:<10} {} {}, ports {}, hairpin {}{}",
            short(kind.mapping),
            short(kind.filtering),
            format!("{:?}", kind.ports),
            format!("{:?}", kind.hairpin),
            short(found.mapping),
            short(found.filtering),
            if is_kept { "kept" } else { "changed" },
            if turns { "on" } else { "off" },
            if is_same { "" } else { "   NOT AS CALLED" },
        );
        Ok(is_same)
    }

    fn short(dependence: Dependence) -> &'static str {
        match dependence {
            Dependence::EndpointIndependent => "EI",
            Dependence::AddressDependent => "AD",
            _ => "APD",
        }
    }
}
