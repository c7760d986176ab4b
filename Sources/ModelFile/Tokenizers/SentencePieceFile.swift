// Reads a SentencePiece model: pieces with scores, and what it says of normalization. Knows nothing of how text is
// tokenized. Format: Protocol Buffers, `sentencepiece_model.proto` of https://github.com/google/sentencepiece.

/// What a SentencePiece file holds.
struct SentencePieceFile {
    private(set) var pieces: [String] = []
    /// [pieces.count]
    private(set) var scores: [Float] = []
    /// [pieces.count]; the numbers are the same as GGUF's.
    private(set) var kinds: [TokenizerDescription.TokenKind] = []
    /// 1 Unigram, 2 BPE, 3 word, 4 char.
    private(set) var modelType = 1
    private(set) var usesByteFallback = false
    private(set) var marksSpacesBehind = false
    private(set) var unknown = 0
    private(set) var bos = 1
    private(set) var eos = 2
    private(set) var characterMap: [UInt8] = []
    private(set) var addsSpacePrefix = true
    private(set) var removesExtraSpaces = true
    private(set) var escapesSpaces = true

    init(_ source: any ByteSource) throws(ModelFileError) {
        try source.refuseStandIn()
        let bytes = try source.content(limit: FileLimits.sentencePieceBytes)
        var count = 0
        var message = ProtobufReader(bytes[...], file: source.name)
        while let field = try message.next() { count += field.number == 1 ? 1 : 0 }
        pieces.reserveCapacity(count)
        scores.reserveCapacity(count)
        kinds.reserveCapacity(count)
        message = ProtobufReader(bytes[...], file: source.name)
        while let field = try message.next() {
            switch field.number {
            case 1: try addPiece(field.message(in: source.name))
            case 2: try readTrainer(field.message(in: source.name))
            case 3: try readNormalizer(field.message(in: source.name))
            default: continue
            }
        }
        guard !pieces.isEmpty else {
            throw ModelFileError(
                .malformed, file: source.name, field: "pieces", "is no SentencePiece model: there are no pieces in it")
        }
    }

    private mutating func addPiece(_ fields: ProtobufReader) throws(ModelFileError) {
        var fields = fields
        var text: ArraySlice<UInt8> = []
        var score: Float = 0
        var kind = 1
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): text = bytes
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .integer(let value)): kind = Int(truncatingIfNeeded: value)
            default: continue
            }
        }
        let place = "piece \(pieces.count)"
        guard !text.isEmpty, text.count <= FileLimits.sentencePieceLength, !score.isNaN else {
            throw ModelFileError(
                .invalidValue, file: fields.file, field: place, value: text.count,
                "must have a text of 1 to \(FileLimits.sentencePieceLength) bytes, and a score that is a number")
        }
        guard let text = String(validating: text, as: UTF8.self) else {
            throw ModelFileError(.malformed, file: fields.file, field: place, "is not UTF-8")
        }
        guard (1...6).contains(kind), pieces.count < FileLimits.vocabulary else {
            throw ModelFileError(
                .invalidValue, file: fields.file, field: place, value: kind, "has no known type, or is one too many")
        }
        pieces.append(text)
        scores.append(score)
        kinds.append(TokenizerDescription.TokenKind(rawValue: UInt8(kind)) ?? .normal)
    }

    private mutating func readTrainer(_ fields: ProtobufReader) throws(ModelFileError) {
        var fields = fields
        while let field = try fields.next() {
            guard case .integer(let bits) = field.value else { continue }
            let value = Int(truncatingIfNeeded: Int32(truncatingIfNeeded: bits))
            switch field.number {
            case 3: modelType = value
            case 24: marksSpacesBehind = value != 0
            case 35: usesByteFallback = value != 0
            case 40: unknown = value
            case 41: bos = value
            case 42: eos = value
            default: continue
            }
        }
    }

    private mutating func readNormalizer(_ fields: ProtobufReader) throws(ModelFileError) {
        var fields = fields
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (2, .bytes(let bytes)): characterMap = Array(bytes)
            case (3, .integer(let value)): addsSpacePrefix = value != 0
            case (4, .integer(let value)): removesExtraSpaces = value != 0
            case (5, .integer(let value)): escapesSpaces = value != 0
            default: continue
            }
        }
    }
}

/// Reads one message of Protocol Buffers field by field; every length is compared with what is left.
struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case fixed64(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    struct Field {
        let number: UInt64
        let value: Value

        /// The field's content as a message of its own.
        func message(in file: String) throws(ModelFileError) -> ProtobufReader {
            guard case .bytes(let bytes) = value else {
                throw ModelFileError(.malformed, file: file, field: "field \(number)", "must be a message")
            }
            return ProtobufReader(bytes, file: file)
        }
    }

    let file: String
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>, file: String) {
        rest = bytes
        self.file = file
    }

    /// nil at the end.
    mutating func next() throws(ModelFileError) -> Field? {
        if rest.isEmpty { return nil }
        let tag = try varint()
        let number = tag >> 3
        switch tag & 7 {
        case 0: return Field(number: number, value: .integer(try varint()))
        case 1: return Field(number: number, value: .fixed64(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else { throw malformed("a length is more than what follows") }
            defer { rest = rest.dropFirst(Int(count)) }
            return Field(number: number, value: .bytes(rest.prefix(Int(count))))
        case 5: return Field(number: number, value: .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw malformed("there is no such kind of field")
        }
    }

    private mutating func varint() throws(ModelFileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw malformed("ends inside a number") }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw malformed("a number has more than ten bytes")
    }

    private mutating func fixed(_ count: Int) throws(ModelFileError) -> UInt64 {
        guard rest.count >= count else { throw malformed("ends inside a number") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func malformed(_ problem: String) -> ModelFileError {
        ModelFileError(
            .malformed, file: file, field: "byte \(rest.startIndex)", "is no SentencePiece model: \(problem)")
    }
}
