// Responsible for: Python's numbers: integers, floats, and true and false as 1 and 0.
// Must not know: templates.
import Glibc

/// An integer of 64 bits or a float.
enum Number {
    case int(Int)
    case float(Double)

    init?(_ value: Value) {
        switch value {
        case .bool(let value): self = .int(value ? 1 : 0)
        case .int(let value): self = .int(value)
        case .wideInt(let digits): self = .float(Double(digits) ?? .infinity)
        case .float(let value): self = .float(value)
        default: return nil
        }
    }

    var double: Double {
        switch self {
        case .int(let value): Double(value)
        case .float(let value): value
        }
    }

    /// The integer that this equals, if any.
    var integer: Int? {
        switch self {
        case .int(let value): value
        case .float(let value): Int(exactly: value)
        }
    }

    var value: Value {
        switch self {
        case .int(let value): .int(value)
        case .float(let value): .float(value)
        }
    }

    /// Below 0, 0 or above 0 as this is less than, equal to or greater than `other`; nil for NaN.
    func order(_ other: Number) -> Int? {
        switch (self, other) {
        case (.int(let a), .int(let b)): return a < b ? -1 : a > b ? 1 : 0
        default:
            let (a, b) = (double, other.double)
            if a.isNaN || b.isNaN { return nil }
            if a != b { return a < b ? -1 : 1 }
            // Both are the same float; an integer beyond 53 bits may still differ.
            if let a = integer, let b = other.integer, a != b { return a < b ? -1 : 1 }
            return 0
        }
    }

    enum Problem: Error {
        case tooLarge
        case zeroDivision
        case complex
    }

    static func apply(_ operation: BinaryOperator, _ left: Number, _ right: Number) throws(Problem) -> Number {
        if operation == .divide {
            guard right.double != 0 else { throw .zeroDivision }
            return .float(left.double / right.double)
        }
        guard case (.int(let a), .int(let b)) = (left, right) else {
            return try apply(operation, left.double, right.double)
        }
        switch operation {
        case .add: return .int(try checked(a.addingReportingOverflow(b)))
        case .subtract: return .int(try checked(a.subtractingReportingOverflow(b)))
        case .multiply: return .int(try checked(a.multipliedReportingOverflow(by: b)))
        case .power: return try power(a, b)
        default:
            guard b != 0 else { throw .zeroDivision }
            guard b != -1 else {
                return operation == .modulo ? .int(0) : .int(try checked((0 as Int).subtractingReportingOverflow(a)))
            }
            let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
            let isRoundedUp = remainder != 0 && (remainder < 0) != (b < 0)
            if operation == .modulo { return .int(isRoundedUp ? remainder + b : remainder) }
            return .int(isRoundedUp ? quotient - 1 : quotient)
        }
    }

    private static func checked(_ result: (partialValue: Int, overflow: Bool)) throws(Problem) -> Int {
        if result.overflow { throw .tooLarge }
        return result.partialValue
    }

    private static func power(_ base: Int, _ exponent: Int) throws(Problem) -> Number {
        guard exponent >= 0 else {
            if base == 0 { throw .zeroDivision }
            return .float(pow(Double(base), Double(exponent)))
        }
        var (result, factor, rest) = (1, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result = try checked(result.multipliedReportingOverflow(by: factor)) }
            rest >>= 1
            if rest > 0 {
                if factor == 0 || factor == 1 { break }
                if factor == -1 {
                    factor = 1
                } else {
                    factor = try checked(factor.multipliedReportingOverflow(by: factor))
                }
            }
        }
        return .int(rest > 0 && factor == 0 ? 0 : result)
    }

    private static func apply(_ operation: BinaryOperator, _ a: Double, _ b: Double) throws(Problem) -> Number {
        switch operation {
        case .add: return .float(a + b)
        case .subtract: return .float(a - b)
        case .multiply: return .float(a * b)
        case .power:
            if a == 0, b < 0 { throw .zeroDivision }
            if a < 0, b != b.rounded(), b.isFinite { throw .complex }
            let result = pow(a, b)
            if result.isInfinite, a.isFinite, b.isFinite { throw .tooLarge }
            return .float(result)
        default:
            guard b != 0 else { throw .zeroDivision }
            var remainder = fmod(a, b)
            var quotient = (a - remainder) / b
            if remainder != 0, (b < 0) != (remainder < 0) {
                remainder += b
                quotient -= 1
            }
            if remainder == 0 { remainder = copysign(0, b) }
            if operation == .modulo { return .float(remainder) }
            guard quotient != 0 else { return .float(copysign(0, a / b)) }
            var floored = quotient.rounded(.down)
            if quotient - floored > 0.5 { floored += 1 }
            return .float(floored)
        }
    }

    /// Python's `float(text)`.
    static func double(_ text: Text) -> Double? {
        let trimmed = text.stripped()
        let bytes = trimmed.utf8
        guard let first = bytes.first, let digits = withoutUnderscores(bytes) else { return nil }
        let isSigned = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        switch trimmed.lowercased.string.drop(while: { isSigned && ($0 == "-" || $0 == "+") }) {
        case "inf", "infinity": return first == UInt8(ascii: "-") ? -.infinity : .infinity
        case "nan": return .nan
        default: break
        }
        let allowed = Set("0123456789+-.eE".utf8)
        guard digits.utf8.allSatisfy({ allowed.contains($0) }),
            digits.utf8.contains(where: { $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        return Double(digits.hasSuffix(".") ? digits + "0" : digits)
    }

    /// Python's `int(text, base)`; nil where the text is no integer. Throws where it is beyond 64 bits.
    static func integer(_ text: Text, base: Int) throws(Problem) -> Int? {
        var digits = Array(text.stripped().utf8)
        var isNegative = false
        if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            digits.removeFirst()
        }
        var radix = base
        if digits.count > 2, digits[0] == UInt8(ascii: "0") {
            let prefixes: [UInt8: Int] = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2]
            if let prefix = prefixes[digits[1] | 0x20], base == 0 || base == prefix {
                radix = prefix
                digits.removeFirst(2)
                if digits.first == UInt8(ascii: "_") { digits.removeFirst() }
            }
        }
        if radix == 0 {
            radix = 10
            let isZero = digits.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "_") }
            if digits.first == UInt8(ascii: "0"), !isZero { return nil }
        }
        guard let plain = withoutUnderscores(digits), !plain.isEmpty,
            plain.allSatisfy({ $0.hexDigitValue != nil || $0.isLetter }), plain.utf8.allSatisfy({ $0 < 0x80 })
        else { return nil }
        if let value = Int((isNegative ? "-" : "") + plain, radix: radix) { return value }
        let isNumber = plain.allSatisfy { Int(String($0), radix: radix) != nil }
        if isNumber { throw .tooLarge }
        return nil
    }

    /// The text without underscores, which stand between digits only.
    private static func withoutUnderscores(_ bytes: [UInt8]) -> String? {
        let underscore = UInt8(ascii: "_")
        for (index, byte) in bytes.enumerated() where byte == underscore {
            guard index > 0, index + 1 < bytes.count, Text.isASCIIAlphanumeric(bytes[index - 1]),
                Text.isASCIIAlphanumeric(bytes[index + 1])
            else { return nil }
        }
        return String(decoding: bytes.filter { $0 != underscore }, as: UTF8.self)
    }

    /// `value` with `digits` decimals, halves of its exact binary value to even, as Python's `round`.
    static func rounded(_ value: Double, digits: Int) -> Double {
        guard value.isFinite, digits < 323 else { return value }
        if digits < 0 {
            let scale = pow(10, Double(-digits))
            return scale.isFinite ? (value / scale).rounded(.toNearestOrEven) * scale : copysign(0, value)
        }
        return strtod(fixed(value, digits: digits), nil)
    }

    /// C's `%.*f`, which is exact.
    static func fixed(_ value: Double, digits: Int) -> String { formatted("%.*f", value, digits) }

    /// C's `%.*e`.
    static func scientific(_ value: Double, digits: Int) -> String { formatted("%.*e", value, digits) }

    private static func formatted(_ format: String, _ value: Double, _ digits: Int) -> String {
        let arguments: [any CVarArg] = [Int32(clamping: digits), value]
        let count = withVaList(arguments) { vsnprintf(nil, 0, format, $0) }
        guard count > 0 else { return "" }
        var buffer = [CChar](repeating: 0, count: Int(count) + 1)
        _ = withVaList(arguments) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
