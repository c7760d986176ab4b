// Recognizes the normalizer and the pre-tokenizer of a tokenizer.json as one of the kinds that are supported. Knows
// nothing of vocabularies.

/// How text becomes pieces before merging.
struct TextPieces {
    var textForm = TokenizerDescription.TextForm.byteLevel
    var preTokenizer = TokenizerDescription.PreTokenizer.none
    var spacePrefix = TokenizerDescription.SpacePrefix.never
    var normalizesToNFC = false

    init(preTokenizer: TokenizerDescription.PreTokenizer, normalizesToNFC: Bool = false) {
        self.preTokenizer = preTokenizer
        self.normalizesToNFC = normalizesToNFC
    }

    /// Anything that is not known makes the pre-tokenizer `unsupported`, with a name for the message.
    init(document: JSONObject, model: JSONObject) throws(ModelFileError) {
        var marksSpaces = false
        for normalizer in try document.object("normalizer")?.flattened("normalizers") ?? [] {
            if try add(normalizer: normalizer) { marksSpaces = true }
        }
        let steps = try document.object("pre_tokenizer")?.flattened("pretokenizers") ?? []
        try recognize(steps, marksSpaces: marksSpaces)
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] where try !(model.string(name) ?? "").isEmpty {
            preTokenizer = .unsupported("tokenizer with \(name)")
        }
        if let dropout = try model.number("dropout"), dropout != 0 {
            preTokenizer = .unsupported("tokenizer with dropout")
        }
        if let unknown { preTokenizer = .unsupported(unknown) }
    }

    /// Name of something that is not supported.
    private var unknown: String?

    /// True for a normalizer that writes "▁" for spaces.
    private mutating func add(normalizer: JSONObject) throws(ModelFileError) -> Bool {
        let type = try normalizer.string("type") ?? "without type"
        switch type {
        case "NFC":
            normalizesToNFC = true
            return false
        case "Prepend" where try normalizer.string("prepend") == "\u{2581}":
            spacePrefix = .always
            return false
        case "Replace" where try isSpaceMark(normalizer):
            return true
        default:
            unknown = "normalizer \(type)"
            return false
        }
    }

    private func isSpaceMark(_ normalizer: JSONObject) throws(ModelFileError) -> Bool {
        let pattern = try normalizer.object("pattern")?.string("String")
        let content = try normalizer.string("content")
        return pattern == " " && content == "\u{2581}"
    }

    private mutating func recognize(_ steps: [JSONObject], marksSpaces: Bool) throws(ModelFileError) {
        var types: [String] = []
        for step in steps { types.append(try step.string("type") ?? "without type") }
        switch types {
        case [] where marksSpaces:
            textForm = .spaceMarker
        case ["Metaspace"] where !marksSpaces:
            textForm = .spaceMarker
            try recognizeMetaspace(steps[0])
        case ["ByteLevel"] where !marksSpaces:
            try recognizeByteLevel(steps[0], withRegex: .gpt2, without: TokenizerDescription.PreTokenizer.none)
        case ["Digits", "ByteLevel"] where try steps[0].bool("individual_digits") == true && !marksSpaces:
            try recognizeByteLevel(steps[1], withRegex: .digitsThenGPT2, without: nil)
        case ["Split", "ByteLevel"] where !marksSpaces:
            try recognizeByteLevel(steps[1], withRegex: nil, without: Self.split(steps[0]))
        default:
            unknown = "pre-tokenizer " + (types.isEmpty ? "(none)" : types.joined(separator: ", "))
        }
    }

    private mutating func recognizeMetaspace(_ step: JSONObject) throws(ModelFileError) {
        guard try (step.string("replacement") ?? "\u{2581}") == "\u{2581}" else {
            unknown = "pre-tokenizer Metaspace with another mark"
            return
        }
        let addsPrefix = try step.bool("add_prefix_space") ?? true
        let scheme = try step.string("prepend_scheme") ?? (addsPrefix ? "always" : "never")
        switch scheme {
        case "always": spacePrefix = .alwaysUnlessSpace
        case "first": spacePrefix = .firstUnlessSpace
        case "never": spacePrefix = .never
        default: unknown = "pre-tokenizer Metaspace with prepend_scheme \(scheme)"
        }
        preTokenizer = try step.bool("split") ?? true ? .markedWords : .none
    }

    /// The last step of every byte-level tokenizer, which may split by GPT-2's expression itself.
    private mutating func recognizeByteLevel(
        _ step: JSONObject, withRegex: TokenizerDescription.PreTokenizer?,
        without: TokenizerDescription.PreTokenizer?
    ) throws(ModelFileError) {
        if try step.bool("add_prefix_space") ?? true { spacePrefix = .alwaysUnlessSpace }
        let splits = try step.bool("use_regex") ?? true
        if let kind = splits ? withRegex : without {
            preTokenizer = kind
        } else {
            unknown = "pre-tokenizer with an unknown split before ByteLevel"
        }
    }

    /// nil: an expression that is not known.
    private static func split(_ step: JSONObject) throws(ModelFileError) -> TokenizerDescription.PreTokenizer? {
        guard try step.string("behavior") == "Isolated", try step.bool("invert") != true else { return nil }
        return try step.object("pattern")?.string("Regex").flatMap { expressions[$0] }
    }

    private static let expressions: [String: TokenizerDescription.PreTokenizer] = {
        let ending = #"|\s+(?!\S)|\s+"#
        let words = #"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"# + ending
        let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let lines = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"# + ending
        return [
            #"'s|'t|'re|'ve|'m|'ll|'d"# + words: .gpt2,
            #"'(?:[sdmt]|ll|ve|re)"# + words: .gpt2,
            contractions + #"\p{N}{1,3}"# + lines: .llama3,
            contractions + #"\p{N}"# + lines: .qwen2,
        ]
    }()
}
