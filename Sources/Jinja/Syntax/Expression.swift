// Responsible for: expressions as a tree, and the operators between them.
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
