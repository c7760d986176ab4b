// Responsible for: what the renderer needs of the functions, methods, filters and tests that every template may use.
// Must not know: which there are, what they do.

/// What every template may use besides its variables. The renderer hands itself over with each call: what is called pays
/// for its work there.
struct BuiltIns: Sendable {
    /// The names of global functions.
    let functions: Set<Text>
    /// The names of the methods that a value has.
    let methods: @Sendable (Value) -> Set<Text>
    /// The result of a global function or a method.
    let call: @Sendable (Renderer, Function, CallArguments) throws(JinjaError) -> Value
    /// `value|name(arguments)`.
    let filter: @Sendable (Renderer, String, Value, CallArguments) throws(JinjaError) -> Value
    /// `value is name(arguments)`.
    let test: @Sendable (Renderer, String, Value, CallArguments) throws(JinjaError) -> Bool
    /// `format % value` of a text.
    let format: @Sendable (Renderer, Text, Value) throws(JinjaError) -> Text
}
