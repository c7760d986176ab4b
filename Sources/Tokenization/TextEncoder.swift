// One run of encoding: from a text to its ids, step by step. Knows nothing of BOS, EOS or decoding.

import ModelFile

/// Added tokens out of the text, the rest normalized, cut into words, and each word merged.
struct TextEncoder {
    private let tokenizer: Tokenizer
    private let parseSpecial: Bool
    /// Characters without a token leave no trace, and what stands around them can merge.
    private let dropsUnknown: Bool
    private var merger = PieceMerger()
    /// The ids so far.
    var tokens: [Int32] = []

    init(_ tokenizer: Tokenizer, parseSpecial: Bool) {
        self.tokenizer = tokenizer
        self.parseSpecial = parseSpecial
        let description = tokenizer.description
        if case .table = tokenizer.rule, description.unknown == nil, !description.usesByteFallback {
            dropsUnknown = true
        } else {
            dropsUnknown = false
        }
    }

    mutating func encode(_ text: UTF8Text) {
        for part in tokenizer.rawAddedTokens.split(text, parseSpecial: parseSpecial) {
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range): encodeStretch(text.slice(range), isFirst: range.lowerBound == 0)
            }
        }
    }

    /// Text between added tokens.
    private mutating func encodeStretch(_ text: UTF8Text, isFirst: Bool) {
        let description = tokenizer.description
        let isPlain = description.textForm == .byteLevel && !description.normalizesToNFC
        if isPlain {
            encodeNormalized(text, isFirst: isFirst)
        } else {
            description.normalized(text).withUnsafeBytes {
                encodeNormalized(UTF8Text(bytes: $0), isFirst: isFirst)
            }
        }
    }

    private mutating func encodeNormalized(_ text: UTF8Text, isFirst: Bool) {
        for part in tokenizer.normalizedAddedTokens.split(text, parseSpecial: parseSpecial) {
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range):
                let stretch = text.slice(range)
                let description = tokenizer.description
                if description.needsSpace(before: stretch, isFirst: isFirst && range.lowerBound == 0) {
                    (description.space + stretch.bytes).withUnsafeBytes { encodeWords(UTF8Text(bytes: $0)) }
                } else {
                    encodeWords(stretch)
                }
            }
        }
    }

    /// Repeated words are not merged again: their ids are copied from where they stand already.
    private mutating func encodeWords(_ text: UTF8Text) {
        var cache = WordCache(textLength: text.bytes.count)
        var words = WordIterator(text, cuts: tokenizer.cuts)
        while let word = words.next() {
            if let known = cache.find(word, in: text) {
                for index in known { tokens.append(tokens[index]) }
                continue
            }
            let start = tokens.count
            encodeWord(word, in: text)
            cache.insert(word, in: text, tokens: start..<tokens.count)
        }
    }

    private mutating func encodeWord(_ word: Range<Int>, in text: UTF8Text) {
        let description = tokenizer.description
        if description.ignoresMerges,
            let token = tokenizer.vocabulary.token(for: UnsafeRawBufferPointer(rebasing: text.bytes[word]))
        {
            tokens.append(token)
            return
        }
        cutIntoPieces(word, of: text)
        merger.merge(by: tokenizer.rule, in: text.bytes)
        var followsUnknown = false
        for piece in merger.pieces {
            if piece.token >= 0 {
                tokens.append(piece.token)
                followsUnknown = false
            } else {
                let isUnknown = appendWithoutToken(piece, of: text, followsUnknown: followsUnknown)
                followsUnknown = isUnknown
            }
        }
    }

    private mutating func cutIntoPieces(_ word: Range<Int>, of text: UTF8Text) {
        merger.pieces.removeAll(keepingCapacity: true)
        var index = word.lowerBound
        while index < word.upperBound {
            let token: Int32
            let next: Int
            if tokenizer.description.textForm == .byteLevel {
                next = index + 1
                token = tokenizer.byteTokens[Int(text.bytes[index])]
            } else {
                next = text.end(of: index)
                token =
                    tokenizer.vocabulary.token(for: UnsafeRawBufferPointer(rebasing: text.bytes[index..<next])) ?? -1
            }
            if token >= 0 || !dropsUnknown {
                merger.pieces.append(Piece(token: token, start: UInt32(index), end: UInt32(next)))
            }
            index = next
        }
    }

    /// A character that is no token: its bytes if all of them are tokens, else the unknown token, else nothing.
    /// True if it is unknown.
    private mutating func appendWithoutToken(_ piece: Piece, of text: UTF8Text, followsUnknown: Bool) -> Bool {
        let description = tokenizer.description
        if description.usesByteFallback {
            let bytes = text.bytes[Int(piece.start)..<Int(piece.end)].map { tokenizer.byteTokens[Int($0)] }
            if !bytes.contains(-1) {
                tokens += bytes
                return false
            }
        }
        if let unknown = description.unknown, !(description.fusesUnknown && followsUnknown) {
            tokens.append(Int32(unknown))
        }
        return true
    }
}
