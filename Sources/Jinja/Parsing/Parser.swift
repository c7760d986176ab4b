// Responsible for: tokens to statements, by jinja2's grammar with the tags that Hugging Face adds.
// Must not know: how statements are rendered.

/// A recursive descent over the tokens of one template.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    /// Levels of recursion, so that no template exhausts the stack.
    private var depth = 0
    /// `for` blocks around the current token within the same macro.
    private var loops: [Bool] = []
    private(set) var forDepth = 0
    /// Which of `caller`, `kwargs`, `varargs` each surrounding macro body names.
    private var extras: [MacroDefinition.Extras] = []
    private var blockNames: Set<String> = []
    private var endTags: [[String]] = []

    /// The statements of `source`.
    static func parse(_ source: String) throws(JinjaError) -> [Statement] {
        guard source.utf8.count <= TemplateLimits.sourceBytes else {
            let message = "the template has \(source.utf8.count) bytes; at most \(TemplateLimits.sourceBytes) are read"
            throw .limit(line: 1, message: message)
        }
        var parser = Parser(tokens: try Lexer.tokens(of: source))
        return try parser.statements(until: [])
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    // MARK: Tokens

    var current: Token { tokens[position] }
    var next: Token { tokens[min(position + 1, tokens.count - 1)] }

    @discardableResult
    mutating func advance() -> Token {
        defer { if position < tokens.count - 1 { position += 1 } }
        return tokens[position]
    }

    func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
    func isName(_ name: String) -> Bool { current.kind == .name(name) }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: Token.Kind) throws(JinjaError) {
        guard current.kind == kind else { throw unexpected(Token(kind: kind, line: 0).description) }
        advance()
    }

    mutating func expectName() throws(JinjaError) -> String {
        guard case .name(let name) = current.kind else { throw unexpected("name") }
        advance()
        return name
    }

    private func unexpected(_ expected: String) -> JinjaError {
        current.kind == .end
            ? fail("unexpected end of template, expected '\(expected)'.")
            : fail("expected token '\(expected)', got '\(current.description)'")
    }

    func fail(_ message: String, line: Int? = nil) -> JinjaError {
        .syntax(line: line ?? current.line, message: message)
    }

    /// Runs `body` one level deeper. Throws if that is too deep.
    mutating func descend<Result>(
        _ body: (inout Parser) throws(JinjaError) -> Result
    ) throws(JinjaError) -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.parseDepth else {
            let message = "expressions and blocks are nested more than \(TemplateLimits.parseDepth) levels deep"
            throw .limit(line: current.line, message: message)
        }
        return try body(&self)
    }

    /// A new expression. Throws if its tree is too deep.
    func node(_ kind: Expression.Kind, line: Int) throws(JinjaError) -> Expression {
        let node = Expression(kind, line: line)
        guard node.depth <= TemplateLimits.expressionDepth else {
            let message = "an expression has more than \(TemplateLimits.expressionDepth) levels"
            throw .limit(line: line, message: message)
        }
        return node
    }

    // MARK: Blocks

    /// The statements up to one of the tags `ends`, which becomes the current token; all of them if `ends` is empty.
    private mutating func statements(until ends: [String]) throws(JinjaError) -> [Statement] {
        endTags.append(ends)
        defer { endTags.removeLast() }
        return try descend { parser throws(JinjaError) in
            var body: [Statement] = []
            while true {
                let token = parser.current
                switch token.kind {
                case .text(let text):
                    parser.advance()
                    body.append(Statement(.text(text), line: token.line))
                case .variableBegin:
                    parser.advance()
                    body.append(Statement(.output(try parser.tuple()), line: token.line))
                    try parser.expect(.variableEnd)
                case .blockBegin:
                    parser.advance()
                    if case .name(let name) = parser.current.kind, ends.contains(name) { return body }
                    body += try parser.statement()
                    try parser.expect(.blockEnd)
                case .end:
                    if !ends.isEmpty { throw parser.missingEnd(nil) }
                    return body
                default: throw parser.fail("unexpected '\(token.description)'")
                }
            }
        }
    }

    /// The end of a tag, the statements up to one of `ends`, and the name of that.
    private mutating func body(until ends: String...) throws(JinjaError) -> ([Statement], end: String) {
        _ = skip(symbol: ":")
        try expect(.blockEnd)
        let body = try statements(until: ends)
        return (body, try expectName())
    }

    private func missingEnd(_ name: String?) -> JinjaError {
        var message = name.map { "Encountered unknown tag '\($0)'." } ?? "Unexpected end of template."
        if let ends = endTags.last, !ends.isEmpty {
            message +=
                " Jinja was looking for the following tags: " + ends.map { "'\($0)'" }.joined(separator: " or ") + "."
        }
        return fail(message)
    }

    private mutating func statement() throws(JinjaError) -> [Statement] {
        let line = current.line
        guard case .name(let tag) = current.kind else { throw fail("tag name expected") }
        if tag == "print" {
            advance()
            return try printed(line)
        }
        return [Statement(try kind(of: tag), line: line)]
    }

    /// The statement that begins with the current token, `tag`.
    private mutating func kind(of tag: String) throws(JinjaError) -> Statement.Kind {
        let line = current.line
        switch tag {
        case "for": return try loop()
        case "if": return try condition()
        case "set": return try assignment()
        case "macro": return try macro()
        case "call": return try callBlock(line)
        case "with": return try with()
        case "block": return try block()
        case "filter":
            advance()
            let filter = try filters(on: nil, isFirst: true)!
            return .filterBlock(filter, try body(until: "endfilter").0)
        case "autoescape":
            advance()
            let isOn = try expression()
            return .autoescape(isOn, try body(until: "endautoescape").0)
        case "generation":
            advance()
            return .block(try macroBody("endgeneration").body, isScoped: true)
        case "break", "continue":
            advance()
            guard loops.last == true else { throw fail("'\(tag)' outside loop", line: line) }
            return tag == "break" ? .breakLoop : .continueLoop
        case "include", "import", "from", "extends":
            while current.kind != .blockEnd, current.kind != .end { advance() }
            return .needsLoader(tag)
        default: throw missingEnd(tag)
        }
    }

    private mutating func printed(_ line: Int) throws(JinjaError) -> [Statement] {
        var result: [Statement] = []
        while current.kind != .blockEnd {
            if !result.isEmpty { try expect(.symbol(",")) }
            result.append(Statement(.output(try expression()), line: line))
        }
        return result
    }

    private mutating func loop() throws(JinjaError) -> Statement.Kind {
        advance()
        forDepth += 1
        defer { forDepth -= 1 }
        let target = try self.target(endingAt: "in")
        try expect(.name("in"))
        let source = try tuple(isConditional: false, endingAt: "recursive")
        let filter = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        loops.append(true)
        var (body, end) = try self.body(until: "endfor", "else")
        loops.removeLast()
        var otherwise: [Statement] = []
        if end == "else" { (otherwise, end) = try self.body(until: "endfor") }
        return .loop(
            ForLoop(
                target: target, source: source, filter: filter, isRecursive: isRecursive, body: body,
                otherwise: otherwise))
    }

    private mutating func condition() throws(JinjaError) -> Statement.Kind {
        var branches: [Statement.Branch] = []
        while true {
            advance()
            let test = try tuple(isConditional: false)
            let (body, end) = try self.body(until: "elif", "else", "endif")
            branches.append(Statement.Branch(test: test, body: body))
            switch end {
            case "elif":
                position -= 1
                continue
            case "else": return .condition(branches, otherwise: try self.body(until: "endif").0)
            default: return .condition(branches, otherwise: [])
            }
        }
    }

    private mutating func assignment() throws(JinjaError) -> Statement.Kind {
        advance()
        let target = try self.target(isNamespaceAllowed: true)
        if skip(symbol: "=") { return .assign(target, try tuple()) }
        let filter = try filters(on: nil)
        return .assignBlock(target, filter: filter, try body(until: "endset").0)
    }

    private mutating func with() throws(JinjaError) -> Statement.Kind {
        advance()
        var bindings: [Statement.Binding] = []
        while current.kind != .blockEnd {
            if !bindings.isEmpty { try expect(.symbol(",")) }
            let target = try self.target()
            try expect(.symbol("="))
            bindings.append(Statement.Binding(target: target, value: try expression()))
        }
        return .with(bindings, try body(until: "endwith").0)
    }

    private mutating func block() throws(JinjaError) -> Statement.Kind {
        let line = current.line
        advance()
        let name = try expectName()
        guard blockNames.insert(name).inserted else { throw fail("block '\(name)' defined twice", line: line) }
        let isScoped = skip(name: "scoped")
        _ = skip(name: "required")
        let body = try self.body(until: "endblock").0
        _ = skip(name: name)
        return .block(body, isScoped: isScoped)
    }

    // MARK: Macros

    private mutating func macro() throws(JinjaError) -> Statement.Kind {
        advance()
        let name = try expectName()
        try checkAssignable(name)
        return .macro(try definition(name: name, end: "endmacro"))
    }

    private mutating func callBlock(_ line: Int) throws(JinjaError) -> Statement.Kind {
        advance()
        let parameters = isSymbol("(") ? try signature() : []
        let call = try expression()
        guard case .call = call.kind else { throw fail("expected call", line: line) }
        let (body, extras) = try macroBody("endcall")
        return .callBlock(MacroDefinition(name: nil, parameters: parameters, extras: extras, body: body), call)
    }

    private mutating func definition(name: String, end: String) throws(JinjaError) -> MacroDefinition {
        let parameters = try signature()
        var (body, extras) = try macroBody(end)
        for parameter in parameters {
            if parameter.name == "kwargs" { extras.kwargs = false }
            if parameter.name == "varargs" { extras.varargs = false }
            if parameter.name == "caller" {
                if extras.caller, parameter.standard == nil {
                    throw fail("the special \"caller\" argument of a macro must be omitted or be given a default")
                }
                extras.caller = false
            }
        }
        return MacroDefinition(name: Text(name), parameters: parameters, extras: extras, body: body)
    }

    private mutating func macroBody(
        _ end: String
    ) throws(JinjaError) -> (body: [Statement], extras: MacroDefinition.Extras) {
        extras.append(MacroDefinition.Extras())
        loops.append(false)
        _ = skip(symbol: ":")
        try expect(.blockEnd)
        let body = try statements(until: [end])
        advance()
        loops.removeLast()
        let used = extras.removeLast()
        if var outer = extras.popLast() {
            outer.caller = outer.caller || used.caller
            outer.kwargs = outer.kwargs || used.kwargs
            outer.varargs = outer.varargs || used.varargs
            extras.append(outer)
        }
        return (body, used)
    }

    private mutating func signature() throws(JinjaError) -> [MacroDefinition.Parameter] {
        var parameters: [MacroDefinition.Parameter] = []
        try expect(.symbol("("))
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(.symbol(",")) }
            let name = try expectName()
            try checkAssignable(name)
            var standard: Expression?
            if skip(symbol: "=") {
                standard = try expression()
            } else if parameters.last?.standard != nil {
                throw fail("non-default argument follows default argument")
            }
            guard !parameters.contains(where: { $0.name.string == name }) else {
                throw fail("duplicate argument '\(name)' in a macro's definition")
            }
            parameters.append(MacroDefinition.Parameter(name: Text(name), standard: standard))
        }
        try expect(.symbol(")"))
        return parameters
    }

    /// Remembers that a macro's body names one of its special variables.
    mutating func note(use name: String) {
        guard !extras.isEmpty else { return }
        switch name {
        case "caller": extras[extras.count - 1].caller = true
        case "kwargs": extras[extras.count - 1].kwargs = true
        case "varargs": extras[extras.count - 1].varargs = true
        default: break
        }
    }
}
