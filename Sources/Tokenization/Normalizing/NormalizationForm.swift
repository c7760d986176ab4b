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
                } else if Self.joinsNothing(scalar) {
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
        // Always in two passes: Swift 6.3 does not sort the marks that a decomposition brings among their neighbours.
        switch self {
        case .nfc:
            result += Array(text.decomposedStringWithCanonicalMapping.precomposedStringWithCanonicalMapping.utf8)
        case .nfd:
            result += Array(text.decomposedStringWithCanonicalMapping.decomposedStringWithCanonicalMapping.utf8)
        case .nfkc:
            result += Array(text.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping.utf8)
        case .nfkd:
            result += Array(text.decomposedStringWithCompatibilityMapping.decomposedStringWithCanonicalMapping.utf8)
        }
    }

    /// Scalars that join with nothing: those that are too new, the Hangul letters beside those that are composed, and
    /// those beyond the first plane that have no mapping and are no marks. (Swift 6.3 composes some of them: it takes
    /// U+E0062 for "b".)
    private static func joinsNothing(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x1113, 0x1176, 0x11A7, 0x11C3: return true
        case 0x1_0000...:
            let isMark = Unicode.Scalar(scalar).map { $0.properties.canonicalCombiningClass != .notReordered } ?? false
            if !isMark, !mappedBeyondFirstPlane.contains(where: { $0.contains(scalar) }) { return true }
            return UnicodeClasses.traits(of: scalar).contains(.isNew)
        default: return UnicodeClasses.traits(of: scalar).contains(.isNew)
        }
    }

    /// Where there are mappings: Brahmic writings, musical and mathematical signs, enclosed letters, Chinese characters.
    private static let mappedBeyondFirstPlane: [ClosedRange<UInt32>] = [
        0x1_1000...0x1_1FFF, 0x1_D100...0x1_D1FF, 0x1_D400...0x1_D7FF, 0x1_EE00...0x1_EEFF, 0x1_F100...0x1_F2FF,
        0x2_F800...0x2_FA1F,
    ]

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
