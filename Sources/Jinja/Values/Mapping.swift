// Responsible for: dictionaries as Python has them: in order of insertion, 1 and 1.0 and true being one key.
// Must not know: how values are computed.

/// What makes two dictionary keys the same.
enum Key: Hashable {
    case none
    case undefined
    case number(Int)
    case float(Double)
    case string(Text)
    case tuple([Key])
    case identity(ObjectIdentifier)
}

/// An immutable dictionary.
package final class Mapping {
    struct Entry {
        var key: Value
        var value: Value
    }

    let entries: [Entry]
    let depth: Int
    private let places: [Key: Int]

    var count: Int { entries.count }

    /// `keys` are those of `entries`, in their order; the last of equal keys gives the value, the first the place.
    init(_ pairs: [(key: Value, value: Value)], keys: [Key]) {
        var entries: [Entry] = []
        var places: [Key: Int] = [:]
        var depth = 0
        entries.reserveCapacity(pairs.count)
        places.reserveCapacity(pairs.count)
        for (pair, key) in zip(pairs, keys) {
            depth = max(depth, pair.value.depth, pair.key.depth)
            if let place = places[key] {
                entries[place].value = pair.value
            } else {
                places[key] = entries.count
                entries.append(Entry(key: pair.key, value: pair.value))
            }
        }
        (self.entries, self.places, self.depth) = (entries, places, depth + 1)
    }

    convenience init(strings pairs: [(Text, Value)]) {
        self.init(pairs.map { (.string($0.0), $0.1) }, keys: pairs.map { .string($0.0) })
    }

    subscript(key: Key) -> Value? { places[key].map { entries[$0].value } }
}
