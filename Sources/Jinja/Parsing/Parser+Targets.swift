// Responsible for: what stands left of `=` and `in`: names, attributes of namespaces, tuples of them.
// Must not know: expressions, statements.

extension Parser {
    private static let constants: Set = ["true", "false", "none", "True", "False", "None"]

    func checkAssignable(_ name: String) throws(JinjaError) {
        if Self.constants.contains(name) { throw fail("can't assign to 'const'") }
        if forDepth > 0, name == "loop" {
            throw fail("Can't assign to special loop variable in for-loop target")
        }
    }

    mutating func target(
        endingAt end: String? = nil, isNamespaceAllowed: Bool = false
    ) throws(JinjaError) -> Target {
        try descend { parser throws(JinjaError) in
            var items: [Target] = []
            var isTuple = false
            while true {
                if !items.isEmpty, !isTuple { break }
                if parser.isTupleEnd(end) || parser.isSymbol("=") { break }
                items.append(try parser.singleTarget(isNamespaceAllowed: isNamespaceAllowed))
                guard parser.skip(symbol: ",") else { break }
                isTuple = true
            }
            guard isTuple || items.isEmpty else { return items[0] }
            guard isTuple else { throw parser.fail("Expected an expression, got '\(parser.current.description)'") }
            return .tuple(items)
        }
    }

    private mutating func singleTarget(isNamespaceAllowed: Bool) throws(JinjaError) -> Target {
        switch current.kind {
        case .name(let name):
            advance()
            if isNamespaceAllowed, !Self.constants.contains(name), skip(symbol: ".") {
                return .attribute(Text(name), Text(try expectName()))
            }
            try checkAssignable(name)
            return .name(Text(name))
        case .symbol("("):
            advance()
            if skip(symbol: ")") { return .tuple([]) }
            let inner = try target(isNamespaceAllowed: false)
            try expect(.symbol(")"))
            return inner
        case .symbol("["): throw fail("can't assign to 'list'")
        case .symbol("{"): throw fail("can't assign to 'dict'")
        case .string, .integer, .float: throw fail("can't assign to 'const'")
        default: throw fail("unexpected '\(current.description)'")
        }
    }
}
