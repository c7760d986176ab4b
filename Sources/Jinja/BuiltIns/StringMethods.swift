// Responsible for: calls of Python's str methods.
// Must not know: filters, syntax.

extension Renderer {
    func callMethod(_ name: String, of text: Text, _ arguments: CallArguments) throws(JinjaError) -> Value {
        try charge(text.utf8.count / 16)
        switch name {
        case "format", "format_map": return .string(try braceFormat(text, name, arguments))
        case "split", "rsplit": return try split(text, name, arguments)
        case "splitlines":
            let values = try arguments.bind(self, name, ["keepends"])
            return try texts(text.lines(keepingEnds: values[0]?.isTrue ?? false))
        case "replace": return try replace(text, arguments)
        case "expandtabs":
            let values = try arguments.bind(self, name, ["tabsize"])
            return try string(try expandTabs(text, try integer(values[0], name) ?? 8))
        case "encode", "maketrans", "translate": throw fail("str.\(name) is not supported in chat templates")
        default: break
        }
        let values = try arguments.unnamed(self, name, 0...3)
        if let kind = try classify(name, text, values) { return .bool(kind) }
        switch name {
        case "strip", "lstrip", "rstrip": return try strip(text, name, values)
        case "startswith", "endswith": return .bool(try hasAffix(text, name, values))
        case "find", "rfind", "index", "rindex", "count": return try find(name, text, values)
        case "join": return try join(text, values)
        case "partition", "rpartition": return try partition(text, name, values)
        case "removeprefix", "removesuffix":
            let affix = try parameter(values, 0, name)
            let isThere = name == "removeprefix" ? text.hasPrefix(affix) : text.hasSuffix(affix)
            guard isThere, !affix.isEmpty else { return .string(text) }
            let kept = name == "removeprefix" ? text.utf8[affix.utf8.count...] : text.utf8.dropLast(affix.utf8.count)
            return .string(Text(kept, isMarkup: text.isMarkup))
        case "center", "ljust", "rjust": return try pad(text, name, values)
        case "zfill": return try zeroFill(text, values)
        default: return try changeCase(name, text, values)
        }
    }

    private func changeCase(_ name: String, _ text: Text, _ values: [Value]) throws(JinjaError) -> Value {
        guard values.isEmpty else { throw fail("str.\(name)() takes no arguments (\(values.count) given)") }
        switch name {
        case "upper": return try string(text.uppercased)
        case "lower": return try string(text.lowercased)
        case "title": return try string(text.titled)
        case "capitalize": return try string(text.capitalized)
        case "swapcase": return try string(text.swappedCase)
        case "casefold": return try string(text.casefolded)
        default: throw fail("str.\(name) is not supported in chat templates")
        }
    }

    /// The answer of `isalpha` and its like; nil for other methods.
    private func classify(_ name: String, _ text: Text, _ values: [Value]) throws(JinjaError) -> Bool? {
        guard name.hasPrefix("is") else { return nil }
        guard values.isEmpty else { throw fail("str.\(name)() takes no arguments (\(values.count) given)") }
        switch name {
        case "isalnum": return text.isAll(Text.isAlphanumeric)
        case "isalpha": return text.isAll(Text.isAlphabetic)
        case "isascii": return text.isASCII
        case "isdecimal": return text.isAll(Text.isDecimal)
        case "isdigit": return text.isAll(Text.isDigit)
        case "isnumeric": return text.isAll(Text.isNumeric)
        case "isspace": return text.isAll(Text.isSpace)
        case "isprintable": return text.isEmpty || text.isAll(Text.isPrintable)
        case "isidentifier": return text.isIdentifier
        case "islower": return text.isCased(lower: true)
        case "isupper": return text.isCased(lower: false)
        default: return text.isTitle
        }
    }

    // MARK: Arguments

    private func parameter(_ values: [Value], _ index: Int, _ name: String) throws(JinjaError) -> Text {
        guard index < values.count else { throw fail("\(name)() takes at least \(index + 1) argument") }
        guard case .string(let text) = values[index] else {
            throw fail("\(name)() argument \(index + 1) must be str, not \(values[index].typeName)")
        }
        return text
    }

    /// An integer argument; nil where it is not given.
    func integer(_ value: Value?, _ name: String) throws(JinjaError) -> Int? {
        guard let value else { return nil }
        if let index = value.index { return index }
        throw fail("\(name)(): '\(value.typeName)' object cannot be interpreted as an integer")
    }

    func texts(_ texts: [Text]) throws(JinjaError) -> Value {
        try charge(texts.count)
        return .list(List(texts.map { .string($0) }))
    }

    // MARK: Stripping and splitting

    func strip(_ text: Text, _ name: String, _ values: [Value]) throws(JinjaError) -> Value {
        let (left, right) = (name != "rstrip", name != "lstrip")
        guard values.count <= 1 else { throw fail("\(name) expected at most 1 argument, got \(values.count)") }
        guard let characters = values.first, !characters.isNone else {
            return .string(text.stripped(left: left, right: right))
        }
        guard case .string(let characters) = characters else {
            throw fail("\(name) arg must be None or str")
        }
        try charge(characters.utf8.count)
        let set = Set(characters.scalars)
        return .string(text.stripped(left: left, right: right) { set.contains($0) })
    }

    private func split(_ text: Text, _ name: String, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, name, ["sep", "maxsplit"])
        let limit = try integer(values[1], name) ?? -1
        let isFromRight = name == "rsplit"
        guard let separator = values[0], !separator.isNone else {
            return try texts(text.words(limit: limit, fromRight: isFromRight))
        }
        guard case .string(let separator) = separator else {
            throw fail("must be str or None, not \(separator.typeName)")
        }
        guard !separator.isEmpty else { throw fail("empty separator") }
        return try texts(text.split(separator, limit: limit, fromRight: isFromRight))
    }

    private func partition(_ text: Text, _ name: String, _ values: [Value]) throws(JinjaError) -> Value {
        let separator = try parameter(values, 0, name)
        guard !separator.isEmpty else { throw fail("empty separator") }
        let isFromRight = name == "rpartition"
        let pieces = text.split(separator, limit: 1, fromRight: isFromRight)
        guard pieces.count == 2 else {
            let parts: [Text] = isFromRight ? ["", "", text] : [text, "", ""]
            return .tuple(List(parts.map { .string($0) }))
        }
        return .tuple(List([pieces[0], separator, pieces[1]].map { .string($0) }))
    }

    private func replace(_ text: Text, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.unnamed(self, "replace", 2...3)
        let count = values.count > 2 ? try integer(values[2], "replace") ?? -1 : -1
        let new = try parameter(values, 1, "replace")
        return try replace(text, try parameter(values, 0, "replace"), text.isMarkup ? new.escaped : new, count: count)
    }

    func replace(_ text: Text, _ old: Text, _ new: Text, count: Int) throws(JinjaError) -> Value {
        try charge(text.utf8.count / 16)
        let cuts = text.replacements(of: old, count: count)
        try charge(cuts.count / 4)
        try charge(bytes: text.sizeAfterReplacing(old, with: new, at: cuts))
        return .string(text.replacing(old, with: new, at: cuts))
    }

    // MARK: Searching

    /// The bytes between the code points that two optional arguments name; nil where they exclude everything.
    private func bounds(_ values: [Value], from index: Int, in text: Text) throws(JinjaError) -> Range<Int>? {
        guard values.count > index else { return text.wholeRange }
        let count = text.count
        func bound(_ index: Int, _ standard: Int) throws(JinjaError) -> Int {
            guard index < values.count, !values[index].isNone else { return standard }
            guard let bound = values[index].index else {
                throw fail("slice indices must be integers or None or have an __index__ method")
            }
            return bound < 0 ? max(0, max(bound, -count) + count) : bound
        }
        let start = try bound(index, 0)
        let end = min(try bound(index + 1, count), count)
        guard start <= end else { return nil }
        return text.offset(ofScalar: start)..<text.offset(ofScalar: end)
    }

    private func hasAffix(_ text: Text, _ name: String, _ values: [Value]) throws(JinjaError) -> Bool {
        guard let first = values.first else { throw fail("\(name)() takes at least 1 argument (0 given)") }
        var candidates: [Value] = [first]
        if case .tuple(let list) = first { candidates = list.items }
        let range = try bounds(values, from: 1, in: text)
        for candidate in candidates {
            guard case .string(let affix) = candidate else {
                throw fail("\(name) first arg must be str or a tuple of str, not \(candidate.typeName)")
            }
            guard let range else { continue }
            let part = range == text.wholeRange ? text : Text(text.utf8[range])
            if name == "startswith" ? part.hasPrefix(affix) : part.hasSuffix(affix) { return true }
        }
        return false
    }

    private func find(_ name: String, _ text: Text, _ values: [Value]) throws(JinjaError) -> Value {
        let needle = try parameter(values, 0, name)
        let range = try bounds(values, from: 1, in: text)
        if name == "count" {
            guard let range else { return .int(0) }
            if needle.isEmpty { return .int(Text(text.utf8[range]).count + 1) }
            return .int(text.occurrences(of: needle, in: range).count)
        }
        var found: Int?
        if let range {
            let isFromRight = name.hasPrefix("r")
            if isFromRight, !needle.isEmpty {
                found = text.occurrencesFromRight(of: needle, in: range, limit: 1).first
            } else {
                found = isFromRight ? range.upperBound : text.find(needle, in: range)
            }
        }
        if found == nil, name.hasSuffix("index") { throw fail("substring not found") }
        return .int(found.map { Text.count(of: text.utf8, upTo: $0) } ?? -1)
    }

    // MARK: Joining and padding

    private func join(_ separator: Text, _ values: [Value]) throws(JinjaError) -> Value {
        guard values.count == 1 else { throw fail("str.join() takes exactly one argument (\(values.count) given)") }
        var pieces: [Text] = []
        for (index, item) in try array(of: values[0]).enumerated() {
            guard case .string(let text) = item else {
                if separator.isMarkup {
                    pieces.append(try text(item).escaped)
                    continue
                }
                throw fail("sequence item \(index): expected str instance, \(item.typeName) found")
            }
            pieces.append(separator.isMarkup ? text.escaped : text)
        }
        return .string(try joined(pieces, by: separator).marked(separator.isMarkup))
    }

    func joined(_ pieces: [Text], by separator: Text) throws(JinjaError) -> Text {
        var bytes = 0
        for piece in pieces { bytes += piece.utf8.count + separator.utf8.count }
        try charge(bytes: bytes)
        var result = Text("")
        for (index, piece) in pieces.enumerated() {
            if index > 0 { result.append(separator) }
            result.append(piece)
        }
        return result
    }

    /// `count` times the code point `fill`, paid for.
    func fill(_ count: Int, _ fill: Text = " ") throws(JinjaError) -> Text {
        let (bytes, overflow) = max(0, count).multipliedReportingOverflow(by: fill.utf8.count)
        try charge(bytes: overflow ? nil : bytes)
        return fill.repeated(max(0, count))
    }

    func pad(_ text: Text, _ name: String, _ values: [Value]) throws(JinjaError) -> Value {
        guard let width = try integer(values.first, name) else {
            throw fail("\(name) expected at least 1 argument, got 0")
        }
        var filler: Text = " "
        if values.count > 1 {
            filler = try parameter(values, 1, name)
            guard filler.count == 1 else { throw fail("The fill character must be exactly one character long") }
        }
        let count = text.count
        guard width > count else { return .string(text) }
        let missing = width - count
        // Python puts the odd blank left of the text where the width is odd too.
        let left = name == "ljust" ? 0 : name == "rjust" ? missing : missing / 2 + (missing & width & 1)
        try charge(bytes: text.utf8.count)
        return .string((try fill(left, filler) + text + (try fill(missing - left, filler))).marked(text.isMarkup))
    }

    private func zeroFill(_ text: Text, _ values: [Value]) throws(JinjaError) -> Value {
        guard values.count == 1, let width = try integer(values[0], "zfill") else {
            throw fail("str.zfill() takes exactly one argument (\(values.count) given)")
        }
        let count = text.count
        guard width > count else { return .string(text) }
        let zeros = try fill(width - count, "0")
        let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
        let (sign, digits) = isSigned ? (Text(text.utf8[..<1]), Text(text.utf8[1...])) : ("", text)
        return .string((sign + zeros + digits).marked(text.isMarkup))
    }

    private func expandTabs(_ text: Text, _ size: Int) throws(JinjaError) -> Text {
        var result = Text("")
        var column = 0
        for scalar in text.scalars {
            if scalar == "\t" {
                guard size > 0 else { continue }
                let width = size - column % size
                result.append(try fill(width))
                column += width
            } else {
                result.append(Text(scalars: CollectionOfOne(scalar)))
                column = scalar == "\n" || scalar == "\r" ? 0 : column + 1
            }
        }
        return result.marked(text.isMarkup)
    }
}
