// Responsible for: a template as its users see it: read once, rendered with variables.
// Must not know: models, messages.

/// A Jinja template as Hugging Face renders chat templates: `trim_blocks`, `lstrip_blocks`, loop controls,
/// `{% generation %}`, and nothing that reaches outside the values it is given.
package struct Template: Sendable {
    private let body: [Statement]

    /// Reads a template. Throws `JinjaError.syntax`, or `.limit` where it is too long or nested too deep.
    package init(_ source: String) throws(JinjaError) { body = try Parser.parse(source) }

    /// The text that the template makes of `variables`, within `limits`. `unixSeconds` is the time that `strftime_now`
    /// tells, in the local time zone; without it the template sees 1 January 1970.
    package func render(
        _ variables: [(String, Value)], unixSeconds: Int = 0, limits: Limits = Limits()
    ) throws(JinjaError) -> String {
        let size = Size(of: variables)
        let renderer = Renderer(Budget(limits, size), unixSeconds: unixSeconds)
        defer { renderer.end() }
        let scope = Scope(parent: nil)
        for (name, value) in variables { scope.set(Text(name), value) }
        _ = try renderer.run(body, in: scope)
        return renderer.output.string
    }
}

/// How large the variables are.
struct Size {
    private(set) var values = 0
    private(set) var bytes = 0

    init(of variables: [(String, Value)]) {
        for (_, value) in variables { add(value) }
    }

    private mutating func add(_ value: Value) {
        values += 1
        switch value {
        case .string(let text): bytes += text.utf8.count
        case .list(let list), .tuple(let list):
            for item in list.items { add(item) }
        case .dictionary(let mapping):
            for entry in mapping.entries {
                add(entry.key)
                add(entry.value)
            }
        default: break
        }
    }
}

/// What a rendering may still spend.
struct Budget {
    private var steps: Int
    private var textBytes: Int
    private(set) var outputBytes: Int

    init(_ limits: Limits, _ size: Size) {
        func limit(_ base: Int, _ factor: Int, _ count: Int) -> Int {
            let (product, overflow) = factor.multipliedReportingOverflow(by: count)
            let (sum, overflows) = base.addingReportingOverflow(product)
            return overflow || overflows ? .max : sum
        }
        steps = limit(limit(limits.steps, limits.stepsPerValue, size.values), limits.stepsPerByte, size.bytes)
        textBytes = limit(limits.textBytes, limits.textBytesPerByte, size.bytes)
        outputBytes = limit(limits.outputBytes, limits.outputBytesPerByte, size.bytes)
    }

    /// What is wrong, if `count` steps more are too many.
    mutating func take(steps count: Int) -> String? {
        steps = count > steps ? -1 : steps - count
        return steps < 0 ? "it takes more steps than a chat template needs" : nil
    }

    /// What is wrong, if texts of `count` bytes more are too many. Long texts take steps as well.
    mutating func take(bytes count: Int) -> String? {
        guard count <= textBytes else { return "it makes more text on the way than a chat template needs" }
        textBytes -= count
        return count < 32 ? nil : take(steps: count / 32)
    }
}
