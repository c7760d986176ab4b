// The WordPiece model: the longest token from the left, again and again. Knows nothing of words.

/// Greedy matching of tokens that are written differently at the beginning of a word and inside it.
struct WordPieceModel: Sendable {
    let continuation: [UInt8]
    let beginning: [UInt8]
    let maximumCharacters: Int

    /// Appends the tokens of `word`; false, with nothing appended, where it does not come out.
    func tokenize(
        _ word: Range<Int>, in text: UTF8Text, _ vocabulary: Vocabulary, into tokens: inout [Int32]
    ) -> Bool {
        if maximumCharacters < word.count, characters(word, in: text) > maximumCharacters { return false }
        let first = tokens.count
        // What begins a word is written before its text; the tokens may divide it anywhere.
        var spelled = beginning
        spelled += text.bytes[word]
        var start = 0
        while start < spelled.count {
            let prefix = start > 0 ? continuation : []
            guard let (token, end) = longest(in: spelled, from: start, after: prefix, vocabulary) else {
                tokens.removeLast(tokens.count - first)
                return false
            }
            tokens.append(token)
            start = end
        }
        return true
    }

    private func characters(_ word: Range<Int>, in text: UTF8Text) -> Int {
        text.bytes[word].count { $0 & 0xC0 != 0x80 }
    }

    private func longest(
        in spelled: [UInt8], from start: Int, after prefix: [UInt8], _ vocabulary: Vocabulary
    ) -> (Int32, end: Int)? {
        var end = min(spelled.count, start + max(0, vocabulary.longest - prefix.count))
        while end > start {
            if end == spelled.count || spelled[end] & 0xC0 != 0x80 {
                let token =
                    prefix.isEmpty
                    ? spelled.withUnsafeBytes {
                        vocabulary.token(for: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
                    } : vocabulary.token(for: prefix + spelled[start..<end])
                if let token { return (token, end) }
            }
            end -= 1
        }
        return nil
    }
}
