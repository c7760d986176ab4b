// Responsible for: a template as a tree of statements.
// Must not know: source text, values.

/// What can be assigned to.
indirect enum Target: Sendable {
    case name(Text)
    /// `namespace.attribute`
    case attribute(Text, Text)
    case tuple([Target])
}

/// A piece of a template.
final class Statement: Sendable {
    enum Kind: Sendable {
        case text(Text)
        case output(Expression)
        case condition([Branch], otherwise: [Statement])
        case loop(ForLoop)
        case assign(Target, Expression)
        case assignBlock(Target, filter: Expression?, [Statement])
        case macro(MacroDefinition)
        case callBlock(MacroDefinition, Expression)
        case filterBlock(Expression, [Statement])
        case with([Binding], [Statement])
        case autoescape(Expression, [Statement])
        /// A `block` or `generation` block: rendered where it stands.
        case block([Statement], isScoped: Bool)
        case breakLoop
        case continueLoop
        /// A statement that needs other templates, which there are none of.
        case needsLoader(String)
    }

    struct Branch: Sendable {
        let test: Expression
        let body: [Statement]
    }

    struct Binding: Sendable {
        let target: Target
        let value: Expression
    }

    let kind: Kind
    let line: Int

    init(_ kind: Kind, line: Int) { (self.kind, self.line) = (kind, line) }
}

/// A `for` block.
final class ForLoop: Sendable {
    let target: Target
    let source: Expression
    let filter: Expression?
    let isRecursive: Bool
    let body: [Statement]
    let otherwise: [Statement]

    init(
        target: Target, source: Expression, filter: Expression?, isRecursive: Bool, body: [Statement],
        otherwise: [Statement]
    ) {
        (self.target, self.source, self.filter, self.isRecursive) = (target, source, filter, isRecursive)
        (self.body, self.otherwise) = (body, otherwise)
    }
}

/// A macro's signature and body, or a `call` block's.
final class MacroDefinition: Sendable {
    struct Parameter: Sendable {
        let name: Text
        let standard: Expression?
    }

    /// The names that a macro's body may use for what its parameters do not take.
    struct Extras: Sendable {
        var caller = false
        var kwargs = false
        var varargs = false
    }

    /// Nil for a `call` block's body.
    let name: Text?
    let parameters: [Parameter]
    let extras: Extras
    let body: [Statement]

    init(name: Text?, parameters: [Parameter], extras: Extras, body: [Statement]) {
        (self.name, self.parameters, self.extras, self.body) = (name, parameters, extras, body)
    }
}
