// The tokenizers of Hugging Face folders as descriptions.
import Foundation
import Testing

@testable import ModelFile

@Suite struct TokenizerJSONTests {
    private func describe(
        settings: [String: Any] = [:], _ change: (inout [String: Any]) -> Void = { _ in }
    ) throws -> TokenizerDescription {
        var document = TinyModels.byteLevelTokenizer()
        change(&document)
        let files = ["tokenizer.json": try jsonBytes(document), "tokenizer_config.json": try jsonBytes(settings)]
        return try #require(try MemoryFolder(files: files).tokenizer())
    }

    private func setModel(_ document: inout [String: Any], _ field: String, _ value: Any) {
        var model = document["model"] as? [String: Any] ?? [:]
        model[field] = value
        document["model"] = model
    }

    @Test("Vocabulary, merges, added tokens and the template are read")
    func reads() throws {
        let tokenizer = try describe(settings: ["bos_token": "<s>", "eos_token": ["content": "b"]])
        #expect(tokenizer.tokens == ["a", "b", "ab", "Ġ", "<s>", "<tool>"])
        #expect(tokenizer.kinds == [.normal, .normal, .normal, .normal, .control, .userDefined])
        guard case .bytePairs(let merges) = tokenizer.model else { return #expect(Bool(false)) }
        #expect(merges == [.init(left: "a", right: "b")])
        #expect(tokenizer.textForm == .byteLevel)
        #expect(tokenizer.preTokenizer == .gpt2)
        #expect(tokenizer.spacePrefix == .never)
        #expect(tokenizer.normalizesToNFC)
        #expect(tokenizer.ignoresMerges)
        #expect(tokenizer.prefixTokens == [4])
        #expect(tokenizer.suffixTokens == [])
        #expect(tokenizer.bos == 4)
        #expect(tokenizer.eos == 1)
        #expect(tokenizer.addedTokens[0] == .init(id: 4, content: "<s>", isSpecial: true, stripsRight: true))
        #expect(
            tokenizer.addedTokens[1]
                == .init(id: 5, content: "<tool>", isSpecial: false, isSingleWord: true, isNormalized: true))
    }

    @Test("Merges may be lists, and may then hold spaces")
    func mergesAsLists() throws {
        let tokenizer = try describe { setModel(&$0, "merges", [["a ", " b"]]) }
        guard case .bytePairs(let merges) = tokenizer.model else { return #expect(Bool(false)) }
        #expect(merges == [.init(left: "a ", right: " b")])
        for bad in [["a"], ["a", "b", "c"], ["a", 1], "ab", 1] as [Any] {
            #expect(refusal { try describe { setModel(&$0, "merges", [bad]) } }?.field == "model.merges")
        }
    }

    @Test("Canonically equivalent tokens stay apart")
    func equivalentTokens() throws {
        let document = #"{"model": {"vocab": {"\u00e9": 0, "e\u0301": 1}, "merges": []}}"#
        let folder = MemoryFolder(files: ["tokenizer.json": Array(document.utf8)])
        let tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.tokens[0].utf8.count == 2)
        #expect(tokenizer.tokens[1].utf8.count == 3)
    }

    @Test("The Llama normalizer and Metaspace become space marks with their own prefix rules")
    func spaceMarks() throws {
        let prepend: [String: Any] = ["type": "Prepend", "prepend": "\u{2581}"]
        let replace: [String: Any] = ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"]
        let llama = try describe { document in
            document["normalizer"] = ["type": "Sequence", "normalizers": [prepend, replace]] as [String: Any]
            document["pre_tokenizer"] = NSNull()
            setModel(&document, "byte_fallback", true)
            setModel(&document, "fuse_unk", true)
            setModel(&document, "unk_token", "a")
            setModel(&document, "vocab", ["a": 0, "<0x0A>": 1, "<0x0G>": 2, "b": 3])
        }
        #expect(llama.textForm == .spaceMarker)
        #expect(llama.spacePrefix == .always)
        #expect(llama.preTokenizer == .none)
        #expect(llama.usesByteFallback)
        #expect(llama.fusesUnknown)
        #expect(llama.unknown == 0)
        #expect(llama.kinds[..<4] == [.unknown, .byte, .normal, .normal])

        let schemes: [(String, Bool, TokenizerDescription.SpacePrefix, TokenizerDescription.PreTokenizer)] = [
            ("first", false, .firstUnlessSpace, .none), ("always", true, .alwaysUnlessSpace, .markedWords),
            ("never", false, .never, .none),
        ]
        for (scheme, splits, prefix, kind) in schemes {
            let metaspace = try describe { document in
                document["normalizer"] = NSNull()
                document["pre_tokenizer"] =
                    ["type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme, "split": splits]
                    as [String: Any]
            }
            #expect(metaspace.textForm == .spaceMarker)
            #expect(metaspace.spacePrefix == prefix)
            #expect(metaspace.preTokenizer == kind)
        }
    }

    @Test("Known split expressions are recognized")
    func splits() throws {
        let llama3 =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
            + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        func kind(_ expression: String, behavior: String = "Isolated") throws -> TokenizerDescription.PreTokenizer {
            try describe { document in
                let split: [String: Any] = [
                    "type": "Split", "pattern": ["Regex": expression], "behavior": behavior, "invert": false,
                ]
                let bytes: [String: Any] = ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false]
                document["pre_tokenizer"] = ["type": "Sequence", "pretokenizers": [split, bytes]] as [String: Any]
            }.preTokenizer
        }
        #expect(try kind(llama3) == .llama3)
        #expect(try kind(llama3.replacing("{1,3}", with: "")) == .qwen2)
        #expect(try kind(#"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#) == .gpt2)
        for unknown in [try kind("\\w+"), try kind(llama3, behavior: "Removed")] {
            guard case .unsupported = unknown else { return #expect(Bool(false)) }
        }
    }

    @Test("What is unknown leaves a tokenizer that says so, not a model that does not open")
    func unsupported() throws {
        let changes: [((inout [String: Any]) -> Void, String)] = [
            ({ $0["normalizer"] = ["type": "NFKC"] }, "normalizer NFKC"),
            ({ $0["pre_tokenizer"] = ["type": "Whitespace"] }, "pre-tokenizer Whitespace"),
            ({ $0["post_processor"] = ["type": "Strange"] }, "post-processor Strange"),
            ({ $0["model"] = ["type": "Unigram", "vocab": [["a", 0]]] as [String: Any] }, "tokenizer model Unigram"),
            ({ setModel(&$0, "end_of_word_suffix", "</w>") }, "tokenizer with end_of_word_suffix"),
            ({ setModel(&$0, "dropout", 0.1) }, "tokenizer with dropout"),
        ]
        for (change, name) in changes {
            #expect(try describe(change).preTokenizer == .unsupported(name))
        }
    }

    @Test("Without a template, tokenizer_config.json or the class decides about BOS and EOS")
    func specialTokensWithoutTemplate() throws {
        func tokens(_ settings: [String: Any]) throws -> [[Int]] {
            let all = settings.merging(["bos_token": "<s>", "eos_token": "b"]) { $1 }
            let tokenizer = try describe(settings: all) { $0["post_processor"] = ["type": "ByteLevel"] }
            return [tokenizer.prefixTokens, tokenizer.suffixTokens]
        }
        #expect(try tokens([:]) == [[], []])
        #expect(try tokens(["add_bos_token": true, "add_eos_token": true]) == [[4], [1]])
        #expect(try tokens(["tokenizer_class": "LlamaTokenizer"]) == [[4], []])
        #expect(try tokens(["tokenizer_class": "LlamaTokenizer", "add_bos_token": false]) == [[], []])
        let withTemplate = try describe(settings: ["bos_token": "<s>", "add_bos_token": false])
        #expect(withTemplate.prefixTokens == [4])
    }

    @Test("A template with an unknown token or an id outside of the vocabulary is refused")
    func badTemplates() {
        for ids in [[6], [-1], []] {
            let error = refusal {
                try describe { document in
                    document["post_processor"] =
                        [
                            "type": "TemplateProcessing", "single": [["SpecialToken": ["id": "<s>"]]],
                            "special_tokens": ["<s>": ["ids": ids]],
                        ] as [String: Any]
                }
            }
            #expect(error?.field?.hasPrefix("post_processor") == true)
        }
    }

    @Test("A template of absurd length is refused")
    func longTemplate() {
        let error = refusal {
            try describe { document in
                let piece = ["SpecialToken": ["id": "<s>"]]
                document["post_processor"] =
                    ["type": "TemplateProcessing", "single": Array(repeating: piece, count: 1000)] as [String: Any]
            }
        }
        #expect(error?.code == .limitExceeded)
    }

    @Test("Ids that are taken, negative or far beyond the vocabulary are refused; holes are unused tokens")
    func ids() throws {
        for vocabulary in [["a": 0, "b": 0], ["a": -1], ["a": 1 << 40], ["a": 1_000_000], ["a": Int.max]] {
            #expect(refusal { try describe { setModel(&$0, "vocab", vocabulary) } }?.value != nil)
        }
        let tokenizer = try describe { setModel(&$0, "vocab", ["a": 0, "b": 9]) }
        #expect(tokenizer.tokens.count == 10)
        #expect(tokenizer.kinds[8] == .unused)
        #expect(tokenizer.tokens[8] == "")
    }

    @Test("An unknown token that is not in the vocabulary is refused")
    func unknownToken() {
        #expect(refusal { try describe { setModel(&$0, "unk_token", "<none>") } }?.field == "model.unk_token")
    }

    @Test("vocab.json and merges.txt serve where there is no tokenizer.json")
    func olderFiles() throws {
        let added = #"{"3": {"content": "<e>", "special": true}}"#
        let settings =
            #"{"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<e>", "added_tokens_decoder": "# + added + "}"
        var folder = MemoryFolder(files: [
            "vocab.json": Array(#"{"a": 0, "b": 1, "ab": 2}"#.utf8),
            "merges.txt": Array("#version: 0.2\na b\n".utf8),
            "tokenizer_config.json": Array(settings.utf8),
        ])
        let tokenizer = try #require(try folder.tokenizer())
        #expect(tokenizer.tokens == ["a", "b", "ab", "<e>"])
        #expect(tokenizer.preTokenizer == .qwen2)
        #expect(tokenizer.eos == 3)
        folder.files["merges.txt"] = Array("a\n".utf8)
        #expect(refusal { try folder.tokenizer() }?.field == "line 1")
        folder.files["merges.txt"] = nil
        #expect(try folder.tokenizer() == nil)
    }
}
