// Responsible for: a model file opened for serving: configuration, tokenizer, and the context it is served with.
// Must not know: how stages compute, workers, sockets.
import Inference
import ModelFile
import Sequences
import Tokenization

/// A model whose weights stay in their file, with all that is needed to go from requests to token ids and back.
package struct LoadedModel: Sendable {
    package let model: Model
    /// Prompt and answer together, in tokens.
    package let contextLength: Int
    /// Turns prompts into token ids.
    package let encoder: PromptEncoder
    private let reasoningMarks: ReasoningMarks?
    /// How keys and values depend on the length of their sequence.
    package var lengthRule: LengthRule

    /// The context served where nobody says otherwise, if the model allows that much.
    package static let defaultContextLength = 4096

    /// Opens a GGUF file or a Hugging Face folder. `contextLength` nil: what the model allows, up to the default.
    /// `quantization`: the name of the type that weights get while they are read; nil: their own. `threads` is for that.
    package init(
        path: String, contextLength: Int?, quantization: String? = nil, threads: Int? = nil
    ) throws(TandemError) {
        let mix = try quantization.map { name throws(TandemError) in
            try QuantizationMix.named(name, .quantization)
        }
        var model: Model
        do { model = try Model.load(path: path) } catch { throw TandemError(error) }
        if let mix { model = try model.quantized(mix, threads: MachineDescription.threadCount(threads)) }
        try self.init(model, contextLength: contextLength, defaultContextLength: Self.defaultContextLength)
    }

    /// The model that a cluster which only pretends to compute serves. `contextLength` nil: all it allows.
    package static func simulated(contextLength: Int?) throws(TandemError) -> LoadedModel {
        try LoadedModel(.simulated, contextLength: contextLength, defaultContextLength: .max)
    }

    private init(_ model: Model, contextLength: Int?, defaultContextLength: Int) throws(TandemError) {
        let allowed = model.configuration.contextLength
        if let wanted = contextLength {
            guard wanted >= 2, wanted <= allowed else {
                throw TandemError(
                    "\(.context) is \(wanted), but \(model.name) allows 2 to \(allowed) tokens",
                    hint: "choose a context within that range")
            }
        }
        self.model = model
        self.contextLength = contextLength ?? min(allowed, defaultContextLength)
        lengthRule = LengthRule(
            replayLength: model.configuration.replayLength, dynamicLength: model.configuration.dynamicLength)
        var tokenizer: Tokenizer?
        var problem: String?
        do {
            tokenizer = try model.tokenizer.map { description throws(TokenizationError) in try Tokenizer(description) }
        } catch { problem = "\(error)" }
        encoder = PromptEncoder(
            contextLength: self.contextLength, longestContext: allowed,
            vocabularySize: model.configuration.vocabularySize,
            tokenizer: tokenizer, tokenizerProblem: problem, templates: ChatTemplates(model))
        reasoningMarks = model.tokenizer.map { ReasoningMarks($0) }
    }

    /// The model's name.
    package var name: String { model.name }

    /// What of its files was guessed or left out: a sentence each.
    package var notices: [Sentence] { model.notices }

    /// KV blocks of one sequence as long as the context.
    package var blocksPerSequence: Int { KeyValueBlock.count(forPositions: contextLength) }

    /// How a request samples: what it leaves open is as the model's author recommends, else as everywhere.
    package func sampling(of request: GenerationRequest) -> SamplingParameters {
        request.sampling.completed(by: model.generation.sampling).completed(by: .standard)
    }

    /// What follows the answer to `request`.
    package func assembler(for request: GenerationRequest, prompt: PromptEncoder.Encoded) -> AnswerAssembler {
        var assembler = AnswerAssembler(
            tokenizer: encoder.tokenizer, promptTokens: prompt.tokens, stops: request.stops + prompt.stops,
            endTokens: request.ignoresEndOfText ? [] : endTokens, stopTokens: Set(request.stopTokens))
        if prompt.isTemplated, let reasoningMarks {
            assembler.follow(reasoningMarks, isOpen: prompt.isReasoningOpen)
        }
        return assembler
    }

    /// Tokens that an answer to `request` has at most: what is allowed, and what the context has room for.
    package func answerLimit(for request: GenerationRequest, prompt: PromptEncoder.Encoded) -> Int {
        min(request.maximumTokens, contextLength - prompt.tokens.count)
    }

    /// Tokens that end an answer.
    package var endTokens: Set<Int32> { Set(model.generation.eosTokens.map { Int32($0) }) }
}
