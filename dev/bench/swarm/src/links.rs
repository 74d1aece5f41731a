//! Links of given rates: each provider in a network namespace of its own, behind a token bucket; the fetcher in one too.
//!
//! ```text
//! fetcher 10.83.N.1 ──veth── 10.83.N.2 provider N, which sends at most so many Mbit/s
//! ```

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use anyhow::{Result, ensure};

/// Where a process runs, and by which address others reach it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    namespace: Option<String>,
    pub(crate) address: IpAddr,
}

impl Home {
    /// The namespace that we are in, by loopback.
    pub(crate) fn here() -> Self {
        Self {
            namespace: None,
            address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// A command that runs there.
    pub(crate) fn command(&self, program: &std::path::Path) -> Command {
        let Some(namespace) = &self.namespace else {
            return Command::new(program);
        };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command
    }
}

/// A fetcher's namespace and those of providers. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Links {
    namespaces: Vec<String>,
}

impl Links {
    /// One link for each rate, in Mbit/s. As root.
    pub(crate) fn new(rates: &[u32]) -> Result<Self> {
        let mut links = Self {
            namespaces: Vec::new(),
        };
        let fetcher = links.add("f")?;
        for (number, rate) in rates.iter().enumerate() {
            let provider = links.add(&format!("p{number}"))?;
            let (near, far) = (format!("p{number}"), "f");
            ip(&format!(
                "link add {near} netns {fetcher} type veth peer name {far} netns {provider}"
            ))?;
            for (namespace, device, host) in [(&fetcher, near.as_str(), 1), (&provider, far, 2)] {
                ip(&format!(
                    "-n {namespace} address add 10.83.{number}.{host}/24 dev {device}"
                ))?;
                ip(&format!("-n {namespace} link set {device} up"))?;
            }
            // What waits does so for as long as in a router whose buffer is of a common size.
            run(&format!(
                "tc -n {provider} qdisc add dev {far} root tbf rate {rate}mbit burst 64kb latency 40ms"
            ))?;
        }
        Ok(links)
    }

    pub(crate) fn fetcher(&self) -> Home {
        Home {
            namespace: self.namespaces.first().cloned(),
            address: Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    pub(crate) fn provider(&self, number: u8) -> Home {
        Home {
            namespace: self.namespaces.get(usize::from(number) + 1).cloned(),
            address: Ipv4Addr::new(10, 83, number, 2).into(),
        }
    }

    fn add(&mut self, suffix: &str) -> Result<String> {
        let namespace = format!("swarm{}-{suffix}", std::process::id());
        ip(&format!("netns add {namespace}"))?;
        self.namespaces.push(namespace.clone());
        ip(&format!("-n {namespace} link set lo up"))?;
        Ok(namespace)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            // Fails only when somebody else has removed it.
            let _ = ip(&format!("netns del {namespace}"));
        }
    }
}

fn ip(arguments: &str) -> Result<()> {
    run(&format!("ip {arguments}"))
}

fn run(line: &str) -> Result<()> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let status = Command::new(program).args(words).status()?;
    ensure!(status.success(), "`{line}`: {status}");
    Ok(())
}
