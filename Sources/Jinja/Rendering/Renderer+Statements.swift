// Responsible for: what each statement does.
// Must not know: grammar.

extension Renderer {
    func run(_ body: [Statement], in scope: Scope) throws(JinjaError) -> Ending {
        try enter()
        defer { leave() }
        for statement in body {
            try charge()
            line = statement.line
            let ending = try run(statement, in: scope)
            if ending != .finished { return ending }
        }
        return .finished
    }

    private func run(_ statement: Statement, in scope: Scope) throws(JinjaError) -> Ending {
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try printed(try evaluate(expression, in: scope)))
        case .condition(let branches, let otherwise): return try run(branches, otherwise, in: scope)
        case .loop(let loop): return try run(loop, in: scope)
        case .assign(let target, let expression): try assign(expression, to: target, in: scope)
        case .assignBlock(let target, let filter, let body):
            return try run(body, assigningTo: target, filter, in: scope)
        case .macro(let definition):
            scope.set(definition.name!, .macro(makeMacro(definition, in: scope)))
        case .callBlock(let definition, let call):
            try write(try printed(try self.call(call, caller: makeMacro(definition, in: scope), in: scope)))
        case .filterBlock(let filter, let body): return try run(body, filteredBy: filter, in: scope)
        case .with(let bindings, let body):
            let inner = Scope(parent: scope)
            for binding in bindings {
                try assign(try evaluate(binding.value, in: scope), to: binding.target, in: inner)
            }
            return try run(body, in: inner)
        case .autoescape(let value, let body):
            let before = escapes
            defer { escapes = before }
            escapes = try evaluate(value, in: scope).isTrue
            return try run(body, in: Scope(parent: scope))
        case .block(let body, let isScoped):
            return try run(body, in: Scope(parent: isScoped ? scope : root(of: scope)))
        case .breakLoop: return .brokeLoop
        case .continueLoop: return .continuedLoop
        case .needsLoader(let tag):
            throw fail("'\(tag)' needs other templates, but a chat template stands alone")
        }
        return .finished
    }

    private func root(of scope: Scope) -> Scope {
        var scope = scope
        while let parent = scope.parent { scope = parent }
        return scope
    }

    /// A value as it is printed.
    private func printed(_ value: Value) throws(JinjaError) -> Text {
        let text = try self.text(value)
        return escapes ? text.escaped : text
    }

    private func run(
        _ branches: [Statement.Branch], _ otherwise: [Statement], in scope: Scope
    ) throws(JinjaError) -> Ending {
        for branch in branches where try evaluate(branch.test, in: scope).isTrue {
            return try run(branch.body, in: scope)
        }
        return try run(otherwise, in: scope)
    }

    private func run(
        _ body: [Statement], assigningTo target: Target, _ filter: Expression?, in scope: Scope
    ) throws(JinjaError) -> Ending {
        let inner = Scope(parent: scope)
        let (text, ending) = try capture { () throws(JinjaError) in try run(body, in: inner) }
        guard ending == .finished else { return ending }
        let value = try filter.map { filter throws(JinjaError) in
            try evaluate(filter, of: .string(text), in: inner)
        }
        try assign(value ?? .string(text.marked(escapes)), to: target, in: scope)
        return .finished
    }

    private func run(
        _ body: [Statement], filteredBy filter: Expression, in scope: Scope
    ) throws(JinjaError) -> Ending {
        let inner = Scope(parent: scope)
        let (text, ending) = try capture { () throws(JinjaError) in try run(body, in: inner) }
        guard ending == .finished else { return ending }
        try write(try printed(try evaluate(filter, of: .string(text), in: inner)))
        return .finished
    }

    // MARK: Assignments

    private func assign(_ expression: Expression, to target: Target, in scope: Scope) throws(JinjaError) {
        try assign(try evaluate(expression, in: scope), to: target, in: scope)
    }

    func assign(_ value: Value, to target: Target, in scope: Scope) throws(JinjaError) {
        switch target {
        case .name(let name): scope.set(name, value)
        case .attribute(let name, let attribute):
            guard case .namespace(let namespace)? = scope.find(name) else {
                throw fail("cannot assign attribute on non-namespace object")
            }
            try set(attribute, value, of: namespace)
        case .tuple(let targets):
            for item in targets { try checkNamespaces(item, in: scope) }
            var source = try items(of: value)
            var values: [Value] = []
            while values.count <= targets.count, let next = try source.next() { values.append(next) }
            guard values.count <= targets.count else {
                throw fail("too many values to unpack (expected \(targets.count))")
            }
            guard values.count == targets.count else {
                throw fail("not enough values to unpack (expected \(targets.count), got \(values.count))")
            }
            for (target, value) in zip(targets, values) { try assign(value, to: target, in: scope) }
        }
    }

    private func checkNamespaces(_ target: Target, in scope: Scope) throws(JinjaError) {
        if case .attribute(let name, _) = target {
            guard case .namespace? = scope.find(name) else {
                throw fail("cannot assign attribute on non-namespace object")
            }
        }
    }

    func set(_ name: Text, _ value: Value, of namespace: Namespace) throws(JinjaError) {
        guard !name.hasPrefix("_") else {
            throw fail(
                "chat templates cannot store underscore-prefixed attributes on a namespace, but got \(repr(name))")
        }
        try charge(namespace.attributes.count / 8 + 1)
        namespace[name] = value
    }

    // MARK: Loops

    private func run(_ loop: ForLoop, in scope: Scope) throws(JinjaError) -> Ending {
        let values = try evaluate(loop.source, in: scope)
        if loop.isRecursive {
            try write(try recurse(loop, over: values, depth0: 0, in: scope))
            return .finished
        }
        try run(loop, over: values, depth0: 0, in: scope)
        return .finished
    }

    /// What a recursive loop's body writes for `values`.
    func recurse(_ loop: ForLoop, over values: Value, depth0: Int, in scope: Scope) throws(JinjaError) -> Text {
        try capture { () throws(JinjaError) in try run(loop, over: values, depth0: depth0, in: scope) }.text
    }

    private func run(_ loop: ForLoop, over values: Value, depth0: Int, in scope: Scope) throws(JinjaError) {
        try enter()
        defer { leave() }
        var source = try items(of: values)
        if let filter = loop.filter { source = try filtered(source, by: filter, loop.target, values.depth, in: scope) }
        let state = Loop(source, depth0: depth0, recursion: loop.isRecursive ? loop : nil, scope: scope)
        defer { state.end() }
        while let item = try advance(state) {
            try charge()
            let inner = Scope(parent: scope)
            inner.variables.reserveCapacity(4)
            inner.set("loop", .loop(state))
            try assign(item, to: loop.target, in: inner)
            if try run(loop.body, in: inner) == .brokeLoop { break }
        }
        if state.index0 < 0 { _ = try run(loop.otherwise, in: Scope(parent: scope)) }
    }

    /// The items that satisfy a loop's `if`.
    private func filtered(
        _ source: Items, by filter: Expression, _ target: Target, _ depth: Int, in scope: Scope
    ) throws(JinjaError) -> Items {
        var source = source
        let next = { [unowned self] () throws(JinjaError) -> Value? in
            while let item = try source.next() {
                try self.charge()
                let inner = Scope(parent: scope)
                try self.assign(item, to: target, in: inner)
                if try self.evaluate(filter, in: inner).isTrue { return item }
            }
            return nil
        }
        return Items(LazyValues(depth: depth + 1, next))
    }

    private func advance(_ loop: Loop) throws(JinjaError) -> Value? {
        let item = loop.hasPeeked ? loop.peeked : try loop.source.next()
        (loop.peeked, loop.hasPeeked) = (nil, false)
        guard let item else { return nil }
        loop.index0 += 1
        (loop.previous, loop.current) = (loop.current, item)
        return item
    }
}
