// Responsible for: strings with Python's meaning: sequences of code points, equal only if the same code points.
// Must not know: templates.
import Glibc

/// A string as UTF-8, always valid. Swift's `String` would call "é" equal to "e" with an accent, and count both as one.
package struct Text: Sendable {
    private(set) var utf8: [UInt8]
    /// Marked by `safe` or `escape`: what is added to it is escaped for HTML, as markupsafe does.
    var isMarkup = false

    /// The code points of `string`.
    package init(_ string: String) { utf8 = Array(string.utf8) }

    /// Bytes that are known to be valid UTF-8.
    init(utf8: [UInt8], isMarkup: Bool = false) {
        self.utf8 = utf8
        self.isMarkup = isMarkup
    }

    init(_ bytes: ArraySlice<UInt8>, isMarkup: Bool = false) {
        self.init(utf8: Array(bytes), isMarkup: isMarkup)
    }

    init(scalars: some Sequence<Unicode.Scalar>, isMarkup: Bool = false) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(utf8: Array(String(view).utf8), isMarkup: isMarkup)
    }

    /// The same text as Swift's.
    package var string: String { String(decoding: utf8, as: UTF8.self) }

    var isEmpty: Bool { utf8.isEmpty }

    /// The number of code points.
    var count: Int { Self.count(of: utf8, upTo: utf8.count) }

    /// The number of code points that begin before byte `end`.
    static func count(of utf8: [UInt8], upTo end: Int) -> Int {
        utf8.withUnsafeBufferPointer { bytes in
            var count = 0
            var index = 0
            while index < end {
                if bytes[index] & 0xC0 != 0x80 { count += 1 }
                index += 1
            }
            return count
        }
    }

    var isASCII: Bool {
        utf8.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                if bytes[index] >= 0x80 { return false }
                index += 1
            }
            return true
        }
    }

    var scalars: [Unicode.Scalar] { Array(string.unicodeScalars) }

    /// Each code point as a text of its own, never markup.
    var characters: [Text] { scalars.map { Text(scalars: CollectionOfOne($0)) } }

    /// The byte at which code point `index` begins; the end for an index beyond it.
    func offset(ofScalar index: Int) -> Int {
        utf8.withUnsafeBufferPointer { bytes in
            var seen = 0
            var offset = 0
            while offset < bytes.count {
                if bytes[offset] & 0xC0 != 0x80 {
                    if seen == index { return offset }
                    seen += 1
                }
                offset += 1
            }
            return bytes.count
        }
    }

    mutating func append(_ other: Text) { utf8.append(contentsOf: other.utf8) }

    static func + (left: Text, right: Text) -> Text {
        var result = left
        result.append(right)
        return result
    }

    /// This text `count` times.
    func repeated(_ count: Int) -> Text {
        if utf8.count == 1 { return Text(utf8: Array(repeating: utf8[0], count: count), isMarkup: isMarkup) }
        var result: [UInt8] = []
        guard !isEmpty else { return self }
        result.reserveCapacity(utf8.count * count)
        for _ in 0..<count { result += utf8 }
        return Text(utf8: result, isMarkup: isMarkup)
    }

    /// This text, marked as markup or not.
    func marked(_ isMarkup: Bool) -> Text {
        var result = self
        result.isMarkup = isMarkup
        return result
    }

    /// `&`, `<`, `>`, `"` and `'` as HTML entities, unless this is markup already.
    var escaped: Text {
        guard !isMarkup else { return self }
        var result: [UInt8] = []
        result.reserveCapacity(utf8.count)
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "&"): result += "&amp;".utf8
            case UInt8(ascii: "<"): result += "&lt;".utf8
            case UInt8(ascii: ">"): result += "&gt;".utf8
            case UInt8(ascii: "\""): result += "&#34;".utf8
            case UInt8(ascii: "'"): result += "&#39;".utf8
            default: result.append(byte)
            }
        }
        return Text(utf8: result, isMarkup: true)
    }
}

extension Text: Hashable, Comparable, ExpressibleByStringLiteral {
    /// A literal's code points.
    package init(stringLiteral value: String) { self.init(value) }

    /// Equal code points; markup or not does not matter.
    package static func == (left: Text, right: Text) -> Bool {
        left.utf8.count == right.utf8.count && compare(left, right) == 0
    }

    /// The order of code points, which is that of UTF-8.
    package static func < (left: Text, right: Text) -> Bool { compare(left, right) < 0 }

    /// Equal texts hash alike.
    package func hash(into hasher: inout Hasher) {
        utf8.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    private static func compare(_ left: Text, _ right: Text) -> Int {
        left.utf8.withUnsafeBytes { l in
            right.utf8.withUnsafeBytes { r in
                let common = min(l.count, r.count)
                let order = common == 0 ? 0 : Int(memcmp(l.baseAddress!, r.baseAddress!, common))
                return order != 0 ? order : l.count - r.count
            }
        }
    }
}
