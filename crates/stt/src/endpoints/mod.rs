//! Named endpoints: bytes routed to a name end up in exactly one queue.
//!
//! | | where |
//! |---|---|
//! | what an application holds | [`manager`] |
//! | what it may ask of an endpoint | [`options`] |
//! | what came of routing | [`outcome`] |
//! | one endpoint's queue | [`queue`] |

mod manager;
mod options;
mod outcome;
mod queue;
mod receiver;

pub use manager::{CreateError, EndpointManager, ReceiveError};
pub use options::{EndpointOptions, Reach, WhenFull};
pub use outcome::{Delivered, Refusal, RouteError};
pub use queue::{EndpointStats, Origin, RoutedItem};
pub use receiver::EndpointReceiver;
