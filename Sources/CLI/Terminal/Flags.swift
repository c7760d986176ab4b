// Responsible for: how the command line spells fields, and the fields that only it has. Must not know: their values.
import Sequences

extension Field {
    static let prompt = Field("prompt")
    static let promptFile = Field("prompt_file")
    static let messages = Field("messages")
    static let system = Field("system")
    static let coordinator = Field("coordinator")
    static let memory = Field("memory")
    static let join = Field("join")
    static let probe = Field("probe")
    static let healthFile = Field("health_file")
    static let interval = Field("interval")
    static let watch = Field("watch")
    static let seed = Field("seed")
    static let trace = Field("trace")
    static let workers = Field("workers")
    static let uses = Field("uses")
    static let expires = Field("expires")
    static let port = Field("port")
    static let dataPort = Field("data_port")
    static let reconnectSeconds = Field("reconnect_seconds")
    static let listen = Field("listen")
    static let standbyOf = Field("standby_of")

    /// "--max-tokens" for "max_tokens".
    var flag: String { "--" + name.split(separator: "_").joined(separator: "-") }
}

extension Sentence {
    /// The text, with fields as flags.
    var spelled: String { text { $0.flag } }
}
