//! Exit statuses, as scripts rely on them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// In step, or done.
    Done,
    /// Nothing could be done.
    Error,
    /// Changes pending, drift, or not healthy.
    Pending,
    /// Refused by a guard, or `--plan` no longer fits.
    Guarded,
    /// Some failed, or are still in doubt.
    Failed,
    /// Bad arguments.
    Usage,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Pending => 2,
            Self::Guarded => 3,
            Self::Failed => 4,
            Self::Usage => 64,
        }
    }

    /// Where several hold: error, then guarded, failed, pending, done.
    pub(crate) fn worst(statuses: impl IntoIterator<Item = Self>) -> Self {
        let rank = |exit: &Self| match exit {
            Self::Usage => 5,
            Self::Error => 4,
            Self::Guarded => 3,
            Self::Failed => 2,
            Self::Pending => 1,
            Self::Done => 0,
        };
        statuses.into_iter().max_by_key(rank).unwrap_or(Self::Done)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_1_3_4_2_0_holds() {
        use Exit::{Done, Error, Failed, Guarded, Pending};
        assert_eq!(Exit::worst([]), Done);
        assert_eq!(Exit::worst([Done, Pending, Failed]), Failed);
        assert_eq!(Exit::worst([Pending, Failed, Guarded]), Guarded);
        assert_eq!(Exit::worst([Guarded, Error, Done]), Error);
    }
}
