// Responsible for: `tandem config`: the parent of the commands that show and check settings, and what help says of them.
// Must not know: how they are read.
import ArgumentParser
import Synchronization

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show settings and where they come from, or check a file of them.",
        discussion: """
            Every flag of every command can be set in four ways, the strongest first:
              the command line   tandem worker --kv-type f16
              the environment    TANDEM_KV_TYPE=f16
              the user's file    $XDG_CONFIG_HOME/tandem/config.toml (~/.config/tandem/config.toml)
              the host's file    /etc/tandem/COMMAND.toml
            --config FILE, or TANDEM_CONFIG=FILE, names a file in the place of those two; an empty
            name reads none. A file is TOML. Keys are flags without dashes in front; outside of
            tables they are for every command that has them, in a table for that command:
              context = 8192
              [worker]
              memory = "4GiB"
              check = true
              [bench.model]
              threads = 4
            Variables that are empty count as not set. Flags without a value are true or false (also
            1, 0, on, off in variables), and `--check=false` takes one back that a file sets. What may
            be repeated is a list; in variables with commas between.
            Further variables: TANDEM_LOG (the level of logs), TANDEM_MODELS (the model store).
            """,
        subcommands: [ConfigShowCommand.self, ConfigValidateCommand.self])

    /// What these commands are about: set once, before any runs.
    static let subject = Mutex<(root: any ParsableCommand.Type, places: SettingsPlaces)?>(nil)

    /// All commands that can be set, and where their files are.
    static func whole() throws -> (root: any ParsableCommand.Type, tree: CommandTree, places: SettingsPlaces) {
        guard let subject = subject.withLock({ $0 }), let tree = CommandTree.whole(of: subject.root) else {
            throw SettingsFailure("the commands do not describe themselves")
        }
        return (subject.root, tree, subject.places)
    }

    /// What the help of a command with flags says at its end.
    static func footnote(for command: String?) -> String {
        """

        SETTINGS:
          Flags are environment variables too (--kv-type is TANDEM_KV_TYPE), and keys of a file
          that --config names, or of ~/.config/tandem/config.toml and /etc/tandem/\(command ?? "COMMAND").toml:
          see `tandem config --help`, `tandem config show\(command.map { " " + $0 } ?? "") --origin`.

        """
    }
}
