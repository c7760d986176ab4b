// The named limits of what a model file may ask for. They are far above every real model and far below what would
// exhaust a machine; nothing is allocated for a count before it is compared with them and with the file's size.

enum FileLimits {
    // Shapes
    static let layers = 10_000
    static let experts = 4096
    static let vocabulary = 10_000_000
    static let embeddingLength = 1 << 20
    static let feedForwardLength = 1 << 22
    static let heads = 1 << 16
    static let headSize = 1 << 14
    static let contextLength = 1 << 30
    /// Elements of the queries of one token in all layers: with it, the size of keys and values for the longest context
    /// cannot overflow.
    static let queryElements = 1 << 28
    /// Elements of the states of one sequence in all layers, for the same reason. Layers times heads times two sizes are
    /// below 2^58.
    static let stateElements = 1 << 32
    static let tensorDimension = 1 << 32
    /// Of GGUF tensors.
    static let tensorDimensions = 4
    /// Models with images have kernels of five in parts that nobody needs.
    static let safetensorsDimensions = 8

    /// 70 million million: with it, sums over whole models cannot overflow.
    static let parameters = 1 << 46

    // Files
    /// Parts of a split model: each is one open file, and a process may commonly hold 1024.
    static let files = 512
    /// Kimi-K2-Thinking has 208,000: three for each quantized matrix of an expert.
    static let tensors = 500_000
    static let tensorNameBytes = 1024
    static let folderEntries = 100_000

    // GGUF
    /// Everything before the tensor data. Vocabularies of 256,000 tokens take about 15 MB.
    static let metadataBytes = 64 << 20
    static let metadataEntries = 1 << 16
    static let metadataKeyBytes = 65_535
    static let metadataArrayDepth = 4
    static let metadataNestedArrays = 1 << 16
    static let alignment = 1 << 20

    // JSON
    static let configurationBytes = 4 << 20
    /// The largest known index (about 60,000 tensors) takes 6 MB; the safetensors library allows headers of 100 MB.
    static let tensorIndexBytes = 64 << 20
    static let tokenizerBytes = 128 << 20
    static let jsonDepth = 64
    /// Members of a document that another one of the same name follows.
    static let jsonDuplicates = 1024
    /// A vocabulary of 262,000 tokens with 515,000 merges written as pairs has 2,000,000 values.
    static let jsonValues = 6_000_000

    // Tokenizers
    static let tokenBytes = 65_536
    static let addedTokens = 100_000
    /// Token ids that no token has: some vocabularies have a few; more would allocate what the file does not justify.
    static let unassignedTokens = 65_536
    static let endTokens = 256
    static let templatePieces = 64
    static let tokenizerSteps = 64
    /// A sentencepiece file: 256,000 pieces take 4 MB.
    static let sentencePieceBytes = 64 << 20
    static let sentencePieceLength = 2048
    /// Merges that each piece of a list may imply, on average; real ones imply two.
    static let mergesOfPiece = 16
}
