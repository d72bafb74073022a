//! When the results of windows are handed on.

use crate::context::Context;

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
    /// moved stream time. As long as no record comes, no window closes. With [watermarks](crate::Watermarks), windows close as
    /// soon as the watermark is there, with or without a record, and results have no headers.
    pub fn on_close() -> Self {
        Self::OnClose
    }

    /// How much older than the stream time that lets them out results may be, given that of the windows; `None` if they do
    /// not wait.
    pub(crate) fn holds(self, hold_ms: i64) -> Option<i64> {
        (self == Self::OnClose).then_some(hold_ms)
    }

    /// True if results wait for their windows to close, and the task tells when that is: it goes by watermarks.
    pub(crate) fn is_told(self, context: &Context) -> bool {
        self == Self::OnClose && context.watermark().is_some()
    }

    /// What a description of a topology says of it, behind the windows.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::OnUpdate => "",
            Self::OnClose => ", emitted on close",
        }
    }
}
