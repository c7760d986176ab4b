// Responsible for: how the command line spells fields. Must not know: which there are.
import Sequences

extension Field {
    /// "--max-tokens" for "max_tokens".
    var flag: String { "--" + name.split(separator: "_").joined(separator: "-") }
}

extension Sentence {
    /// The text, with fields as flags.
    var spelled: String { text { $0.flag } }
}
