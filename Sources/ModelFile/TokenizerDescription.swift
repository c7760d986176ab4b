// A tokenizer as plain data, whatever file it came from. Knows nothing of how text is split or merged.

/// What `Tokenization` needs to build a tokenizer.
///
/// Token texts must be compared by their UTF-8 bytes: Swift's `==` on `String` takes canonically equivalent texts for
/// equal, and vocabularies hold both spellings as different tokens.
package struct TokenizerDescription: Sendable {
    /// The order in which neighbouring pieces are merged.
    package enum Model: Sendable {
        /// The pair that stands first in the list merges first (leftmost first among equals).
        case bytePairs(merges: [Merge])
        /// The pair whose joined text is the token with the highest score merges first; [tokens.count].
        case sentencePiece(scores: [Float])
    }

    /// Two neighbouring pieces that become one.
    package struct Merge: Sendable, Hashable {
        package var left: String
        package var right: String

        package init(left: String, right: String) {
            self.left = left
            self.right = right
        }
    }

    /// How text becomes the characters that tokens are written in.
    package enum TextForm: Sendable, Hashable {
        /// Each byte is one printable character (GPT-2's table); a space is "Ġ".
        case byteLevel
        /// Text as it is, with U+2581 "▁" for each space; a character without a token becomes its bytes "<0xNN>"
        /// where `usesByteFallback`, else `unknown`.
        case spaceMarker
    }

    /// How text is cut before merging. Pieces never merge across a cut.
    package enum PreTokenizer: Sendable, Hashable {
        /// No cuts: SentencePiece.
        case none
        /// A cut before each "▁" (Metaspace with `split`).
        case markedWords
        /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
        case gpt2
        /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|`
        /// `\s+(?!\S)|\s+`
        case llama3
        /// As `llama3`, but each `\p{N}` alone.
        case qwen2
        /// Each `\p{N}` alone, and `gpt2` on what lies between.
        case digitsThenGPT2
        /// Not known here: the model can be used with token ids only. The name is for the message.
        case unsupported(String)
    }

    /// Whether a space is put before text. Decoding takes one leading space away again unless `never` (`spaceMarker`
    /// only).
    package enum SpacePrefix: Sendable, Hashable {
        case never
        /// Before every non-empty stretch of text between added tokens, also one that begins with a space.
        case always
        /// Before every stretch that does not begin with a space.
        case alwaysUnlessSpace
        /// Before the stretch at the very beginning of the text, if it does not begin with a space.
        case firstUnlessSpace
    }

    /// What a token is; the raw values are GGUF's.
    package enum TokenKind: UInt8, Sendable, Hashable {
        case normal = 1
        case unknown = 2
        /// Has a meaning but no text of its own (BOS, EOS, ...).
        case control = 3
        case userDefined = 4
        case unused = 5
        /// One byte, written "<0xNN>".
        case byte = 6
    }

    /// A token that is found in text as a whole, before anything else is split.
    package struct AddedToken: Sendable, Hashable {
        package var id: Int
        package var content: String
        /// Found in text only where the caller wants special tokens parsed; not shown in decoded text by default.
        package var isSpecial: Bool
        /// Swallows white space on its left.
        package var stripsLeft: Bool
        /// Swallows white space on its right.
        package var stripsRight: Bool
        /// Found only where no letter, digit or underscore touches it.
        package var isSingleWord: Bool
        /// Looked for after normalization (and so, with `spaceMarker`, may include the "▁").
        package var isNormalized: Bool

        package init(
            id: Int, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
            isSingleWord: Bool = false, isNormalized: Bool = false
        ) {
            self.id = id
            self.content = content
            self.isSpecial = isSpecial
            self.stripsLeft = stripsLeft
            self.stripsRight = stripsRight
            self.isSingleWord = isSingleWord
            self.isNormalized = isNormalized
        }
    }

    package var model: Model
    /// Text of each token; the index is the id. Added tokens are in it too. "" where an id has no token.
    package var tokens: [String]
    /// Kind of each token; [tokens.count].
    package var kinds: [TokenKind]
    package var textForm: TextForm
    package var preTokenizer: PreTokenizer
    package var spacePrefix: SpacePrefix = .never
    /// Text is brought to Unicode normalization form C first.
    package var normalizesToNFC = false
    /// A cut-out word that is a token is taken whole, whatever the merges say (Llama 3).
    package var ignoresMerges = false
    /// A character without a token becomes byte tokens.
    package var usesByteFallback = false
    /// Neighbouring unknown characters become one `unknown`.
    package var fusesUnknown = false
    package var addedTokens: [AddedToken] = []
    /// Ids put before a text that is encoded with special tokens: BOS where the model wants it.
    package var prefixTokens: [Int] = []
    /// Ids put after a text that is encoded with special tokens: EOS where the model wants it.
    package var suffixTokens: [Int] = []
    package var bos: Int?
    package var eos: Int?
    package var unknown: Int?

    package init(
        model: Model, tokens: [String], kinds: [TokenKind], textForm: TextForm, preTokenizer: PreTokenizer
    ) {
        self.model = model
        self.tokens = tokens
        self.kinds = kinds
        self.textForm = textForm
        self.preTokenizer = preTokenizer
    }
}
