// Unicode's normalization forms, by Foundation's tables and in the version of the reference. Knows nothing of tokenizers.

import Foundation

/// One of the four forms (UAX 15).
enum NormalizationForm: Sendable {
    case nfc, nfd, nfkc, nfkd

    /// Valid UTF-8 brought to this form. Scalars that Unicode assigned after version 9 stay as they are and part what
    /// stands around them: the `tokenizers` library does not know them.
    func apply(to bytes: [UInt8]) -> [UInt8] {
        guard let firstBeyondASCII = bytes.firstIndex(where: { $0 >= 0x80 }) else { return bytes }
        var result = Array(bytes[..<firstBeyondASCII])
        result.reserveCapacity(bytes.count + bytes.count / 8)
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            /// The last scalar that may join with what follows, and what does follow, begin here.
            var segment = firstBeyondASCII > 0 ? firstBeyondASCII - 1 : 0
            if segment < firstBeyondASCII { result.removeLast() }
            var isInert = true
            var index = firstBeyondASCII
            while index < buffer.count {
                let (scalar, next) = text.scalar(at: index)
                if self.isInert(scalar) {
                    append(buffer[segment..<index], isInert: isInert, to: &result)
                    segment = index
                    isInert = true
                } else if Self.isUnknown(scalar) {
                    append(buffer[segment..<index], isInert: isInert, to: &result)
                    result += buffer[index..<next]
                    segment = next
                    isInert = true
                } else {
                    isInert = false
                }
                index = next
            }
            append(buffer[segment..<index], isInert: isInert, to: &result)
        }
        return result
    }

    private func append(_ part: Slice<UnsafeRawBufferPointer>, isInert: Bool, to result: inout [UInt8]) {
        if isInert {
            result += part
            return
        }
        let text = String(decoding: part, as: UTF8.self)
        switch self {
        case .nfc: result += Array(text.precomposedStringWithCanonicalMapping.utf8)
        case .nfd: result += Array(text.decomposedStringWithCanonicalMapping.utf8)
        case .nfkc: result += Array(text.precomposedStringWithCompatibilityMapping.utf8)
        case .nfkd: result += Array(text.decomposedStringWithCompatibilityMapping.utf8)
        }
    }

    /// Scalars that join with nothing: those that are too new, and the Hangul letters beside those that are composed,
    /// which Swift 6.3 composes too.
    private static func isUnknown(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x1113, 0x1176, 0x11A7, 0x11C3: true
        default: UnicodeClasses.traits(of: scalar).contains(.isNew)
        }
    }

    /// Scalars that this form leaves as they are, and that join with nothing before them: most text is of these.
    private func isInert(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0..<0x80, 0x4E00...0x9FD5: return true
        default: break
        }
        let composes = self == .nfc || self == .nfkc
        switch scalar {
        case 0xA0...0x2FF: return self == .nfc
        case 0x388...0x3CE, 0x400...0x482, 0x3041...0x3096, 0x30A1...0x30FA, 0xAC00...0xD7A3: return composes
        case 0x2010...0x2027, 0x2030...0x205E, 0x3001...0x3029, 0xFF01...0xFF60, 0x1F300...0x1F5FF:
            return self == .nfc
        default: return false
        }
    }
}
