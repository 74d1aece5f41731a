//! What errors of the store come to.

use stt_store::{
    Failure as Beneath, KeyError, OpenError, OpenSealedError, PinError, ReadError, RemoveError,
    SealError, StoreError, VerifyError,
};

use super::{Exit, Failure, chain};

impl Failure {
    /// Why a sealed object was not read.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is what errors are mapped by"
    )]
    pub(crate) fn unsealed(error: std::io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(read) = inner.and_then(|inner| inner.downcast_ref::<ReadError>()) {
            return read.clone().into();
        }
        let sealed = inner.and_then(|inner| inner.downcast_ref::<OpenSealedError>());
        let exit = if sealed.is_some() {
            Exit::WrongSeed
        } else {
            Exit::Other
        };
        Self::new(exit, chain(&error))
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Read(error) => error.into(),
            SealError::Store(error) => error.into(),
            other => Self::other(chain(&other)),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let exit = match &error {
            OpenError::InUse => Exit::InUse,
            OpenError::WrongSeed => Exit::WrongSeed,
            OpenError::Passphrase => Exit::Usage,
            OpenError::KeysDamaged => Exit::Damaged,
            OpenError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::QuotaTooSmall { .. } | StoreError::QuotaHeld { .. } => Exit::NoSpace,
            StoreError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        let failure = Self::new(exit, chain(&error));
        match error {
            StoreError::QuotaHeld { .. } => failure.about("the quota is too small"),
            _ => failure,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let exit = match &error {
            ReadError::Unknown { .. } => Exit::NotFound,
            ReadError::Damaged { .. } => Exit::Damaged,
            ReadError::OutOfRange { .. } => Exit::Usage,
            ReadError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<RemoveError> for Failure {
    fn from(error: RemoveError) -> Self {
        let exit = match &error {
            RemoveError::Unknown { .. } => Exit::NotFound,
            RemoveError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<PinError> for Failure {
    fn from(error: PinError) -> Self {
        let exit = match &error {
            PinError::Unknown { .. } => Exit::NotFound,
            PinError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let exit = match &error {
            KeyError::Absent => Exit::WrongSeed,
            KeyError::Passphrase => Exit::Usage,
            KeyError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let exit = match &error {
            VerifyError::Failure(beneath) => beneath.into(),
            _ => Exit::Other,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<Beneath> for Failure {
    fn from(error: Beneath) -> Self {
        Self::new((&error).into(), chain(&error))
    }
}

impl From<&Beneath> for Exit {
    fn from(beneath: &Beneath) -> Self {
        match beneath {
            Beneath::NoSpace => Self::NoSpace,
            Beneath::IndexLost => Self::Damaged,
            _ => Self::Other,
        }
    }
}
