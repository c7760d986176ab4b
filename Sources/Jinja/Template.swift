// Responsible for: a template as its users see it: read once, rendered with variables.
// Must not know: models, messages.

/// A Jinja template as Hugging Face renders chat templates: `trim_blocks`, `lstrip_blocks`, loop controls,
/// `{% generation %}`, and nothing that reaches outside the values it is given.
package struct Template: Sendable {
    private let body: [Statement]

    /// Reads a template. Throws `JinjaError.syntax`, or `.limit` where it is too long or nested too deep.
    package init(_ source: String) throws(JinjaError) {
        body = try Parser.parse(source)
        try FilterCheck.check(body)
    }

    /// The text that the template makes of `variables`, within `limits`. `unixSeconds` is the time that `strftime_now`
    /// tells, in the local time zone; without it the template sees 1 January 1970.
    package func render(
        _ variables: [(String, Value)], unixSeconds: Int = 0, limits: TemplateLimits = TemplateLimits()
    ) throws(JinjaError) -> String {
        let size = Size(of: variables)
        let renderer = Renderer(Budget(limits, size), .jinja2, unixSeconds: unixSeconds)
        defer { renderer.end() }
        let scope = Scope(parent: nil)
        for (name, value) in variables { scope.set(Text(name), value) }
        _ = try renderer.run(body, in: scope)
        return renderer.output.string
    }
}
