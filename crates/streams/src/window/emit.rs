//! When the results of windows are handed on.

/// When the result of a window is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmitStrategy {
    /// With every record of the window.
    #[default]
    OnUpdate,
    /// Once, when stream time has closed the window.
    OnClose,
}

impl EmitStrategy {
    /// Hands on a result with every record of its window.
    pub fn on_update() -> Self {
        Self::OnUpdate
    }

    /// Hands on one result a window, when stream time has closed it; its record has the headers of the record that
    /// moved stream time. As long as no record comes, no window closes.
    pub fn on_close() -> Self {
        Self::OnClose
    }

    /// What a description of a topology says of it, behind the windows.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::OnUpdate => "",
            Self::OnClose => ", emitted on close",
        }
    }
}
