// Responsible for: jinja2's filters on lists, dictionaries and other things that can be iterated.
// Must not know: syntax.

extension Renderer {
    /// The result of a filter on what can be iterated; nil where `name` is none.
    func applyListFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "length", "count":
            _ = try arguments.unnamed(self, name, 0...0)
            return .int(try length(of: value))
        case "first":
            _ = try arguments.bind(self, name, [])
            var items = try items(of: value)
            return try items.next() ?? .undefined(Undefined(message: "No first item, sequence was empty."))
        case "last":
            _ = try arguments.bind(self, name, [])
            if case .generator = value { throw fail("'generator' object is not reversible") }
            return try array(of: value).last ?? .undefined(Undefined(message: "No last item, sequence was empty."))
        case "list":
            _ = try arguments.bind(self, name, [])
            return try list(try array(of: value))
        case "reverse":
            _ = try arguments.bind(self, name, [])
            return try reversed(value)
        case "join": return try join(value, arguments)
        case "items": return try entries(value)
        case "map": return try map(value, arguments)
        case "select", "reject", "selectattr", "rejectattr":
            return try select(value, arguments, isAttribute: name.hasSuffix("attr"), keeps: name.hasPrefix("select"))
        case "sort", "dictsort", "unique", "min", "max", "groupby": return try applyOrderFilter(name, value, arguments)
        case "sum": return try sum(value, arguments)
        case "batch": return try batch(value, arguments)
        case "slice": return try columns(value, arguments)
        default: return nil
        }
    }

    private func reversed(_ value: Value) throws(JinjaError) -> Value {
        if case .string(let text) = value {
            return try string(Text(scalars: text.scalars.reversed(), isMarkup: text.isMarkup))
        }
        guard try itemsIfIterable(value) != nil else { throw fail("argument must be iterable") }
        let items = Array(try array(of: value).reversed())
        if case .generator = value { return try list(items) }
        return try stream(items, value.depth)
    }

    /// A generator over values at hand.
    private func stream(_ items: [Value], _ depth: Int) throws(JinjaError) -> Value {
        var position = 0
        return try generator(over: depth) { () throws(JinjaError) in
            guard position < items.count else { return nil }
            defer { position += 1 }
            return items[position]
        }
    }

    private func join(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "join", ["d", "attribute"])
        let separator = try values[0].map { value throws(JinjaError) in try text(value) } ?? ""
        let path = try self.path(values[1])
        var pieces: [Text] = []
        var items = try items(of: value)
        while let item = try items.next() {
            try charge()
            pieces.append(try text(try self.value(at: path, of: item)))
        }
        return .string(try joined(pieces, by: separator).marked(false))
    }

    private func entries(_ value: Value) throws(JinjaError) -> Value {
        var items: Items?
        return try generator(over: value.depth + 1) { [unowned self] () throws(JinjaError) in
            if items == nil {
                switch value {
                case .undefined: items = Items([])
                case .dictionary(let mapping): items = Items(MappingView(mapping, .items).items)
                default: throw self.fail("Can only get item pairs from a mapping.")
                }
            }
            return try items?.next()
        }
    }

    // MARK: Attributes by path

    /// A part of `"address.city"` or `"0"`.
    enum PathPart {
        case name(Text)
        case index(Value)
    }

    func path(_ attribute: Value?) throws(JinjaError) -> [PathPart] {
        switch attribute {
        case nil, .some(.none): return []
        case .string(let text)?:
            return try text.split(".", limit: -1).map { part throws(JinjaError) in
                guard part.isAll(Text.isDigit) else { return .name(part) }
                guard let index = Int(part.string) else { throw fail("'\(part.string)' is no index") }
                return .index(.int(index))
            }
        case .some(let value): return [.index(value)]
        }
    }

    func value(at path: [PathPart], of item: Value, standard: Value? = nil) throws(JinjaError) -> Value {
        var item = item
        for part in path {
            switch part {
            case .name(let name): item = try self.item(.string(name), of: item)
            case .index(let index): item = try self.item(index, of: item)
            }
            if item.isUndefined, let standard, !standard.isNone { item = standard }
        }
        return item
    }

    // MARK: Mapping and selecting

    private func map(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        guard value.isTrue else { return try stream([], 0) }
        var source: Items?
        var transform: ((Value) throws(JinjaError) -> Value)?
        return try generator(over: depth(value, arguments)) { [unowned self] () throws(JinjaError) in
            if transform == nil { transform = try self.transform(arguments) }
            if source == nil { source = try self.items(of: value) }
            try self.charge()
            guard let item = try source?.next() else { return nil }
            return try transform?(item)
        }
    }

    /// The deepest value that a generator holds.
    private func depth(_ value: Value, _ arguments: CallArguments) -> Int {
        var depth = value.depth
        for argument in arguments.positional { depth = max(depth, argument.depth) }
        for (_, argument) in arguments.named { depth = max(depth, argument.depth) }
        return depth
    }

    /// What `map` does with each item.
    private func transform(_ arguments: CallArguments) throws(JinjaError) -> (Value) throws(JinjaError) -> Value {
        if arguments.positional.isEmpty, let attribute = arguments.named("attribute") {
            if let other = arguments.named.first(where: { $0.name != "attribute" && $0.name != "default" }) {
                throw fail("Unexpected keyword argument \(repr(other.name))")
            }
            let path = try self.path(attribute)
            let standard = arguments.named("default")
            return { [unowned self] (item) throws(JinjaError) in
                try self.value(at: path, of: item, standard: standard)
            }
        }
        guard let filter = arguments.positional.first else { throw fail("map requires a filter argument") }
        guard case .string(let name) = filter, Filters.names.contains(name.string) else {
            throw fail("No filter named \(try reprText(filter).string).")
        }
        var rest = arguments
        rest.positional.removeFirst()
        return { [unowned self] (item) throws(JinjaError) in
            try self.descend { () throws(JinjaError) in try self.apply(filter: name.string, to: item, rest) }
        }
    }

    private func select(
        _ value: Value, _ arguments: CallArguments, isAttribute: Bool, keeps: Bool
    ) throws(JinjaError) -> Value {
        guard value.isTrue else { return try stream([], 0) }
        var source: Items?
        var predicate: ((Value) throws(JinjaError) -> Bool)?
        return try generator(over: depth(value, arguments)) { [unowned self] () throws(JinjaError) in
            if predicate == nil { predicate = try self.predicate(arguments, isAttribute: isAttribute) }
            if source == nil { source = try self.items(of: value) }
            while let item = try source?.next() {
                try self.charge()
                if try predicate?(item) == keeps { return item }
            }
            return nil
        }
    }

    /// What `select` and its like ask of each item.
    private func predicate(
        _ arguments: CallArguments, isAttribute: Bool
    ) throws(JinjaError) -> (Value) throws(JinjaError) -> Bool {
        var rest = arguments
        var path: [PathPart] = []
        if isAttribute {
            guard let attribute = rest.positional.first else { throw fail("Missing parameter for attribute name") }
            path = try self.path(attribute)
            rest.positional.removeFirst()
        }
        guard let test = rest.positional.first else {
            return { [unowned self] (item) throws(JinjaError) in try self.value(at: path, of: item).isTrue }
        }
        rest.positional.removeFirst()
        return { [unowned self] (item) throws(JinjaError) in
            let subject = try self.value(at: path, of: item)
            guard case .string(let name) = test, Predicates.names.contains(name.string) else {
                throw self.fail("No test named \(try self.reprText(test).string).")
            }
            return try self.test(name.string, subject, rest)
        }
    }

    // MARK: Sums and portions

    private func sum(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "sum", ["attribute", "start"])
        let path = try self.path(values[0])
        var total = values[1] ?? .int(0)
        if case .string = total { throw fail("sum() can't sum strings [use ''.join(seq) instead]") }
        var items = try items(of: value)
        while let item = try items.next() {
            try charge()
            total = try apply(.add, total, try self.value(at: path, of: item))
        }
        return total
    }

    private func batch(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "batch", ["linecount", "fill_with"], required: 1)
        let count = values[0]!
        let filler = values[1].flatMap { $0.isNone ? nil : $0 }
        var source: Items?
        // The first item of the next row, which the row before it has met.
        var ahead: Value?
        return try generator(over: depth(value, arguments) + 1) { [unowned self] () throws(JinjaError) in
            if source == nil { source = try self.items(of: value) }
            var row = ahead.map { [$0] } ?? []
            ahead = nil
            while let item = try source?.next() {
                try self.charge()
                if try self.isEqual(.int(row.count), count) {
                    ahead = item
                    return try self.list(row)
                }
                row.append(item)
            }
            guard !row.isEmpty else { return nil }
            if let filler, try self.isLess(.int(row.count), count) {
                guard let wanted = count.index else { throw self.fail("batch needs a whole number of items") }
                try self.charge(wanted)
                while row.count < wanted { row.append(filler) }
            }
            return try self.list(row)
        }
    }

    private func columns(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "slice", ["slices", "fill_with"], required: 1)
        guard let count = values[0]!.index else { throw fail("slice needs a whole number of slices") }
        let filler = values[1].flatMap { $0.isNone ? nil : $0 }
        var items: [Value]?
        var number = 0
        var offset = 0
        return try generator(over: depth(value, arguments) + 1) { [unowned self] () throws(JinjaError) in
            if items == nil {
                items = try self.array(of: value)
                guard count != 0 else { throw self.fail("integer division or modulo by zero") }
            }
            guard number < count, let items else { return nil }
            try self.charge()
            let (each, extra) = items.count.quotientAndRemainder(dividingBy: count)
            let start = offset + number * each
            if number < extra { offset += 1 }
            var column = Array(items[start..<(offset + (number + 1) * each)])
            if let filler, number >= extra { column.append(filler) }
            number += 1
            return try self.list(column)
        }
    }
}
