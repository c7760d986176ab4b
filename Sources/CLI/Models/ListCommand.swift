// Responsible for: `tandem list`: the models that have names, as a table or JSON. Must not know: where they are.
import ArgumentParser
import Generation
import Node

struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show the models that can be named instead of a path.",
        discussion: """
            They lie in the model store: $TANDEM_MODELS, else $XDG_DATA_HOME/tandem/models,
            else ~/.local/share/tandem/models. Put GGUF files and Hugging Face folders there,
            or links to them; `Deploy/fetch-model smollm2` gets a small one. The beginning of
            a name is enough, and capitals are as small letters. Examples:
              tandem list
              tandem run --model smollm2 --prompt "Give me three tips for a good night's sleep."
            """)

    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let listing = ModelListing(ModelStore.standard)
        if json { return Terminal.put(try JSONOutput.document(listing)) }
        let usable = listing.models.filter { $0.problem == nil }
        if !usable.isEmpty {
            let rows = usable.map { model in
                [
                    model.name, model.family ?? "", model.fileBytes.map(formatBytes) ?? "",
                    model.parameters.map { "\($0)" } ?? "", model.type ?? "", model.path,
                ]
            }
            let lines = table([["name", "family", "size", "parameters", "type", "path"]] + rows)
            Terminal.put(lines.joined(separator: "\n") + "\n")
        }
        for model in listing.models { if let problem = model.problem { Terminal.say("warning: \(problem)") } }
        if !listing.models.contains(where: { $0.path.hasPrefix(listing.folder) }) {
            Terminal.say("(\(listing.folder) has no models; \(StarterModel.advice))")
        }
    }
}
