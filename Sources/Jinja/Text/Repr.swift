// Responsible for: numbers and strings as Python's `repr` writes them.
// Must not know: templates.

/// Python's `repr` of a string: in single quotes unless it has one and no double quote.
func repr(_ text: Text) -> String {
    let scalars = text.string.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView()
    result.append(quote)
    for scalar in scalars {
        switch scalar {
        case quote, "\\":
            result.append("\\")
            result.append(scalar)
        case "\n": result.append(contentsOf: "\\n".unicodeScalars)
        case "\r": result.append(contentsOf: "\\r".unicodeScalars)
        case "\t": result.append(contentsOf: "\\t".unicodeScalars)
        case _ where Text.isPrintable(scalar): result.append(scalar)
        default: result.append(contentsOf: escape(scalar).unicodeScalars)
        }
    }
    result.append(quote)
    return String(result)
}

/// `\x1b`, `\u200b` or `\U000e0001`.
private func escape(_ scalar: Unicode.Scalar) -> String {
    let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
    return "\\" + letter + hexadecimal(scalar.value, width: width)
}

/// Lower case digits, zeros in front.
func hexadecimal(_ value: UInt32, width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// Python's `repr` of a float: the shortest digits that read back as the same number, with an exponent below 1e-4 and
/// from 1e16 on.
func repr(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    let (digits, exponent) = shortestDigits(value.magnitude)
    let sign = value < 0 ? "-" : ""
    if exponent < -4 || exponent >= 16 {
        let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
        let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return sign + digits.prefix(1) + fraction + "e" + (exponent < 0 ? "-" : "+") + size
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    let whole = exponent + 1
    if digits.count <= whole { return sign + digits + String(repeating: "0", count: whole - digits.count) + ".0" }
    return sign + digits.prefix(whole) + "." + digits.dropFirst(whole)
}

/// The shortest decimal digits of a positive number, and the power of ten of the first.
private func shortestDigits(_ value: Double) -> (digits: String, exponent: Int) {
    let parts = value.description.split(separator: "e")
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = halves[0]
    let fraction = halves.count > 1 ? halves[1] : ""
    let all = whole + fraction
    let digits = all.drop { $0 == "0" }
    let first = exponent + whole.count - 1 - (all.count - digits.count)
    let trimmed = digits.reversed().drop { $0 == "0" }.reversed()
    return (String(trimmed), first)
}
