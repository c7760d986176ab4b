// Responsible for: upper and lower case and kinds of characters as Python's str has them.
// Must not know: templates.

extension Text {
    var uppercased: Text {
        guard isASCII else { return mapped { $0.properties.uppercaseMapping } }
        return Text(utf8: utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }, isMarkup: isMarkup)
    }

    var lowercased: Text {
        if isASCII { return Text(utf8: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, isMarkup: isMarkup) }
        let scalars = self.scalars
        guard scalars.contains("Σ") else { return mapped { $0.properties.lowercaseMapping } }
        var result = ""
        for (index, scalar) in scalars.enumerated() {
            result += scalar == "Σ" ? Self.sigma(at: index, of: scalars) : scalar.properties.lowercaseMapping
        }
        return Text(result).marked(isMarkup)
    }

    /// A sigma is written differently at the end of a word.
    private static func sigma(at index: Int, of scalars: [Unicode.Scalar]) -> String {
        let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
        let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        let isFinal = before?.properties.isCased == true && after?.properties.isCased != true
        return isFinal ? "ς" : "σ"
    }

    /// The first code point in title case, the others in lower case.
    var capitalized: Text {
        let scalars = self.scalars
        guard let first = scalars.first else { return self }
        let rest = Text(scalars: scalars.dropFirst()).lowercased
        return (Text(first.properties.titlecaseMapping) + rest).marked(isMarkup)
    }

    /// Every run of cased letters begins in title case: Python's `str.title`.
    var titled: Text {
        var isInside = false
        return mapped { scalar in
            defer { isInside = scalar.properties.isCased }
            return isInside ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
        }
    }

    /// jinja2's `title` filter: words are separated by white space and opening brackets.
    var titledByJinja: Text {
        var result = Text("")
        var word: [Unicode.Scalar] = []
        func flush() {
            guard let first = word.first else { return }
            result.append(Text(first.properties.uppercaseMapping))
            result.append(Text(scalars: word.dropFirst()).lowercased)
            word = []
        }
        for scalar in scalars {
            if Self.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar) {
                flush()
                result.append(Text(scalars: CollectionOfOne(scalar)))
            } else {
                word.append(scalar)
            }
        }
        flush()
        return result.marked(isMarkup)
    }

    var swappedCase: Text {
        mapped { scalar in
            let properties = scalar.properties
            return properties.isUppercase
                ? properties.lowercaseMapping
                : properties.isLowercase ? properties.uppercaseMapping : String(Character(scalar))
        }
    }

    /// Case folding, but for the rare letters whose folding is not their lower case.
    var casefolded: Text {
        mapped { $0 == "ß" ? "ss" : $0 == "ς" ? "σ" : $0.properties.lowercaseMapping }
    }

    private func mapped(_ map: (Unicode.Scalar) -> String) -> Text {
        var result = ""
        for scalar in string.unicodeScalars { result += map(scalar) }
        return Text(result).marked(isMarkup)
    }

    /// Whether there is a cased letter and none of the other case.
    func isCased(lower: Bool) -> Bool {
        var found = false
        for scalar in string.unicodeScalars {
            let properties = scalar.properties
            let isTitle = properties.generalCategory == .titlecaseLetter
            if isTitle || (lower ? properties.isUppercase : properties.isLowercase) { return false }
            found = found || (lower ? properties.isLowercase : properties.isUppercase)
        }
        return found
    }

    /// Python's `str.istitle`.
    var isTitle: Bool {
        var isInside = false
        var found = false
        for scalar in string.unicodeScalars {
            let properties = scalar.properties
            if properties.isUppercase || properties.generalCategory == .titlecaseLetter {
                if isInside { return false }
                (isInside, found) = (true, true)
            } else if properties.isLowercase {
                if !isInside { return false }
                found = true
            } else {
                isInside = false
            }
        }
        return found
    }

    /// Whether there are code points and all satisfy `test`.
    func isAll(_ test: (Unicode.Scalar) -> Bool) -> Bool { !isEmpty && string.unicodeScalars.allSatisfy(test) }

    static func isAlphabetic(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    static func isDecimal(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType == .decimal }
    static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        let type = scalar.properties.numericType
        return type == .decimal || type == .digit
    }
    static func isNumeric(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.numericType != nil }
    static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool { isAlphabetic(scalar) || isNumeric(scalar) }
    static func isASCIIAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }

    /// What Python's `repr` writes as itself.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    var isIdentifier: Bool {
        let scalars = self.scalars
        guard let first = scalars.first else { return false }
        return (first == "_" || first.properties.isXIDStart) && scalars.allSatisfy { $0.properties.isXIDContinue }
    }
}
