// Responsible for: values as JSON text, as Python's `json.dumps` writes them.
// Must not know: templates.

extension Renderer {
    /// Hugging Face's `tojson`: `json.dumps` with these parameters, and characters as themselves.
    func json(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
        var style = JSONStyle()
        style.isASCII = values[0]?.isTrue ?? false
        style.sortsKeys = values[3]?.isTrue ?? false
        switch values[1] {
        case nil, .some(.none): break
        case .string(let text)?: style.indent = text
        case .some(let value):
            guard let width = value.index else {
                throw fail("can't multiply sequence by non-int of type '\(value.typeName)'")
            }
            style.indent = try fill(width)
        }
        if style.indent != nil { style.itemSeparator = "," }
        if let separators = values[2], !separators.isNone {
            let pair = try array(of: separators)
            guard pair.count == 2, case .string(let item) = pair[0], case .string(let key) = pair[1] else {
                throw fail("separators must be two texts")
            }
            (style.itemSeparator, style.keySeparator) = (item, key)
        }
        var result = Text("")
        try write(value, style, level: 0, into: &result)
        return .string(result)
    }

    struct JSONStyle {
        var isASCII = false
        var sortsKeys = false
        /// What each level is indented by; nil: all in one line.
        var indent: Text?
        var itemSeparator: Text = ", "
        var keySeparator: Text = ": "
    }

    private func write(_ value: Value, _ style: JSONStyle, level: Int, into result: inout Text) throws(JinjaError) {
        try charge()
        switch value {
        case .none: result.append("null")
        case .bool(let value): result.append(value ? "true" : "false")
        case .int(let value): result.append(Text(String(value)))
        case .wideInt(let digits): result.append(Text(digits))
        case .float(let value): result.append(Text(Self.json(value)))
        case .string(let text): try write(text, style, into: &result)
        case .list(let list), .tuple(let list):
            try write(list.items.count, "[", "]", style, level, &result) { (index, result) throws(JinjaError) in
                try write(list.items[index], style, level: level + 1, into: &result)
            }
        case .dictionary(let mapping):
            var entries = mapping.entries
            if style.sortsKeys {
                entries = try sorted(entries) { (a, b) throws(JinjaError) in try isLess(a.key, b.key) }
            }
            try write(entries.count, "{", "}", style, level, &result) { (index, result) throws(JinjaError) in
                try write(try key(of: entries[index]), style, into: &result)
                result.append(style.keySeparator)
                try write(entries[index].value, style, level: level + 1, into: &result)
            }
        default: throw fail("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func key(of entry: Mapping.Entry) throws(JinjaError) -> Text {
        switch entry.key {
        case .string(let text): return text
        case .int(let value): return Text(String(value))
        case .wideInt(let digits): return Text(digits)
        case .float(let value): return Text(Self.json(value))
        case .bool(let value): return value ? "true" : "false"
        case .none: return "null"
        default: throw fail("keys must be str, int, float, bool or None, not \(entry.key.typeName)")
        }
    }

    private static func json(_ value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : repr(value)
    }

    private func write(
        _ count: Int, _ open: Text, _ close: Text, _ style: JSONStyle, _ level: Int, _ result: inout Text,
        _ element: (Int, inout Text) throws(JinjaError) -> Void
    ) throws(JinjaError) {
        try enter()
        defer { leave() }
        result.append(open)
        for index in 0..<count {
            if index > 0 { result.append(style.itemSeparator) }
            try breakLine(style, level + 1, &result)
            try element(index, &result)
        }
        if count > 0 { try breakLine(style, level, &result) }
        result.append(close)
    }

    private func breakLine(_ style: JSONStyle, _ level: Int, _ result: inout Text) throws(JinjaError) {
        guard let indent = style.indent else { return }
        try charge(bytes: 1 + level * indent.utf8.count)
        result.append("\n")
        for _ in 0..<level { result.append(indent) }
    }

    private func write(_ text: Text, _ style: JSONStyle, into result: inout Text) throws(JinjaError) {
        try charge(bytes: text.utf8.count * 2)
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        bytes.reserveCapacity(text.utf8.count + 2)
        if style.isASCII {
            for scalar in text.scalars {
                if scalar.value >= 0x20, scalar.value < 0x7F {
                    Self.escape(UInt8(scalar.value), into: &bytes)
                } else if scalar.value < 0x20 {
                    Self.escape(UInt8(scalar.value), into: &bytes)
                } else {
                    for unit in String(Character(scalar)).utf16 {
                        bytes += "\\u".utf8
                        bytes += hexadecimal(UInt32(unit), width: 4).utf8
                    }
                }
            }
        } else {
            for byte in text.utf8 { Self.escape(byte, into: &bytes) }
        }
        bytes.append(UInt8(ascii: "\""))
        result.append(Text(utf8: bytes))
    }

    private static func escape(_ byte: UInt8, into bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0x0A: bytes += "\\n".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0x09: bytes += "\\t".utf8
        case 0x08: bytes += "\\b".utf8
        case 0x0C: bytes += "\\f".utf8
        case 0..<0x20: bytes += ("\\u" + hexadecimal(UInt32(byte), width: 4)).utf8
        default: bytes.append(byte)
        }
    }
}
