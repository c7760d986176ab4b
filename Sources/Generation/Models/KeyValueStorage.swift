// Responsible for: how keys and values are kept, from the name that a person gives.
// Must not know: who computes.
import Inference
import Sequences

/// The names of all types in which keys and values can be kept, for messages.
package var keyValueTypeNames: String { KeyValueType.allCases.map(\.rawValue).joined(separator: ", ") }

/// Throws a sentence that lists all names, unless keys and values can be kept in the type of this name.
package func checkKeyValueType(_ name: String) throws(TandemError) { _ = try KeyValueType.named(name) }

extension KeyValueType {
    /// What serving takes where nobody says otherwise: half the bytes of `f32`, and answers of the same quality.
    package static let standard = KeyValueType.f16

    /// The type of that name, the standard one for nil. Throws a sentence that lists all names.
    package static func named(_ name: String?) throws(TandemError) -> KeyValueType {
        guard let name else { return standard }
        guard let type = KeyValueType(rawValue: name) else {
            throw TandemError(
                "\(.keyValueType) is \(name), which is no known type", hint: "use one of \(keyValueTypeNames)")
        }
        return type
    }
}

// By its name.
extension KeyValueType: Codable {}
