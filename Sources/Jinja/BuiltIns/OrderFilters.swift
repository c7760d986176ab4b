// Responsible for: jinja2's filters that compare items: sort, dictsort, unique, min, max, groupby.
// Must not know: syntax.

extension Renderer {
    func applyOrderFilter(_ name: String, _ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value? {
        switch name {
        case "sort": return try sort(value, arguments)
        case "dictsort": return try sortEntries(value, arguments)
        case "unique": return try unique(value, arguments)
        case "groupby": return try group(value, arguments)
        default: return try extreme(value, arguments, isMaximum: name == "max")
        }
    }

    /// A text in lower case unless case matters; other values as they are.
    private func folded(_ value: Value, _ isCaseSensitive: Bool) throws(JinjaError) -> Value {
        guard !isCaseSensitive, case .string(let text) = value else { return value }
        return try string(text.lowercased)
    }

    /// Items with what they are compared by, in order.
    private func sorted(
        _ items: [(key: Value, item: Value)], isReversed: Bool
    ) throws(JinjaError) -> [(key: Value, item: Value)] {
        try sorted(items) { (a, b) throws(JinjaError) in
            try isReversed ? isLess(b.key, a.key) : isLess(a.key, b.key)
        }
    }

    private func sort(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "sort", ["reverse", "case_sensitive", "attribute"])
        let isCaseSensitive = values[1]?.isTrue ?? false
        var paths: [[PathPart]] = []
        if case .string(let text)? = values[2] {
            for part in text.split(",", limit: -1) { paths.append(try path(.string(part))) }
        } else {
            paths.append(try path(values[2]))
        }
        var keyed: [(key: Value, item: Value)] = []
        for item in try array(of: value) {
            var keys: [Value] = []
            for path in paths { keys.append(try folded(try self.value(at: path, of: item), isCaseSensitive)) }
            keyed.append((try list(keys), item))
        }
        return try list(try sorted(keyed, isReversed: values[0]?.isTrue ?? false).map(\.item))
    }

    private func sortEntries(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "dictsort", ["case_sensitive", "by", "reverse"])
        let by = try values[1].map { value throws(JinjaError) in try text(value).string } ?? "key"
        guard by == "key" || by == "value" else { throw fail("You can only sort by either \"key\" or \"value\"") }
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        guard case .dictionary(let mapping) = value else {
            throw fail("'\(value.objectName)' has no attribute 'items'")
        }
        var keyed: [(key: Value, item: Value)] = []
        for entry in mapping.entries {
            let key = try folded(by == "key" ? entry.key : entry.value, values[0]?.isTrue ?? false)
            keyed.append((key, try tuple([entry.key, entry.value])))
        }
        return try list(try sorted(keyed, isReversed: values[2]?.isTrue ?? false).map(\.item))
    }

    private func unique(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "unique", ["case_sensitive", "attribute"])
        let path = try self.path(values[1])
        let isCaseSensitive = values[0]?.isTrue ?? false
        var seen: Set<Key> = []
        var source: Items?
        return try generator(over: value.depth) { [unowned self] () throws(JinjaError) in
            if source == nil { source = try self.items(of: value) }
            while let item = try source?.next() {
                let key = try self.key(try self.folded(try self.value(at: path, of: item), isCaseSensitive))
                if seen.insert(key).inserted { return item }
            }
            return nil
        }
    }

    private func extreme(_ value: Value, _ arguments: CallArguments, isMaximum: Bool) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, isMaximum ? "max" : "min", ["case_sensitive", "attribute"])
        let path = try self.path(values[1])
        var best: (key: Value, item: Value)?
        var items = try items(of: value)
        while let item = try items.next() {
            try charge()
            let key = try folded(try self.value(at: path, of: item), values[0]?.isTrue ?? false)
            guard let current = best else {
                best = (key, item)
                continue
            }
            let isBetter = isMaximum ? try isLess(current.key, key, ">") : try isLess(key, current.key)
            if isBetter { best = (key, item) }
        }
        return best?.item ?? .undefined(Undefined(message: "No aggregated item, sequence was empty."))
    }

    private func group(_ value: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        let values = try arguments.bind(self, "groupby", ["attribute", "default", "case_sensitive"], required: 1)
        let path = try self.path(values[0])
        let isCaseSensitive = values[2]?.isTrue ?? false
        var keyed: [(key: Value, item: Value)] = []
        for item in try array(of: value) {
            let key = try self.value(at: path, of: item, standard: values[1])
            keyed.append((try folded(key, isCaseSensitive), item))
        }
        var groups: [(key: Value, items: [Value])] = []
        for (key, item) in try sorted(keyed, isReversed: false) {
            if let last = groups.last, try isEqual(last.key, key) {
                groups[groups.count - 1].items.append(item)
            } else {
                groups.append((key, [item]))
            }
        }
        var result: [Value] = []
        for group in groups {
            let key = isCaseSensitive ? group.key : try self.value(at: path, of: group.items[0], standard: values[1])
            result.append(.tuple(try checked(List([key, try list(group.items)], names: ["grouper", "list"]))))
        }
        return try list(result)
    }
}
