// Responsible for: the arguments of one call, and their parameters by Python's rules.
// Must not know: what is called.

/// Evaluated arguments.
struct CallArguments {
    var positional: [Value] = []
    var named: [(name: Text, value: Value)] = []

    func named(_ name: Text) -> Value? { named.first { $0.name == name }?.value }

    /// The value of each of `parameters`, nil for those that are not given. Throws where there are too many arguments,
    /// unknown names, or fewer than the first `required`.
    func bind(
        _ renderer: Renderer, _ function: String, _ parameters: [Text], required: Int = 0
    ) throws(JinjaError) -> [Value?] {
        guard positional.count <= parameters.count else {
            throw renderer.fail(
                "\(function)() takes \(parameters.count) arguments but \(positional.count) were given")
        }
        var values: [Value?] = positional
        values += Array(repeating: nil, count: parameters.count - positional.count)
        for (name, value) in named {
            guard let index = parameters.firstIndex(of: name) else {
                throw renderer.fail("\(function)() got an unexpected keyword argument \(repr(name))")
            }
            guard values[index] == nil else {
                throw renderer.fail("\(function)() got multiple values for argument \(repr(name))")
            }
            values[index] = value
        }
        for index in 0..<required where values[index] == nil {
            throw renderer.fail("\(function)() is missing the argument \(repr(parameters[index]))")
        }
        return values
    }

    /// The values of a method that takes no names.
    func unnamed(
        _ renderer: Renderer, _ function: String, _ counts: ClosedRange<Int>
    ) throws(JinjaError) -> [Value] {
        guard named.isEmpty else { throw renderer.fail("\(function)() takes no keyword arguments") }
        guard counts.contains(positional.count) else {
            throw renderer.fail(
                "\(function)() takes \(counts.lowerBound) to \(counts.upperBound) arguments (\(positional.count) given)"
            )
        }
        return positional
    }
}
