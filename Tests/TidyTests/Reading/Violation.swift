// What a rule says about a place. Must not know which rules there are.

/// A broken rule. The description is what a person reads in the failed test.
struct Violation: Hashable, CustomStringConvertible {
    let path: String
    /// From 1; 0 where the whole file is meant.
    var line = 0
    let message: String
    /// Set by the rules of length, the only ones that know exceptions: what is too long, and how long.
    var length: Length?

    struct Length: Hashable {
        /// "file", or the function's name.
        let subject: String
        let lines: Int
    }

    var description: String { line > 0 ? "\(path):\(line): \(message)" : "\(path): \(message)" }
}
