// Responsible for: filters and tests that do not exist, found before anything is rendered.
// Must not know: what filters do.

/// jinja2 refuses an unknown filter when it compiles a template, unless a condition may keep it from being reached.
enum FilterCheck {
    static func check(_ body: [Statement]) throws(JinjaError) { try check(body, isConditional: false) }

    private static func check(_ body: [Statement], isConditional: Bool) throws(JinjaError) {
        for statement in body { try check(statement, isConditional) }
    }

    private static func check(_ statement: Statement, _ isConditional: Bool) throws(JinjaError) {
        switch statement.kind {
        case .text, .breakLoop, .continueLoop, .needsLoader: break
        case .output(let value), .assign(_, let value): try check(value, isConditional)
        case .condition(let branches, let otherwise):
            for branch in branches {
                try check(branch.test, true)
                try check(branch.body, isConditional: true)
            }
            try check(otherwise, isConditional: true)
        case .loop(let loop):
            try check(loop.source, isConditional)
            if let filter = loop.filter { try check(filter, false) }
            try check(loop.body, isConditional: false)
            try check(loop.otherwise, isConditional: false)
        case .assignBlock(_, let filter, let body):
            if let filter { try check(filter, false) }
            try check(body, isConditional: false)
        case .macro(let macro): try check(macro)
        case .callBlock(let macro, let call):
            try check(macro)
            try check(call, isConditional)
        case .filterBlock(let filter, let body):
            try check(filter, false)
            try check(body, isConditional: false)
        case .with(let bindings, let body):
            for binding in bindings { try check(binding.value, isConditional) }
            try check(body, isConditional: false)
        case .autoescape(let value, let body):
            try check(value, isConditional)
            try check(body, isConditional: false)
        case .block(let body, _): try check(body, isConditional: false)
        }
    }

    private static func check(_ macro: MacroDefinition) throws(JinjaError) {
        for parameter in macro.parameters { if let standard = parameter.standard { try check(standard, false) } }
        try check(macro.body, isConditional: false)
    }

    private static func check(_ expression: Expression, _ isConditional: Bool) throws(JinjaError) {
        var isConditional = isConditional
        switch expression.kind {
        case .filter(_, let name, _) where !isConditional && !Filters.names.contains(name):
            throw .syntax(line: expression.line, message: "No filter named '\(name)'.")
        case .test(_, let name, _) where !isConditional && !Predicates.names.contains(name):
            throw .syntax(line: expression.line, message: "No test named '\(name)'.")
        case .conditional: isConditional = true
        default: break
        }
        for child in expression.kind.children { try check(child, isConditional) }
    }
}
