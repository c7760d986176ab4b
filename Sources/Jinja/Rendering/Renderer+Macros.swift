// Responsible for: calls of macros: their parameters, defaults and special variables.
// Must not know: built-in functions.

extension Renderer {
    /// What a macro writes.
    func call(_ macro: Macro, _ arguments: CallArguments) throws(JinjaError) -> Text {
        let definition = macro.definition
        let name = definition.name.map { repr($0) } ?? "None"
        var named = arguments.named
        func take(_ parameter: Text) -> Value? {
            guard let index = named.firstIndex(where: { $0.name == parameter }) else { return nil }
            return named.remove(at: index).value
        }
        try enter()
        defer { leave() }
        let scope = Scope(parent: macro.scope)
        var given: [Value?] = []
        for (index, parameter) in definition.parameters.enumerated() {
            given.append(index < arguments.positional.count ? arguments.positional[index] : take(parameter.name))
        }
        let extras = definition.extras
        var caller: Value?
        if extras.caller {
            caller = take("caller") ?? .undefined(Undefined(message: "No caller defined"))
        }
        let rest = arguments.positional.dropFirst(definition.parameters.count)
        if !extras.kwargs, let unknown = named.first {
            throw fail(
                unknown.name == "caller"
                    ? "macro \(name) was invoked with two values for the special caller argument. This is most likely a bug."
                    : "macro \(name) takes no keyword argument \(repr(unknown.name))")
        }
        if !extras.varargs, !rest.isEmpty {
            throw fail("macro \(name) takes not more than \(definition.parameters.count) argument(s)")
        }
        if let caller {
            scope.set("caller", caller.isNone ? .undefined(Undefined(message: "No caller defined")) : caller)
        }
        if extras.kwargs { scope.set("kwargs", try dictionary(named.map { (.string($0.name), $0.value) })) }
        if extras.varargs { scope.set("varargs", try tuple(Array(rest))) }
        return try capture { () throws(JinjaError) in
            for (parameter, value) in zip(definition.parameters, given) {
                if let value {
                    scope.set(parameter.name, value)
                } else {
                    scope.set(parameter.name, try standard(of: parameter, in: scope))
                }
            }
            _ = try run(definition.body, in: scope)
        }.text
    }

    private func standard(of parameter: MacroDefinition.Parameter, in scope: Scope) throws(JinjaError) -> Value {
        if let standard = parameter.standard { return try evaluate(standard, in: scope) }
        return .undefined(Undefined(message: "parameter \(repr(parameter.name)) was not provided"))
    }
}
