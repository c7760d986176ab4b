// The steps that a tokenizer's text goes through, as plain data. Knows nothing of how they are done.

extension TokenizerDescription {
    /// What is looked for in text.
    package enum Pattern: Sendable, Hashable {
        case literal(String)
        /// A regular expression in Oniguruma's syntax.
        case expression(String)
    }

    /// A change of text before it is cut into words.
    package enum Normalizer: Sendable, Hashable {
        /// Unicode's normalization forms.
        case nfc, nfd, nfkc, nfkd
        case lowercase
        /// Combining marks are left out.
        case stripAccents
        /// Control characters are left out, and other kinds of white space become spaces (`Nmt`).
        case controlCharacters
        /// Each byte becomes one printable character (GPT-2's table).
        case byteLevel
        /// White space at the ends is left out.
        case strip(left: Bool, right: Bool)
        /// Put before text that is not empty.
        case prepend(String)
        case replace(Pattern, with: String)
        /// BERT's cleaning of text.
        case bert(cleansText: Bool, separatesChinese: Bool, stripsAccents: Bool, lowercases: Bool)
        /// A compiled map of SentencePiece (`precompiled_charsmap`), applied to each grapheme as `tokenizers` does, or
        /// to the longest match at each place as SentencePiece and llama.cpp do.
        case characterMap([UInt8], byGrapheme: Bool)
    }

    /// What becomes of the matches of a pattern that cuts text.
    package enum SplitBehavior: Sendable, Hashable {
        case removed, isolated, mergedWithPrevious, mergedWithNext
        /// Neighbouring matches stay together.
        case contiguous
    }

    /// A cut of text into words. Pieces never merge across a cut.
    package enum PreTokenizer: Sendable, Hashable {
        /// `inverted`: the matches are the words and what lies between them are the delimiters.
        case split(Pattern, SplitBehavior, inverted: Bool)
        /// Spaces become `mark`, one is put before as `prefix` says, and text is cut before each where `splits`.
        case metaspace(mark: Unicode.Scalar, prefix: SpacePrefix, splits: Bool)
        /// Text is cut by GPT-2's expression where `splits`; then each byte is one printable character.
        case byteLevel(addsPrefixSpace: Bool, splits: Bool)
    }

    /// Before which words `metaspace` puts a space that is not there.
    package enum SpacePrefix: Sendable, Hashable {
        case never, always
        /// Before the word at the very beginning of the text.
        case first
    }

    /// A step from the texts of tokens to text.
    package enum Decoder: Sendable, Hashable {
        /// Characters of GPT-2's table become bytes.
        case byteLevel
        /// Runs of "<0xNN>" become text; a run that is not UTF-8 becomes U+FFFD for each byte.
        case byteFallback
        /// "<0xNN>" becomes a byte of the text (llama.cpp).
        case bytes
        /// All becomes one text.
        case fuse
        case replace(Pattern, with: String)
        /// Takes `start` and `stop` times `content` from the ends.
        case strip(content: Unicode.Scalar, start: Int, stop: Int)
        /// `mark` becomes a space; in the first token nothing where `trimsFirst`.
        case metaspace(mark: Unicode.Scalar, trimsFirst: Bool)
        /// A space before each token but the first and those that begin with `prefix`, which is taken away.
        case wordPiece(prefix: String, cleansUp: Bool)
        /// A space for each `suffix`, and nothing for that of the last token (`BPEDecoder`).
        case wordSuffix(String)
        /// Repeated tokens once, `padding` not at all.
        case ctc(padding: String, delimiter: String, cleansUp: Bool)
    }
}

extension TokenizerDescription.PreTokenizer {
    /// A cut around each match of a regular expression.
    package static func isolated(_ expression: String) -> Self {
        .split(.expression(expression), .isolated, inverted: false)
    }
}
