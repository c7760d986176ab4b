// Which tokens end an answer beside those that a GGUF file names: files of instruct models often name one of several.
// Knows nothing of chat templates.

extension GenerationDefaults {
    /// Control tokens that end a turn or a text in the formats in use; llama.cpp knows them by these texts too.
    private static let endTexts: Set<String> = [
        "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endoftext|>",
        "<|end_of_text|>", "<EOT>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>", "<|eot|>",
        "<end_of_utterance>", "<|return|>", "<|call|>",
    ]

    /// The same defaults, where every control token that is known to end a turn does.
    func addingEndTokens(of tokenizer: TokenizerDescription?, vocabularySize: Int) -> GenerationDefaults {
        guard let tokenizer else { return self }
        var result = self
        let special = tokenizer.addedTokens.filter { $0.isSpecial && $0.id < vocabularySize }
        // In gpt-oss' format "<|end|>" ends one of several messages of an answer.
        let hasMessages = special.contains { $0.content == "<|return|>" }
        for token in special where Self.endTexts.contains(token.content) && !result.eosTokens.contains(token.id) {
            if hasMessages, token.content == "<|end|>" { continue }
            result.eosTokens.append(token.id)
        }
        return result
    }
}
