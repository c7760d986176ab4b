// One entry of a GGUF file's metadata as bytes, for writing. Knows nothing of what keys mean.

/// A key and its encoded value.
package struct GGUFField: Sendable, Hashable {
    package let key: String
    /// The number of its type, then the value, as they stand in a file.
    let encoded: [UInt8]

    init(key: String, encoded: [UInt8]) { (self.key, self.encoded) = (key, encoded) }

    /// `value` is below 2^32.
    static func uint32(_ key: String, _ value: Int) -> GGUFField {
        GGUFField(key: key, encoded: GGUFValueType.uint32.bytes + littleEndian(UInt32(truncatingIfNeeded: value)))
    }

    /// `value` fits 32 bits.
    static func int32(_ key: String, _ value: Int) -> GGUFField {
        GGUFField(key: key, encoded: GGUFValueType.int32.bytes + littleEndian(Int32(truncatingIfNeeded: value)))
    }

    static func float32(_ key: String, _ value: Double) -> GGUFField {
        GGUFField(key: key, encoded: GGUFValueType.float32.bytes + littleEndian(Float(value).bitPattern))
    }

    static func bool(_ key: String, _ value: Bool) -> GGUFField {
        GGUFField(key: key, encoded: GGUFValueType.bool.bytes + [value ? 1 : 0])
    }

    static func string(_ key: String, _ value: String) -> GGUFField {
        GGUFField(key: key, encoded: GGUFValueType.string.bytes + text(value))
    }

    static func strings(_ key: String, _ values: [String]) -> GGUFField {
        var bytes = list(of: .string, count: values.count)
        bytes.reserveCapacity(bytes.count + values.reduce(0) { $0 + 8 + $1.utf8.count })
        for value in values { bytes += text(value) }
        return GGUFField(key: key, encoded: bytes)
    }

    static func float32s(_ key: String, _ values: [Float]) -> GGUFField {
        GGUFField(
            key: key,
            encoded: list(of: .float32, count: values.count) + values.flatMap { littleEndian($0.bitPattern) })
    }

    static func int32s(_ key: String, _ values: [Int32]) -> GGUFField {
        GGUFField(key: key, encoded: list(of: .int32, count: values.count) + values.flatMap { littleEndian($0) })
    }

    static func bools(_ key: String, _ values: [Bool]) -> GGUFField {
        GGUFField(key: key, encoded: list(of: .bool, count: values.count) + values.map { $0 ? 1 : 0 })
    }

    /// Key and value as they stand in a file.
    var bytes: [UInt8] { Self.text(key) + encoded }

    /// A 64-bit length and the text.
    static func text(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func list(of type: GGUFValueType, count: Int) -> [UInt8] {
        GGUFValueType.array.bytes + type.bytes + littleEndian(UInt64(count))
    }
}

extension GGUFValueType {
    fileprivate var bytes: [UInt8] { GGUFField.littleEndian(rawValue) }
}
