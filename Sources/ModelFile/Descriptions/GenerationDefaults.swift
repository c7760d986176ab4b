// What a model's author suggests for generating with it. Knows nothing of sampling.

import Sequences

/// Suggestions found beside a model; nil where there is none.
package struct GenerationDefaults: Sendable, Hashable {
    package var bosToken: Int?
    /// Tokens that end an answer; all are inside the vocabulary.
    package var eosTokens: [Int] = []
    package var sampling = SamplingParameters()

    package init() {}
}

/// Which texts are taken for a chat template.
enum ChatTemplateText {
    /// The text itself; nil, with a sentence, for one of nothing but white space, in which no message would appear.
    static func usable(_ text: String, from place: String, notices: inout [Sentence]) -> String? {
        if text.contains(where: { !$0.isWhitespace }) { return text }
        notices.append("\(place) has a chat template without text; it is not used")
        return nil
    }
}
