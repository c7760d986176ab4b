// Responsible for: how a command line names a model. Must not know: where models are.
import ArgumentParser
import Generation
import Sequences

/// A path, or a name of the model store.
struct ModelArgument: ExpressibleByArgument {
    /// As it was written.
    let text: String

    init(argument: String) { text = argument }

    /// Where the model is. Throws where the text is the name of none or of several.
    var path: String {
        get throws(TandemError) { try ModelStore.standard.path(of: text) }
    }

    /// For the help of a flag.
    static let forms = "A GGUF file or a Hugging Face folder, or a name that `tandem list` shows"
    static let help = ArgumentHelp("\(forms).")
}
