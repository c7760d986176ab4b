// Responsible for: the smallest parts of a template.
// Must not know: grammar.

/// A part of a template, with the line on which it begins.
struct Token {
    enum Kind: Equatable {
        case text(Text)
        case variableBegin, variableEnd, blockBegin, blockEnd
        case name(String)
        case string(Text)
        case integer(Int)
        case float(Double)
        /// An operator or bracket.
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    /// How messages name it.
    var description: String {
        switch kind {
        case .text: "template data / text"
        case .variableBegin: "begin of print statement"
        case .variableEnd: "end of print statement"
        case .blockBegin: "begin of statement block"
        case .blockEnd: "end of statement block"
        case .name(let name): name
        case .string: "string"
        case .integer: "integer"
        case .float: "float"
        case .symbol(let symbol): symbol
        case .end: "end of template"
        }
    }
}
