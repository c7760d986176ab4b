// The vocabulary of GGUF files as a tokenizer description.
import Testing

@testable import ModelFile

@Suite struct GGUFTokenizerTests {
    @Test("A SentencePiece vocabulary keeps scores, kinds and the rules of its family")
    func sentencePiece() throws {
        let tokenizer = try #require(try TinyModels.llamaGGUF().tokenizer())
        guard case .sentencePiece(let scores) = tokenizer.algorithm else { return #expect(Bool(false)) }
        #expect(scores == [0, 0, 0, 0, -1, -2, -3, -4])
        #expect(tokenizer.kinds[..<5] == [.unknown, .control, .control, .byte, .normal])
        #expect(tokenizer.normalizers == [.prepend("\u{2581}"), .replace(.literal(" "), with: "\u{2581}")])
        #expect(tokenizer.preTokenizers == [])
        #expect(tokenizer.usesByteFallback)
        #expect(tokenizer.prefixTokens == [1])
        #expect(tokenizer.suffixTokens == [])
        #expect(tokenizer.addedTokens.map(\.content) == ["<unk>", "<s>", "</s>"])
    }

    @Test("BOS, EOS and the space prefix follow the file's flags")
    func flags() throws {
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.add_bos_token", .bool(false))
        file.set("tokenizer.ggml.add_eos_token", .bool(true))
        file.set("tokenizer.ggml.add_space_prefix", .bool(false))
        let tokenizer = try #require(try file.tokenizer())
        #expect(tokenizer.prefixTokens == [])
        #expect(tokenizer.suffixTokens == [2])
        #expect(tokenizer.normalizers.count == 1)
    }

    @Test("A byte-level vocabulary keeps its merges in order")
    func bytePairs() throws {
        let tokenizer = try #require(try TinyModels.gpt2GGUF().tokenizer())
        guard case .bytePairs(let merges) = tokenizer.algorithm else { return #expect(Bool(false)) }
        #expect(merges.map(\.left) == ["a", "ab", "Ġ"])
        #expect(merges.map(\.right) == ["b", "c", "a"])
        #expect(tokenizer.preTokenizers.count == 2)
        #expect(tokenizer.preTokenizers.last == .byteLevel(addsPrefixSpace: false, splits: false))
        #expect(tokenizer.prefixTokens == [])
        #expect(tokenizer.eos == 7)
    }

    @Test("Pre-tokenizers are recognized by name; an unknown one is kept by name, beside known ones")
    func preTokenizers() throws {
        #expect(GGUFPreTokenizer.names.count > 80)
        #expect(Set(GGUFPreTokenizer.names).count == GGUFPreTokenizer.names.count)
        for (name, ignoresMerges, addsBOS) in [
            ("gpt-2", false, false), ("llama-bpe", true, true), ("qwen2", false, false), ("tekken", true, true),
            ("command-r", false, false), ("gpt-4o", false, false), ("chameleon", false, true),
        ] {
            var file = TinyModels.gpt2GGUF()
            file.set("tokenizer.ggml.pre", .string(name))
            let tokenizer = try #require(try file.model().tokenizer)
            #expect(tokenizer.unsupported == nil)
            #expect(tokenizer.ignoresMerges == ignoresMerges)
            #expect(tokenizer.prefixTokens == (addsBOS ? [7] : []))
        }
        var file = TinyModels.gpt2GGUF()
        file.set("tokenizer.ggml.pre", .string("klingon"))
        let unknown = try #require(try file.model().tokenizer?.unsupported)
        #expect(unknown.hasPrefix("pre-tokenizer \"klingon\" under tokenizer.ggml.pre"))
        #expect(unknown.contains("\(GGUFPreTokenizer.names.count) names") && unknown.contains("llama-bpe"))
        file.set("tokenizer.ggml.pre", .string("qwen\u{7}3"))
        #expect(try file.model().tokenizer?.unsupported?.contains("such as qwen2, qwen35)") == true)
    }

    @Test("A file without tokenizer, or of another tokenizer model, still opens")
    func otherTokenizers() throws {
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.model", nil)
        #expect(try file.model().tokenizer == nil)
        file.set("tokenizer.ggml.model", .string("rwkv"))
        #expect(try file.model().tokenizer?.unsupported == "tokenizer model rwkv")
    }

    @Test("The vocabularies of T5 and BERT keep the rules of their families")
    func unigramAndWordPiece() throws {
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.model", .string("t5"))
        file.set("tokenizer.ggml.remove_extra_whitespaces", .bool(true))
        let t5 = try #require(try file.tokenizer())
        guard case .unigram(let scores) = t5.algorithm else { return #expect(Bool(false)) }
        #expect(scores.count == 8 && t5.normalizers.count == 4 && t5.fusesUnknown)
        #expect(t5.prefixTokens == [] && t5.suffixTokens == [2])
        file.set("tokenizer.ggml.model", .string("bert"))
        file.set("tokenizer.ggml.seperator_token_id", .uint32(2))
        let bert = try #require(try file.tokenizer())
        guard case .wordPiece("", "\u{2581}", .max) = bert.algorithm else { return #expect(Bool(false)) }
        #expect(bert.prefixTokens == [1] && bert.suffixTokens == [2] && bert.preTokenizers.count == 2)
    }

    @Test("Special tokens of Phi-3 swallow the white space behind them, those of other models do not")
    func phi3() throws {
        var file = TinyModels.llamaGGUF()
        #expect(try #require(try file.tokenizer()).addedTokens.allSatisfy { !$0.stripsRight })
        file.set("general.name", .string("Phi-3-mini"))
        let stripping = try #require(try file.tokenizer()).addedTokens.filter(\.stripsRight)
        #expect(stripping.map(\.content) == ["</s>"])
    }

    @Test("All tokens that end an answer are inside the vocabulary and listed once")
    func endTokens() throws {
        var file = TinyModels.llamaGGUF()
        file.set("tokenizer.ggml.eot_token_id", .uint32(5))
        #expect(try file.model().generation.eosTokens == [2, 5])
        file.set("tokenizer.ggml.eot_token_id", .uint32(2))
        #expect(try file.model().generation.eosTokens == [2])
        file.set("tokenizer.ggml.eot_token_id", .uint32(.max))
        #expect(try file.model().generation.eosTokens == [2])
        file.set("tokenizer.ggml.eot_token_id", .uint32(8))
        #expect(try file.model().generation.eosTokens == [2])
    }

    @Test("Lists that do not belong together are refused")
    func mismatches() {
        let changes: [(String, GGUFBuilder.Value)] = [
            ("tokenizer.ggml.scores", .floats([0])), ("tokenizer.ggml.scores", .strings(["0"])),
            ("tokenizer.ggml.scores", .floats([0, 0, 0, 0, 0, 0, 0, .nan])),
            ("tokenizer.ggml.token_type", .int32s([1])),
            ("tokenizer.ggml.token_type", .int32s([1, 1, 1, 1, 1, 1, 1, 7])),
            ("tokenizer.ggml.tokens", .strings([])), ("tokenizer.ggml.tokens", .int32s([1])),
        ]
        for (key, value) in changes {
            var file = TinyModels.llamaGGUF()
            file.set(key, value)
            #expect(refusal { try file.tokenizer() }?.field == key)
        }
    }

    @Test("A merge that is not two texts is refused", arguments: ["ab", " ab", "ab ", "a b c", "", " "])
    func merges(text: String) {
        var file = TinyModels.gpt2GGUF()
        file.set("tokenizer.ggml.merges", .strings(["a b", text]))
        #expect(refusal { try file.tokenizer() }?.field == "tokenizer.ggml.merges")
    }
}
