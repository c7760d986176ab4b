// One run of encoding: from a text to its ids, step by step. Knows nothing of BOS, EOS or decoding.

import ModelFile

/// Added tokens out of the text, the rest normalized, cut into words, and each word made into tokens.
struct TextEncoder {
    private let tokenizer: Tokenizer
    private let parseSpecial: Bool
    private let isCancelled: () -> Bool
    private var merger: PieceMerger
    /// The ids so far.
    var tokens: [Int32] = []

    /// Words between two looks at whether the text is wanted any more.
    private static let wordsAtOnce = 256

    init(_ tokenizer: Tokenizer, parseSpecial: Bool, isCancelled: @escaping () -> Bool) {
        self.tokenizer = tokenizer
        self.parseSpecial = parseSpecial
        self.isCancelled = isCancelled
        merger = PieceMerger(isCancelled: isCancelled)
    }

    mutating func encode(_ text: UTF8Text) {
        for part in tokenizer.rawAddedTokens.split(text, parseSpecial: parseSpecial) {
            if isCancelled() { return }
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range): encodeStretch(Array(text.bytes[range]), beginsText: range.lowerBound == 0)
            }
        }
    }

    /// Text between added tokens.
    private mutating func encodeStretch(_ bytes: [UInt8], beginsText: Bool) {
        var beginsText = beginsText
        let bytes = tokenizer.normalizers.apply(to: bytes, beginsText: &beginsText)
        let parts = bytes.withUnsafeBytes {
            tokenizer.normalizedAddedTokens.split(UTF8Text(bytes: $0), parseSpecial: parseSpecial)
        }
        for part in parts {
            if isCancelled() { return }
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range):
                let isWhole = range.count == bytes.count
                var words = Words(
                    bytes: isWhole ? bytes : Array(bytes[range]), ranges: [0..<range.count],
                    beginsText: beginsText && range.lowerBound == 0)
                for step in tokenizer.steps { step.apply(to: &words, isCancelled: isCancelled) }
                encodeWords(words)
            }
        }
    }

    /// Repeated words are not made into tokens again: their ids are copied from where they stand already.
    private mutating func encodeWords(_ words: Words) {
        var cache = WordCache(textLength: words.bytes.count)
        words.bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            for (index, word) in words.ranges.enumerated() {
                if index % Self.wordsAtOnce == 0, isCancelled() { return }
                if let known = cache.find(word, in: text) {
                    for index in known { tokens.append(tokens[index]) }
                    continue
                }
                let start = tokens.count
                encodeWord(word, in: text)
                cache.insert(word, in: text, tokens: start..<tokens.count)
            }
        }
    }

    private mutating func encodeWord(_ word: Range<Int>, in text: UTF8Text) {
        switch tokenizer.model {
        case .merges(let rule): merge(word, in: text, by: rule)
        case .unigram(let model):
            merger.pieces.removeAll(keepingCapacity: true)
            model.tokenize(word, in: text, into: &merger.pieces, isCancelled: isCancelled)
            appendPieces(of: text)
        case .wordPiece(let model):
            if !model.tokenize(word, in: text, tokenizer.vocabulary, into: &tokens) { appendUnknown() }
        case .wordLevel:
            let token = tokenizer.vocabulary.token(for: UnsafeRawBufferPointer(rebasing: text.bytes[word]))
            if let token { tokens.append(token) } else { appendUnknown() }
        }
    }

    private mutating func appendUnknown() {
        if let unknown = tokenizer.description.unknown { tokens.append(Int32(unknown)) }
    }

    private mutating func merge(_ word: Range<Int>, in text: UTF8Text, by rule: MergeRule) {
        if tokenizer.description.ignoresMerges,
            let token = tokenizer.vocabulary.token(for: UnsafeRawBufferPointer(rebasing: text.bytes[word]))
        {
            tokens.append(token)
            return
        }
        merger.pieces.removeAll(keepingCapacity: true)
        if case .ranks(let ranks, _) = rule {
            cutIntoCharacters(word, of: text, ranks)
        } else if tokenizer.isByteLevel {
            cutIntoBytes(word, of: text)
        } else {
            cutIntoTokens(word, of: text)
        }
        merger.merge(by: rule, in: text.bytes)
        appendPieces(of: text)
    }

    /// The pieces' tokens; for those without one byte tokens, the unknown token or nothing.
    private mutating func appendPieces(of text: UTF8Text) {
        var followsUnknown = false
        for piece in merger.pieces {
            if piece.token >= 0 {
                tokens.append(piece.token)
                followsUnknown = false
            } else if let bytes = fallback(Int(piece.start)..<Int(piece.end), of: text) {
                tokens += bytes
                followsUnknown = false
            } else {
                if !(tokenizer.description.fusesUnknown && followsUnknown) { appendUnknown() }
                followsUnknown = true
            }
        }
    }

    /// The byte tokens of a character, where all its bytes have one.
    private func fallback(_ range: Range<Int>, of text: UTF8Text) -> [Int32]? {
        guard tokenizer.description.usesByteFallback else { return nil }
        let bytes = text.bytes[range].map { tokenizer.byteTokens[Int($0)] }
        return bytes.contains(-1) ? nil : bytes
    }

    /// SentencePiece: characters may merge also where they are no tokens themselves.
    private mutating func cutIntoCharacters(_ word: Range<Int>, of text: UTF8Text, _ ranks: [UInt32]) {
        var index = word.lowerBound
        while index < word.upperBound {
            let end = text.end(of: index)
            let token = tokenizer.vocabulary.token(for: UnsafeRawBufferPointer(rebasing: text.bytes[index..<end]))
            let usable = token.flatMap { ranks[Int($0)] == .max ? nil : $0 } ?? -1
            merger.pieces.append(Piece(token: usable, start: UInt32(index), end: UInt32(end)))
            index = end
        }
    }

    private mutating func cutIntoBytes(_ word: Range<Int>, of text: UTF8Text) {
        for index in word {
            appendPiece(tokenizer.byteTokens[Int(text.bytes[index])], index..<index + 1)
        }
    }

    /// Byte-pair encoding: characters that are no tokens become bytes or the unknown token before anything merges.
    private mutating func cutIntoTokens(_ word: Range<Int>, of text: UTF8Text) {
        let description = tokenizer.description
        let isPlain = description.continuationPrefix.isEmpty && description.wordSuffix.isEmpty
        var index = word.lowerBound
        while index < word.upperBound {
            let end = text.end(of: index)
            let character = UnsafeRawBufferPointer(rebasing: text.bytes[index..<end])
            let spelled =
                isPlain ? [] : spell(character, isFirst: index == word.lowerBound, isLast: end == word.upperBound)
            if let token = isPlain
                ? tokenizer.vocabulary.token(for: character) : tokenizer.vocabulary.token(for: spelled)
            {
                appendPiece(token, index..<end)
            } else if let bytes = fallback(index..<end, of: text) {
                for (offset, token) in bytes.enumerated() { appendPiece(token, index + offset..<index + offset + 1) }
            } else {
                appendPiece(-1, index..<end)
            }
            index = end
        }
    }

    private func spell(_ character: UnsafeRawBufferPointer, isFirst: Bool, isLast: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        if !isFirst { bytes += Array(tokenizer.description.continuationPrefix.utf8) }
        bytes += character
        if isLast { bytes += Array(tokenizer.description.wordSuffix.utf8) }
        return bytes
    }

    /// A piece for a token; for none (-1) one for the unknown token, or no piece where there is no such token.
    private mutating func appendPiece(_ token: Int32, _ range: Range<Int>) {
        if token >= 0 {
            merger.pieces.append(Piece(token: token, start: UInt32(range.lowerBound), end: UInt32(range.upperBound)))
            return
        }
        guard let unknown = tokenizer.description.unknown.map(Int32.init) else { return }
        let last = merger.pieces.count - 1
        if tokenizer.description.fusesUnknown, last >= 0, merger.pieces[last].token == unknown,
            Int(merger.pieces[last].end) == range.lowerBound
        {
            merger.pieces[last].end = UInt32(range.upperBound)
        } else {
            merger.pieces.append(Piece(token: unknown, start: UInt32(range.lowerBound), end: UInt32(range.upperBound)))
        }
    }
}
