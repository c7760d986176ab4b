// Responsible for: values as text, as Python's `str` and `repr` write them.
// Must not know: where the text goes.

extension Renderer {
    /// Python's `str(value)`; jinja2 prints this.
    func text(_ value: Value) throws(JinjaError) -> Text {
        switch value {
        case .string(let text): return text
        case .undefined: return ""
        case .int(let value): return Text(String(value))
        default:
            var result = ""
            try writeRepr(value, into: &result)
            return Text(result)
        }
    }

    /// Python's `repr(value)`.
    func reprText(_ value: Value) throws(JinjaError) -> Text {
        var result = ""
        try writeRepr(value, into: &result)
        return Text(result)
    }

    private func writeRepr(_ value: Value, into result: inout String) throws(JinjaError) {
        try charge()
        switch value {
        case .undefined: result += "Undefined"
        case .none: result += "None"
        case .bool(let value): result += value ? "True" : "False"
        case .int(let value): result += String(value)
        case .wideInt(let digits): result += digits
        case .float(let value): result += repr(value)
        case .string(let text):
            try charge(bytes: text.utf8.count)
            result += text.isMarkup ? "Markup(\(repr(text)))" : repr(text)
        case .list(let list): try writeRepr(list.items, "[", "]", into: &result)
        case .tuple(let list): try writeRepr(list.items, "(", list.items.count == 1 ? ",)" : ")", into: &result)
        case .dictionary(let mapping):
            try writeRepr(mapping.entries.map { ($0.key, $0.value) }, into: &result)
        case .view(let view):
            result += value.typeName + "("
            try writeRepr(.list(List(view.items)), into: &result)
            result += ")"
        case .range(let range):
            result += "range(\(range.start), \(range.stop)" + (range.step == 1 ? ")" : ", \(range.step))")
        case .namespace(let namespace):
            result += "<Namespace "
            try writeRepr(namespace.attributes.map { (.string($0.name), $0.value) }, into: &result)
            result += ">"
        case .macro(let macro): result += "<Macro \(macro.definition.name.map { repr($0) } ?? "anonymous")>"
        case .loop(let loop): result += "<LoopContext \(loop.index0 + 1)/\(try length(of: loop))>"
        case .generator: result += "<generator object>"
        case .cycler: result += "<jinja2.utils.Cycler object>"
        case .joiner: result += "<jinja2.utils.Joiner object>"
        case .function(let function): result += "<function \(function.name.string)>"
        }
    }

    private func writeRepr(
        _ items: [Value], _ open: String, _ close: String, into result: inout String
    ) throws(JinjaError) {
        try enter()
        defer { leave() }
        result += open
        for (index, item) in items.enumerated() {
            if index > 0 { result += ", " }
            try writeRepr(item, into: &result)
        }
        result += close
    }

    private func writeRepr(_ entries: [(Value, Value)], into result: inout String) throws(JinjaError) {
        try enter()
        defer { leave() }
        result += "{"
        for (index, entry) in entries.enumerated() {
            if index > 0 { result += ", " }
            try writeRepr(entry.0, into: &result)
            result += ": "
            try writeRepr(entry.1, into: &result)
        }
        result += "}"
    }

    /// How many items a loop has, computing those to come if it must.
    func length(of loop: Loop) throws(JinjaError) -> Int {
        if let length = loop.length { return length }
        var rest: [Value] = []
        while let item = try loop.source.next() {
            try charge()
            rest.append(item)
        }
        loop.source = Items(rest)
        let peeked = loop.hasPeeked && loop.peeked != nil ? 1 : 0
        loop.length = rest.count + loop.index0 + 1 + peeked
        return loop.length!
    }
}
