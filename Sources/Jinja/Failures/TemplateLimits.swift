// Responsible for: how much work, memory and nesting a template may take.
// Must not know: what a template does with it.

/// The bounds of one rendering. Work and text grow with the input, since an honest template's do.
package struct TemplateLimits: Sendable {
    /// Evaluated nodes and handled elements, whatever the input.
    package var steps = 200_000
    /// More of them for each value in the variables.
    package var stepsPerValue = 400
    /// More of them for each byte in the variables.
    package var stepsPerByte = 2
    /// Bytes of all texts made on the way, whatever the input.
    package var textBytes = 16 << 20
    /// More of them for each byte in the variables.
    package var textBytesPerByte = 64
    /// Bytes of the rendered text, whatever the input.
    package var outputBytes = 4 << 20
    /// More of them for each byte in the variables.
    package var outputBytesPerByte = 16

    /// The limits of the chat templates that models come with.
    package init() {}

    /// Bytes of a template's source; the largest real ones have about 30,000.
    static let sourceBytes = 256 << 10
    /// Parentheses, brackets, unary operators and blocks inside each other, as the parser descends.
    static let parseDepth = 120
    /// Levels of one expression's tree: a chain of 400 additions is 400 levels.
    static let expressionDepth = 400
    /// Expressions, statements and macro calls inside each other while rendering.
    static let evaluationDepth = 1_200
    /// Lists and dictionaries inside each other.
    static let valueDepth = 200
    /// Elements of one `range`, as in jinja2's sandbox.
    static let rangeCount = 100_000
    /// Digits that a number format may ask for.
    static let formatPrecision = 1_000
}
