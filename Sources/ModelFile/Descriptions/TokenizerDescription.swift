// A tokenizer as plain data, whatever file it came from. Knows nothing of how text is split or merged.

import Sequences

/// What `Tokenization` needs to build a tokenizer.
///
/// Text goes through the steps of the `tokenizers` library, in this order: added tokens are cut out, `normalizers`
/// rewrite what lies between, `preTokenizers` cut it into words, `algorithm` makes tokens of each word; `decoders` make
/// text of tokens. The files of other formats are described by the same steps.
///
/// Token texts must be compared by their UTF-8 bytes: Swift's `==` on `String` takes canonically equivalent texts for
/// equal, and vocabularies hold both spellings as different tokens.
package struct TokenizerDescription: Sendable {
    /// How a word becomes tokens.
    package enum Algorithm: Sendable {
        /// Byte-pair encoding: the pair that stands first in the list merges first (leftmost first among equals).
        case bytePairs(merges: MergeList)
        /// The pair whose joined text is the token with the highest score merges first; [tokens.count].
        case sentencePiece(scores: [Float])
        /// The sequence of tokens with the highest sum of scores; [tokens.count].
        case unigram(scores: [Double])
        /// The longest token from the left, again and again; a word that does not come out is `unknown`, as is one of
        /// more than `maximumCharacters`. `continuation` stands before tokens that do not begin a word, `beginning`
        /// before those that do.
        case wordPiece(continuation: String, beginning: String, maximumCharacters: Int)
        /// Each word is a token or `unknown`.
        case wordLevel
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
        /// Its text is normalized like any other, and looked for in normalized text.
        package var isNormalized: Bool
        /// The model itself has it too, so that it can also come from text by its rules.
        package var isInModel: Bool

        package init(
            id: Int, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
            isSingleWord: Bool = false, isNormalized: Bool = false, isInModel: Bool = false
        ) {
            self.id = id
            self.content = content
            self.isSpecial = isSpecial
            self.stripsLeft = stripsLeft
            self.stripsRight = stripsRight
            self.isSingleWord = isSingleWord
            self.isNormalized = isNormalized
            self.isInModel = isInModel
        }
    }

    package var algorithm: Algorithm
    /// Text of each token; the index is the id. Added tokens are in it too. "" where an id has no token.
    package var tokens: [String]
    /// Kind of each token; [tokens.count].
    package var kinds: [TokenKind]
    package var normalizers: [Normalizer] = []
    package var preTokenizers: [PreTokenizer] = []
    /// nil: the texts of tokens with a space between them.
    package var decoders: [Decoder]? = []
    /// Added tokens stand in decoded text as they are (GGUF); else they go through the decoders like all others.
    package var keepsAddedTokensInText = false
    /// A cut-out word that is a token is taken whole, whatever the merges say (Llama 3).
    package var ignoresMerges = false
    /// A character without a token becomes byte tokens, where all its bytes have one.
    package var usesByteFallback = false
    /// Neighbouring unknown characters become one `unknown`.
    package var fusesUnknown = false
    /// Byte pairs: written before the text of a character that does not begin a word.
    package var continuationPrefix = ""
    /// Byte pairs: written after the text of a character that ends a word.
    package var wordSuffix = ""
    package var addedTokens: [AddedToken] = []
    /// Ids put before a text that is encoded with special tokens: BOS where the model wants it.
    package var prefixTokens: [Int] = []
    /// Ids put after a text that is encoded with special tokens: EOS where the model wants it.
    package var suffixTokens: [Int] = []
    package var bos: Int?
    package var eos: Int?
    package var unknown: Int?
    /// What of this tokenizer is not known here, for the message: the model can then be used with token ids only.
    package var unsupported: String?
    /// What of its files was guessed or left out, a sentence each.
    package var notices: [Sentence] = []
    /// Control, unknown and unused tokens never come from text by the model's rules (SentencePiece); in Hugging Face's
    /// files they do.
    package var hidesControlTokens = false

    package init(_ algorithm: Algorithm, tokens: [String], kinds: [TokenKind]) {
        self.algorithm = algorithm
        self.tokens = tokens
        self.kinds = kinds
    }
}
