// `??` for fallbacks that throw: the standard operator loses the type of the error.

extension Optional {
    /// The value, or else what `other` gives.
    func or(_ other: @autoclosure () throws(ModelFileError) -> Wrapped?) throws(ModelFileError) -> Wrapped? {
        if let self { return self }
        return try other()
    }
}
