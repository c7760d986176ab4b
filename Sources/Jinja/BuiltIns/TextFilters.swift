// Responsible for: jinja2's filters on texts.
// Must not know: syntax, lists.

extension Renderer {
    /// The result of a filter on a text; nil where `name` is none.
    func applyTextFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "string", "upper", "lower", "title", "capitalize", "safe", "e", "escape", "forceescape", "wordcount",
            "striptags":
            _ = try arguments.bind(self, name, [])
            return try simple(name, try text(value))
        case "trim":
            let values = try arguments.bind(self, name, ["chars"])
            let text = try text(value)
            try charge(text.utf8.count / 32)
            return try strip(text, "strip", values.compactMap { $0 })
        case "center":
            let width = try arguments.bind(self, name, ["width"])[0] ?? .int(80)
            return try pad(try text(value), name, [width])
        case "replace":
            let values = try arguments.bind(self, name, ["old", "new", "count"], required: 2)
            var count = -1
            if let limit = values[2], !limit.isNone { count = try integer(limit, name) ?? -1 }
            let text = try text(value).marked(false)
            return try replace(text, try self.text(values[0]!), try self.text(values[1]!), count: count)
        case "indent": return try indent(value, arguments)
        case "truncate": return try truncate(value, arguments)
        case "format":
            guard arguments.positional.isEmpty || arguments.named.isEmpty else {
                throw fail("can't handle positional and keyword arguments at the same time")
            }
            let format = try text(value)
            guard arguments.named.isEmpty else {
                let values = try dictionary(arguments.named.map { (.string($0.name), $0.value) })
                return .string(try percentFormat(format, values))
            }
            return .string(try percentFormat(format, try tuple(arguments.positional)))
        case "urlencode":
            _ = try arguments.bind(self, name, [])
            return try urlEncode(value)
        case "wordwrap": return try wordWrap(value, arguments)
        case "xmlattr": return try attributes(value, arguments)
        default: return nil
        }
    }

    private func simple(_ name: String, _ text: Text) throws(JinjaError) -> Value {
        try charge(text.utf8.count / (text.isASCII ? 16 : 2))
        switch name {
        case "upper": return try string(text.uppercased)
        case "lower": return try string(text.lowercased)
        case "title": return try string(text.titledByJinja)
        case "capitalize": return try string(text.capitalized)
        case "safe": return .string(text.marked(true))
        case "e", "escape": return try escaped(text)
        case "forceescape": return try escaped(text.marked(false))
        case "wordcount":
            var count = 0
            var isInside = false
            for scalar in text.string.unicodeScalars {
                let isWord = scalar == "_" || Text.isAlphanumeric(scalar)
                if isWord, !isInside { count += 1 }
                isInside = isWord
            }
            return .int(count)
        case "striptags": return .string(try withoutTags(text))
        default: return .string(text)
        }
    }

    private func escaped(_ text: Text) throws(JinjaError) -> Value {
        try charge(bytes: text.utf8.count * 5)
        return .string(text.escaped)
    }

    private func indent(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "indent", ["width", "first", "blank"])
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        guard case .string(let text) = value else { throw fail("indent needs a text, not \(value.typeName)") }
        var indention: Text
        if case .string(let given)? = values[0] {
            indention = given
        } else {
            indention = try fill(try integer(values[0], "indent") ?? 4)
        }
        if text.isMarkup { indention = indention.escaped }
        let isFirst = values[1]?.isTrue ?? false
        let isBlank = values[2]?.isTrue ?? false
        let lines = (text + "\n").lines(keepingEnds: false)
        let (bytes, overflow) = lines.count.multipliedReportingOverflow(by: indention.utf8.count + 1)
        try charge(bytes: overflow ? nil : bytes + text.utf8.count)
        var result = isFirst ? indention : ""
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result.append("\n")
                if isBlank || !line.isEmpty { result.append(indention) }
            }
            result.append(line)
        }
        return .string(result.marked(text.isMarkup))
    }

    private func truncate(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "truncate", ["length", "killwords", "end", "leeway"])
        let length = try integer(values[0], "truncate") ?? 255
        let end = try values[2].map { value throws(JinjaError) in try text(value) } ?? "..."
        var leeway = 5
        if let given = values[3], !given.isNone { leeway = try integer(given, "truncate") ?? 5 }
        guard length >= end.count else { throw fail("expected length >= \(end.count), got \(length)") }
        guard leeway >= 0 else { throw fail("expected leeway >= 0, got \(leeway)") }
        let count = try self.length(of: value)
        let (limit, overflow) = length.addingReportingOverflow(leeway)
        if overflow || count <= limit { return value }
        guard case .string(let text) = value else { throw fail("truncate needs a text, not \(value.typeName)") }
        let kept = Text(text.utf8[..<text.offset(ofScalar: length - end.count)], isMarkup: text.isMarkup)
        if values[1]?.isTrue ?? false { return try string((kept + end).marked(text.isMarkup)) }
        return try string((kept.split(" ", limit: 1, fromRight: true)[0] + end).marked(text.isMarkup))
    }

    private func urlEncode(_ value: Value) throws(JinjaError) -> Value {
        var pairs: [Value]
        switch value {
        case .string(let text): return try string(try quoted(text, keepsSlash: true))
        case .dictionary(let mapping): pairs = MappingView(mapping, .items).items
        default:
            guard try itemsIfIterable(value) != nil else {
                return try string(try quoted(try text(value), keepsSlash: true))
            }
            pairs = try array(of: value)
        }
        var pieces: [Text] = []
        for pair in pairs {
            let parts = try array(of: pair)
            guard parts.count == 2 else { throw fail("urlencode needs pairs of a key and a value") }
            let key = try quoted(try text(parts[0]), keepsSlash: false)
            pieces.append(key + "=" + (try quoted(try text(parts[1]), keepsSlash: false)))
        }
        return .string(try joined(pieces, by: "&"))
    }

    private func quoted(_ text: Text, keepsSlash: Bool) throws(JinjaError) -> Text {
        try charge(bytes: text.utf8.count * 3)
        var result: [UInt8] = []
        for byte in text.utf8 {
            if Text.isASCIIAlphanumeric(byte) || "_.-~".utf8.contains(byte) || (keepsSlash && byte == UInt8(ascii: "/"))
            {
                result.append(byte)
            } else if !keepsSlash, byte == UInt8(ascii: " ") {
                result.append(UInt8(ascii: "+"))
            } else {
                result += ("%" + hexadecimal(UInt32(byte), width: 2).uppercased()).utf8
            }
        }
        return Text(utf8: result)
    }

    /// markupsafe's `striptags`: comments and tags left out, white space run together.
    private func withoutTags(_ text: Text) throws(JinjaError) -> Text {
        var rest = text
        for (open, close) in [("<!--", "-->"), ("<", ">")] as [(Text, Text)] {
            var result = Text("")
            var start = 0
            while let begin = rest.find(open, in: start..<rest.utf8.count),
                let end = rest.find(close, in: (begin + open.utf8.count)..<rest.utf8.count)
            {
                result.append(Text(rest.utf8[start..<begin]))
                start = end + close.utf8.count
            }
            result.append(Text(rest.utf8[start...]))
            rest = result
        }
        return try joined(rest.words(limit: -1), by: " ")
    }

    /// Lines of at most `width` code points, broken between words: Python's `textwrap.wrap` of each line.
    private func wordWrap(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(
            self, "wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"])
        let width = try integer(values[0], "wordwrap") ?? 79
        guard width > 0 else { throw fail("invalid width \(width) (must be > 0)") }
        guard case .string(let text) = value else { throw fail("wordwrap needs a text, not \(value.typeName)") }
        var separator: Text = "\n"
        if let given = values[2], !given.isNone { separator = try self.text(given) }
        var lines: [Text] = []
        for line in text.lines(keepingEnds: false) {
            lines += try wrapped(line, width: width, breaksWords: values[1]?.isTrue ?? true)
            if line.isEmpty { lines.append("") }
        }
        return .string(try joined(lines, by: separator))
    }

    private func wrapped(_ line: Text, width: Int, breaksWords: Bool) throws(JinjaError) -> [Text] {
        var lines: [Text] = []
        var current = Text("")
        var count = 0
        var blanks = Text("")
        var isBegin = true
        for word in line.split(" ", limit: -1) {
            try charge()
            if !isBegin { blanks.append(" ") }
            isBegin = false
            guard !word.isEmpty else { continue }
            var scalars = word.scalars[...]
            if count > 0, count + blanks.utf8.count + scalars.count > width {
                lines.append(current)
                (current, count) = ("", 0)
            } else {
                current.append(lines.isEmpty || count > 0 ? blanks : "")
                count += blanks.utf8.count
            }
            blanks = ""
            while breaksWords, count + scalars.count > width {
                let head = scalars.prefix(max(1, width - count))
                lines.append(current + Text(scalars: head))
                scalars = scalars.dropFirst(head.count)
                (current, count) = ("", 0)
            }
            current.append(Text(scalars: scalars))
            count += scalars.count
        }
        if count > 0 { lines.append(current) }
        return lines
    }

    private func attributes(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let isSpaced = try arguments.bind(self, "xmlattr", ["autospace"])[0]?.isTrue ?? true
        guard case .dictionary(let mapping) = value else {
            throw fail("xmlattr needs a mapping, not \(value.typeName)")
        }
        var pieces: [Text] = []
        for entry in mapping.entries where !entry.value.isNone && !entry.value.isUndefined {
            guard case .string(let key) = entry.key else { throw fail("the names of attributes must be texts") }
            guard !key.utf8.contains(where: { " \t\n\u{b}\u{c}\r/>=".utf8.contains($0) }) else {
                throw fail("Invalid character in attribute name: \(repr(key))")
            }
            pieces.append(key.escaped + "=\"" + (try text(entry.value).escaped) + "\"")
        }
        let all = try joined(pieces, by: " ").marked(false)
        return .string(isSpaced && !all.isEmpty ? " " + all : all)
    }
}
