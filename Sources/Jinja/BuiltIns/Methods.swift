// Responsible for: which methods each kind of value has, and calls of those of dictionaries, lists and loops.
// Must not know: syntax.

/// The names of methods. What is not listed does not exist.
enum Methods {
    private static let ofString: Set<Text> = [
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format",
        "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower",
        "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans",
        "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit",
        "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
    ]
    private static let ofMarkup = ofString.union(["unescape", "striptags"])
    private static let ofDictionary: Set<Text> = ["copy", "fromkeys", "get", "items", "keys", "values"]
    private static let ofList: Set<Text> = ["copy", "count", "index"]
    private static let ofSequence: Set<Text> = ["count", "index"]
    private static let ofLoop: Set<Text> = ["cycle", "changed"]
    private static let ofCycler: Set<Text> = ["next", "reset"]
    private static let ofInteger: Set<Text> = ["bit_length", "bit_count", "conjugate"]
    private static let ofFloat: Set<Text> = ["is_integer", "conjugate"]
    private static let none: Set<Text> = []

    static func names(_ value: Value) -> Set<Text> {
        switch value {
        case .string(let text): text.isMarkup ? ofMarkup : ofString
        case .dictionary: ofDictionary
        case .list: ofList
        case .tuple, .range: ofSequence
        case .loop: ofLoop
        case .cycler: ofCycler
        case .int, .wideInt, .bool: ofInteger
        case .float: ofFloat
        default: none
        }
    }
}

extension Renderer {
    /// Calls a built-in function or a method.
    func call(_ function: Function, _ arguments: CallArguments) throws(JinjaError) -> Value {
        guard let receiver = function.receiver else { return try callGlobal(function.name.string, arguments) }
        let name = function.name.string
        try charge()
        switch receiver {
        case .string(let text): return try callMethod(name, of: text, arguments)
        case .dictionary(let mapping): return try callMethod(name, of: mapping, arguments)
        case .list(let list), .tuple(let list):
            if name == "copy" { return .list(list) }
            return try search(name, list.items, arguments)
        case .range(let range): return try search(name, try array(of: .range(range)), arguments)
        case .loop(let loop): return try callMethod(name, of: loop, arguments)
        case .cycler(let cycler):
            _ = try arguments.unnamed(self, name, 0...0)
            if name == "reset" {
                cycler.position = 0
                return .none
            }
            defer { cycler.position = (cycler.position + 1) % cycler.items.items.count }
            return cycler.items.items[cycler.position]
        default: return try callMethod(name, ofNumber: receiver, arguments)
        }
    }

    private func callMethod(_ name: String, ofNumber value: Value, _ arguments: CallArguments) throws(JinjaError)
        -> Value
    {
        _ = try arguments.unnamed(self, name, 0...0)
        switch (name, value) {
        case ("is_integer", .float(let value)): return .bool(value == value.rounded() && value.isFinite)
        case ("bit_length", _): return .int(Int.bitWidth - (value.index ?? 0).magnitude.leadingZeroBitCount)
        case ("bit_count", _): return .int((value.index ?? 0).magnitude.nonzeroBitCount)
        default: return Number(value)?.value ?? value
        }
    }

    private func callMethod(_ name: String, of mapping: Mapping, _ arguments: CallArguments) throws(JinjaError) -> Value
    {
        switch name {
        case "get":
            let values = try arguments.unnamed(self, "get", 1...2)
            return mapping[try key(values[0])] ?? (values.count > 1 ? values[1] : .none)
        case "fromkeys": return try dictionaryFromKeys(arguments)
        default: break
        }
        _ = try arguments.unnamed(self, name, 0...0)
        switch name {
        case "items": return .view(MappingView(mapping, .items))
        case "keys": return .view(MappingView(mapping, .keys))
        case "values": return .view(MappingView(mapping, .values))
        default: return .dictionary(mapping)
        }
    }

    func dictionaryFromKeys(_ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.unnamed(self, "fromkeys", 1...2)
        let keys = try array(of: values[0])
        let value = values.count > 1 ? values[1] : .none
        return try dictionary(keys.map { ($0, value) })
    }

    /// `count(x)` and `index(x, start, stop)`.
    private func search(_ name: String, _ items: [Value], _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.unnamed(self, name, 1...(name == "index" ? 3 : 1))
        var found = 0
        var bounds = [0, items.count]
        for (place, value) in values.dropFirst().enumerated() {
            guard let bound = value.index else {
                throw fail("slice indices must be integers or have an __index__ method")
            }
            bounds[place] = min(max(bound < 0 ? max(bound, -items.count) + items.count : bound, 0), items.count)
        }
        for index in stride(from: bounds[0], to: bounds[1], by: 1) where try isEqual(items[index], values[0]) {
            if name == "index" { return .int(index) }
            found += 1
        }
        if name == "index" { throw fail("\(try reprText(values[0]).string) is not in list") }
        return .int(found)
    }

    private func callMethod(_ name: String, of loop: Loop, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = arguments.positional
        guard arguments.named.isEmpty else { throw fail("\(name)() got an unexpected keyword argument") }
        if name == "cycle" {
            guard !values.isEmpty else { throw fail("no items for cycling given") }
            return values[loop.index0 % values.count]
        }
        if let before = loop.changedValues, before.count == values.count {
            var isSame = true
            for (a, b) in zip(before, values) where try !isEqual(a, b) {
                isSame = false
                break
            }
            if isSame { return .bool(false) }
        }
        loop.changedValues = values
        return .bool(true)
    }
}
