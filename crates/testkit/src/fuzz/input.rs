//! Takes an input apart: numbers and pieces, zeros and nothing once it is used up.

/// What is left of an input.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(super) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next bytes, fewer if there are not so many.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A piece that says how long it is.
    pub(super) fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.number());
        self.take(length)
    }

    /// One of several things.
    pub(super) fn choose<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        let number = usize::from(self.byte());
        from.get(number.checked_rem(from.len())?)
    }
}

/// The bytes of a piece, as [`Input::piece`] takes it.
pub(super) fn piece(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    length.to_be_bytes().into_iter().chain(bytes.iter().copied().take(usize::from(length))).collect()
}
