//! The side of the node.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use stt::Node;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::timeout,
};

use super::{Answer, Conversation, Request, socket_in};
use crate::{
    content::{self, Household},
    doctor,
    exit::{Exit, Failure},
    network,
    teller::Teller,
};

/// The socket of a node that runs. Removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
    /// Locked while this lives.
    _lock: File,
}

impl Control {
    /// Opens the socket in a data dir, if no other node runs with it.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Failure> {
        let cannot = |error: io::Error| {
            Failure::other(format!(
                "cannot listen for commands in {}: {error}",
                data_dir.display()
            ))
        };
        let lock = lock(data_dir)?;
        let path = socket_in(data_dir);
        // Whoever had it is gone: the lock is ours.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(cannot)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(cannot)?;
        let owner = fs::metadata(&path).map_err(cannot)?.uid();
        Ok(Self {
            listener,
            path,
            owner,
            _lock: lock,
        })
    }

    /// Serves commands for as long as it is polled.
    pub(crate) async fn serve(&self, node: &Node, household: Option<&Arc<Household>>) {
        let mut conversations = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if conversations.len() < CONVERSATIONS => {
                    match accepted {
                        Ok((stream, _)) if self.may_ask(&stream) => {
                            let household = household.cloned();
                            drop(conversations.spawn(converse(node.clone(), household, stream)));
                        }
                        Ok(_) => {}
                        // Out of descriptors, say: that passes.
                        Err(_) => tokio::time::sleep(PAUSE).await,
                    }
                }
                Some(_) = conversations.join_next() => {}
            }
        }
    }

    /// The owner may, and who can do anything anyway.
    fn may_ask(&self, stream: &UnixStream) -> bool {
        let peer = stream.peer_cred();
        peer.is_ok_and(|peer| peer.uid() == self.owner || peer.uid() == 0)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn lock(data_dir: &Path) -> Result<File, Failure> {
    let path = data_dir.join("node.lock");
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path);
    let file =
        file.map_err(|error| Failure::other(format!("cannot open {}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            Exit::InUse,
            format!("another node runs with {}", data_dir.display()),
        )),
        Err(TryLockError::Error(error)) => Err(Failure::other(format!(
            "cannot lock {}: {error}",
            path.display()
        ))),
    }
}

async fn converse(node: Node, household: Option<Arc<Household>>, stream: UnixStream) {
    let mut conversation = Conversation::new(stream);
    let asked = timeout(ASKED_WITHIN, conversation.hear::<Request>()).await;
    let answered = match asked {
        Ok(Ok(Some(request))) => {
            answer(&node, household.as_deref(), request, &mut conversation).await
        }
        Ok(Ok(None)) => return,
        Ok(Err(error)) => Err(Failure::usage(format!("that is no request: {error}"))),
        Err(_) => Err(Failure::usage("the request did not come in time")),
    };
    let last = match &answered {
        Ok(()) => Answer::Done {},
        Err(failure) => failure.into(),
    };
    // Whoever asked may have gone.
    let _ = timeout(ASKED_WITHIN, conversation.tell(&last)).await;
}

/// Does what is asked.
async fn answer(
    node: &Node,
    household: Option<&Household>,
    request: Request,
    conversation: &mut Conversation,
) -> Result<(), Failure> {
    let household = || household.ok_or_else(|| Failure::usage("this node has no storage"));
    match request {
        Request::Put { terms } => {
            content::answer_put(household()?, terms.as_ref(), conversation).await
        }
        Request::Get { object } => content::answer_get(household()?, &object, conversation).await,
        Request::Replicate { object, terms } => {
            let address = network::parse(&object)?;
            let mut teller = Teller::Socket(conversation);
            household()?.replicate(address, &terms, &mut teller).await
        }
        Request::Surroundings => {
            let answer = Answer::Surroundings(Box::new(doctor::surroundings(node)));
            Teller::Socket(conversation).tell(answer).await
        }
        Request::Release { object } => household()?.release(network::parse(&object)?).await,
        other => network::answer(node, &other, conversation).await,
    }
}

const CONVERSATIONS: usize = 16;
const ASKED_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
