// Responsible for: `tandem tokenize` and `tandem detokenize`: text to the token ids of a model and back.
// Must not know: how a tokenizer works.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

struct TokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Show the tokens of a text.",
        discussion: """
            Each line is an id and, in quotes, what the token adds to the text.

            Without --special the text is only text. With it the text is a prompt:
            special tokens spelled in it, such as <|endoftext|>, are those tokens, and
            what the model puts around a prompt, such as BOS, is put there.

            --messages takes a conversation as the model's chat template writes it, special
            tokens included; what it wrote is shown before the tokens.

            Examples:
              tandem tokenize --model model.gguf --prompt "Once upon a time"
              tandem tokenize --model folder/ --prompt-file chat.txt --special --json
              echo -n "Once upon a time" | tandem tokenize --model tokenizer.json
              tandem tokenize --model folder/ --messages chat.json --tools tools.json
            """)

    @Option(name: .shortAndLong, help: "\(ModelArgument.forms), or a tokenizer.json or SentencePiece file.")
    var model: ModelArgument
    @Option(name: .shortAndLong, help: "The text; - reads it from stdin, as a pipe without --prompt does.")
    var prompt: String?
    @Option(help: "Read the text from a file.") var promptFile: String?
    @Option(
        help: ArgumentHelp(
            "Take a conversation: a JSON list of messages with role and content, as OpenAI's.", valueName: "file"))
    var messages: String?
    @Option(help: ArgumentHelp("A JSON list of the tools that the model may call.", valueName: "file"))
    var tools: String?
    @Option(
        help: ArgumentHelp(
            "Further variables of the model's chat template, as '{\"enable_thinking\": false}'.", valueName: "json"))
    var templateVariables: String?
    @Flag(help: "Parse special tokens and add those that the model puts around a prompt.") var special = false
    @Flag(help: "Print one JSON object.") var json = false

    /// What `--json` prints.
    private struct Report: Encodable {
        var tokens: [Int32]
        var pieces: [String]
        var count: Int
        /// Of a conversation: what the template wrote.
        var text: String?

        init(_ tokens: [ModelTokenizer.Token], text: String? = nil) {
            (self.tokens, pieces, count) = (tokens.map(\.id), tokens.map(\.piece), tokens.count)
            self.text = text
        }
    }

    func run() async throws {
        if let messages { return try show(conversation: messages) }
        guard tools == nil && templateVariables == nil else {
            throw TandemError(
                "\(.tools) and \(.templateVariables) are of a conversation", hint: "give one with \(.messages)")
        }
        let text = try readText()
        let tokenizer = try ModelTokenizer(path: model.path)
        Terminal.warn(tokenizer.notices)
        let tokens = tokenizer.tokens(of: text, special: special)
        if json {
            Terminal.put(try JSONOutput.line(Report(tokens)))
        } else {
            Terminal.put(try Self.lines(tokens))
        }
    }

    private static func lines(_ tokens: [ModelTokenizer.Token]) throws -> String {
        try tokens.map { "\($0.id)\t\(try JSONOutput.quoted($0.piece))" }.joined()
    }

    /// The text of a conversation, an empty line, and its tokens.
    private func show(conversation path: String) throws {
        if prompt != nil || promptFile != nil {
            throw TandemError(
                "more than one text is given with \(.prompt), \(.promptFile) and \(.messages)",
                hint: "use one of them")
        }
        var request = GenerationRequest(prompt: .messages(try MessageList.read(path, .messages)))
        request.templateVariables = templateVariables
        if let tools {
            let bytes = try InputText.file(tools, called: "tools file", .tools, limit: RequestLimits.promptBytes)
            request.tools = String(decoding: bytes, as: UTF8.self)
        }
        let rendered = try RenderedConversation(request, modelPath: model.path)
        Terminal.warn(rendered.notices)
        if !rendered.isTemplated { Terminal.say("the model has no chat template; this is the plain form used then") }
        if json {
            Terminal.put(try JSONOutput.line(Report(rendered.tokens, text: rendered.text)))
        } else {
            Terminal.put(rendered.text + "\n\n" + (try Self.lines(rendered.tokens)))
        }
    }

    private func readText() throws -> [UInt8] {
        if prompt != nil && promptFile != nil {
            throw TandemError("more than one text is given with \(.prompt) and \(.promptFile)", hint: "use one of them")
        }
        if let path = promptFile {
            return try InputText.file(path, called: "file", .promptFile, limit: RequestLimits.promptBytes)
        }
        if let text = prompt, text != "-" { return Array(text.utf8) }
        if prompt == nil && Terminal.isInputInteractive {
            throw TandemError(
                "there is no \(.prompt)",
                hint: "give one with \(.prompt) TEXT, \(.promptFile) FILE, or through a pipe")
        }
        return try InputText.standardInput(limit: RequestLimits.promptBytes)
    }
}

struct DetokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detokenize",
        abstract: "Show the text of tokens.",
        discussion: """
            Ids are separated by spaces or commas; without any they are read from stdin.
            The text is followed by a line break; --json tells it exactly. Special
            tokens are left out unless --special is given.

            Examples:
              tandem detokenize --model model.gguf 9906 1917
              tandem detokenize --model folder/ 1,15043,2 --special --json
            """)

    @Option(name: .shortAndLong, help: "\(ModelArgument.forms), or a tokenizer.json or SentencePiece file.")
    var model: ModelArgument
    @Argument(help: "Token ids.") var ids: [String] = []
    @Flag(help: "Show special tokens.") var special = false
    @Flag(help: "Print one JSON object.") var json = false

    /// What `--json` prints.
    private struct Report: Encodable {
        var text: String
    }

    func run() async throws {
        let list =
            ids.isEmpty
            ? String(decoding: try InputText.standardInput(limit: RequestLimits.promptBytes), as: UTF8.self)
            : ids.joined(separator: " ")
        let tokens = try list.split { $0 == "," || $0.isWhitespace }.map { word in
            guard let id = Int32(word) else {
                throw TandemError("\"\(word)\" is not a token id", hint: "write ids as 1 2 3 or 1,2,3")
            }
            return id
        }
        let tokenizer = try ModelTokenizer(path: model.path)
        Terminal.warn(tokenizer.notices)
        let text = try tokenizer.text(of: tokens, special: special)
        Terminal.put(json ? try JSONOutput.line(Report(text: text)) : text + "\n")
    }
}
