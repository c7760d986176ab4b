// Responsible for: jinja2's filters: which there are, and those that change single values.
// Must not know: syntax.

/// The names of filters.
enum Filters {
    static let names: Set<String> = [
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape",
        "filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent", "int", "join", "last",
        "length", "list", "lower", "items", "map", "min", "max", "pprint", "random", "reject", "rejectattr",
        "replace", "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string", "striptags", "sum",
        "title", "trim", "truncate", "unique", "upper", "urlencode", "urlize", "wordcount", "wordwrap", "xmlattr",
        "tojson",
    ]
}

extension Renderer {
    /// `value|name(arguments)`.
    func apply(filter name: String, to value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        try charge()
        if let result = try applyTextFilter(name, value, arguments) { return result }
        if let result = try applyNumberFilter(name, value, arguments) { return result }
        if let result = try applyListFilter(name, value, arguments) { return result }
        switch name {
        case "default", "d":
            let values = try arguments.bind(self, name, ["default_value", "boolean"])
            let isMissing = value.isUndefined || (values[1]?.isTrue ?? false) && !value.isTrue
            return isMissing ? values[0] ?? "" : value
        case "attr":
            let wanted = try arguments.bind(self, name, ["name"], required: 1)[0]!
            guard case .string(let name) = wanted else { throw fail("attribute name must be string") }
            if case .undefined(let undefined) = value { throw undefinedError(undefined) }
            return try member(name, of: value) ?? Undefined.attribute(name, of: value)
        case "tojson": return try json(value, arguments)
        default: throw fail("the filter '\(name)' is not supported in chat templates")
        }
    }

    // MARK: Numbers

    private func applyNumberFilter(
        _ name: String, _ value: Value, _ arguments: CallArguments
    ) throws(JinjaError) -> Value? {
        switch name {
        case "abs":
            _ = try arguments.unnamed(self, name, 0...0)
            switch Number(value) {
            case .int(let number): return number < 0 ? try negative(.int(number)) : .int(number)
            case .float(let number): return .float(number.magnitude)
            case nil: throw fail("bad operand type for abs(): '\(value.typeName)'")
            }
        case "int": return try integer(value, arguments)
        case "float":
            let standard = try arguments.bind(self, name, ["default"])[0] ?? .float(0)
            if case .undefined(let undefined) = value { throw undefinedError(undefined) }
            return try float(value).map { .float($0) } ?? standard
        case "round": return try round(value, arguments)
        case "filesizeformat": return try fileSize(value, arguments)
        default: return nil
        }
    }

    /// Python's `float(value)`; nil where the value has none.
    private func float(_ value: Value) throws(JinjaError) -> Double? {
        if case .string(let text) = value { return Number.double(text) }
        return Number(value)?.double
    }

    private func integer(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "int", ["default", "base"])
        let standard = values[0] ?? .int(0)
        switch value {
        case .undefined(let undefined): throw undefinedError(undefined)
        case .string(let text):
            guard let base = (values[1] ?? .int(10)).index else { throw fail("int() base must be an integer") }
            if base == 0 || (2...36).contains(base) {
                do throws(Number.Problem) {
                    if let integer = try Number.integer(text, base: base) { return .int(integer) }
                } catch { throw stop("a number is too large") }
            }
        case .wideInt: return value
        case .float(let number) where number.isInfinite: throw fail("cannot convert float infinity to integer")
        default: if let index = value.index { return .int(index) }
        }
        guard let number = try float(value), number.isFinite else { return standard }
        guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw stop("a number is too large") }
        return .int(integer)
    }

    private func round(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "round", ["precision", "method"])
        let method = try values[1].map { value throws(JinjaError) in try text(value).string } ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else { throw fail("method must be common, ceil or floor") }
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        guard let number = Number(value) else {
            throw fail("type \(value.typeName) doesn't define __round__ method")
        }
        let digits = try integer(values[0], "round") ?? 0
        guard digits.magnitude <= TemplateLimits.formatPrecision else {
            throw stop("a number format asks for too many digits")
        }
        guard method == "common" else {
            let scale = try apply(.power, .int(10), .int(digits))
            guard let product = Number(try apply(.multiply, number.value, scale)) else { return .none }
            let whole = product.double.rounded(method == "ceil" ? .up : .down)
            guard let integer = Int(exactly: whole) else { throw stop("a number is too large") }
            return try apply(.divide, .int(integer), scale)
        }
        switch number {
        case .float(let number): return .float(Number.rounded(number, digits: digits))
        case .int(let number):
            guard digits < 0 else { return .int(number) }
            guard digits > -19, let scale = Int(exactly: try power10(-digits)) else { return .int(0) }
            let (quotient, remainder) = number.quotientAndRemainder(dividingBy: scale)
            let doubled = remainder.magnitude * 2
            let isUp = doubled > scale.magnitude || (doubled == scale.magnitude && quotient % 2 != 0)
            let whole = quotient + (isUp ? (number < 0 ? -1 : 1) : 0)
            return try apply(.multiply, .int(whole), .int(scale))
        }
    }

    private func power10(_ exponent: Int) throws(JinjaError) -> Double {
        Number(try apply(.power, .int(10), .int(exponent)))?.double ?? 0
    }

    private func fileSize(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let isBinary = try arguments.bind(self, "filesizeformat", ["binary"])[0]?.isTrue ?? false
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        guard let bytes = try float(value) else { throw fail("could not convert the value to a number of bytes") }
        let base: Double = isBinary ? 1024 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < base {
            guard let whole = Int(exactly: bytes.rounded(.towardZero)) else {
                throw fail("the number of bytes is too large")
            }
            return .text("\(whole) Bytes")
        }
        var unit = base
        let prefixes =
            isBinary
            ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
            : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
        for (index, prefix) in prefixes.enumerated() {
            unit *= base
            if bytes < unit || index == prefixes.count - 1 {
                return .text(Number.fixed(base * bytes / unit, digits: 1) + " " + prefix)
            }
        }
        return .none
    }
}
