//! Content: what is published here, and what is fetched from others.

use super::Node;
use crate::storage::{Address, Reference};
use crate::swarm::{Fetch, FetchError, FetchOptions, Provider, PublishError, Wanted};

impl Node {
    /// Lets members have an object of the node's [`storage`](super::NodeBuilder::storage), whole or block by
    /// block, until it is [`unpublish`](Self::unpublish)ed or the node ends. Nothing is served that was not
    /// published. Whoever is a member of the group, knows the address, and has a session with this node can read it.
    ///
    /// An object that is removed from the storage meanwhile is absent to others.
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
        Ok(content.publish(address.into()).await?)
    }

    /// Serves an object no more; what is on its way arrives. False if it was not published.
    pub fn unpublish(&self, address: impl Into<Address>) -> bool {
        let content = self.shared.content.as_ref();
        content.is_some_and(|content| content.unpublish(address.into()))
    }

    /// What is published, in the order of the addresses.
    pub fn published(&self) -> Vec<Address> {
        let content = self.shared.content.as_ref();
        content
            .map(|content| content.published())
            .unwrap_or_default()
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
        let content = self.shared.content.clone().ok_or(FetchError::NoStorage)?;
        let providers = providers.into_iter().map(Into::into).collect();
        let wanted = wanted.into();
        Ok(Fetch::start(
            self.clone(),
            content,
            wanted,
            options,
            providers,
        ))
    }
}
