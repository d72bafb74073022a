//! Where the board is shown: drawn in place on a terminal, as lines of progress elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crossterm::QueueableCommand;
use crossterm::cursor::MoveUp;
use crossterm::terminal::{Clear, ClearType};

use super::board::Board;

/// Shows a board again and again.
pub(super) struct Screen {
    is_terminal: bool,
    drawn_lines: u16,
}

impl Screen {
    /// Standard output, as it is.
    pub(super) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), drawn_lines: 0 }
    }

    /// How often to show the board.
    pub(super) fn interval(&self) -> Duration {
        if self.is_terminal { Duration::from_millis(100) } else { Duration::from_secs(1) }
    }

    /// Leaves the board as it is; what is shown next comes below.
    pub(super) fn let_go(&mut self) {
        self.drawn_lines = 0;
    }

    /// Shows the board as it is now.
    pub(super) fn show(&mut self, board: &Board) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.is_terminal {
            return writeln!(out, "{}", board.line());
        }
        if self.drawn_lines > 0 {
            out.queue(MoveUp(self.drawn_lines))?;
        }
        let lines = board.lines();
        for line in &lines {
            out.queue(Clear(ClearType::CurrentLine))?;
            writeln!(out, "{line}")?;
        }
        self.drawn_lines = lines.len() as u16;
        out.flush()
    }
}
