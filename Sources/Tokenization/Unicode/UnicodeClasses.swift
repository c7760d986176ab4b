// The classes of characters that tokenizers ask for, as sets of scalars, in the versions of Unicode that the reference
// implementations know. Knows nothing of patterns.

/// Named sets of scalars. The versions are those of the `tokenizers` library 0.23 and the libraries in it: the tokens of
/// a text must not change with the age of the tables that happen to be linked here.
enum UnicodeClasses {
    /// Oniguruma's: what Unicode assigned later belongs to no class.
    private static let expressionVersion = 16
    /// That of the crate `unicode_categories`.
    private static let punctuationVersion = 8

    /// Properties of scalars that are neighbours, all the same.
    private struct Run: Sendable {
        let start: UInt32
        var traits: Traits
    }

    /// What is known of a scalar.
    struct Traits: OptionSet, Sendable, Hashable {
        let rawValue: UInt64

        init(rawValue: UInt64) { self.rawValue = rawValue }

        /// Bits 0 to 29: the general category in the order of `categoryNames`.
        init(category: Int) { rawValue = 1 << UInt64(category) }

        static let whiteSpace = Traits(rawValue: 1 << 30)
        /// `\w`
        static let word = Traits(rawValue: 1 << 31)
        /// General category P in Unicode 8.
        static let punctuation8 = Traits(rawValue: 1 << 32)
        static let alphabetic = Traits(rawValue: 1 << 33)
        /// Control, format and private use in Unicode 8.
        static let other8 = Traits(rawValue: 1 << 34)
        /// Nonspacing mark in Unicode 8.
        static let nonspacing8 = Traits(rawValue: 1 << 35)
        /// Any mark in Unicode 9.
        static let mark9 = Traits(rawValue: 1 << 36)
        /// Assigned after Unicode 9, so that the normalization forms of the reference leave it as it is.
        static let isNew = Traits(rawValue: 1 << 37)
    }

    /// General categories by their short names, in the order of their bits.
    private static let categoryNames = [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    /// The set of `\p{name}`; nil: not a known name. Case, spaces, "-" and "_" do not matter.
    static func named(_ name: String) -> ScalarSet? {
        let plain = String(name.lowercased().filter { $0 != " " && $0 != "_" && $0 != "-" })
        if let traits = traits(plain) { return set(traits) }
        switch plain {
        case "any": return .all
        case "assigned": return set(Traits(category: 29)).inverted
        case "ascii": return ScalarSet([0...0x7F])
        case "xdigit": return ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66])
        case "alnum": return set(.alphabetic).union(set(Traits(category: 8)))
        case "blank": return set(Traits(category: 22)).union(ScalarSet(9))
        case "punct":  // POSIX: with ASCII's symbols
            return named("P")?.union(ScalarSet([0x24...0x24, 0x2B...0x2B, 0x3C...0x3E, 0x5E...0x5E, 0x60...0x60]))
                .union(ScalarSet([0x7C...0x7C, 0x7E...0x7E]))
        default: return UnicodeScripts.named(plain)
        }
    }

    private static func traits(_ name: String) -> Traits? {
        if let exact = categoryNames.firstIndex(where: { $0.lowercased() == name }) { return Traits(category: exact) }
        if let group = groups[name] {
            let members = categoryNames.indices.filter { categoryNames[$0].hasPrefix(group) }
            return members.reduce(into: Traits()) { $0.formUnion(Traits(category: $1)) }
        }
        return otherNames[name]
    }

    private static let groups = [
        "l": "L", "letter": "L", "m": "M", "mark": "M", "n": "N", "number": "N", "p": "P", "punctuation": "P",
        "s": "S", "symbol": "S", "z": "Z", "separator": "Z", "c": "C", "other": "C",
    ]

    private static let otherNames: [String: Traits] = [
        "whitespace": .whiteSpace, "space": .whiteSpace, "word": .word, "alphabetic": .alphabetic,
        "alpha": .alphabetic, "uppercase": Traits(category: 0), "upper": Traits(category: 0),
        "uppercaseletter": Traits(category: 0), "lowercase": Traits(category: 1), "lower": Traits(category: 1),
        "lowercaseletter": Traits(category: 1), "titlecaseletter": Traits(category: 2), "digit": Traits(category: 8),
        "decimalnumber": Traits(category: 8), "nonspacingmark": Traits(category: 5), "cntrl": Traits(category: 25),
        "modifierletter": Traits(category: 3), "otherletter": Traits(category: 4), "control": Traits(category: 25),
        "unicode8punctuation": .punctuation8,
    ]

    /// All scalars that have at least one of `traits`.
    static func set(_ traits: Traits) -> ScalarSet {
        var ranges: [ClosedRange<UInt32>] = []
        for (index, run) in runs.enumerated() where !run.traits.isDisjoint(with: traits) {
            let end = index + 1 < runs.count ? runs[index + 1].start - 1 : 0x10FFFF
            ranges.append(run.start...end)
        }
        return ScalarSet(ranges)
    }

    /// The traits of one scalar.
    static func traits(of scalar: UInt32) -> Traits {
        runs.withUnsafeBufferPointer { runs in
            var low = 0
            var high = runs.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if runs[middle].start <= scalar { low = middle } else { high = middle }
            }
            return runs[low].traits
        }
    }

    /// Traits of all scalars; beyond the third plane there are only marks, tags and private use.
    private static let runs: [Run] = {
        var runs: [Run] = []
        for range in [0..<0x3_4000, 0xD_FFFF..<0xE_0200, 0xE_FFFF..<0xF_0002, 0xF_FFFD..<0x10_0001] {
            for value in UInt32(range.lowerBound)..<UInt32(range.upperBound) {
                let traits = Unicode.Scalar(value).map(traits) ?? Traits(category: 27)
                if runs.last?.traits != traits { runs.append(Run(start: value, traits: traits)) }
            }
        }
        runs.append(Run(start: 0x10_FFFE, traits: traits("\u{10FFFE}")))
        return runs
    }()

    private static func traits(_ scalar: Unicode.Scalar) -> Traits {
        let properties = scalar.properties
        let age = properties.age?.major ?? 99
        let category = scalar.value == 0x295 ? 1 : index(of: properties.generalCategory)
        let isKnown = age <= expressionVersion
        var traits = Traits(category: isKnown ? category : 29)
        if properties.isWhitespace { traits.formUnion(.whiteSpace) }
        if isKnown, properties.isAlphabetic { traits.formUnion(.alphabetic) }
        if isKnown, properties.isAlphabetic || [5, 6, 7, 8, 11].contains(category) { traits.formUnion(.word) }
        // Oniguruma's tables for Latin-1 are of their own.
        if [0xB2, 0xB3, 0xB9, 0xBC, 0xBD, 0xBE].contains(scalar.value) { traits.formUnion(.word) }
        if age <= punctuationVersion {
            if (11...17).contains(category) { traits.formUnion(.punctuation8) }
            if [25, 26, 28].contains(category) { traits.formUnion(.other8) }
            if category == 5 { traits.formUnion(.nonspacing8) }
        }
        // Their categories have changed since.
        if [0x166D, 0x111C9].contains(scalar.value) { traits.formUnion(.punctuation8) }
        if [0x1734, 0x1171E].contains(scalar.value) { traits.formUnion(.nonspacing8) }
        if age <= 9, (5...7).contains(category) || [0x1CF2, 0x1CF3].contains(scalar.value) {
            traits.formUnion(.mark9)
        }
        if age > 9, age < 99 { traits.formUnion(.isNew) }
        return traits
    }

    private static func index(of category: Unicode.GeneralCategory) -> Int {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}
