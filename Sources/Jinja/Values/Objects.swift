// Responsible for: the values that have a state or can be called: namespaces, macros, loops and their like.
// Must not know: how they are evaluated.

/// What `namespace(...)` makes: attributes that a template may assign. The renderer empties it at its end, so that
/// namespaces that hold each other are freed.
package final class Namespace {
    var attributes: [(name: Text, value: Value)] = []

    subscript(name: Text) -> Value? {
        get { attributes.first { $0.name == name }?.value }
        set {
            guard let newValue else { return }
            if let index = attributes.firstIndex(where: { $0.name == name }) {
                attributes[index].value = newValue
            } else {
                attributes.append((name, newValue))
            }
        }
    }
}

/// The variables of one block of a template, and the blocks around it.
final class Scope {
    let parent: Scope?
    var variables: [(name: Text, value: Value)] = []

    init(parent: Scope?) { self.parent = parent }

    func find(_ name: Text) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            for variable in current.variables where variable.name == name { return variable.value }
            scope = current.parent
        }
        return nil
    }

    func set(_ name: Text, _ value: Value) {
        if let index = variables.firstIndex(where: { $0.name == name }) {
            variables[index].value = value
        } else {
            variables.append((name, value))
        }
    }
}

/// A macro, or the body of a `call` block, with the variables around its definition.
package final class Macro {
    let definition: MacroDefinition
    let scope: Scope

    init(_ definition: MacroDefinition, scope: Scope) { (self.definition, self.scope) = (definition, scope) }
}

/// The variable `loop` of a `for` block.
package final class Loop {
    var source: Items
    var index0 = -1
    let depth0: Int
    var previous: Value?
    var current: Value?
    /// The item after `current`, once someone asked for it.
    var peeked: Value?
    var hasPeeked = false
    var changedValues: [Value]?
    /// Known at once, or when all items have been computed.
    var length: Int?
    /// Renders the body over other items, in a loop that is marked `recursive`.
    let recursion: ForLoop?
    let scope: Scope

    init(_ source: Items, depth0: Int, recursion: ForLoop?, scope: Scope) {
        (self.source, self.depth0, self.recursion, self.scope) = (source, depth0, recursion, scope)
        length = source.knownCount
    }

    /// Forgets all items, so that no chain of loops holds each other.
    func end() {
        source = Items([])
        (previous, current, peeked, changedValues) = (nil, nil, nil, nil)
    }
}

/// What `cycler(...)` makes.
package final class Cycler {
    let items: List
    var position = 0
    init(_ items: List) { self.items = items }
}

/// What `joiner(...)` makes: nothing the first time, then the separator.
package final class Joiner {
    let separator: Text
    var isUsed = false
    init(_ separator: Text) { self.separator = separator }
}

/// A built-in function, or a method of a value.
package final class Function {
    let name: Text
    /// The value whose method it is.
    let receiver: Value?
    init(_ name: Text, of receiver: Value? = nil) { (self.name, self.receiver) = (name, receiver) }
}

/// What can be iterated: values at hand, integers, or a generator.
struct Items {
    private enum Source {
        case values([Value])
        case range(IntegerRange)
        case generator(LazyValues)
    }

    private let source: Source
    private var position = 0

    init(_ values: [Value]) { source = .values(values) }
    init(_ range: IntegerRange) { source = .range(range) }
    init(_ generator: LazyValues) { source = .generator(generator) }

    /// How many remain, where that is known without computing them.
    var knownCount: Int? {
        switch source {
        case .values(let values): values.count - position
        case .range(let range): range.count - position
        case .generator: nil
        }
    }

    mutating func next() throws(JinjaError) -> Value? {
        switch source {
        case .generator(let generator): return try generator.next()
        case .values(let values):
            guard position < values.count else { return nil }
            defer { position += 1 }
            return values[position]
        case .range(let range):
            guard position < range.count else { return nil }
            defer { position += 1 }
            return .int(range[position])
        }
    }
}
