//! Named endpoints: bytes routed to a name end up in exactly one queue.
//!
//! | | where |
//! |---|---|
//! | what an application holds | [`manager`] |
//! | what it may ask of an endpoint | [`options`] |
//! | what came of routing | [`outcome`], [`route`] |
//! | several endpoints under one name | [`group`] |
//! | one endpoint's queue, and who takes from it | [`queue`], [`receiver`] |
//! | endpoints across a session | [`remote`] |

mod group;
mod manager;
mod options;
mod outcome;
mod queue;
mod receiver;
mod remote;
mod route;

pub use group::{GroupOutcome, GroupRoute, NoSuchGroup};
pub use manager::{AlreadyServed, BindError, EndpointManager, ReceiveError};
pub use options::{EndpointOptions, Reach, WhenFull};
pub use outcome::{Delivered, Refusal, RouteError};
pub use queue::{EndpointStats, Origin, RoutedItem};
pub use receiver::EndpointReceiver;
pub(crate) use remote::{SessionEndpoints, backlog::Backlog, serve};
pub use route::PendingRoute;
