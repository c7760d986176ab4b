// Responsible for: attributes, items, slices and iteration. Only what stands here and methods of `BuiltIns` can be reached.
// Must not know: syntax, what methods do.

extension Renderer {
    /// `value.name`: an attribute first, an item otherwise, as in jinja2's sandbox.
    func attribute(_ name: Text, of value: Value) throws(JinjaError) -> Value {
        if case .undefined(let undefined) = value {
            if HiddenAttributes.ofEveryObject.contains(name) { throw undefinedError(.forbidden(name, of: value)) }
            throw undefinedError(undefined)
        }
        if let attribute = try member(name, of: value) { return attribute }
        if case .dictionary(let mapping) = value, let item = mapping[.string(name)] { return item }
        return Undefined.attribute(name, of: value)
    }

    /// `value[index]`: an item first, an attribute otherwise.
    func item(_ index: Value, of value: Value) throws(JinjaError) -> Value {
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        if let item = try element(index, of: value) { return item }
        if case .string(let name) = index {
            return try member(name, of: value) ?? Undefined.attribute(name, of: value)
        }
        let message = "\(value.objectName) has no element \(try reprText(index).string)"
        return .undefined(Undefined(message: message))
    }

    private func element(_ index: Value, of value: Value) throws(JinjaError) -> Value? {
        switch value {
        case .dictionary(let mapping):
            switch index {
            case .list, .dictionary, .view: return nil
            default: return mapping[try key(index)]
            }
        case .list(let list), .tuple(let list):
            return index.index.flatMap { Self.place($0, in: list.items.count) }.map { list.items[$0] }
        case .range(let range):
            return index.index.flatMap { Self.place($0, in: range.count) }.map { .int(range[$0]) }
        case .string(let text):
            guard let wanted = index.index else { return nil }
            try charge(text.utf8.count / 64)
            guard let place = Self.place(wanted, in: text.count) else { return nil }
            let start = text.offset(ofScalar: place)
            let (_, width) = text.scalar(at: start)
            return .string(Text(text.utf8[start..<(start + width)], isMarkup: text.isMarkup))
        default: return nil
        }
    }

    private static func place(_ index: Int, in count: Int) -> Int? {
        let place = index < 0 ? index + count : index
        return (0..<count).contains(place) ? place : nil
    }

    /// An attribute or a bound method; nil where the value has none of this name. What leads into Python's own objects
    /// (`__class__`) is refused at once; jinja2's sandbox takes it for undefined and refuses its use.
    func member(_ name: Text, of value: Value) throws(JinjaError) -> Value? {
        if name.hasPrefix("__"), HiddenAttributes.all.contains(name) {
            throw undefinedError(.forbidden(name, of: value))
        }
        if case .namespace(let namespace) = value { return namespace[name] }
        if HiddenAttributes.mutating(value).contains(name) { return .undefined(.forbidden(name, of: value)) }
        if builtIns.methods(value).contains(name) { return .function(Function(name, of: value)) }
        switch value {
        case .tuple(let list):
            return list.names.firstIndex(of: name).map { list.items[$0] }
        case .loop(let loop): return try member(name, of: loop)
        case .macro(let macro): return member(name, of: macro)
        case .cycler(let cycler):
            return name == "current"
                ? cycler.items.items[cycler.position] : name == "items" ? .tuple(cycler.items) : nil
        case .int, .wideInt, .bool, .float: return Self.member(name, of: value)
        case .range(let range):
            return name == "start"
                ? .int(range.start) : name == "stop" ? .int(range.stop) : name == "step" ? .int(range.step) : nil
        case .function(let function):
            return function.receiver == nil && function.name == "dict" && name == "fromkeys"
                ? .function(Function("dict.fromkeys")) : nil
        default: return nil
        }
    }

    private static func member(_ name: Text, of number: Value) -> Value? {
        switch name {
        case "real": Number(number)?.value
        case "imag": if case .float = number { .float(0) } else { .int(0) }
        case "numerator": number.index.map { .int($0) }
        case "denominator": number.index.map { _ in .int(1) }
        default: nil
        }
    }

    private func member(_ name: Text, of macro: Macro) -> Value? {
        let definition = macro.definition
        switch name {
        case "name": return definition.name.map { .string($0) } ?? Value.none
        case "arguments": return .tuple(List(definition.parameters.map { .string($0.name) }))
        case "catch_kwargs": return .bool(definition.extras.kwargs)
        case "catch_varargs": return .bool(definition.extras.varargs)
        case "caller": return .bool(definition.extras.caller)
        default: return nil
        }
    }

    private func member(_ name: Text, of loop: Loop) throws(JinjaError) -> Value? {
        switch name {
        case "index0": return .int(loop.index0)
        case "index": return .int(loop.index0 + 1)
        case "first": return .bool(loop.index0 == 0)
        case "last": return .bool(try peek(loop) == nil)
        case "length": return .int(try length(of: loop))
        case "revindex0": return .int(try length(of: loop) - loop.index0 - 1)
        case "revindex": return .int(try length(of: loop) - loop.index0)
        case "depth0": return .int(loop.depth0)
        case "depth": return .int(loop.depth0 + 1)
        case "previtem":
            if loop.index0 == 0 { return .undefined(Undefined(message: "there is no previous item")) }
            return loop.previous ?? Value.none
        case "nextitem": return try peek(loop) ?? .undefined(Undefined(message: "there is no next item"))
        default: return nil
        }
    }

    private func peek(_ loop: Loop) throws(JinjaError) -> Value? {
        if !loop.hasPeeked || loop.peeked == nil {
            loop.peeked = try loop.source.next()
            loop.hasPeeked = true
        }
        return loop.peeked
    }

    // MARK: Slices

    /// `value[start:stop:step]`.
    func slice(_ value: Value, start: Int?, stop: Int?, step: Int?) throws(JinjaError) -> Value {
        switch value {
        case .undefined(let undefined): throw undefinedError(undefined)
        case .string(let text):
            try charge(bytes: text.utf8.count)
            if text.isASCII {
                let places = try Self.places(start, stop, step, text.utf8.count, self)
                if places.step == 1 {
                    return .string(
                        Text(text.utf8[places.start..<max(places.start, places.stop)], isMarkup: text.isMarkup))
                }
            }
            try charge(bytes: 4 * text.utf8.count)  // decoding costs more than copying
            let scalars = text.scalars
            let places = try Self.places(start, stop, step, scalars.count, self)
            return .string(Text(scalars: places.map { scalars[$0] }, isMarkup: text.isMarkup))
        case .list(let list):
            let places = try Self.places(start, stop, step, list.items.count, self)
            try charge(places.count / 8)
            return try self.list(places.map { list.items[$0] })
        case .tuple(let list):
            let places = try Self.places(start, stop, step, list.items.count, self)
            try charge(places.count / 8)
            return try tuple(places.map { list.items[$0] })
        case .range(let range):
            let places = try Self.places(start, stop, step, range.count, self)
            func scaled(_ count: Int, from start: Int) throws(JinjaError) -> Int {
                let (distance, overflow) = range.step.multipliedReportingOverflow(by: count)
                let (sum, overflows) = start.addingReportingOverflow(distance)
                if overflow || overflows { throw self.stop("a number is too large") }
                return sum
            }
            return .range(
                IntegerRange(
                    start: try scaled(places.start, from: range.start),
                    stop: try scaled(places.stop, from: range.start),
                    step: try scaled(places.step, from: 0)))
        case .dictionary: throw fail("unhashable type: 'slice'")
        default: throw fail("'\(value.typeName)' object is not subscriptable")
        }
    }

    /// Python's `slice.indices`.
    struct Places: Sequence {
        let start: Int
        let stop: Int
        let step: Int

        var count: Int { IntegerRange(start: start, stop: stop, step: step).count }

        func makeIterator() -> StrideTo<Int>.Iterator { stride(from: start, to: stop, by: step).makeIterator() }
    }

    private static func places(
        _ start: Int?, _ stop: Int?, _ step: Int?, _ count: Int, _ renderer: Renderer
    ) throws(JinjaError) -> Places {
        let step = step ?? 1
        guard step != 0 else { throw renderer.fail("slice step cannot be zero") }
        let (lower, upper) = step > 0 ? (0, count) : (-1, count - 1)
        func clamp(_ bound: Int) -> Int {
            let place = bound < 0 ? max(bound, -count - 1) + count : bound
            return Swift.min(Swift.max(place, lower), upper)
        }
        let first = start.map(clamp) ?? (step > 0 ? lower : upper)
        let last = stop.map(clamp) ?? (step > 0 ? upper : lower)
        // A step beyond the length takes one element, whatever its size.
        return Places(start: first, stop: last, step: Swift.min(Swift.max(step, -count - 1), count + 1))
    }

    // MARK: Iteration

    /// What iterating over `value` gives. Throws where it cannot be iterated.
    func items(of value: Value) throws(JinjaError) -> Items {
        guard let items = try itemsIfIterable(value) else {
            throw fail("'\(value.typeName)' object is not iterable")
        }
        return items
    }

    func itemsIfIterable(_ value: Value) throws(JinjaError) -> Items? {
        switch value {
        case .undefined: return Items([])
        case .list(let list), .tuple(let list): return Items(list.items)
        case .dictionary(let mapping):
            try charge(mapping.count / 8)
            return Items(mapping.entries.map(\.key))
        case .view(let view):
            try charge(view.mapping.count / 8)
            return Items(view.items)
        case .string(let text):
            try charge(bytes: text.utf8.count * 8)
            return Items(text.characters.map { .string($0) })
        case .range(let range): return Items(range)
        case .generator(let generator): return Items(generator)
        case .loop(let loop):
            return Items(
                LazyValues(depth: 1) { [unowned self] () throws(JinjaError) in
                    guard let item = try self.peek(loop) else { return nil }
                    (loop.peeked, loop.hasPeeked) = (nil, false)
                    return item
                })
        default: return nil
        }
    }

    /// All items of `value`.
    func array(of value: Value) throws(JinjaError) -> [Value] {
        var items = try items(of: value)
        var result: [Value] = []
        while let item = try items.next() {
            try charge()
            result.append(item)
        }
        return result
    }

    /// Python's `len(value)`.
    func length(of value: Value) throws(JinjaError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try charge(text.utf8.count / 64)
            return text.count
        case .list(let list), .tuple(let list): return list.items.count
        case .dictionary(let mapping): return mapping.count
        case .view(let view): return view.mapping.count
        case .range(let range): return range.count
        case .loop(let loop): return try length(of: loop)
        default: throw fail("object of type '\(value.typeName)' has no len()")
        }
    }
}
