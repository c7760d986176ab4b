// Reads the normalizers, pre-tokenizers and decoders of a tokenizer.json as steps. Knows nothing of vocabularies.
// Format: the serialization of the `tokenizers` library (`normalizers/`, `pre_tokenizers/`, `decoders/`).

/// The steps of one file.
struct TokenizerSteps {
    var normalizers: [TokenizerDescription.Normalizer] = []
    var preTokenizers: [TokenizerDescription.PreTokenizer] = []
    /// nil where the file has no decoder.
    var decoders: [TokenizerDescription.Decoder]?
    /// The first step that is not known.
    var unsupported: String?

    init(document: JSONObject) throws(ModelFileError) {
        for step in try Self.steps(document.object("normalizer"), "normalizers") {
            guard let normalizer = try Self.normalizer(step) else {
                try note("normalizer", step)
                continue
            }
            normalizers.append(normalizer)
        }
        for step in try Self.steps(document.object("pre_tokenizer"), "pretokenizers") {
            let known = try Self.preTokenizers(step)
            if known.isEmpty { try note("pre-tokenizer", step) }
            preTokenizers += known
        }
        guard let decoder = try document.object("decoder") else { return }
        var known: [TokenizerDescription.Decoder] = []
        for step in try Self.steps(decoder, "decoders") {
            guard let decoder = try Self.decoder(step) else {
                try note("decoder", step)
                continue
            }
            known.append(decoder)
        }
        decoders = known
    }

    private mutating func note(_ kind: String, _ step: JSONObject) throws(ModelFileError) {
        let type = try step.string("type") ?? "without type"
        unsupported = unsupported ?? "\(kind) \(ModelFileError.printable(type, limit: 80))"
    }

    private static func steps(_ object: JSONObject?, _ name: String) throws(ModelFileError) -> [JSONObject] {
        guard let object else { return [] }
        let steps = try object.flattened(name)
        guard steps.count <= FileLimits.tokenizerSteps else {
            throw ModelFileError(
                .limitExceeded, file: object.file, field: name, value: steps.count,
                "is above the limit of \(FileLimits.tokenizerSteps)")
        }
        return steps
    }

    private static func normalizer(
        _ step: JSONObject
    ) throws(ModelFileError) -> TokenizerDescription.Normalizer? {
        switch try step.string("type") {
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Nmt": return .controlCharacters
        case "ByteLevel": return .byteLevel
        case "Strip":
            return .strip(left: try step.bool("strip_left") ?? true, right: try step.bool("strip_right") ?? true)
        case "Prepend": return .prepend(try step.required("prepend", step.string("prepend")))
        case "Replace": return .replace(try pattern(step), with: try step.required("content", step.string("content")))
        case "BertNormalizer":
            let lowercases = try step.bool("lowercase") ?? true
            return .bert(
                cleansText: try step.bool("clean_text") ?? true,
                separatesChinese: try step.bool("handle_chinese_chars") ?? true,
                stripsAccents: try step.bool("strip_accents") ?? lowercases, lowercases: lowercases)
        case "Precompiled":
            let text = try step.required("precompiled_charsmap", step.string("precompiled_charsmap"))
            guard let bytes = Base64.decode(text) else {
                throw step.wrong("precompiled_charsmap", .string(text), "Base64")
            }
            return .characterMap(bytes, byGrapheme: true)
        default: return nil
        }
    }

    /// Empty for a pre-tokenizer that is not known.
    private static func preTokenizers(
        _ step: JSONObject
    ) throws(ModelFileError) -> [TokenizerDescription.PreTokenizer] {
        switch try step.string("type") {
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: try step.bool("add_prefix_space") ?? true,
                    splits: try step.bool("use_regex") ?? true)
            ]
        case "Split":
            return [.split(try pattern(step), try behavior(step), inverted: try step.bool("invert") ?? false)]
        case "Digits":
            let isIndividual = try step.bool("individual_digits") ?? false
            return [.split(.expression(#"\p{N}"#), isIndividual ? .isolated : .contiguous, inverted: false)]
        case "Punctuation": return [.split(punctuation, try behavior(step), inverted: false)]
        case "Metaspace":
            return [
                .metaspace(
                    mark: try mark(step), prefix: try prefix(step), splits: try step.bool("split") ?? true)
            ]
        case "Whitespace": return [.split(words, .removed, inverted: true)]
        case "WhitespaceSplit": return [.split(.expression(#"\s"#), .removed, inverted: false)]
        case "BertPreTokenizer":
            return [
                .split(.expression(#"\s"#), .removed, inverted: false), .split(punctuation, .isolated, inverted: false),
            ]
        case "CharDelimiterSplit":
            let delimiter = try step.required("delimiter", step.string("delimiter"))
            return [.split(.literal(delimiter), .removed, inverted: false)]
        case "FixedLength":
            let length = try step.integer("length") ?? 5
            guard (1...1000).contains(length) else { throw step.wrong("length", .integer(length), "1 to 1000") }
            return [.isolated("(?m:.{1,\(length)})")]
        default: return []
        }
    }

    /// ASCII punctuation, and what Unicode 8 counts as such.
    static let punctuation = TokenizerDescription.Pattern.expression(#"[\p{Unicode8Punctuation}!-/:-@\[-`{-~]"#)
    /// `\w+|[^\w\s]+`, where `\w` is that of Rust's expressions: with the joiners and without the six Latin-1 numbers
    /// that it holds in Oniguruma.
    private static let words = TokenizerDescription.Pattern.expression(
        #"[[^\W²³¹¼-¾]\u200C\u200D]+|[[^\s\w]²³¹¼-¾&&[^\u200C\u200D]]+"#)

    static func decoder(_ step: JSONObject) throws(ModelFileError) -> TokenizerDescription.Decoder? {
        switch try step.string("type") {
        case "ByteLevel": return .byteLevel
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "Replace": return .replace(try pattern(step), with: try step.required("content", step.string("content")))
        case "Strip":
            let content = try step.required("content", step.string("content"))
            let (start, stop) = (try step.integer("start") ?? 0, try step.integer("stop") ?? 0)
            guard let scalar = content.unicodeScalars.first, start >= 0, stop >= 0 else {
                throw step.wrong("decoder Strip", .string(content), "a character and two counts")
            }
            return .strip(content: scalar, start: start, stop: stop)
        case "Metaspace": return .metaspace(mark: try mark(step), trimsFirst: try prefix(step) != .never)
        case "WordPiece":
            return .wordPiece(
                prefix: try step.string("prefix") ?? "##", cleansUp: try step.bool("cleanup") ?? true)
        case "BPEDecoder": return .wordSuffix(try step.string("suffix") ?? "</w>")
        case "CTC":
            return .ctc(
                padding: try step.string("pad_token") ?? "<pad>",
                delimiter: try step.string("word_delimiter_token") ?? "|",
                cleansUp: try step.bool("cleanup") ?? true)
        default: return nil
        }
    }

    /// {"String": ...} or {"Regex": ...}
    private static func pattern(_ step: JSONObject) throws(ModelFileError) -> TokenizerDescription.Pattern {
        let pattern = try step.required("pattern", step.object("pattern"))
        if let text = try pattern.string("String") { return .literal(text) }
        return .expression(try pattern.required("Regex", pattern.string("Regex")))
    }

    private static func behavior(_ step: JSONObject) throws(ModelFileError) -> TokenizerDescription.SplitBehavior {
        let name = try step.string("behavior") ?? "Isolated"
        switch name {
        case "Removed": return .removed
        case "Isolated": return .isolated
        case "MergedWithPrevious": return .mergedWithPrevious
        case "MergedWithNext": return .mergedWithNext
        case "Contiguous": return .contiguous
        default: throw step.wrong("behavior", .string(name), "one of the library's five behaviors")
        }
    }

    private static func mark(_ step: JSONObject) throws(ModelFileError) -> Unicode.Scalar {
        let text = try step.string("replacement") ?? "\u{2581}"
        guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw step.wrong("replacement", .string(text), "one character")
        }
        return scalar
    }

    private static func prefix(_ step: JSONObject) throws(ModelFileError) -> TokenizerDescription.SpacePrefix {
        let addsPrefix = try step.bool("add_prefix_space") ?? true
        let scheme = try step.string("prepend_scheme") ?? (addsPrefix ? "always" : "never")
        switch scheme {
        case "always": return .always
        case "first": return .first
        case "never": return .never
        default: throw step.wrong("prepend_scheme", .string(scheme), "always, first or never")
        }
    }
}

/// Base64 (RFC 4648).
enum Base64 {
    /// The bytes; nil where the text is not Base64. Line breaks are left out.
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 where character != 0x0A && character != 0x0D {
            if character == UInt8(ascii: "=") { break }
            guard let value = value(of: character) else { return nil }
            bits = bits << 6 | value
            count += 1
            if count == 4 {
                bytes += [UInt8(bits >> 16 & 0xFF), UInt8(bits >> 8 & 0xFF), UInt8(bits & 0xFF)]
                (bits, count) = (0, 0)
            }
        }
        switch count {
        case 0: break
        case 2: bytes.append(UInt8(bits >> 4 & 0xFF))
        case 3: bytes += [UInt8(bits >> 10 & 0xFF), UInt8(bits >> 2 & 0xFF)]
        default: return nil
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
