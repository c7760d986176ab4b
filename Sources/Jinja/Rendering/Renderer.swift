// Responsible for: the state of one rendering: output, budget, nesting, the line at work.
// Must not know: syntax beyond statements and expressions.

/// Renders one template once. Everything a template can do goes through here and is paid for.
final class Renderer {
    /// How a run of statements ended.
    enum Ending { case finished, brokeLoop, continuedLoop }

    private(set) var output = Text("")
    private var budget: Budget
    let builtIns: BuiltIns
    private var depth = 0
    /// The line of the statement or expression at work.
    var line = 1
    let unixSeconds: Int
    /// What a template can make point at itself; emptied at the end.
    private var namespaces: [Namespace] = []
    private var captured: [Scope] = []
    var escapes = false

    init(_ budget: Budget, _ builtIns: BuiltIns, unixSeconds: Int) {
        (self.budget, self.builtIns, self.unixSeconds) = (budget, builtIns, unixSeconds)
    }

    // MARK: Errors and limits

    func fail(_ message: String) -> JinjaError { .runtime(line: line, message: message) }

    func stop(_ message: String) -> JinjaError { .limit(line: line, message: message) }

    /// The error that using `undefined` is.
    func undefinedError(_ undefined: Undefined) -> JinjaError { fail(undefined.message) }

    func charge(_ steps: Int = 1) throws(JinjaError) {
        if let problem = budget.take(steps: steps) { throw stop(problem) }
    }

    /// Before a text of `bytes` bytes is made; nil stands for a number beyond all bounds.
    func charge(bytes: Int?) throws(JinjaError) {
        if let problem = budget.take(bytes: max(0, bytes ?? .max)) { throw stop(problem) }
    }

    /// Runs `body` one level deeper.
    func descend<Result>(_ body: () throws(JinjaError) -> Result) throws(JinjaError) -> Result {
        try enter()
        defer { leave() }
        return try body()
    }

    func enter() throws(JinjaError) {
        depth += 1
        if depth > TemplateLimits.evaluationDepth {
            depth -= 1
            throw stop("it is nested or calls itself more than \(TemplateLimits.evaluationDepth) levels deep")
        }
    }

    func leave() { depth -= 1 }

    // MARK: Values that need care

    func list(_ items: [Value]) throws(JinjaError) -> Value { .list(try checked(List(items))) }

    func tuple(_ items: [Value]) throws(JinjaError) -> Value { .tuple(try checked(List(items))) }

    func checked(_ list: List) throws(JinjaError) -> List {
        try checkDepth(list.depth)
        return list
    }

    func checkDepth(_ depth: Int) throws(JinjaError) {
        if depth > TemplateLimits.valueDepth {
            throw stop("values are nested more than \(TemplateLimits.valueDepth) levels deep")
        }
    }

    func dictionary(_ pairs: [(key: Value, value: Value)]) throws(JinjaError) -> Value {
        var keys: [Key] = []
        for pair in pairs { keys.append(try key(pair.key)) }
        let mapping = Mapping(pairs, keys: keys)
        try checkDepth(mapping.depth)
        return .dictionary(mapping)
    }

    /// Values computed on demand, from values of this depth.
    func generator(
        over depth: Int, _ next: @escaping () throws(JinjaError) -> Value?
    ) throws(JinjaError) -> Value {
        try checkDepth(depth + 1)
        return .generator(LazyValues(depth: depth + 1, next))
    }

    func makeNamespace() -> Namespace {
        let namespace = Namespace()
        namespaces.append(namespace)
        return namespace
    }

    func makeMacro(_ definition: MacroDefinition, in scope: Scope) -> Macro {
        captured.append(scope)
        return Macro(definition, scope: scope)
    }

    /// A text that an operation made, paid for.
    func string(_ text: Text) throws(JinjaError) -> Value {
        try charge(bytes: text.utf8.count)
        return .string(text)
    }

    /// Frees what namespaces and macros hold, one by one: they may hold each other in circles and long chains.
    func end() {
        for namespace in namespaces { namespace.attributes = [] }
        for scope in captured { scope.variables = [] }
    }

    // MARK: Output

    func write(_ text: Text) throws(JinjaError) {
        guard output.utf8.count + text.utf8.count <= budget.outputBytes else {
            throw stop("it writes more than \(budget.outputBytes) bytes")
        }
        output.append(text)
    }

    /// What `body` writes, instead of writing it.
    func capture<Result>(
        _ body: () throws(JinjaError) -> Result
    ) throws(JinjaError) -> (text: Text, result: Result) {
        let outer = output
        output = Text("")
        defer { output = outer }
        let result = try body()
        let text = output
        try charge(bytes: text.utf8.count)
        return (text, result)
    }
}
