// What the words after "Must not know" in a file's header mean. Must not know which files use them.

/// What a file cannot name without knowing of a subject.
struct HeaderSubject {
    /// Modules that it may not import.
    var modules: Set<String> = []
    /// Types of this package that it may not name.
    var types: Set<String> = []
    /// Names of the system's that may not stand in it.
    var words: Set<String> = []
    /// Headers that C may not include.
    var headers: Set<String> = []
}

enum HeaderSubjects {
    static let all: [String: HeaderSubject] = [
        // The machine
        "sockets": .init(
            modules: ["CZeroMQ"],
            types: ["Context", "DealerSocket", "Monitor", "Poller", "RouterSocket", "SocketHandle", "SocketOptions"]),
        "network": .init(modules: ["CZeroMQ", "Transport"]),
        "wire": .init(modules: ["Wire"]),
        "mailboxes": .init(types: ["Mailbox"]),
        "peers": .init(types: ["Peer"]),
        "threads": .init(
            modules: ["Dispatch", "Synchronization"], types: ["LoopThread", "Mailbox", "ThreadPool"],
            words: ["Thread", "pthread_create", "pthread_t"], headers: ["pthread.h"]),
        "time": time,
        "clocks": time,
        "files": .init(
            types: ["DiskFile", "NewFile"],
            words: ["FileHandle", "FileManager", "URL", "fopen", "fsync", "mmap", "pread"],
            headers: ["fcntl.h", "stdio.h"]),
        "terminals": .init(
            modules: ["ArgumentParser"], types: ["Screen", "Terminal"],
            words: ["STDERR_FILENO", "STDOUT_FILENO", "ioctl", "isatty", "termios"]),
        "flags": flags,
        "flags' syntax": flags,
        "hashing": .init(modules: ["Crypto"], types: ["DigestBook"], words: ["SHA256"]),
        "instruction sets": .init(headers: ["immintrin.h", "math_avx2.h", "math_avx512.h"]),

        // What is computed
        "text": text,
        "tokenizers": text,
        "tensors": .init(modules: ["CKernels", "Inference", "ModelFile"]),
        "arithmetic": .init(modules: ["CKernels"]),
        "file format": fileFormat,
        "format": fileFormat,
        "weights": .init(types: ["PackedMatrix", "StageWeights", "TensorSource", "WeightReader", "WeightStore"]),
        "models": .init(types: ["LoadedModel", "Model", "ModelConfiguration"]),
        "batches": .init(types: ["BatchLayout", "StageBatch"]),
        "layers": .init(types: ["TransformerLayer"]),
        "random numbers": .init(types: ["Philox", "SplitMix64"], words: ["SystemRandomNumberGenerator"]),
        "stages": .init(types: ["Stage", "StageAssembler", "StageConfiguration", "StageRunner", "TimedStage"]),
        "tokens": .init(types: ["SampledToken", "Tokenizer", "ModelTokenizer"]),
        "token ids": .init(types: ["SampledToken"]),

        // Who computes it
        "workers": .init(types: ["Member", "Worker", "WorkerID", "WorkerLoop", "WorkerNode"]),
        "clients": .init(types: ["ClientID", "ClientSessions"]),
        "members": .init(types: ["Member"]),
        "plans": .init(types: ["Plan", "Planner"]),
        "requests": .init(types: ["GenerationRequest", "GenerationTask", "Scheduler", "SequenceState"]),
        "sequences": .init(types: ["SequenceState"]),
        "traces": .init(types: ["RequestTrace"]),

        // Tokenizers and templates
        "chat": .init(types: ["ChatMessage", "ChatTemplate"]),
        "chat templates": .init(types: ["ChatTemplate"]),
        "patterns": .init(types: ["RegexMatcher", "RegexNode", "RegexParser", "TextPattern"]),
        "stop strings": .init(types: ["StopMatcher"]),
        "vocabularies": .init(types: ["Vocabulary"]),
        "words": .init(types: ["WordModel", "Words"]),
        "filters": .init(types: ["FilterCheck", "Filters"]),
        "methods": .init(types: ["Methods"]),
        "syntax": .init(types: ["Expression", "Parser", "Statement", "Token"]),
        "grammar": .init(types: ["Parser"]),
        "templates": .init(types: ["Expression", "Parser", "Statement", "Template"]),
    ]

    private static let time = HeaderSubject(
        types: ["LoopClock"],
        words: [
            "ContinuousClock", "Date", "DispatchTime", "SuspendingClock", "clock_gettime", "gettimeofday", "nanosleep",
        ],
        headers: ["time.h"])
    private static let fileFormat = HeaderSubject(
        types: ["GGUFFile", "GGUFModel", "GGUFValue", "HuggingFaceModel", "JSONText", "JSONValue", "SafetensorsFile"])
    private static let flags = HeaderSubject(modules: ["ArgumentParser"])
    private static let text = HeaderSubject(
        modules: ["Jinja", "Tokenization"], types: ["ChatTemplate", "ModelTokenizer", "Tokenizer"])
}
