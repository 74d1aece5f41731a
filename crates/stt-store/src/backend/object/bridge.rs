//! Requests to an object store from threads that block.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, mpsc};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use parking_lot::Mutex;
use tokio::runtime::Runtime;

/// The objects below a prefix. Clones share the thread and what is known of versions.
#[derive(Debug, Clone)]
pub(super) struct Remote(Arc<State>);

#[derive(Debug)]
struct State {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    runtime: Option<Runtime>,
    /// Versions of objects that may be replaced.
    versions: Mutex<BTreeMap<String, UpdateVersion>>,
    /// What a short read fetched last: the object, the offset in it, and the bytes.
    window: Mutex<(String, u64, Bytes)>,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Also where it may not be waited for: in a task.
            runtime.shutdown_background();
        }
    }
}

impl Remote {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        Ok(Self(Arc::new(State {
            store,
            prefix: prefix.trim_matches('/').to_owned(),
            runtime: Some(runtime),
            versions: Mutex::default(),
            window: Mutex::default(),
        })))
    }

    /// Waits for `request`, on whatever thread this is.
    fn wait<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> io::Result<T> {
        let runtime = self.0.runtime.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (to_us, answer) = mpsc::sync_channel(1);
        runtime.spawn(async move { to_us.send(request.await) });
        let answer = answer.recv().map_err(|_| io::ErrorKind::NotConnected)?;
        answer.map_err(failure)
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.0.prefix))
    }

    /// Names below `directory` and their sizes, in order.
    pub(super) fn list(&self, directory: &str) -> io::Result<Vec<(String, u64)>> {
        let store = Arc::clone(&self.0.store);
        let prefix = self.path(directory);
        let objects = self.wait(async move {
            let objects: Vec<_> = store.list(Some(&prefix)).try_collect().await?;
            Ok(objects)
        })?;
        let own = format!("{}/", Path::from(self.0.prefix.as_str()));
        let own = own.trim_start_matches('/');
        let name = |object: object_store::ObjectMeta| {
            let name = object.location.as_ref().strip_prefix(own)?.to_owned();
            Some((name, object.size))
        };
        let mut names: Vec<_> = objects.into_iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    /// All of an object of at most 1 MiB, and remembers its version.
    pub(super) fn load(&self, name: &str) -> io::Result<Bytes> {
        let (store, path) = (Arc::clone(&self.0.store), self.path(name));
        let (bytes, version) = self.wait(async move {
            let found = store.get(&path).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            let is_small = found.meta.size <= MAX_PLAIN_LEN;
            let bytes = if is_small {
                found.bytes().await?
            } else {
                Bytes::new()
            };
            Ok((bytes, version))
        })?;
        self.0.versions.lock().insert(name.to_owned(), version);
        Ok(bytes)
    }

    /// A range of an object, whole.
    pub(super) fn load_range(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let (store, path) = (Arc::clone(&self.0.store), self.path(name));
        let len = range.end - range.start;
        let bytes = self.wait(async move { store.get_range(&path, range).await })?;
        if bytes.len() as u64 != len {
            // Not the end of a file, which would be damage: an answer that was cut off.
            return Err(io::Error::other(
                "the answer is shorter than what was asked for",
            ));
        }
        Ok(bytes)
    }

    /// What there is from the beginning of a range on, at least one byte; fetches all of it if there is nothing.
    pub(super) fn read_ahead(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let at = range.start;
        {
            let (held, start, bytes) = &*self.0.window.lock();
            if held == name && (*start..start + bytes.len() as u64).contains(&at) {
                return Ok(bytes.slice((at - start) as usize..));
            }
        }
        let bytes = self.load_range(name, range)?;
        *self.0.window.lock() = (name.to_owned(), at, bytes.clone());
        Ok(bytes)
    }

    /// Puts an object of which there must be none, or this one.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(name, bytes, PutMode::Create)
    }

    /// Replaces an object, which must be as it was when it was seen last.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let version = self.0.versions.lock().get(name).cloned();
        let mode = version.map_or(PutMode::Create, PutMode::Update);
        self.put(name, bytes, mode)
    }

    fn put(&self, name: &str, bytes: &[u8], mode: PutMode) -> io::Result<()> {
        *self.0.window.lock() = Default::default();
        let (store, path) = (Arc::clone(&self.0.store), self.path(name));
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let options = PutOptions::from(mode);
        let put = self.wait(async move { store.put_opts(&path, payload, options).await });
        let error = match put {
            Ok(done) => {
                let version = UpdateVersion {
                    e_tag: done.e_tag,
                    version: done.version,
                };
                self.0.versions.lock().insert(name.to_owned(), version);
                return Ok(());
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(error) => error,
        };
        // The answer to an earlier attempt of ours may have been lost. No two of us write the same,
        // because what is sealed differs each time; but for fences, which serve whoever put them.
        let found = self.load(name)?;
        if found == bytes && !bytes.is_empty() {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Puts an empty object, unless there is one that is not empty.
    pub(super) fn fence(&self, name: &str) -> io::Result<()> {
        match self.create(name, &[]) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A fence that an earlier one put here does as well, and its version is known now.
                if self.load(name)?.is_empty() {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            other => other,
        }
    }

    /// Lets [`replace`](Self::replace) count on what is there now.
    pub(super) fn load_version(&self, name: &str) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.0.store), self.path(name));
        let found = self.wait(async move { store.head(&path).await })?;
        let version = UpdateVersion {
            e_tag: found.e_tag,
            version: found.version,
        };
        self.0.versions.lock().insert(name.to_owned(), version);
        Ok(())
    }

    /// Removes an object. That there is none is no error.
    pub(super) fn delete(&self, name: &str) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.0.store), self.path(name));
        let deleted = self.wait(async move { store.delete(&path).await });
        self.0.versions.lock().remove(name);
        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn failure(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => io::ErrorKind::AlreadyExists,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// Keys and owners are much smaller; what is larger is none of them.
const MAX_PLAIN_LEN: u64 = 1 << 20;
