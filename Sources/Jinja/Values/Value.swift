// Responsible for: the values a template computes with. There is nothing else in the sandbox.
// Must not know: syntax, how values are computed.

/// A value of a template, with Python's meaning of each kind.
package enum Value {
    /// What an absent variable or attribute is; the text says what was absent.
    case undefined(Undefined)
    case none
    case bool(Bool)
    case int(Int)
    /// An integer of JSON beyond 64 bits, as its digits: it is written as it stands, and computed with as a float.
    case wideInt(String)
    case float(Double)
    case string(Text)
    case list(List)
    case tuple(List)
    case dictionary(Mapping)
    /// `keys()`, `values()` or `items()` of a dictionary.
    case view(MappingView)
    case range(IntegerRange)
    /// What is computed while it is iterated, once.
    case generator(LazyValues)
    case namespace(Namespace)
    case macro(Macro)
    case loop(Loop)
    case cycler(Cycler)
    case joiner(Joiner)
    case function(Function)
}

extension Value: ExpressibleByStringLiteral {
    /// A string.
    package init(stringLiteral value: String) { self = .string(Text(value)) }

    /// A string.
    package static func text(_ string: String) -> Value { .string(Text(string)) }

    /// A list; the caller keeps its nesting within reason.
    package static func items(_ values: [Value]) -> Value { .list(List(values)) }

    /// A dictionary with string keys in this order; the last of equal keys counts.
    package static func object(_ entries: [(String, Value)]) -> Value {
        .dictionary(Mapping(strings: entries.map { (Text($0.0), $0.1) }))
    }

    /// Whether this is a list.
    package var isList: Bool { if case .list = self { true } else { false } }

    /// The entries of a dictionary whose keys are strings; nil for everything else.
    package var entries: [(String, Value)]? {
        guard case .dictionary(let mapping) = self else { return nil }
        var entries: [(String, Value)] = []
        for entry in mapping.entries {
            guard case .string(let name) = entry.key else { return nil }
            entries.append((name.string, entry.value))
        }
        return entries
    }

    /// Lists and dictionaries inside each other; 0 for what holds nothing.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dictionary(let mapping): mapping.depth
        case .view(let view): view.mapping.depth + 1
        case .generator(let generator): generator.depth
        case .cycler(let cycler): cycler.items.depth + 1
        case .function(let function): (function.receiver?.depth ?? 0) + 1
        case .namespace, .macro, .loop, .joiner: 1
        default: 0
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isNone: Bool { if case .none = self { true } else { false } }

    /// Python's `bool(x)`.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dictionary(let mapping): mapping.count > 0
        case .view(let view): view.mapping.count > 0
        case .range(let range): range.count > 0
        case .loop(let loop): loop.index0 >= 0
        default: true
        }
    }

    /// The name of Python's type, for messages.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int, .wideInt: "int"
        case .float: "float"
        case .string(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .view(let view): "dict_\(view.kind)"
        case .range: "range"
        case .generator: "generator"
        case .namespace: "Namespace"
        case .macro: "Macro"
        case .loop: "LoopContext"
        case .cycler: "Cycler"
        case .joiner: "Joiner"
        case .function: "function"
        }
    }

    /// How messages about an absent attribute name this value.
    var objectName: String { isNone ? "None" : "\(typeName) object" }

    /// An integer, where Python would take this as an index.
    var index: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }
}

/// What an absent thing is called when a template uses it nevertheless.
package struct Undefined: Sendable {
    let message: String

    static func name(_ name: Text) -> Value {
        .undefined(Undefined(message: "\(repr(name)) is undefined"))
    }

    static func attribute(_ name: Text, of value: Value) -> Value {
        .undefined(Undefined(message: "'\(value.objectName)' has no attribute \(repr(name))"))
    }

    static func forbidden(_ name: Text, of value: Value) -> Undefined {
        Undefined(message: "access to attribute \(repr(name)) of '\(value.typeName)' object is unsafe.")
    }
}

/// The immutable elements of a list or tuple.
package final class List {
    let items: [Value]
    let depth: Int
    /// The names of a named tuple's elements.
    let names: [Text]

    init(_ items: [Value], names: [Text] = []) {
        self.items = items
        self.names = names
        var depth = 0
        for item in items { depth = max(depth, item.depth) }
        self.depth = depth + 1
    }
}

/// Integers with a fixed distance.
package struct IntegerRange {
    let start: Int
    let stop: Int
    let step: Int

    var count: Int {
        guard step != 0 else { return 0 }
        let (span, overflow) = stop.subtractingReportingOverflow(start)
        if overflow { return .max }
        return step > 0
            ? max(0, span > 0 ? (span - 1) / step + 1 : 0)
            : max(0, span < 0 ? (span + 1) / step + 1 : 0)
    }

    subscript(index: Int) -> Int { start + index * step }
}

/// A dictionary's live half: Python's `dict_keys`, `dict_values`, `dict_items`.
package final class MappingView {
    enum Kind { case keys, values, items }
    let mapping: Mapping
    let kind: Kind

    init(_ mapping: Mapping, _ kind: Kind) { (self.mapping, self.kind) = (mapping, kind) }

    var items: [Value] {
        switch kind {
        case .keys: mapping.entries.map(\.key)
        case .values: mapping.entries.map(\.value)
        case .items: mapping.entries.map { .tuple(List([$0.key, $0.value])) }
        }
    }
}

/// Values computed one by one, when asked for: what `map`, `select` and their kin give.
package final class LazyValues {
    let depth: Int
    private var advance: (() throws(JinjaError) -> Value?)?

    /// `depth` is that of the deepest value it draws from, and one.
    init(depth: Int, _ advance: @escaping () throws(JinjaError) -> Value?) {
        (self.depth, self.advance) = (depth, advance)
    }

    func next() throws(JinjaError) -> Value? {
        guard let advance else { return nil }
        let value = try advance()
        if value == nil { self.advance = nil }
        return value
    }
}
