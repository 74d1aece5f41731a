//! Which certificates a dialler takes for `wss://`.

/// Which certificates do for `wss://`. They protect nothing of a session, which is authenticated by
/// STC; they decide whether somebody on the way can see that it is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificates {
    /// Those the operating system trusts.
    #[default]
    OfTheSystem,
    /// Those below these roots, in PEM, and no others.
    Below(Vec<u8>),
    /// Any, also one that its holder made.
    Any,
}
