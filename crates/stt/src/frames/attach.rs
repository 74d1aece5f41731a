//! The frames of one session, to the lines of their types.
//!
//! Nothing here waits for a handler: reliable frames hold their room until they are handled, and
//! the session stops reading when there is none left; datagrams are bounded by their line.

use std::{collections::BTreeMap, sync::Arc};

use super::{AlreadyDispatched, Shared, line::Line};
use crate::session::Session;

/// Takes the session's frames from now on.
pub(super) fn attach(shared: &Arc<Shared>, session: &Session) -> Result<(), AlreadyDispatched> {
    let core = session.core();
    if !core.frames.claim() {
        return Err(AlreadyDispatched);
    }
    core.platform
        .spawn(dispatch(Arc::clone(shared), session.clone()));
    Ok(())
}

async fn dispatch(shared: Arc<Shared>, session: Session) {
    let core = session.core();
    let mut lines = BTreeMap::new();
    while let Some(arrived) = core.frames.next(core).await {
        let frame_type = arrived.frame.frame_type;
        let Some(handler) = shared.handler(frame_type) else {
            shared.unhandled(&session, &arrived.frame);
            continue;
        };
        let line = lines.entry(frame_type).or_insert_with(Arc::<Line>::default);
        line.push(&shared, &session, handler, arrived);
    }
}
