// Responsible for: equality, order and membership as Python defines them, and what makes dictionary keys the same.
// Must not know: syntax.

extension Renderer {
    func compare(_ left: Value, _ relation: Relation, _ right: Value) throws(JinjaError) -> Bool {
        switch relation {
        case .equal: try isEqual(left, right)
        case .notEqual: !(try isEqual(left, right))
        case .less: try isLess(left, right, "<")
        case .greater: try isLess(right, left, ">")
        case .lessOrEqual: try isLessOrEqual(left, right, "<=")
        case .greaterOrEqual: try isLessOrEqual(right, left, ">=")
        case .isIn: try contains(right, left)
        case .isNotIn: !(try contains(right, left))
        }
    }

    func isEqual(_ left: Value, _ right: Value) throws(JinjaError) -> Bool {
        try charge()
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let a), .string(let b)): return a == b
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return a === b ? true : try isEqual(a.items, b.items)
        case (.dictionary(let a), .dictionary(let b)): return try isEqual(a, b)
        case (.range(let a), .range(let b)):
            return a.count == b.count
                && (a.count == 0 || (a.start == b.start && (a.count == 1 || a.step == b.step)))
        case (.view(let a), .view(let b)):
            guard a.kind == b.kind, a.kind != .values else { return a === b }
            guard a.mapping.count == b.mapping.count else { return false }
            for item in a.items where try !contains(.view(b), item) { return false }
            return true
        case (.namespace(let a), .namespace(let b)): return a === b
        case (.macro(let a), .macro(let b)): return a === b
        case (.loop(let a), .loop(let b)): return a === b
        case (.generator(let a), .generator(let b)): return a === b
        case (.function(let a), .function(let b)):
            return a === b || (a.receiver == nil && b.receiver == nil && a.name == b.name)
        default: break
        }
        return isEqualNumber(left, right)
    }

    private func isEqualNumber(_ left: Value, _ right: Value) -> Bool {
        if let a = left.index, let b = right.index { return a == b }
        guard let a = Number(left), let b = Number(right) else { return false }
        return a.order(b) == 0
    }

    private func isEqual(_ left: [Value], _ right: [Value]) throws(JinjaError) -> Bool {
        guard left.count == right.count else { return false }
        try enter()
        defer { leave() }
        for (a, b) in zip(left, right) where try !isEqual(a, b) { return false }
        return true
    }

    private func isEqual(_ left: Mapping, _ right: Mapping) throws(JinjaError) -> Bool {
        guard left.count == right.count else { return false }
        try enter()
        defer { leave() }
        for entry in left.entries {
            guard let other = right[try key(entry.key)], try isEqual(entry.value, other) else { return false }
        }
        return true
    }

    /// Python's `left < right`; `symbol` is for the message.
    func isLess(_ left: Value, _ right: Value, _ symbol: String = "<") throws(JinjaError) -> Bool {
        try order(left, right, symbol, ifEqual: false)
    }

    func isLessOrEqual(_ left: Value, _ right: Value, _ symbol: String) throws(JinjaError) -> Bool {
        try order(left, right, symbol, ifEqual: true)
    }

    private func order(_ left: Value, _ right: Value, _ symbol: String, ifEqual: Bool) throws(JinjaError) -> Bool {
        try charge()
        if let a = Number(left), let b = Number(right) {
            guard let order = a.order(b) else { return false }
            return order < 0 || (ifEqual && order == 0)
        }
        switch (left, right) {
        case (.string(let a), .string(let b)): return a < b || (ifEqual && a == b)
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            try enter()
            defer { leave() }
            for (x, y) in zip(a.items, b.items) where try !isEqual(x, y) {
                return try order(x, y, symbol, ifEqual: ifEqual)
            }
            return a.items.count < b.items.count || (ifEqual && a.items.count == b.items.count)
        case (.undefined(let undefined), _), (_, .undefined(let undefined)): throw undefinedError(undefined)
        default:
            throw fail("'\(symbol)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    /// Python's `item in container`.
    func contains(_ container: Value, _ item: Value) throws(JinjaError) -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = item else {
                throw fail("'in <string>' requires string as left operand, not \(item.typeName)")
            }
            try charge(text.utf8.count / 8)
            return text.contains(part)
        case .dictionary(let mapping): return mapping[try key(item)] != nil
        case .view(let view) where view.kind == .keys: return view.mapping[try key(item)] != nil
        case .range(let range):
            guard let value = Number(item)?.integer else { return false }
            let isInside =
                range.step > 0
                ? value >= range.start && value < range.stop : value <= range.start && value > range.stop
            let (distance, overflow) = value.subtractingReportingOverflow(range.start)
            return isInside && !overflow && distance % range.step == 0
        case .list, .tuple, .view, .generator, .undefined, .loop:
            var items = try items(of: container)
            while let next = try items.next() { if try isEqual(next, item) { return true } }
            return false
        default: throw fail("argument of type '\(container.typeName)' is not iterable")
        }
    }

    /// What makes `value` the same dictionary key as another. Throws where Python cannot hash it.
    func key(_ value: Value) throws(JinjaError) -> Key {
        try charge()
        switch value {
        case .none: return .none
        case .undefined: return .undefined
        case .bool(let value): return .number(value ? 1 : 0)
        case .int(let value): return .number(value)
        case .wideInt(let digits): return .float(Double(digits) ?? .infinity)
        case .float(let value): return Int(exactly: value).map { .number($0) } ?? .float(value)
        case .string(let text): return .string(text)
        case .tuple(let list):
            var keys: [Key] = []
            for item in list.items { keys.append(try key(item)) }
            return .tuple(keys)
        case .list, .dictionary, .view: throw fail("unhashable type: '\(value.typeName)'")
        case .range(let range): return .tuple([.number(range.start), .number(range.stop), .number(range.step)])
        case .generator(let object): return .identity(ObjectIdentifier(object))
        case .namespace(let object): return .identity(ObjectIdentifier(object))
        case .macro(let object): return .identity(ObjectIdentifier(object))
        case .loop(let object): return .identity(ObjectIdentifier(object))
        case .cycler(let object): return .identity(ObjectIdentifier(object))
        case .joiner(let object): return .identity(ObjectIdentifier(object))
        case .function(let object): return .identity(ObjectIdentifier(object))
        }
    }

    /// A stable sort. Throws what `isBefore` throws.
    func sorted<Element>(
        _ items: [Element], by isBefore: (Element, Element) throws(JinjaError) -> Bool
    ) throws(JinjaError) -> [Element] {
        guard items.count > 1 else { return items }
        try charge(items.count)
        let middle = items.count / 2
        let left = try sorted(Array(items[..<middle]), by: isBefore)
        let right = try sorted(Array(items[middle...]), by: isBefore)
        var result: [Element] = []
        result.reserveCapacity(items.count)
        var (l, r) = (0, 0)
        while l < left.count, r < right.count {
            if try isBefore(right[r], left[l]) {
                result.append(right[r])
                r += 1
            } else {
                result.append(left[l])
                l += 1
            }
        }
        return result + left[l...] + right[r...]
    }
}
