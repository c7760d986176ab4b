// Responsible for: which files of settings are read for a command. Must not know: what is in them.
import Foundation
import Generation

/// The places of settings files.
struct SettingsPlaces {
    /// --config on the command line; nil: it is not there.
    var named: String?
    var environment: [String: String]
    var systemFolder = Settings.systemFolder

    /// What somebody has named; nil: nobody has, and the standard places count.
    private var choice: String? { named ?? environment[Settings.fileVariable] }

    /// The files that are there, the strongest first. Those of the standard places need not be readable: `unread` gets
    /// what is not.
    func files(
        for command: String?, _ tree: CommandTree, unread: inout [String]
    ) throws(SettingsFailure) -> [SettingsFile] {
        if let choice { return choice.isEmpty ? [] : [try SettingsFile.read(choice, tree: tree)] }
        var files: [SettingsFile] = []
        for path in standardPaths(for: command) where access(path, F_OK) == 0 {
            if access(path, R_OK) == 0 {
                files.append(try SettingsFile.read(path, tree: tree))
            } else {
                unread.append("\(path) is not read: \(String(cString: strerror(errno)))")
            }
        }
        return files
    }

    /// Whether there is nothing to read.
    func isEmpty(for command: String?) -> Bool {
        if let choice { return choice.isEmpty }
        return !standardPaths(for: command).contains { access($0, F_OK) == 0 }
    }

    /// The user's own is stronger than the host's.
    func standardPaths(for command: String?) -> [String] {
        let folder = UserFolder.path("XDG_CONFIG_HOME", else: ".config", in: environment)
        return ["\(folder)/tandem/config.toml"] + (command.map { ["\(systemFolder)/\($0).toml"] } ?? [])
    }
}
