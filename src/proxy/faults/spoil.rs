//! Ways in which a good answer arrives damaged. The server has done its work all the same.

/// What becomes of an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// Its body is gone.
    Empty,
    /// The second half of its body is gone, and the head says that this is all.
    Half,
    /// The connection ends in the middle of its body.
    CutOff,
    /// Nothing more comes after the middle of its body, on an open connection.
    Stalled,
    /// It is whole, and called a page for people.
    Mislabelled,
}

/// What comes after the bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Tail {
    /// Its proper end.
    End,
    /// The end of the connection.
    Cut,
    /// Nothing, for ever.
    Silence,
}

impl Spoil {
    /// How many bytes of a body of `length` arrive, what the head says the length is, and what comes after them.
    pub(in crate::proxy) fn of(self, length: usize) -> (usize, usize, Tail) {
        let half = length / 2;
        match self {
            Self::Empty => (0, 0, Tail::End),
            Self::Half => (half, half, Tail::End),
            Self::CutOff => (half, length, Tail::Cut),
            Self::Stalled => (half, length, Tail::Silence),
            Self::Mislabelled => (length, length, Tail::End),
        }
    }
}
