// Responsible for: the functions that every template may call: `range`, `dict`, `namespace`, `raise_exception`, ...
// Must not know: filters, methods.
import Glibc

/// The names of global functions.
enum Functions {
    static let names: Set<Text> = [
        "range", "dict", "namespace", "cycler", "joiner", "lipsum", "raise_exception", "strftime_now",
    ]
}

extension Renderer {
    func callGlobal(_ name: String, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch name {
        case "range": return try range(arguments)
        case "dict": return try dictionary(try pairs("dict", arguments))
        case "dict.fromkeys": return try dictionaryFromKeys(arguments)
        case "namespace":
            let namespace = makeNamespace()
            for pair in try pairs("namespace", arguments) {
                guard case .string(let name) = pair.key else { throw fail("a namespace's attributes have names") }
                try set(name, pair.value, of: namespace)
            }
            return .namespace(namespace)
        case "cycler":
            guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
                throw fail("at least one item has to be provided")
            }
            return .cycler(Cycler(try checked(List(arguments.positional))))
        case "joiner":
            let values = try arguments.bind(self, "joiner", ["sep"])
            return .joiner(Joiner(try values[0].map { value throws(JinjaError) in try text(value) } ?? ", "))
        case "raise_exception":
            let values = try arguments.bind(self, "raise_exception", ["message"], required: 1)
            throw .raised(line: line, message: try text(values[0]!).string)
        case "strftime_now":
            let values = try arguments.bind(self, "strftime_now", ["format"], required: 1)
            guard case .string(let format) = values[0]! else {
                throw fail("strftime() argument 1 must be str, not \(values[0]!.typeName)")
            }
            return try string(try time(format))
        default: throw fail("'\(name)' is not supported in chat templates")
        }
    }

    private func range(_ arguments: CallArguments) throws(JinjaError) -> Value {
        var bounds: [Int] = []
        for value in try arguments.unnamed(self, "range", 1...3) {
            guard let bound = value.index else {
                throw fail("'\(value.typeName)' object cannot be interpreted as an integer")
            }
            bounds.append(bound)
        }
        if bounds.count == 1 { bounds.insert(0, at: 0) }
        let range = IntegerRange(start: bounds[0], stop: bounds[1], step: bounds.count > 2 ? bounds[2] : 1)
        guard range.step != 0 else { throw fail("range() arg 3 must not be zero") }
        guard range.count <= TemplateLimits.rangeCount else {
            throw stop("Range too big. The sandbox blocks ranges larger than \(TemplateLimits.rangeCount).")
        }
        return .range(range)
    }

    /// The entries that `dict(...)` and `namespace(...)` are given: a dictionary or pairs, and names.
    private func pairs(_ function: String, _ arguments: CallArguments) throws(JinjaError) -> [(
        key: Value, value: Value
    )] {
        guard arguments.positional.count <= 1 else {
            throw fail("\(function) expected at most 1 argument, got \(arguments.positional.count)")
        }
        var pairs: [(key: Value, value: Value)] = []
        switch arguments.positional.first {
        case .dictionary(let mapping)?: pairs = mapping.entries.map { ($0.key, $0.value) }
        case .undefined(let undefined)?: throw undefinedError(undefined)
        case let value?:
            for item in try array(of: value) {
                let pair = try array(of: item)
                guard pair.count == 2 else {
                    throw fail("dictionary update sequence element has length \(pair.count); 2 is required")
                }
                pairs.append((pair[0], pair[1]))
            }
        case nil: break
        }
        return pairs + arguments.named.map { (.string($0.name), $0.value) }
    }

    /// C's `strftime` of the time of rendering, as Python calls it.
    private func time(_ format: Text) throws(JinjaError) -> Text {
        var result = Text("")
        var rest = format.scalars[...]
        var seconds = time_t(unixSeconds)
        var moment = tm()
        localtime_r(&seconds, &moment)
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                result.append(Text(scalars: CollectionOfOne(scalar)))
                continue
            }
            var directive = "%"
            while let flag = rest.first, "-_0^#".unicodeScalars.contains(flag) {
                directive.unicodeScalars.append(flag)
                rest.removeFirst()
            }
            guard let letter = rest.popFirst() else {
                result.append(Text(directive))
                break
            }
            directive.unicodeScalars.append(letter)
            switch letter {
            case "f": result.append("000000")
            case "z", "Z", ":": break
            default:
                try charge(bytes: 64)
                var buffer = [CChar](repeating: 0, count: 256)
                let count = strftime(&buffer, buffer.count, directive, &moment)
                result.append(Text(String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)))
            }
        }
        return result
    }
}
