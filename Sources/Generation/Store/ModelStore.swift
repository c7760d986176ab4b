// Responsible for: the folders in which models lie under their names, and the one rule by which a name is looked up.
// Must not know: what is in a model's files.
import Foundation
import Sequences

/// The models of this machine that have names.
package struct ModelStore: Sendable {
    /// A model in the store: a GGUF file, of a split one its first part, or a Hugging Face folder.
    package struct Entry: Sendable, Equatable {
        /// The file's name without its ending, or the folder's.
        package var name: String
        package var path: String
    }

    /// The user's own, which need not be there.
    package let folder: String
    /// The one with the model that comes with Tandem; nil: this program is neither installed nor where it was built.
    package let shippedFolder: String?

    /// Some folders.
    package init(folder: String, shippedFolder: String? = nil) {
        (self.folder, self.shippedFolder) = (folder, shippedFolder)
    }

    /// The user's store: `$TANDEM_MODELS`, else `$XDG_DATA_HOME/tandem/models`, else `~/.local/share/tandem/models`.
    package static var standard: ModelStore {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        return ModelStore(
            folder: folder(in: ProcessInfo.processInfo.environment), shippedFolder: shipped(with: program))
    }

    static func folder(in environment: [String: String]) -> String {
        if let own = environment["TANDEM_MODELS"], !own.isEmpty { return own }
        return UserFolder.path("XDG_DATA_HOME", else: ".local/share", in: environment) + "/tandem/models"
    }

    /// `share/tandem/models` beside the `bin` in which `program` is installed, or `Deploy/models` of the source folder in
    /// which it was built.
    static func shipped(with program: String) -> String? {
        var folder = URL(fileURLWithPath: program)
        let installed = folder.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("share/tandem/models").path
        if FileManager.default.fileExists(atPath: installed) { return installed }
        for _ in 0..<deepestBuild {
            folder.deleteLastPathComponent()
            let models = folder.appendingPathComponent("Deploy/models").path
            if FileManager.default.fileExists(atPath: models) { return models }
        }
        return nil
    }

    /// `.build/TRIPLE/release/tandem`, and some folders to spare.
    private static let deepestBuild = 6

    /// All models, sorted by name; of two with the same name the user's own.
    package var entries: [Entry] {
        var names: Set<String> = []
        let all = [folder, shippedFolder].compactMap { $0 }.flatMap { Self.entries(in: $0) }
        return all.filter { names.insert($0.name).inserted }.sorted { $0.name < $1.name }
    }

    private static func entries(in folder: String) -> [Entry] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            let path = folder + "/" + name
            if name.hasPrefix(".") { return nil }
            if FileManager.default.fileExists(atPath: path + "/config.json") { return Entry(name: name, path: path) }
            guard let name = withoutEnding(name) else { return nil }
            guard let part = name.wholeMatch(of: /(.+)-(\d{5})-of-\d{5}/) else { return Entry(name: name, path: path) }
            return part.2 == "00001" ? Entry(name: String(part.1), path: path) : nil
        }
    }

    /// "model" for "model.gguf" and "model.GGUF"; nil for other names.
    private static func withoutEnding(_ name: String) -> String? {
        name.lowercased().hasSuffix(ending) && name.count > ending.count ? String(name.dropLast(ending.count)) : nil
    }

    private static let ending = ".gguf"

    /// The path of what somebody calls `text`: of a file or folder of that name, else of the model in the store whose
    /// name it is, with or without `.gguf`, else of the only one whose name begins with it; capitals are as small
    /// letters. A text with a slash is a path, whatever it leads to. Throws where several or none are meant.
    package func path(of text: String) throws(TandemError) -> String {
        if text.isEmpty || text.contains("/") || FileManager.default.fileExists(atPath: text) { return text }
        let entries = entries
        let word = Self.withoutEnding(text) ?? text
        let rules: [(Entry) -> Bool] = [
            { $0.name == word }, { $0.name.lowercased() == word.lowercased() },
            { $0.name.lowercased().hasPrefix(word.lowercased()) },
        ]
        for rule in rules {
            let meant = entries.filter(rule)
            if let only = meant.first, meant.count == 1 { return only.path }
            if meant.count > 1 {
                throw TandemError(
                    "\(text) may be \(meant.map(\.name).joined(separator: " or "))", kind: .notFound,
                    hint: "write more of the name")
            }
        }
        throw unknown(text, entries: entries)
    }

    private func unknown(_ text: String, entries: [Entry]) -> TandemError {
        let word = Self.withoutEnding(text) ?? text
        // Whoever meant only the beginning of a name may have misspelt that.
        let beginnings = entries.flatMap { entry in
            let lengths = word.count < 4 ? [entry.name.count] : [word.count, word.count + 1, entry.name.count]
            return lengths.map { (text: entry.name.prefix($0).lowercased(), name: entry.name) }
        }
        let nearest = Spelling.nearest(to: word, among: beginnings.map(\.text))
        let meant = nearest.flatMap { nearest in beginnings.first { $0.text == nearest }?.name }
        let advice: Sentence =
            "give the path of a GGUF file or of a Hugging Face folder, or a name that `tandem list` shows; "
            + "\(StarterModel.advice)"
        return TandemError(
            "\(text): there is no such file or folder, and no such model in \(folder)", kind: .notFound,
            hint: meant.map { "did you mean \($0)? `tandem list` shows all" } ?? advice)
    }
}
