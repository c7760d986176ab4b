// Responsible for: values of any type as JSON that reads the same in every language: enumerations by their names, what
// belongs to a case beside it. Must not know: what the values mean.

/// Encodes what it wraps by its fields: a case of an enumeration that has more than a name is an object with its name as
/// `kind` and the fields of its value; names within values are in snake case, as keys are.
@propertyWrapper
package struct PlainFields<Value: Sendable>: Sendable, Encodable {
    package var wrappedValue: Value

    /// Wraps a value.
    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    package func encode(to encoder: any Encoder) throws { try Part(value: wrappedValue).encode(to: encoder) }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// One value within the wrapped one.
    private struct Part: Encodable {
        let value: Any

        func encode(to encoder: any Encoder) throws {
            let mirror = Mirror(reflecting: value)
            switch mirror.displayStyle {
            case .struct where !mirror.children.isEmpty:
                var object = encoder.container(keyedBy: Key.self)
                try Self.encode(mirror.children, into: &object)
            case .enum where !(value is any RawRepresentable):
                var object = encoder.container(keyedBy: Key.self)
                let payload = mirror.children.first
                try object.encode((payload?.label ?? "\(value)").inSnakeCase, forKey: Key(stringValue: "kind"))
                guard let payload else { return }
                let inner = Mirror(reflecting: payload.value)
                let hasFields = inner.displayStyle == .struct || inner.displayStyle == .tuple
                let value: Mirror.Child = (label: "value", value: payload.value)
                try Self.encode(hasFields ? inner.children : Mirror.Children([value]), into: &object)
            case .enum:
                var single = encoder.singleValueContainer()
                let raw = (value as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\(value)"
                try single.encode(raw.inSnakeCase)
            case .collection:
                var list = encoder.unkeyedContainer()
                for child in mirror.children { try list.encode(Part(value: child.value)) }
            default:
                var single = encoder.singleValueContainer()
                if let plain = value as? any Encodable { try single.encode(plain) } else { try single.encodeNil() }
            }
        }

        private static func encode(
            _ children: Mirror.Children, into object: inout KeyedEncodingContainer<Key>
        ) throws {
            for child in children {
                var value = child.value
                if Mirror(reflecting: value).displayStyle == .optional {
                    guard let inner = Mirror(reflecting: value).children.first else { continue }
                    value = inner.value
                }
                // Values of a tuple without labels have the labels .0, .1 and so on.
                let name = child.label.map { $0.hasPrefix(".") ? "value" + $0.dropFirst() : $0 } ?? "value"
                try object.encode(Part(value: value), forKey: Key(stringValue: name))
            }
        }

    }
}

extension String {
    /// "contextLength" as "context_length", "clampedSwiGLU" as "clamped_swi_glu".
    package var inSnakeCase: String {
        let letters = Array(self)
        return letters.indices.reduce(into: "") { text, index in
            let isLast = index + 1 == letters.count || !letters[index + 1].isLowercase
            let isFirst = index == 0 || letters[index - 1] == "_"
            let isInside = !isFirst && letters[index - 1].isUppercase && isLast
            if letters[index].isUppercase, !isFirst, !isInside { text += "_" }
            text += letters[index].lowercased()
        }
    }
}
