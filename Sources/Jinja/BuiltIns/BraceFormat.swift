// Responsible for: Python's `text.format(...)`.
// Must not know: syntax.

extension Renderer {
    /// `text.format(arguments)` or `text.format_map(dictionary)`.
    func braceFormat(_ text: Text, _ name: String, _ arguments: CallArguments) throws(JinjaError) -> Text {
        var arguments = arguments
        if name == "format_map" {
            guard case .dictionary(let mapping)? = try arguments.unnamed(self, name, 1...1).first else {
                throw fail("format_map() needs a mapping")
            }
            arguments = CallArguments()
            for entry in mapping.entries {
                if case .string(let name) = entry.key { arguments.named.append((name, entry.value)) }
            }
        }
        var automatic: Int? = 0
        return try braceFormat(text.scalars[...], arguments, &automatic, level: 0).marked(text.isMarkup)
    }

    /// `automatic` is the number of the next `{}`; nil once fields are numbered by hand.
    private func braceFormat(
        _ text: ArraySlice<Unicode.Scalar>, _ arguments: CallArguments, _ automatic: inout Int?, level: Int
    ) throws(JinjaError) -> Text {
        guard level < 3 else { throw fail("Max string recursion exceeded") }
        var result = Text("")
        var rest = text
        try charge(rest.count / 16)
        while let scalar = rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                result.append(Text(scalars: CollectionOfOne(scalar)))
                continue
            }
            if rest.first == scalar {
                rest.removeFirst()
                result.append(Text(scalars: CollectionOfOne(scalar)))
                continue
            }
            guard scalar == "{" else { throw fail("Single '}' encountered in format string") }
            let field = try self.field(&rest)
            let text = try format(field, arguments, &automatic, level)
            try charge(bytes: text.utf8.count)
            result.append(text)
        }
        return result
    }

    /// The text up to the brace that closes a field.
    private func field(_ rest: inout ArraySlice<Unicode.Scalar>) throws(JinjaError) -> ArraySlice<Unicode.Scalar> {
        var depth = 1
        for (index, scalar) in zip(rest.indices, rest) {
            if scalar == "{" { depth += 1 }
            if scalar == "}" { depth -= 1 }
            if depth == 0 {
                defer { rest = rest[(index + 1)...] }
                return rest[..<index]
            }
        }
        throw fail(rest.isEmpty ? "Single '{' encountered in format string" : "expected '}' before end of string")
    }

    private func format(
        _ field: ArraySlice<Unicode.Scalar>, _ arguments: CallArguments, _ automatic: inout Int?, _ level: Int
    ) throws(JinjaError) -> Text {
        try charge()
        var brackets = 0
        let end = field.firstIndex { scalar in
            if scalar == "[" { brackets += 1 }
            if scalar == "]" { brackets -= 1 }
            return brackets <= 0 && (scalar == "!" || scalar == ":")
        }
        let value = try self.value(of: field[..<(end ?? field.endIndex)], arguments, &automatic)
        var rest = field[(end ?? field.endIndex)...]
        var conversion: Unicode.Scalar?
        if rest.first == "!" {
            rest.removeFirst()
            conversion = rest.popFirst()
            guard conversion == "s" || conversion == "r" || conversion == "a" else {
                throw fail("Unknown conversion specifier in a format string")
            }
            guard rest.isEmpty || rest.first == ":" else { throw fail("expected ':' after conversion specifier") }
        }
        let specification = try braceFormat(rest.dropFirst(), arguments, &automatic, level: level + 1)
        let subject =
            conversion == nil ? value : Value.string(conversion == "s" ? try text(value) : try reprText(value))
        return try format(subject, by: specification)
    }

    /// What `0.name[key]` names.
    private func value(
        of path: ArraySlice<Unicode.Scalar>, _ arguments: CallArguments, _ automatic: inout Int?
    ) throws(JinjaError) -> Value {
        let end = path.firstIndex { $0 == "." || $0 == "[" } ?? path.endIndex
        let first = Text(scalars: path[..<end])
        var value: Value
        if first.isEmpty || first.isAll({ ("0"..."9").contains($0) }) {
            let index: Int
            if first.isEmpty {
                guard let number = automatic else {
                    throw fail("cannot switch from manual field specification to automatic field numbering")
                }
                (index, automatic) = (number, number + 1)
            } else {
                guard automatic == nil || automatic == 0 else {
                    throw fail("cannot switch from automatic field numbering to manual field specification")
                }
                (index, automatic) = (Int(first.string) ?? .max, nil)
            }
            guard index < arguments.positional.count else {
                throw fail("Replacement index \(index) out of range for positional args tuple")
            }
            value = arguments.positional[index]
        } else {
            guard let named = arguments.named(first) else { throw fail("KeyError: \(repr(first))") }
            value = named
        }
        var rest = path[end...]
        while let scalar = rest.popFirst() {
            let isItem = scalar == "["
            guard isItem || scalar == "." else {
                throw fail("Only '.' or '[' may follow ']' in format field specifier")
            }
            let stop = isItem ? rest.firstIndex(of: "]") : rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
            guard let stop else { throw fail("Missing ']' in format string") }
            let name = Text(scalars: rest[..<stop])
            guard !name.isEmpty else { throw fail("Empty attribute in format string") }
            rest = rest[stop...].dropFirst(isItem ? 1 : 0)
            if isItem {
                let index = name.isAll { ("0"..."9").contains($0) } ? Int(name.string).map { Value.int($0) } : nil
                value = try item(index ?? .string(name), of: value)
            } else {
                value = try attribute(name, of: value)
            }
        }
        return value
    }

    /// Python's `format(value, specification)`.
    private func format(_ value: Value, by specification: Text) throws(JinjaError) -> Text {
        guard !specification.isEmpty else { return try text(value).marked(false) }
        guard let parsed = FormatSpecification(specification) else { throw fail("Invalid format specifier") }
        switch value {
        case .string(let text):
            guard parsed.letter == " " || parsed.letter == "s" else {
                throw fail("Unknown format code '\(parsed.letter)' for object of type 'str'")
            }
            guard parsed.alignment != .afterSign || specification.hasPrefix("0") else {
                throw fail("'=' alignment not allowed in string format specifier")
            }
            var plain = parsed
            if plain.alignment == .afterSign { plain.alignment = .left }
            return try format(text, plain)
        case .bool(let flag) where parsed.letter == " ":
            return try format(Number.int(flag ? 1 : 0), parsed)
        case .int, .wideInt, .float, .bool:
            guard let number = Number(value) else { return "" }
            if case .int = number, parsed.precision != nil, " dxXobn".contains(parsed.letter) {
                throw fail("Precision not allowed in integer format specifier")
            }
            return try format(number, parsed)
        default: throw fail("unsupported format string passed to \(value.typeName).__format__")
        }
    }
}
