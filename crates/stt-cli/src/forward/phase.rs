//! How far the end of the command has come, as every connection can see it.

use tokio::sync::watch;

/// Runs, then lets connections end, then cuts them off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Running,
    Draining,
    Cut,
}

/// Says how far it has come.
#[derive(Debug)]
pub(crate) struct Phase(watch::Sender<Step>);

impl Phase {
    pub(crate) fn running() -> Self {
        Self(watch::Sender::new(Step::Running))
    }

    /// Nothing new begins.
    pub(crate) fn drain(&self) {
        self.0.send_replace(Step::Draining);
    }

    /// Nothing goes on.
    pub(crate) fn end(&self) {
        self.0.send_replace(Step::Cut);
    }

    pub(crate) fn watch(&self) -> PhaseWatch {
        PhaseWatch(self.0.subscribe())
    }
}

/// Sees how far it has come.
#[derive(Debug, Clone)]
pub(crate) struct PhaseWatch(watch::Receiver<Step>);

impl PhaseWatch {
    /// Resolves when nothing new begins any more. Cancel safe.
    pub(crate) async fn drain(&self) {
        self.reached(Step::Draining).await;
    }

    /// Resolves when nothing goes on any more. Cancel safe.
    pub(crate) async fn cut(&self) {
        self.reached(Step::Cut).await;
    }

    async fn reached(&self, step: Step) {
        // Whoever says how far it has come outlives nobody: without it, this is the end.
        let _ = self.0.clone().wait_for(|now| *now >= step).await;
    }
}
