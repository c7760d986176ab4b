// The name that GGUF files give to the way a tokenizer.json cuts text. Knows nothing of how text is cut.
// Names: `llama_vocab::impl::load` of llama.cpp; its converter finds them by what a tokenizer does to a test text, which
// comes to the expression that the file holds.

extension TokenizerJSON {
    /// The name for "tokenizer.ggml.pre"; nil where the folder's tokenizer cuts text in a way that has none.
    static func preTokenizerName(in folder: any ModelFolder) throws(ModelFileError) -> String? {
        let document = try HuggingFaceModel.json("tokenizer.json", in: folder, limit: Limits.tokenizerBytes)
        guard let document else { return try olderName(in: folder) }
        let steps = try document.object("pre_tokenizer")?.flattened("pretokenizers") ?? []
        var types: [String] = []
        for step in steps { types.append(try step.string("type") ?? "") }
        switch types {
        case ["ByteLevel"]: return try steps[0].bool("use_regex") ?? true ? "gpt-2" : nil
        case ["Digits", "ByteLevel"]: return "smollm"
        case ["Split", "ByteLevel"]:
            let expression = try steps[0].object("pattern")?.string("Regex") ?? ""
            let takesWholeWords = try document.object("model")?.bool("ignore_merges") ?? false
            return names[expression].map { $0 == "llama-bpe" && !takesWholeWords ? "dbrx" : $0 }
        default: return nil
        }
    }

    private static func olderName(in folder: any ModelFolder) throws(ModelFileError) -> String? {
        let settings = try HuggingFaceModel.json("tokenizer_config.json", in: folder)
        switch try settings?.string("tokenizer_class") ?? "GPT2Tokenizer" {
        case "GPT2Tokenizer", "GPT2TokenizerFast": return "gpt-2"
        case "Qwen2Tokenizer", "Qwen2TokenizerFast": return "qwen2"
        default: return nil
        }
    }

    /// Names by the expression of the "Split" step.
    private static let names: [String: String] = {
        let ending = #"|\s+(?!\S)|\s+"#
        let contractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
        let words = contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        let lines = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"# + ending
        // Words by case, as GPT-4o cuts them.
        let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
        let before = #"[^\r\n\p{L}\p{N}]?"#
        func cased(_ suffix: String, _ digits: String) -> String {
            before + upper + "*" + lower + "+" + suffix + "|" + before + upper + "+" + lower + "*" + suffix + "|"
                + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+"# + ending
        }
        return [
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"# + ending: "gpt-2",
            #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"# + ending: "gpt-2",
            words + #"\p{N}{1,3}"# + lines: "llama-bpe",
            words + #"\p{N}"# + lines: "qwen2",
            cased(contractions + "?", #"\p{N}{1,3}"#): "gpt-4o",
            cased("", #"\p{N}"#): "tekken",
        ]
    }()
}
