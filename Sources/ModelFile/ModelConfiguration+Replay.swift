// How a model's keys and values depend on the length of their sequence, beyond their positions. Knows nothing of
// frequencies.

extension ModelConfiguration {
    /// Sequences longer than this have other keys and values from their first position on: one that grows past it is
    /// computed anew (longrope: the original context length). nil: no length is like that.
    package var replayLength: Int? { nil }

    /// Keys and values depend on the length of their sequence where it is greater than this (dynamic NTK: the original
    /// context length). nil: on no length.
    package var dynamicLength: Int? { nil }
}
