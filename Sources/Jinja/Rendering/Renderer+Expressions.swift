// Responsible for: the value of each expression.
// Must not know: what operators, filters, tests and methods do.

extension Renderer {
    func evaluate(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression.kind {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .float(let value): return .float(value)
        case .string(let text): return .string(text)
        case .name(let name):
            try charge()
            return scope.find(name) ?? function(name) ?? Undefined.name(name)
        default: break
        }
        try enter()
        defer { leave() }
        try charge()
        line = expression.line
        return try evaluateCompound(expression, in: scope)
    }

    private func function(_ name: Text) -> Value? {
        builtIns.functions.contains(name) ? .function(Function(name)) : nil
    }

    private func evaluateCompound(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression.kind {
        case .tuple(let items): return try tuple(try evaluate(items, in: scope))
        case .list(let items): return try list(try evaluate(items, in: scope))
        case .dictionary(let pairs): return try dictionary(pairs, in: scope)
        case .attribute(let value, let name): return try attribute(name, of: try evaluate(value, in: scope))
        case .item(let value, let index):
            let container = try evaluate(value, in: scope)
            return try item(try evaluate(index, in: scope), of: container)
        case .slice(let value, let start, let stop, let step):
            return try slice(value, start, stop, step, in: scope)
        case .call: return try call(expression, caller: nil, in: scope)
        case .filter(let value, _, _):
            return try evaluate(
                expression,
                of: try value.map { value throws(JinjaError) in
                    try evaluate(value, in: scope)
                } ?? .none, in: scope)
        case .test(let value, let name, let arguments):
            let subject = try evaluate(value, in: scope)
            return .bool(try builtIns.test(self, name, subject, try self.arguments(arguments, in: scope)))
        case .negative(let operand): return try negative(try evaluate(operand, in: scope))
        case .positive(let operand): return try positive(try evaluate(operand, in: scope))
        case .not(let operand): return .bool(!(try evaluate(operand, in: scope).isTrue))
        default: return try evaluateOperation(expression, in: scope)
        }
    }

    private func evaluateOperation(_ expression: Expression, in scope: Scope) throws(JinjaError) -> Value {
        switch expression.kind {
        case .binary(let operation, let left, let right):
            let left = try evaluate(left, in: scope)
            return try apply(operation, left, try evaluate(right, in: scope))
        case .and(let left, let right):
            let left = try evaluate(left, in: scope)
            return left.isTrue ? try evaluate(right, in: scope) : left
        case .or(let left, let right):
            let left = try evaluate(left, in: scope)
            return left.isTrue ? left : try evaluate(right, in: scope)
        case .concatenation(let items): return try concatenate(items, in: scope)
        case .comparison(let left, let comparisons): return try compare(left, comparisons, in: scope)
        case .conditional(let test, let then, let otherwise):
            if try evaluate(test, in: scope).isTrue { return try evaluate(then, in: scope) }
            if let otherwise { return try evaluate(otherwise, in: scope) }
            let message =
                "the inline if-expression on line \(expression.line) evaluated to false and no else section was defined."
            return .undefined(Undefined(message: message))
        default: return .none
        }
    }

    private func evaluate(_ expressions: [Expression], in scope: Scope) throws(JinjaError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(expressions.count)
        for expression in expressions { values.append(try evaluate(expression, in: scope)) }
        return values
    }

    private func dictionary(_ pairs: [Expression.Pair], in scope: Scope) throws(JinjaError) -> Value {
        var values: [(key: Value, value: Value)] = []
        for pair in pairs {
            let key = try evaluate(pair.key, in: scope)
            values.append((key, try evaluate(pair.value, in: scope)))
        }
        return try dictionary(values)
    }

    private func concatenate(_ items: [Expression], in scope: Scope) throws(JinjaError) -> Value {
        var values: [Text] = []
        var bytes = 0
        for item in items {
            let text = try self.text(try evaluate(item, in: scope))
            values.append(text)
            bytes += text.utf8.count
        }
        try charge(bytes: bytes)
        var result = Text("")
        for text in values { result.append(text) }
        return .string(result)
    }

    private func compare(
        _ left: Expression, _ comparisons: [Expression.Comparison], in scope: Scope
    ) throws(JinjaError) -> Value {
        var left = try evaluate(left, in: scope)
        for comparison in comparisons {
            let right = try evaluate(comparison.right, in: scope)
            guard try compare(left, comparison.relation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func slice(
        _ value: Expression, _ start: Expression?, _ stop: Expression?, _ step: Expression?, in scope: Scope
    ) throws(JinjaError) -> Value {
        let value = try evaluate(value, in: scope)
        func bound(_ expression: Expression?) throws(JinjaError) -> Int? {
            guard let expression else { return nil }
            let bound = try evaluate(expression, in: scope)
            if bound.isNone { return nil }
            guard let index = bound.index else {
                throw fail("slice indices must be integers or None or have an __index__ method")
            }
            return index
        }
        let start = try bound(start)
        let stop = try bound(stop)
        return try slice(value, start: start, stop: stop, step: try bound(step))
    }

    /// The value of a filter expression, applied to `value`.
    func evaluate(_ filter: Expression, of value: Value, in scope: Scope) throws(JinjaError) -> Value {
        guard case .filter(let inner, let name, let arguments) = filter.kind else { return value }
        // In a chain of filters on a block, the innermost one takes the block's text.
        var value = value
        if let inner, case .filter = inner.kind, Self.isOnBlock(inner) {
            value = try descend { () throws(JinjaError) in try evaluate(inner, of: value, in: scope) }
        }
        return try builtIns.filter(self, name, value, try self.arguments(arguments, in: scope))
    }

    private static func isOnBlock(_ filter: Expression) -> Bool {
        guard case .filter(let inner, _, _) = filter.kind else { return false }
        return inner.map { isOnBlock($0) } ?? true
    }

    // MARK: Calls

    func arguments(_ arguments: Expression.Arguments, in scope: Scope) throws(JinjaError) -> CallArguments {
        var result = CallArguments(positional: try evaluate(arguments.positional, in: scope))
        for argument in arguments.named {
            result.named.append((argument.name, try evaluate(argument.value, in: scope)))
        }
        if let spread = arguments.spread {
            var items = try items(of: try evaluate(spread, in: scope))
            while let item = try items.next() {
                try charge()
                result.positional.append(item)
            }
        }
        if let spread = arguments.spreadNamed {
            guard case .dictionary(let mapping) = try evaluate(spread, in: scope) else {
                throw fail("argument after ** must be a mapping")
            }
            for entry in mapping.entries {
                guard case .string(let name) = entry.key else { throw fail("keywords must be strings") }
                guard result.named(name) == nil else {
                    throw fail("got multiple values for keyword argument \(repr(name))")
                }
                result.named.append((name, entry.value))
            }
        }
        return result
    }

    /// A call expression's value; `caller` is the body of a `call` block.
    func call(_ expression: Expression, caller: Macro?, in scope: Scope) throws(JinjaError) -> Value {
        guard case .call(let callee, let arguments) = expression.kind else { return .none }
        let function = try evaluate(callee, in: scope)
        var values = try self.arguments(arguments, in: scope)
        if let caller { values.named.append(("caller", .macro(caller))) }
        line = expression.line
        return try call(function, values)
    }

    func call(_ callee: Value, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch callee {
        case .undefined(let undefined): throw undefinedError(undefined)
        case .macro(let macro): return .string(try call(macro, arguments).marked(escapes))
        case .function(let function): return try builtIns.call(self, function, arguments)
        case .loop(let loop):
            guard let recursion = loop.recursion else {
                throw fail("The loop must have the 'recursive' marker to be called recursively.")
            }
            let values = try arguments.bind(self, "loop", ["iterable"], required: 1)
            return .string(try recurse(recursion, over: values[0]!, depth0: loop.depth0 + 1, in: loop.scope))
        case .joiner(let joiner):
            defer { joiner.isUsed = true }
            return .string(joiner.isUsed ? joiner.separator : "")
        default: throw fail("'\(callee.typeName)' object is not callable")
        }
    }
}
