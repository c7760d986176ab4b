// Responsible for: a template as a tree.
// Must not know: source text, values.

/// An expression. `depth` counts the levels below it, so that no tree is deeper than the stack.
final class Expression: Sendable {
    enum Kind: Sendable {
        case none
        case bool(Bool)
        case int(Int)
        case float(Double)
        case string(Text)
        case name(Text)
        case tuple([Expression])
        case list([Expression])
        case dictionary([Pair])
        case attribute(Expression, Text)
        case item(Expression, Expression)
        case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
        case call(Expression, Arguments)
        /// Without a value in front of it, it filters the text of a block.
        case filter(Expression?, String, Arguments)
        case test(Expression, String, Arguments)
        case negative(Expression)
        case positive(Expression)
        case not(Expression)
        case binary(BinaryOperator, Expression, Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case concatenation([Expression])
        case comparison(Expression, [Comparison])
        case conditional(Expression, then: Expression, otherwise: Expression?)
    }

    struct Pair: Sendable {
        let key: Expression
        let value: Expression
    }

    struct Comparison: Sendable {
        let relation: Relation
        let right: Expression
    }

    struct Arguments: Sendable {
        var positional: [Expression] = []
        var named: [Named] = []
        /// `*list`
        var spread: Expression?
        /// `**dictionary`
        var spreadNamed: Expression?

        struct Named: Sendable {
            let name: Text
            let value: Expression
        }

        var all: [Expression] {
            positional + named.map(\.value) + [spread, spreadNamed].compactMap { $0 }
        }
    }

    let kind: Kind
    let line: Int
    let depth: Int

    init(_ kind: Kind, line: Int) {
        self.kind = kind
        self.line = line
        var depth = 0
        for child in kind.children { depth = max(depth, child.depth) }
        self.depth = depth + 1
    }
}

enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "**"
}

enum Relation: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
}

extension Expression.Kind {
    /// The expressions right below.
    var children: [Expression] {
        switch self {
        case .none, .bool, .int, .float, .string, .name: []
        case .tuple(let items), .list(let items), .concatenation(let items): items
        case .dictionary(let pairs): pairs.flatMap { [$0.key, $0.value] }
        case .attribute(let value, _), .negative(let value), .positive(let value), .not(let value): [value]
        case .item(let value, let index): [value, index]
        case .slice(let value, let start, let stop, let step): [value] + [start, stop, step].compactMap { $0 }
        case .call(let value, let arguments): [value] + arguments.all
        case .filter(let value, _, let arguments): (value.map { [$0] } ?? []) + arguments.all
        case .test(let value, _, let arguments): [value] + arguments.all
        case .binary(_, let left, let right), .and(let left, let right), .or(let left, let right): [left, right]
        case .comparison(let left, let comparisons): [left] + comparisons.map(\.right)
        case .conditional(let test, let then, let otherwise): [test, then] + (otherwise.map { [$0] } ?? [])
        }
    }
}

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
