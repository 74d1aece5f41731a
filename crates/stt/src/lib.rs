//! STT: encrypted bytes between peers that share a seed, with no server, no certificates and no
//! idea of what the bytes mean.
//!
//! A [`Node`] is a member of a [`Group`], the set of nodes that share a seed. It reaches others and
//! is reached; each association is a [`Session`]. In a session travel byte streams
//! ([`SendStream`], [`RecvStream`]), messages on stream ids ([`Session::send_on_stream`],
//! [`Node::receive`]) and frames of the application's own types ([`Session::send_frame`]). What is to
//! stay is kept in a [`BinaryStorage`], by the hash of its bytes, and had by others from there
//! ([`Node::publish`], [`Node::fetch_from`]), a live stream while it is made ([`Node::publish_live`], [`Node::follow`]); what is to be encrypted once and go
//! to many, or by any other way, a [`BinaryStreamEncoder`] cuts into segments.
//!
//! ```
//! use stt::{Group, Node, SystemEntropy};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let group = Group::generate(&mut SystemEntropy);
//! let alice = Node::builder(group.clone()).bind("127.0.0.1:0".parse()?).start().await?;
//! let bob = Node::builder(group).bind("127.0.0.1:0".parse()?).start().await?;
//!
//! let session = bob.connect(alice.local_addresses()[0]).await?;
//! session.send_on_stream(7, "hello").await?;
//!
//! let packet = alice.receive().next().await.ok_or("shut down")?;
//! assert_eq!((packet.stream_id, &packet.data[..]), (7, &b"hello"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! The cryptography is [`stc`]'s, the wire format `stt-wire`'s; the transport is QUIC, by an engine
//! whose types stay inside.

pub mod dht;
mod endpoints;
mod events;
mod frames;
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod limits;
mod nat;
mod node;
mod relay;
mod session;
pub mod storage;
pub mod streaming;
mod swarm;
mod transport;
mod whole_file;

pub use endpoints::{
    AlreadyServed, BindError, Delivered, EndpointManager, EndpointOptions, EndpointReceiver,
    EndpointStats, GroupOutcome, GroupRoute, NoSuchGroup, Origin, PendingRoute, Reach,
    ReceiveError, Refusal, RouteError, RoutedItem, WhenFull,
};
pub use events::{
    AlreadyBridged, BridgeOptions, BridgeStats, BridgeWays, BridgedDelivery, EmitReport, Event,
    EventEmitter, Forwarding, HandlerFailure, HandlerId, TypeMismatch,
};
pub use frames::{AlreadyDispatched, DispatchStats, FrameDispatcher, RegisterError};
pub use handler::{AsyncHandler, HandlerError, HandlerOutput, PlainHandler};
pub use limits::{KeyUpdatePolicy, Limits};
pub use node::{
    Accepting, AcceptingChanged, AddressMapping, BroadcastDelivery, BroadcastError, ConnectError,
    LanError, LanOptions, Neighbour, NetworkReport, Node, NodeBuilder, NodeStats, PathChanged,
    PeerRefusal, PeerRefused, ReceivedPacket, Receiver, Relay, RelayError, RotationError,
    SessionClosed, SessionOpened, StartError, Target, WayFailed, WebSocketAddress,
};
pub use relay::limits::RelayLimits;
pub use session::{
    BridgeBacklog, BridgeSendError, By, CloseReason, DatagramError, Delivery, ExportTooLong, Frame,
    KeyUpdate, PathInfo, ReadError, ReadToEndError, ReceiveFrameError, RecvStream,
    ReservedFrameType, SendError, SendStream, Session, SessionError, SessionId, SessionStats,
    StreamId, UserFrameType, WriteError,
};
pub use stc;
pub use stc::{Door, Entropy, Epoch, Group, GroupId, NodeId, NodeSeed, StcContext};
pub use storage::BinaryStorage;
pub use streaming::{BinaryStreamDecoder, BinaryStreamEncoder, Segment};
pub use stt_wire::{Name, NameTooLong};
pub use swarm::{
    Blame, CopyState, CopyStatus, FeedBlame, FeedReference, Fetch, FetchError, FetchOptions,
    FetchProgress, FollowError, FollowOptions, FollowStatus, Following, LeasesError, LiveError,
    LiveFeed, LiveOptions, OfferOptions, ParseFeedReferenceError, PlaceError, Provider,
    ProviderProgress, ProviderState, PublishError, ReplicateError, ReplicateOptions, Replication,
    ReplicationStatus, Sealing, Sharing, Start, Wanted,
};
pub use transport::{
    link::{Disclosure, PathKind},
    platform::SystemEntropy,
    websocket::{
        certificates::Certificates,
        dial::WebSocketError,
        proxy::{ProxyChoice, ProxyError},
        url::{Scheme as WebSocketScheme, UrlError},
    },
};

#[cfg(feature = "portmap")]
pub use node::{AddressMapped, PortMapping, RouterProtocol};
#[cfg(feature = "tls")]
pub use transport::websocket::tls::{TlsIdentity, TlsIdentityError};

/// The seam for simulated networks and clocks.
#[cfg(feature = "simulation")]
pub use transport::platform::{Bind, Platform};
#[cfg(feature = "simulation")]
pub use transport::stream::{BoxedStream, ByteListener, ByteStream, ByteStreams, Connecting};

/// Compiles and runs the example of the front page.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
