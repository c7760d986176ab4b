// How text is cut for each name that GGUF files give under "tokenizer.ggml.pre". Knows nothing of vocabularies.
// The names are those of llama.cpp (`llama_vocab::impl::load`), the expressions those of the models' tokenizer.json.

/// What a name under "tokenizer.ggml.pre" stands for.
struct GGUFPreTokenizer {
    var steps: [TokenizerDescription.PreTokenizer]
    /// A word that is a token is taken whole.
    var ignoresMerges = false
    /// Whether BOS is added where the file does not say.
    var addsBOS = false
    /// Tokens are written in GPT-2's characters, one for each byte; else as text with "▁" for spaces.
    var isByteLevel = true

    /// nil: not a known name.
    init?(_ name: String) {
        guard let family = Self.families.first(where: { $0.names.contains(name) }) else { return nil }
        steps = family.expressions.map { .isolated($0) }
        ignoresMerges = Self.ignoringMerges.contains(name)
        addsBOS = Self.addingBOS.contains(name)
        isByteLevel = !Self.inPlainText.contains(name)
    }

    /// The cut that `byteLevel` with `splits` makes.
    static let gpt2Step = TokenizerDescription.PreTokenizer.isolated(gpt2)

    /// The name to write into a file for these steps; nil where none stands for them.
    static func name(of steps: [TokenizerDescription.PreTokenizer], ignoresMerges: Bool) -> String? {
        // Files of transformers write GPT-2's expression in two ways.
        let short = TokenizerDescription.PreTokenizer.isolated(
            gpt2.replacing("'s|'t|'re|'ve|'m|'ll|'d", with: "'(?:[sdmt]|ll|ve|re)"))
        let wanted = steps.map { $0 == short ? gpt2Step : $0 }
        let names = families.filter { $0.expressions.map { .isolated($0) } == wanted }.flatMap(\.names)
        let fitting = (usual.filter(names.contains) + names).filter { ignoringMerges.contains($0) == ignoresMerges }
        return fitting.first ?? names.first
    }

    /// All known names, for messages.
    static var names: [String] { families.flatMap(\.names).sorted() }

    /// What is not supported where a file gives a name that is not known: the name, and known ones that begin like it,
    /// or else those of common models.
    static func unknown(_ name: String) -> String {
        let similar = names.filter { $0.prefix(3) == name.prefix(3) }
        let examples = similar.isEmpty ? usual : Array(similar.prefix(8))
        let shown = ModelFileError.printable(name, limit: 80)
        return "pre-tokenizer \"\(shown)\" under tokenizer.ggml.pre (\(names.count) names are known, such as "
            + "\(examples.joined(separator: ", ")))"
    }

    /// The names that most files have.
    private static let usual = ["gpt-2", "llama-bpe", "dbrx", "qwen2", "smollm", "tekken", "gpt-4o"]

    private static let ignoringMerges: Set = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
        "tekken", "youtu", "minicpm5", "granite-embed-multi-97m",
    ]
    private static let addingBOS: Set = [
        "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano",
        "tekken", "chameleon", "gemma4", "granite-embed-multi-311m",
    ]
    private static let inPlainText: Set = ["gemma4", "granite-embed-multi-311m", "sarvam-moe"]

    private typealias Family = (names: [String], expressions: [String])

    // Parts that many expressions share.
    private static let spaces = #"|\s+(?!\S)|\s+"#
    private static let lines = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"# + spaces
    private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let word = #"[^\r\n\p{L}\p{N}]?\p{L}+"#
    private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    private static let gpt2 =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"# + spaces
    private static let qwen2 = contractions + "|" + word + #"|\p{N}"# + lines
    private static let llama3 = contractions + "|" + word + #"|\p{N}{1,3}"# + lines
    private static let punctuatedWords =
        ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
    private static let chineseAndJapanese = "[一-龥\u{3040}-ゟ゠-ヿ]+"

    /// Words whose capitals begin a new one (GPT-4o and Mistral's Tekken), each with `ending`.
    private static func cased(_ ending: String, numbers: String) -> String {
        let before = #"[^\r\n\p{L}\p{N}]?"#
        return before + upper + "*" + lower + "+" + ending + "|" + before + upper + "+" + lower + "*" + ending + "|"
            + numbers + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+"# + spaces
    }

    private static let families: [Family] = [
        (["default"], [#"[\p{P}\$\+<=>\^~\|]+"#, gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]),
        (
            [
                "gpt-2", "gpt2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
                "mellum", "modern-bert", "jina-v1-en", "jina-v2-code", "roberta-bpe", "exaone4", "mpt", "olmo", "jais",
                "trillion", "granite-docling",
            ],
            [gpt2]
        ),
        (
            [
                "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                "jina-v5-nano", "dbrx", "smaug-bpe", "chatglm-bpe", "glm4",
            ],
            [llama3]
        ),
        (
            [
                "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
                "grok-2",
            ],
            [qwen2]
        ),
        (
            ["qwen35"],
            [
                contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+"#
                    + spaces
            ]
        ),
        (["ufakzeka"], [word + #"|\p{N}"# + lines]),
        (["laguna"], [#"[^\n]+|[\n]+"#, qwen2]),
        (["minicpm5"], [#"\p{N}{1,3}"#, contractions + "|" + word + #"|\p{N}+"# + lines]),
        (
            [
                "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva", "minerva-7b", "mellum2",
            ],
            [#"\p{N}"#, gpt2]
        ),
        (["falcon"], [#"[\p{P}\$\+<=>\^~\|`]+"#, gpt2, "[0-9][0-9][0-9]"]),
        (
            ["deepseek-llm"],
            [#"[\r\n]"#, #"\s?["# + casedLetters + "]+", #"\s?[!-/:-~！-／：-～‘-‟　-。]+"#, #"\s+$"#, chinese, #"\p{N}+"#]
        ),
        (["deepseek-coder"], [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, chinese, #"\p{N}"#]),
        (
            ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
            [
                #"\p{N}{1,3}"#, chineseAndJapanese,
                punctuatedWords + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+"# + spaces,
            ]
        ),
        (
            ["spark2_5"],
            [
                #"\p{N}{1,3}"#, chineseAndJapanese, punctuatedWords + #"| ?[\p{P}\p{S}]+|[\r\n]"# + spaces, #"\p{N}"#,
            ]
        ),
        (
            ["youtu"],
            [
                "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|" + chineseAndJapanese,
                cased(contractions + "?", numbers: #"\p{N}"#),
            ]
        ),
        (["poro-chat", "bloom", "gpt3-finnish"], [#" ?[^(\s|[.,!?…。，、।۔،])]+"#]),
        (["viking"], [#" ?[^(\s|[.,!?…。，、।۔،])]+"#, #"\p{N}"#]),
        (["tekken"], [cased("", numbers: #"\p{N}"#)]),
        (
            ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m"],
            [cased(contractions + "?", numbers: #"\p{N}{1,3}"#)]
        ),
        (
            ["tiny_aya", "cohere2moe"],
            [#"\d{1,3}(?=(?:\d{3})*\b)"#, cased(contractions + "?", numbers: #"\p{N}{1,3}"#)]
        ),
        (
            ["chameleon"],
            [
                "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", #"([\t\n]|    |  )"#, #"\p{N}"#,
                #"[\p{P}!-/:-@\[-`{-~]"#, gpt2,
            ]
        ),
        (
            ["kimi-k2"],
            [
                #"[\p{Han}]+|[^\r\n\p{L}\p{N}]?"# + hanless(upper) + "*" + hanless(lower) + "+" + contractions
                    + #"?|[^\r\n\p{L}\p{N}]?"# + hanless(upper) + "+" + hanless(lower) + "*" + contractions
                    + #"?|\p{N}{1,3}"# + lines
            ]
        ),
        (["superbpe"], [#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#]),
        (
            ["bailingmoe", "bailingmoe2", "llada-moe"],
            [
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"# + spaces
            ]
        ),
        (
            ["seed-coder"],
            [contractions + "|" + word + #"|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+"# + spaces]
        ),
        (
            ["afmoe"],
            [
                #"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))"#,
                "[一-鿿㐀-䶿豈-\u{FAFF}\u{3040}-ゟ゠-ヿ･-ﾟ⼀-⿟\u{0E00}-\u{0E7F}\u{0E80}-\u{0EFF}ក-\u{17FF}က-႟"
                    + "ꩠ-ꩿꧠ-\u{A9FF}가-\u{D7AF}ᄀ-ᇿ]+",
                punctuatedWords + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+"# + spaces,
            ]
        ),
        (
            ["exaone-moe"],
            [
                contractions + #"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"#
                    + #"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]"# + spaces
            ]
        ),
        (
            ["jais-2"],
            [
                contractions + "|" + word + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
                    + [512, 256, 128, 64, 32, 16, 8, 4].map { #"|\s{\#($0)}(?!\S)"# }.joined()
                    + #"|\s{1,2}(?!\S)|\s{1}"#
            ]
        ),
        (["gemma4", "granite-embed-multi-311m", "sarvam-moe"], [#"[^\n]+|[\n]+"#]),
    ]

    private static let chinese = "[一-龥\u{800}-一가-\u{D7FF}]+"

    /// Kimi's words hold no Chinese characters.
    private static func hanless(_ letters: String) -> String { "[" + letters + #"&&[^\p{Han}]]"# }

    /// The cased letters of Unicode as DeepSeek lists them.
    private static let casedLetters =
        #"A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}"#
        + #"ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"#
}
