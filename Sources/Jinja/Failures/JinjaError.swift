// Responsible for: why a template cannot be read or rendered.
// Must not know: who renders it and why.

/// What is wrong with a template or with the values it is given. Every case knows the line of the template (from 1).
package enum JinjaError: Error, Equatable, Sendable {
    /// The template is not Jinja, or uses what the sandbox does not have.
    case syntax(line: Int, message: String)
    /// An operation failed on the values given: where Python's jinja2 raises an exception of its own or of Python.
    case runtime(line: Int, message: String)
    /// The template itself refused its input, by `raise_exception`.
    case raised(line: Int, message: String)
    /// The template wants more work, memory or nesting than a real one does.
    case limit(line: Int, message: String)

    /// The line of the template, from 1.
    package var line: Int {
        switch self {
        case .syntax(let line, _), .runtime(let line, _), .raised(let line, _), .limit(let line, _): line
        }
    }

    /// What is wrong, without the line.
    package var message: String {
        switch self {
        case .syntax(_, let message), .runtime(_, let message), .raised(_, let message), .limit(_, let message):
            message
        }
    }
}

extension JinjaError: CustomStringConvertible {
    /// One sentence with the line.
    package var description: String {
        switch self {
        case .syntax(let line, let message): "line \(line) of the chat template cannot be read: \(message)"
        case .runtime(let line, let message): "line \(line) of the chat template failed: \(message)"
        case .raised(let line, let message): "the chat template refuses the conversation (line \(line)): \(message)"
        case .limit(let line, let message): "the chat template was stopped at line \(line): \(message)"
        }
    }
}
