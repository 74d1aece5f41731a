//! Content: what is published here, live or stored, what is fetched from others or followed, and the copies that others keep.

use std::sync::Arc;

use futures_core::Stream;

use super::Node;
use crate::storage::{Address, Reference, SealedReference};
use crate::streaming::{EncodeError, Segment};
use crate::swarm::{
    Content, FeedReference, Fetch, FetchError, FetchOptions, FollowError, FollowOptions, Following,
    LiveFeed, LiveOptions, Provider, PublishError, ReplicateError, ReplicateOptions, Replication,
    Sealing, Search, Wanted,
};

impl Node {
    /// Lets members have an object of the node's [`storage`](super::NodeBuilder::storage), whole or block by
    /// block, until it is [`unpublish`](Self::unpublish)ed or the node ends. Nothing is served that was not
    /// published. Whoever is a member of the group, knows the address, and has a session with this node can read it.
    ///
    /// An object that is removed from the storage meanwhile is absent to others.
    ///
    /// A node with a [`dht`](super::NodeBuilder::dht) also announces it there, and goes on announcing it; that is begun
    /// here and not waited for. Who wants to know calls [`Dht::announce`](crate::dht::Dht::announce).
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the node has no storage, or the storage has no such object.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: published or not; which, [`published`](Self::published) tells.
    pub async fn publish(&self, address: impl Into<Address>) -> Result<Reference, PublishError> {
        let content = self.shared.content.as_ref();
        let content = content.ok_or(PublishError::NoStorage)?;
        let reference = content.publish(address.into()).await?;
        if let Some(dht) = self.dht() {
            self.shared.platform.spawn(async move {
                // It stays announced, and is tried again.
                if let Err(error) = dht.announce(reference.address).await {
                    tracing::info!(%error, address = %reference.address, "announcing");
                }
            });
        }
        Ok(reference)
    }

    /// Serves an object no more; what is on its way arrives. False if it was not published.
    pub fn unpublish(&self, address: impl Into<Address>) -> bool {
        let address = address.into();
        let content = self.shared.content.as_ref();
        let was_published = content.is_some_and(|content| content.unpublish(address));
        if let Some(dht) = self.dht().filter(|_| was_published) {
            self.shared.platform.spawn(async move {
                // What is left of the announcement ends by itself.
                let _ = dht.withdraw(address).await;
            });
        }
        was_published
    }

    /// What is published, in the order of the addresses.
    pub fn published(&self) -> Vec<Address> {
        let content = self.shared.content.as_ref();
        content
            .map(|content| content.published())
            .unwrap_or_default()
    }

    /// Gets an object from whoever the DHT of this node knows to have it, otherwise as
    /// [`fetch_from`](Self::fetch_from).
    ///
    /// # Errors
    ///
    /// [`FetchError::NoStorage`]; without a [`dht`](super::NodeBuilder::dht), nobody is found.
    pub fn fetch(&self, wanted: impl Into<Wanted>) -> Result<Fetch, FetchError> {
        let nobody: [Provider; 0] = [];
        self.begin_fetch(wanted.into(), nobody, FetchOptions::default(), Search::Dht)
    }

    /// Gets an object from members that may have it, from all of them at once, into the node's
    /// [`storage`](super::NodeBuilder::storage). Each block is verified when it comes if `wanted` is a
    /// [`Reference`]; with an address alone, nothing can be read before all of it was.
    ///
    /// Goes on with what an earlier fetch of the object left. Lasts until the object is here or no provider is
    /// left; dropping the [`Fetch`] gives it up.
    ///
    /// # Errors
    ///
    /// [`FetchError::NoStorage`]; everything else is told by [`Fetch::finished`].
    pub fn fetch_from<P: Into<Provider>>(
        &self,
        wanted: impl Into<Wanted>,
        providers: impl IntoIterator<Item = P>,
    ) -> Result<Fetch, FetchError> {
        self.fetch_with(wanted, providers, FetchOptions::default())
    }

    /// [`fetch_from`](Self::fetch_from), on other terms than the default ones.
    ///
    /// # Errors
    ///
    /// [`FetchError::NoStorage`].
    pub fn fetch_with<P: Into<Provider>>(
        &self,
        wanted: impl Into<Wanted>,
        providers: impl IntoIterator<Item = P>,
        options: FetchOptions,
    ) -> Result<Fetch, FetchError> {
        self.begin_fetch(wanted.into(), providers, options, Search::Nobody)
    }

    /// Has other members keep copies of an object of the node's [`storage`](super::NodeBuilder::storage), sealed, so that
    /// only those can read it who get [`Replication::sealed`]. As many as `copies` of those that offer room
    /// ([`NodeBuilder::offer`](super::NodeBuilder::offer)) keep one each; they are found by the [`dht`](super::NodeBuilder::dht).
    ///
    /// Returns once the object is sealed; [`Replication::placed`] resolves when the copies are kept.
    ///
    /// # Errors
    ///
    /// [`ReplicateError`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a sealed copy may stay in the storage.
    pub async fn replicate(
        &self,
        address: impl Into<Address>,
        copies: usize,
    ) -> Result<Replication, ReplicateError> {
        let options = ReplicateOptions::copies(copies);
        self.replicate_with(address, options).await
    }

    /// [`replicate`](Self::replicate), on other terms than the default ones.
    ///
    /// # Errors
    ///
    /// [`ReplicateError`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a sealed copy may stay in the storage.
    pub async fn replicate_with(
        &self,
        address: impl Into<Address>,
        mut options: ReplicateOptions,
    ) -> Result<Replication, ReplicateError> {
        options.bound();
        let content: Option<Arc<Content>> = self.shared.content.clone();
        let content = content.ok_or(ReplicateError::NoStorage)?;
        let address = address.into();
        let sealed = match options.sealing {
            Sealing::Sealed => Some(content.storage.seal(address).await?),
            Sealing::AsItIs => None,
        };
        let kept = sealed.as_ref().map_or(address, SealedReference::address);
        // Keepers get it from here, and so does whoever looks for it.
        let object = self.publish(kept).await?;
        let node = self.clone();
        Ok(Replication::start(node, content, object, sealed, options))
    }

    /// How many bytes of other members' objects this node keeps, and under how many leases; `None` if it
    /// [`offer`](super::NodeBuilder::offer)s nothing.
    pub fn kept_for_others(&self) -> Option<(u64, usize)> {
        let giving = self.shared.giving.as_ref()?;
        giving.offer.as_ref().map(|offer| offer.kept())
    }

    /// Publishes a live stream of segments, of a [`BinaryStreamEncoder`](crate::BinaryStreamEncoder) as a rule, while it
    /// is made: what comes in a second, or a mebibyte of it, becomes an object of the node's
    /// [`storage`](super::NodeBuilder::storage), and members that [`follow`](Self::follow) hear of it at once. Who follows also
    /// passes on. Who knows the reference and is a member has the segments; who can read them, their context says.
    ///
    /// A node with a [`dht`](super::NodeBuilder::dht) announces the feed there.
    ///
    /// # Errors
    ///
    /// [`PublishError::NoStorage`]; everything else is told by [`LiveFeed::finished`].
    pub fn publish_live<S>(
        &self,
        segments: S,
        options: LiveOptions,
    ) -> Result<LiveFeed, PublishError>
    where
        S: Stream<Item = Result<Segment, EncodeError>> + Send + 'static,
    {
        let content = self.shared.content.as_ref();
        let content = content.ok_or(PublishError::NoStorage)?;
        Ok(LiveFeed::start(self, content, segments, options))
    }

    /// Follows a live stream, from its beginning, from now on or from an entry on: its segments come in order, from whoever
    /// has them. Holders are found by the [`dht`](super::NodeBuilder::dht), if they are not named. By default this
    /// node passes on what came.
    ///
    /// # Errors
    ///
    /// [`FollowError::NoStorage`] and [`FollowError::AlreadyHere`]; everything else is told by [`Following::next`].
    pub fn follow(
        &self,
        feed: FeedReference,
        options: FollowOptions,
    ) -> Result<Following, FollowError> {
        let content = self.shared.content.as_ref();
        let content = content.ok_or(FollowError::NoStorage)?;
        Following::start(self.clone(), content, feed, options)
    }

    fn begin_fetch<P: Into<Provider>>(
        &self,
        wanted: Wanted,
        providers: impl IntoIterator<Item = P>,
        options: FetchOptions,
        search: Search,
    ) -> Result<Fetch, FetchError> {
        let content: Option<Arc<Content>> = self.shared.content.clone();
        let content = content.ok_or(FetchError::NoStorage)?;
        let providers = providers.into_iter().map(Into::into).collect();
        let fetch = Fetch::start(self.clone(), content, (wanted, options), providers, search);
        Ok(fetch)
    }
}
