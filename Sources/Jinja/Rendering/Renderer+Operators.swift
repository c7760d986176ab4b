// Responsible for: arithmetic operators on values: numbers, texts, lists.
// Must not know: syntax beyond the operators.

extension Renderer {
    func apply(_ operation: BinaryOperator, _ left: Value, _ right: Value) throws(JinjaError) -> Value {
        if let a = Number(left), let b = Number(right) {
            do throws(Number.Problem) { return try Number.apply(operation, a, b).value } catch {
                switch error {
                case .zeroDivision: throw fail("division by zero")
                case .tooLarge: throw stop("a number is too large")
                case .complex: throw stop("complex numbers are not supported")
                }
            }
        }
        switch (operation, left, right) {
        case (.modulo, .string(let format), _):
            return .string(try builtIns.format(self, format, right))
        case (_, .undefined(let undefined), _), (_, _, .undefined(let undefined)): throw undefinedError(undefined)
        case (.add, .string(let a), .string(let b)): return try add(a, b)
        case (.add, .list(let a), .list(let b)):
            try charge((a.items.count + b.items.count) / 8)
            return try list(a.items + b.items)
        case (.add, .tuple(let a), .tuple(let b)):
            try charge((a.items.count + b.items.count) / 8)
            return try tuple(a.items + b.items)
        case (.multiply, _, _):
            if let count = right.index, let result = try repeated(left, count) { return result }
            if let count = left.index, let result = try repeated(right, count) { return result }
        default: break
        }
        throw fail(
            "unsupported operand type(s) for \(operation.rawValue): '\(left.typeName)' and '\(right.typeName)'")
    }

    private func add(_ left: Text, _ right: Text) throws(JinjaError) -> Value {
        guard left.isMarkup || right.isMarkup else { return try string(left + right) }
        try charge(bytes: (left.utf8.count + right.utf8.count) * 5)
        return .string(left.escaped + right.escaped)
    }

    private func repeated(_ value: Value, _ count: Int) throws(JinjaError) -> Value? {
        let count = max(0, count)
        switch value {
        case .string(let text):
            let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
            try charge(bytes: overflow ? nil : bytes)
            return .string(text.repeated(count))
        case .list(let items): return try list(try repeated(items.items, count))
        case .tuple(let items): return try tuple(try repeated(items.items, count))
        default: return nil
        }
    }

    private func repeated(_ items: [Value], _ count: Int) throws(JinjaError) -> [Value] {
        let (total, overflow) = items.count.multipliedReportingOverflow(by: count)
        try charge(overflow ? .max : total)
        var result: [Value] = []
        result.reserveCapacity(total)
        for _ in 0..<(items.isEmpty ? 0 : count) { result += items }
        return result
    }

    func negative(_ value: Value) throws(JinjaError) -> Value {
        switch Number(value) {
        case .int(let value):
            let (result, overflow) = (0 as Int).subtractingReportingOverflow(value)
            if overflow { throw stop("a number is too large") }
            return .int(result)
        case .float(let value): return .float(-value)
        case nil:
            if case .undefined(let undefined) = value { throw undefinedError(undefined) }
            throw fail("bad operand type for unary -: '\(value.typeName)'")
        }
    }

    func positive(_ value: Value) throws(JinjaError) -> Value {
        if let number = Number(value) { return number.value }
        if case .undefined(let undefined) = value { throw undefinedError(undefined) }
        throw fail("bad operand type for unary +: '\(value.typeName)'")
    }
}
