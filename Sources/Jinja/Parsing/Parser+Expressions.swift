// Responsible for: tokens to expressions, by jinja2's grammar and precedence.
// Must not know: how expressions are evaluated.

extension Parser {
    func isTupleEnd(_ name: String?) -> Bool {
        switch current.kind {
        case .variableEnd, .blockEnd, .symbol(")"): true
        case .name(let current): current == name
        default: false
        }
    }

    /// One expression, or a tuple of those that commas separate.
    mutating func tuple(
        isConditional: Bool = true, endingAt end: String? = nil, isInParentheses: Bool = false
    ) throws(JinjaError) -> Expression {
        let line = current.line
        var items: [Expression] = []
        var isTuple = false
        while !isTupleEnd(end) {
            items.append(try isConditional ? expression() : or())
            guard skip(symbol: ",") else { break }
            isTuple = true
        }
        if !isTuple {
            if let only = items.first { return only }
            guard isInParentheses else { throw fail("Expected an expression, got '\(current.description)'") }
        }
        return try node(.tuple(items), line: line)
    }

    /// One expression with its `if` and `else`.
    mutating func expression() throws(JinjaError) -> Expression {
        try descend { parser throws(JinjaError) in
            let line = parser.current.line
            var value = try parser.or()
            while parser.skip(name: "if") {
                let test = try parser.or()
                let otherwise = parser.skip(name: "else") ? try parser.expression() : nil
                value = try parser.node(.conditional(test, then: value, otherwise: otherwise), line: line)
            }
            return value
        }
    }

    private mutating func or() throws(JinjaError) -> Expression {
        let line = current.line
        var left = try and()
        while skip(name: "or") { left = try node(.or(left, try and()), line: line) }
        return left
    }

    private mutating func and() throws(JinjaError) -> Expression {
        let line = current.line
        var left = try not()
        while skip(name: "and") { left = try node(.and(left, try not()), line: line) }
        return left
    }

    private mutating func not() throws(JinjaError) -> Expression {
        guard isName("not") else { return try comparison() }
        let line = advance().line
        return try descend { parser throws(JinjaError) in
            try parser.node(.not(try parser.not()), line: line)
        }
    }

    private static let relations: Set = ["==", "!=", "<", "<=", ">", ">="]

    private mutating func relation() -> Relation? {
        switch current.kind {
        case .symbol(let symbol) where Self.relations.contains(symbol):
            advance()
            return Relation(rawValue: symbol)
        case .name("in"):
            advance()
            return .isIn
        case .name("not") where next.kind == .name("in"):
            advance()
            advance()
            return .isNotIn
        default: return nil
        }
    }

    private mutating func comparison() throws(JinjaError) -> Expression {
        let line = current.line
        let left = try sum()
        var comparisons: [Expression.Comparison] = []
        while let relation = relation() {
            comparisons.append(Expression.Comparison(relation: relation, right: try sum()))
        }
        return comparisons.isEmpty ? left : try node(.comparison(left, comparisons), line: line)
    }

    private mutating func operation(among symbols: Set<String>) -> BinaryOperator? {
        guard case .symbol(let symbol) = current.kind, symbols.contains(symbol) else { return nil }
        advance()
        return BinaryOperator(rawValue: symbol)
    }

    private mutating func sum() throws(JinjaError) -> Expression {
        let line = current.line
        var left = try concatenation()
        while let operation = operation(among: ["+", "-"]) {
            left = try node(.binary(operation, left, try concatenation()), line: line)
        }
        return left
    }

    private mutating func concatenation() throws(JinjaError) -> Expression {
        let line = current.line
        var items = [try product()]
        while skip(symbol: "~") { items.append(try product()) }
        return items.count == 1 ? items[0] : try node(.concatenation(items), line: line)
    }

    private mutating func product() throws(JinjaError) -> Expression {
        let line = current.line
        var left = try power()
        while let operation = operation(among: ["*", "/", "//", "%"]) {
            left = try node(.binary(operation, left, try power()), line: line)
        }
        return left
    }

    private mutating func power() throws(JinjaError) -> Expression {
        let line = current.line
        var left = try unary()
        while skip(symbol: "**") { left = try node(.binary(.power, left, try unary()), line: line) }
        return left
    }

    private mutating func unary(isFiltered: Bool = true) throws(JinjaError) -> Expression {
        let line = current.line
        var value: Expression
        if skip(symbol: "-") {
            let operand = try descend { parser throws(JinjaError) in try parser.unary(isFiltered: false) }
            value = try node(.negative(operand), line: line)
        } else if skip(symbol: "+") {
            let operand = try descend { parser throws(JinjaError) in try parser.unary(isFiltered: false) }
            value = try node(.positive(operand), line: line)
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return isFiltered ? try filtersAndTests(on: value) : value
    }

    private mutating func primary() throws(JinjaError) -> Expression {
        let token = advance()
        switch token.kind {
        case .name("true"), .name("True"): return try node(.bool(true), line: token.line)
        case .name("false"), .name("False"): return try node(.bool(false), line: token.line)
        case .name("none"), .name("None"): return try node(.none, line: token.line)
        case .name(let name):
            note(use: name)
            return try node(.name(Text(name)), line: token.line)
        case .string(var text):
            while case .string(let more) = current.kind {
                text.append(more)
                advance()
            }
            return try node(.string(text), line: token.line)
        case .integer(let value): return try node(.int(value), line: token.line)
        case .float(let value): return try node(.float(value), line: token.line)
        case .symbol("("):
            let value = try descend { parser throws(JinjaError) in try parser.tuple(isInParentheses: true) }
            try expect(.symbol(")"))
            return value
        case .symbol("["): return try list(token.line)
        case .symbol("{"): return try dictionary(token.line)
        default: throw fail("unexpected '\(token.description)'", line: token.line)
        }
    }

    private mutating func list(_ line: Int) throws(JinjaError) -> Expression {
        var items: [Expression] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expect(.symbol(",")) }
            if isSymbol("]") { break }
            items.append(try expression())
        }
        advance()
        return try node(.list(items), line: line)
    }

    private mutating func dictionary(_ line: Int) throws(JinjaError) -> Expression {
        var pairs: [Expression.Pair] = []
        while !isSymbol("}") {
            if !pairs.isEmpty { try expect(.symbol(",")) }
            if isSymbol("}") { break }
            let key = try expression()
            try expect(.symbol(":"))
            pairs.append(Expression.Pair(key: key, value: try expression()))
        }
        advance()
        return try node(.dictionary(pairs), line: line)
    }

    // MARK: What follows a value

    private mutating func postfix(_ value: Expression) throws(JinjaError) -> Expression {
        var value = value
        while true {
            let line = current.line
            if skip(symbol: ".") {
                value = try attribute(of: value, line: line)
            } else if skip(symbol: "[") {
                value = try subscripted(value, line: line)
            } else if isSymbol("(") {
                value = try node(.call(value, try arguments()), line: line)
            } else {
                return value
            }
        }
    }

    private mutating func attribute(of value: Expression, line: Int) throws(JinjaError) -> Expression {
        let token = advance()
        switch token.kind {
        case .name(let name): return try node(.attribute(value, Text(name)), line: line)
        case .integer(let index): return try node(.item(value, try node(.int(index), line: line)), line: line)
        default: throw fail("expected name or number", line: token.line)
        }
    }

    private mutating func subscripted(_ value: Expression, line: Int) throws(JinjaError) -> Expression {
        var items: [Expression] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expect(.symbol(",")) }
            let start = isSymbol(":") ? nil : try expression()
            if isSymbol(":") {
                let slice = try self.slice(of: value, start: start, line: line)
                guard items.isEmpty, isSymbol("]") else { throw fail("a slice cannot be one of several subscripts") }
                advance()
                return slice
            }
            if let start { items.append(start) }
        }
        advance()
        let index = items.count == 1 ? items[0] : try node(.tuple(items), line: line)
        return try node(.item(value, index), line: line)
    }

    /// The rest of `value[start:stop:step]` from the first colon.
    private mutating func slice(of value: Expression, start: Expression?, line: Int) throws(JinjaError) -> Expression {
        advance()
        var stop: Expression?
        var step: Expression?
        func isEnd(_ parser: Parser) -> Bool { parser.isSymbol("]") || parser.isSymbol(",") }
        if !isSymbol(":"), !isEnd(self) { stop = try expression() }
        if skip(symbol: ":"), !isEnd(self) { step = try expression() }
        return try node(.slice(value, start: start, stop: stop, step: step), line: line)
    }

    private mutating func arguments() throws(JinjaError) -> Expression.Arguments {
        let line = current.line
        var result = Expression.Arguments()
        func ensure(_ condition: Bool) throws(JinjaError) {
            if !condition { throw fail("invalid syntax for function call expression", line: line) }
        }
        try expect(.symbol("("))
        var isFirst = true
        while !isSymbol(")") {
            if !isFirst {
                try expect(.symbol(","))
                if isSymbol(")") { break }
            }
            isFirst = false
            if skip(symbol: "*") {
                try ensure(result.spread == nil && result.spreadNamed == nil)
                result.spread = try expression()
            } else if skip(symbol: "**") {
                try ensure(result.spreadNamed == nil)
                result.spreadNamed = try expression()
            } else if case .name(let name) = current.kind, next.kind == .symbol("=") {
                try ensure(result.spreadNamed == nil)
                advance()
                advance()
                guard !result.named.contains(where: { $0.name == Text(name) }) else {
                    throw fail("keyword argument repeated: \(name)", line: line)
                }
                result.named.append(Expression.Arguments.Named(name: Text(name), value: try expression()))
            } else {
                try ensure(result.spread == nil && result.spreadNamed == nil && result.named.isEmpty)
                result.positional.append(try expression())
            }
        }
        advance()
        return result
    }

    // MARK: Filters and tests

    private mutating func filtersAndTests(on value: Expression) throws(JinjaError) -> Expression {
        var value = value
        while true {
            if isSymbol("|") {
                value = try filters(on: value)!
            } else if isName("is") {
                value = try test(value)
            } else if isSymbol("(") {
                let line = current.line
                value = try node(.call(value, try arguments()), line: line)
            } else {
                return value
            }
        }
    }

    private mutating func dottedName() throws(JinjaError) -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    /// The filters that follow; with `isFirst` the first one has no bar in front of it.
    mutating func filters(on value: Expression?, isFirst: Bool = false) throws(JinjaError) -> Expression? {
        var value = value
        var isFirst = isFirst
        while isFirst || isSymbol("|") {
            if !isFirst { advance() }
            isFirst = false
            let line = current.line
            let name = try dottedName()
            let arguments = isSymbol("(") ? try arguments() : Expression.Arguments()
            value = try node(.filter(value, name, arguments), line: line)
        }
        return value
    }

    private mutating func test(_ value: Expression) throws(JinjaError) -> Expression {
        let line = advance().line
        let isNegated = skip(name: "not")
        let name = try dottedName()
        var arguments = Expression.Arguments()
        if isSymbol("(") {
            arguments = try self.arguments()
        } else if isTestArgument {
            if isName("is") { throw fail("You cannot chain multiple tests with is") }
            arguments.positional = [try postfix(try primary())]
        }
        let test = try node(.test(value, name, arguments), line: line)
        return isNegated ? try node(.not(test), line: line) : test
    }

    private var isTestArgument: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and"].contains(name)
        case .string, .integer, .float, .symbol("["), .symbol("{"): true
        default: false
        }
    }
}
