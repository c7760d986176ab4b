// A SentencePiece model as a tokenizer description, by the rules of transformers' converters. Knows nothing of the
// file's format.

extension TokenizerJSON {
    /// The description of a SentencePiece file, with what tokenizer_config.json says of special tokens.
    func sentencePieceDescription(of source: any ByteSource) throws(ModelFileError) -> TokenizerDescription {
        let file = try SentencePieceFile(source)
        var vocabulary = TokenVocabulary(file: source.name)
        try vocabulary.add(file.pieces)
        var description: TokenizerDescription
        switch file.modelType {
        case 1: description = unigram(file)
        case 2: description = try bytePairs(file, name: source.name)
        default:
            description = TokenizerDescription(.wordLevel, tokens: file.pieces, kinds: file.kinds)
            description.unsupported = "SentencePiece model type \(file.modelType)"
        }
        if file.marksSpacesBehind || !file.escapesSpaces {
            description.unsupported = "SentencePiece model with spaces behind words, or without marks for them"
        }
        let ids = file.pieces.indices
        description.usesByteFallback = file.usesByteFallback
        description.fusesUnknown = true
        description.hidesControlTokens = true
        description.unknown = ids.contains(file.unknown) ? file.unknown : nil
        var added = try olderAddedTokens(settings)
        let known = Set(added.map(\.id))
        for id in ids where file.kinds[id] == .control || file.kinds[id] == .userDefined || id == file.unknown {
            if known.contains(id) { continue }
            added.append(.init(id: id, content: file.pieces[id], isSpecial: file.kinds[id] != .userDefined))
        }
        try vocabulary.add(added)
        description.tokens = vocabulary.tokens
        description.kinds += Array(
            repeating: .userDefined, count: max(0, vocabulary.tokens.count - description.kinds.count))
        description.algorithm = description.algorithm.padded(to: vocabulary.tokens.count)
        try finish(&description, added: added, vocabulary: vocabulary)
        description.bos = description.bos ?? (ids.contains(file.bos) ? file.bos : nil)
        description.eos = description.eos ?? (ids.contains(file.eos) ? file.eos : nil)
        if className == nil, file.modelType == 2 {
            description.prefixTokens = [description.bos].compactMap { $0 }  // Llama's habit
        } else {
            try addTemplate(to: &description, vocabulary: vocabulary)
        }
        return description
    }

    /// As `LlamaConverter`: the merges are those that the pieces imply, in the order of the pieces' scores.
    private func bytePairs(_ file: SentencePieceFile, name: String) throws(ModelFileError) -> TokenizerDescription {
        let merges = try ImpliedMerges(file, name: name).merges
        var description = TokenizerDescription(
            .bytePairs(merges: merges), tokens: file.pieces, kinds: file.kinds)
        description.normalizers = characterMap(file) + (file.removesExtraSpaces ? Self.removingExtraSpaces : [])
        if file.addsSpacePrefix { description.normalizers.append(.prepend("\u{2581}")) }
        description.normalizers.append(.replace(.literal(" "), with: "\u{2581}"))
        description.decoders = [.replace(.literal("\u{2581}"), with: " "), .byteFallback, .fuse]
        if file.addsSpacePrefix { description.decoders?.append(.strip(content: " ", start: 1, stop: 0)) }
        return description
    }

    /// As SentencePiece itself: `SpmConverter` takes away more white space, and does not always put a space before.
    private func unigram(_ file: SentencePieceFile) -> TokenizerDescription {
        var description = TokenizerDescription(
            .unigram(scores: file.scores.map(Double.init)), tokens: file.pieces, kinds: file.kinds)
        // SentencePiece takes away spaces and no other white space: what its map leaves is kept.
        description.normalizers = characterMap(file) + (file.removesExtraSpaces ? Self.removingExtraSpaces : [])
        if file.addsSpacePrefix { description.normalizers.append(.prepend("\u{2581}")) }
        description.normalizers.append(.replace(.literal(" "), with: "\u{2581}"))
        description.decoders = [.metaspace(mark: "\u{2581}", trimsFirst: file.addsSpacePrefix)]
        if file.usesByteFallback {
            description.decoders = [.replace(.literal("\u{2581}"), with: " "), .byteFallback, .fuse]
            if file.addsSpacePrefix { description.decoders?.append(.strip(content: " ", start: 1, stop: 0)) }
        }
        return description
    }

    private func characterMap(_ file: SentencePieceFile) -> [TokenizerDescription.Normalizer] {
        file.characterMap.isEmpty ? [] : [.characterMap(file.characterMap, byGrapheme: true)]
    }

    static let removingExtraSpaces: [TokenizerDescription.Normalizer] = [
        .replace(.expression(#"\A +| +\z"#), with: ""), .replace(.expression(" {2,}"), with: " "),
    ]
}

/// The merges that lead to each piece: every cut of it into two pieces (transformers' `generate_merges`).
struct ImpliedMerges {
    private(set) var merges = TokenizerDescription.MergeList()
    private let bytes: [[UInt8]]
    /// The pieces whose texts have the same hash: the first id, and the next one with it.
    private var firstOfHash: [UInt64: Int] = [:]
    private var nextOfHash: [Int]

    init(_ file: SentencePieceFile, name: String) throws(ModelFileError) {
        bytes = file.pieces.map { Array($0.utf8) }
        nextOfHash = Array(repeating: -1, count: bytes.count)
        firstOfHash.reserveCapacity(bytes.count)
        for id in bytes.indices {
            let hash = bytes[id].reduce(0) { Self.extend($0, $1) }
            nextOfHash[id] = firstOfHash.updateValue(id, forKey: hash) ?? -1
        }
        let limit = FileLimits.mergesOfPiece * (bytes.count + 100)
        var found: [(piece: Int, left: Int, right: Int)] = []
        for piece in bytes.indices where [.normal, .userDefined, .unused].contains(file.kinds[piece]) {
            for cut in cuts(of: piece) { found.append((piece, cut.left, cut.right)) }
            guard found.count <= limit else {
                throw ModelFileError(
                    .limitExceeded, file: name, field: "pieces", value: bytes.count,
                    "imply more than \(limit) merges")
            }
        }
        let lengths = file.pieces.map(\.unicodeScalars.count)
        let order = found.indices.sorted { first, second in
            let (a, b) = (found[first], found[second])
            if file.scores[a.piece] != file.scores[b.piece] { return file.scores[a.piece] > file.scores[b.piece] }
            if lengths[a.left] != lengths[b.left] { return lengths[a.left] > lengths[b.left] }
            if lengths[a.right] != lengths[b.right] { return lengths[a.right] > lengths[b.right] }
            return first < second
        }
        for index in order {
            merges.append(.init(left: file.pieces[found[index].left], right: file.pieces[found[index].right]))
        }
    }

    private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

    private static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 { hash &* base &+ UInt64(byte) &+ 1 }

    /// The cuts of a piece into two, ordered by the ids of both.
    private func cuts(of piece: Int) -> [(left: Int, right: Int)] {
        let text = bytes[piece]
        if text.count < 2 { return [] }
        var hashes: [UInt64] = [0]
        var powers: [UInt64] = [1]
        for byte in text {
            hashes.append(Self.extend(hashes[hashes.count - 1], byte))
            powers.append(powers[powers.count - 1] &* Self.base)
        }
        var cuts: [(left: Int, right: Int)] = []
        for index in 1..<text.count where text[index] & 0xC0 != 0x80 {
            let rightHash = hashes[text.count] &- hashes[index] &* powers[text.count - index]
            guard let left = id(of: text[..<index], hash: hashes[index]),
                let right = id(of: text[index...], hash: rightHash)
            else { continue }
            cuts.append((left, right))
        }
        return cuts.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
    }

    private func id(of text: ArraySlice<UInt8>, hash: UInt64) -> Int? {
        var id = firstOfHash[hash] ?? -1
        while id >= 0 {
            if bytes[id].elementsEqual(text) { return id }
            id = nextOfHash[id]
        }
        return nil
    }
}
