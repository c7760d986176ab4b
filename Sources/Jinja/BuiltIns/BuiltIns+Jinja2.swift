// Responsible for: handing the renderer what jinja2 and Hugging Face give to every template.
// Must not know: when it is called.

extension BuiltIns {
    /// All that this folder has.
    static let jinja2 = BuiltIns(
        functions: Functions.names,
        methods: { Methods.names($0) },
        call: { (renderer, function, arguments) throws(JinjaError) in try renderer.call(function, arguments) },
        filter: { (renderer, name, value, arguments) throws(JinjaError) in
            try renderer.apply(filter: name, to: value, arguments)
        },
        test: { (renderer, name, value, arguments) throws(JinjaError) in try renderer.test(name, value, arguments) },
        format: { (renderer, format, value) throws(JinjaError) in try renderer.percentFormat(format, value) })
}
