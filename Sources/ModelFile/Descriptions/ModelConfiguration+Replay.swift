// How a model's keys and values depend on the length of their sequence, beyond their positions. Knows nothing of
// frequencies.

extension ModelConfiguration {
    /// Sequences longer than this have other keys and values from their first position on: one that grows past it is
    /// computed anew (longrope: the original context length). nil: no length is like that.
    ///
    /// Only Phi-3: of the models in transformers it alone gives up its cache there; with other models that have longrope
    /// what was computed with the short factors stays.
    package var replayLength: Int? {
        guard architecture == .phi3, case .longrope(let longRope) = scaling else { return nil }
        return longRope.originalContextLength
    }

    /// Keys and values depend on the length of their sequence where it is greater than this (dynamic NTK, longrope: the
    /// original context length). nil: on no length.
    package var dynamicLength: Int? {
        switch scaling {
        case .dynamic(_, let originalContextLength): originalContextLength
        case .longrope(let longRope) where architecture != .phi3: longRope.originalContextLength
        default: nil
        }
    }

    private var scaling: RotaryConfiguration.Scaling? {
        if case .rotary(let rotary) = positions { rotary.scaling } else { nil }
    }
}
