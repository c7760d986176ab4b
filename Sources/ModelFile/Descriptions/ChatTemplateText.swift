// Which texts are taken for a chat template. Knows nothing of the language of templates, and of where a text comes from.

import Sequences

enum ChatTemplateText {
    /// The text itself; nil, with a sentence, for one of nothing but white space, in which no message would appear.
    static func usable(_ text: String, from place: String, notices: inout [Sentence]) -> String? {
        if text.contains(where: { !$0.isWhitespace }) { return text }
        notices.append("\(place) has a chat template without text; it is not used")
        return nil
    }
}
