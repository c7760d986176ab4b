// Responsible for: what a TOML file says, as keys with their values and lines. Must not know: which keys there are.

/// A value: what settings can be. Dates and lists of tables, which no setting is, are refused.
enum TOMLValue: Equatable {
    case text(String)
    /// A whole number or one with a fraction, in decimal digits and without underscores.
    case number(String)
    case boolean(Bool)
    case list([TOMLValue])
}

/// The entries of a file in their order, with the tables resolved into paths.
struct TOMLDocument: Equatable {
    /// `key = value`, in a table or not.
    struct Entry: Equatable {
        /// The names of the tables around it, and its own.
        var path: [String]
        var value: TOMLValue
        /// Counted from 1.
        var line: Int
    }

    /// A line like `[worker]`.
    struct Header: Equatable {
        var path: [String]
        var line: Int
    }

    /// What is wrong with a file, and where.
    struct Failure: Error, Equatable {
        var line: Int
        var message: String
    }

    var entries: [Entry] = []
    var headers: [Header] = []

    /// Reads a file of TOML 1.0.
    init(_ bytes: [UInt8]) throws(Failure) {
        var parser = TOMLParser(bytes)
        try parser.parse()
        (entries, headers) = (parser.entries, parser.headers)
    }
}
