// Rewrites text before it is cut into words. Knows nothing of words and tokens.

import ModelFile

/// One normalizer, ready to be applied.
enum TextNormalizer: Sendable {
    case form(NormalizationForm)
    case lowercase
    case stripAccents
    case controlCharacters
    case byteLevel
    case strip(left: Bool, right: Bool)
    case prepend([UInt8])
    case replace(TextPattern, with: [UInt8])
    case bert(cleansText: Bool, separatesChinese: Bool, stripsAccents: Bool, lowercases: Bool)
    case characterMap(CharacterMap, byGrapheme: Bool)

    init(_ normalizer: TokenizerDescription.Normalizer) throws(TokenizationError) {
        switch normalizer {
        case .nfc: self = .form(.nfc)
        case .nfd: self = .form(.nfd)
        case .nfkc: self = .form(.nfkc)
        case .nfkd: self = .form(.nfkd)
        case .lowercase: self = .lowercase
        case .stripAccents: self = .stripAccents
        case .controlCharacters: self = .controlCharacters
        case .byteLevel: self = .byteLevel
        case .strip(let left, let right): self = .strip(left: left, right: right)
        case .prepend(let text): self = .prepend(Array(text.utf8))
        case .replace(let pattern, let content):
            self = .replace(try TextPattern(pattern), with: Array(content.utf8))
        case .bert(let cleans, let separates, let strips, let lowercases):
            self = .bert(
                cleansText: cleans, separatesChinese: separates, stripsAccents: strips, lowercases: lowercases)
        case .characterMap(let bytes, let byGrapheme):
            self = .characterMap(try CharacterMap(bytes), byGrapheme: byGrapheme)
        }
    }

    /// The rewritten text. `beginsText` becomes false where what stood at its beginning is gone.
    func apply(to bytes: [UInt8], beginsText: inout Bool) -> [UInt8] {
        switch self {
        case .form(let form): return form.apply(to: bytes)
        case .lowercase: return Self.lowercased(bytes)
        case .stripAccents:
            return Self.map(bytes, &beginsText) { Self.has($0, .mark9) ? nil : $0 }
        case .controlCharacters: return Self.map(bytes, &beginsText, Self.withoutControl)
        case .byteLevel:
            var result: [UInt8] = []
            for byte in bytes { appendUTF8(ByteAlphabet.scalars[Int(byte)], to: &result) }
            return result
        case .strip(let left, let right): return Self.strip(bytes, left: left, right: right, &beginsText)
        case .prepend(let text): return bytes.isEmpty ? bytes : text + bytes
        case .replace(let pattern, let content): return pattern.replacing(in: bytes, with: content)
        case .bert(let cleans, let separates, let strips, let lowercases):
            var bytes = cleans ? Self.map(bytes, &beginsText, Self.cleaned) : bytes
            if separates { bytes = Self.separatingChinese(bytes) }
            if strips {
                bytes = Self.map(NormalizationForm.nfd.apply(to: bytes), &beginsText) {
                    Self.has($0, .nonspacing8) ? nil : $0
                }
            }
            return lowercases ? Self.lowercased(bytes) : bytes
        case .characterMap(let map, let byGrapheme):
            return byGrapheme ? map.applyByGrapheme(to: bytes) : map.applyToLongest(in: bytes)
        }
    }

    private static func has(_ scalar: UInt32, _ traits: UnicodeClasses.Traits) -> Bool {
        scalar >= 0x80 && !UnicodeClasses.traits(of: scalar).isDisjoint(with: traits)
    }

    /// Each scalar through `transform`; nil leaves it out.
    private static func map(
        _ bytes: [UInt8], _ beginsText: inout Bool, _ transform: (UInt32) -> UInt32?
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            var index = 0
            while index < buffer.count {
                let (scalar, next) = text.scalar(at: index)
                if let mapped = transform(scalar) {
                    if mapped == scalar { result += buffer[index..<next] } else { appendUTF8(mapped, to: &result) }
                } else if index == 0 {
                    beginsText = false
                }
                index = next
            }
        }
        return result
    }

    private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            var index = 0
            while index < buffer.count {
                let byte = buffer[index]
                if byte < 0x80 {
                    result.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
                    index += 1
                    continue
                }
                let (scalar, next) = text.scalar(at: index)
                if let scalar = Unicode.Scalar(scalar) {
                    result.append(contentsOf: Array(scalar.properties.lowercaseMapping.utf8))
                }
                index = next
            }
        }
        return result
    }

    private static func strip(
        _ bytes: [UInt8], left: Bool, right: Bool, _ beginsText: inout Bool
    ) -> [UInt8] {
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            func isSpace(_ index: Int) -> Bool {
                UnicodeClasses.traits(of: text.scalar(at: index).scalar).contains(.whiteSpace)
            }
            var start = 0
            var end = buffer.count
            while left, start < end, isSpace(start) { start = text.end(of: start) }
            while right, start < end, isSpace(text.start(before: end)) { end = text.start(before: end) }
            if start > 0 { beginsText = false }
            return Array(buffer[start..<end])
        }
    }

    /// SentencePiece's rules for machine translation (`nmt`), as `tokenizers` has them.
    private static func withoutControl(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x1...0x8, 0xB, 0xE...0x1F, 0x7F, 0x8F, 0x9F: nil
        case 0x9, 0xA, 0xC, 0xD, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
        default: scalar
        }
    }

    /// BERT: no control characters, and all white space as spaces.
    private static func cleaned(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x9, 0xA, 0xD: return 0x20
        case 0, 0xFFFD: return nil
        case 0x20..<0x7F: return scalar
        default:
            let traits = UnicodeClasses.traits(of: scalar)
            if traits.contains(.other8) { return nil }
            return traits.contains(.whiteSpace) ? 0x20 : scalar
        }
    }

    private static func separatingChinese(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 >= 0xE3 }) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            var index = 0
            while index < buffer.count {
                let (scalar, next) = text.scalar(at: index)
                let isChinese = isChinese(scalar)
                if isChinese { result.append(0x20) }
                result += buffer[index..<next]
                if isChinese { result.append(0x20) }
                index = next
            }
        }
        return result
    }

    /// As BERT's code has it. (The block that begins at U+2B820 is missing there.)
    private static func isChinese(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
