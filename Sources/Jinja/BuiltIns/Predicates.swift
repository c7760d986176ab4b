// Responsible for: jinja2's tests, the words after `is`.
// Must not know: syntax beyond comparisons.

/// The names of jinja2's tests: Python calls them so, and `Tests` would be taken for something else.
enum Predicates {
    static let names: Set<String> = [
        "odd", "even", "divisibleby", "defined", "undefined", "filter", "test", "none", "boolean", "false", "true",
        "integer", "float", "lower", "upper", "string", "mapping", "number", "sequence", "iterable", "callable",
        "sameas", "escaped", "in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt",
        "lessthan", "<=", "le",
    ]

    /// Tests that compare with one argument.
    static let relations: [String: Relation] = [
        "==": .equal, "eq": .equal, "equalto": .equal, "!=": .notEqual, "ne": .notEqual, ">": .greater,
        "gt": .greater, "greaterthan": .greater, "ge": .greaterOrEqual, ">=": .greaterOrEqual, "<": .less,
        "lt": .less, "lessthan": .less, "<=": .lessOrEqual, "le": .lessOrEqual, "in": .isIn,
    ]
}

extension Renderer {
    /// Whether `value` passes the test `name`.
    func test(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Bool {
        try charge()
        if let relation = Predicates.relations[name] {
            let other = try arguments.bind(self, name, ["other"], required: 1)[0]!
            return try compare(value, relation, other)
        }
        switch name {
        case "divisibleby":
            let divisor = try arguments.bind(self, name, ["num"], required: 1)[0]!
            return try isEqual(try apply(.modulo, value, divisor), .int(0))
        case "sameas": return isSame(value, try arguments.bind(self, name, ["other"], required: 1)[0]!)
        default: break
        }
        _ = try arguments.bind(self, name, [])
        switch name {
        case "odd": return try isEqual(try apply(.modulo, value, .int(2)), .int(1))
        case "even": return try isEqual(try apply(.modulo, value, .int(2)), .int(0))
        case "filter", "test":
            guard case .string(let text) = value else { return false }
            return name == "filter" ? Filters.names.contains(text.string) : Predicates.names.contains(text.string)
        case "lower": return try text(value).isCased(lower: true)
        case "upper": return try text(value).isCased(lower: false)
        case "iterable": return try itemsIfIterable(value) != nil
        default: break
        }
        guard Predicates.names.contains(name) else { throw fail("No test named '\(name)'.") }
        return isOfKind(name, value)
    }

    private func isOfKind(_ name: String, _ value: Value) -> Bool {
        switch (name, value) {
        case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("true", .bool(true)),
            ("false", .bool(false)), ("integer", .int), ("integer", .wideInt), ("float", .float), ("string", .string),
            ("mapping", .dictionary), ("number", .int), ("number", .wideInt), ("number", .float), ("number", .bool),
            ("sequence", .string),
            ("sequence", .list), ("sequence", .tuple), ("sequence", .dictionary), ("sequence", .range),
            ("sequence", .undefined), ("callable", .macro), ("callable", .function), ("callable", .loop),
            ("callable", .joiner), ("callable", .undefined):
            return true
        case ("escaped", .string(let text)): return text.isMarkup
        case ("defined", _): return !value.isUndefined
        default: return false
        }
    }

    /// Python's `is`, as far as a template can tell.
    private func isSame(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.wideInt(let a), .wideInt(let b)): a == b
        case (.float(let a), .float(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
        case (.dictionary(let a), .dictionary(let b)): a === b
        case (.namespace(let a), .namespace(let b)): a === b
        case (.macro(let a), .macro(let b)): a === b
        case (.loop(let a), .loop(let b)): a === b
        default: false
        }
    }
}
