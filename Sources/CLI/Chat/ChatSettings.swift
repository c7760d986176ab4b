// Responsible for: what can be set of a request while a conversation goes on. Must not know: terminals.
import Sequences

/// A field of a request by its name.
struct ChatSetting {
    let field: Field
    /// Its value now; nil: the model's own.
    let shown: (GenerationRequest) -> String?
    /// Takes a text; nil: back to what it is unless somebody says otherwise. False where the text is no such value.
    let change: (inout GenerationRequest, String?) -> Bool

    /// All that can be set.
    static var all: [ChatSetting] {
        [
            .init(.temperature, \.sampling.temperature), .init(.topK, \.sampling.topK), .init(.topP, \.sampling.topP),
            .init(.minP, \.sampling.minP), .init(.repeatPenalty, \.sampling.repeatPenalty),
            .init(.presencePenalty, \.sampling.presencePenalty, unset: 0),
            .init(.frequencyPenalty, \.sampling.frequencyPenalty, unset: 0),
            .init(.maximumTokens, \.maximumTokens, unset: 512), .init(.seed, \.sampling.seed, unset: 0), bias,
            stop, stopToken,
        ]
    }

    private static var bias: ChatSetting {
        ChatSetting(
            field: .logitBias,
            shown: { request in
                let list = request.sampling.logitBias.map { "\($0.token)=\($0.bias)" }
                return list.isEmpty ? nil : list.joined(separator: " ")
            },
            change: { request, text in
                var biases: [LogitBias] = []
                for item in text?.split(separator: " ") ?? [] {
                    let parts = item.split(separator: "=", omittingEmptySubsequences: false)
                    guard parts.count == 2, let token = Int32(parts[0]), let bias = Float(parts[1]),
                        !bias.isNaN
                    else {
                        return false
                    }
                    biases.removeAll { $0.token == token }
                    biases.append(LogitBias(token: token, bias: bias))
                }
                request.sampling.logitBias = biases.sorted { $0.token < $1.token }
                return true
            })
    }

    private static var stop: ChatSetting {
        ChatSetting(
            field: .stop, shown: { $0.stops.isEmpty ? nil : $0.stops.joined(separator: " ") },
            change: { request, text in
                request.stops = text.map { [$0] } ?? []
                return true
            })
    }

    private static var stopToken: ChatSetting {
        ChatSetting(
            field: .stopTokens,
            shown: { $0.stopTokens.isEmpty ? nil : $0.stopTokens.map(String.init).joined(separator: " ") },
            change: { request, text in
                let words = text?.split(separator: " ") ?? []
                let tokens = words.compactMap { Int32($0) }
                guard tokens.count == words.count else { return false }
                request.stopTokens = tokens
                return true
            })
    }

    private init(
        field: Field, shown: @escaping (GenerationRequest) -> String?,
        change: @escaping (inout GenerationRequest, String?) -> Bool
    ) { (self.field, self.shown, self.change) = (field, shown, change) }

    private init<Value: LosslessStringConvertible>(_ field: Field, _ path: WritableKeyPath<GenerationRequest, Value?>) {
        self.init(
            field: field, shown: { $0[keyPath: path].map { "\($0)" } },
            change: { request, text in
                let value = text.flatMap { Value($0) }
                guard text == nil || value != nil else { return false }
                request[keyPath: path] = value
                return true
            })
    }

    private init<Value: LosslessStringConvertible>(
        _ field: Field, _ path: WritableKeyPath<GenerationRequest, Value>, unset: Value
    ) {
        self.init(
            field: field, shown: { "\($0[keyPath: path])" },
            change: { request, text in
                guard let value = text.map({ Value($0) }) ?? unset else { return false }
                request[keyPath: path] = value
                return true
            })
    }

    /// Changes what "temperature 0.3" says, also "--top-k=5"; "default" takes back what was set. Throws `TandemError`
    /// and changes nothing where that has no meaning.
    static func change(_ request: inout GenerationRequest, by text: String) throws(TandemError) {
        let parts = text.split(maxSplits: 1) { $0 == " " || $0 == "=" }.map { String($0).trimmed }
        let name = (parts.first ?? "").drop { $0 == "-" }.split(separator: "-").joined(separator: "_")
        guard let setting = all.first(where: { $0.field.name == name }) else {
            let names = all.map(\.field.name)
            let meant = Spelling.nearest(to: name, among: names)
            throw TandemError(
                "there is nothing called \(name) to set",
                hint: meant.map { "did you mean \($0)?" } ?? "\(names.joined(separator: ", ")) can be set")
        }
        guard parts.count == 2 else {
            throw TandemError("\(setting.field) needs a value", hint: "or the word default")
        }
        var changed = request
        guard setting.change(&changed, parts[1] == "default" ? nil : parts[1]) else {
            throw TandemError("\(setting.field) cannot be \(parts[1])")
        }
        changed.prompt = .text("x")  // of itself it may be longer than allowed: that is told when it is sent
        try changed.validateValues()
        changed.prompt = request.prompt
        request = changed
    }

    /// "temperature 0.3" of each that has a value.
    static func list(_ request: GenerationRequest) -> String {
        all.compactMap { setting in setting.shown(request).map { "\(setting.field.name) \($0)" } }
            .joined(separator: ", ")
    }
}
