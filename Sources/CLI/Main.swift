// Responsible for: the entry of the `tandem` executable: parse, run, and turn every failure into `error:` and `hint:`
// lines with an exit status. Must not know: any rule.
import ArgumentParser
import Node
import Sequences

/// The root of the subcommands.
struct Tandem: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tandem",
        abstract: "One language model on several Linux hosts.",
        discussion: """
            Two lines make a cluster:
              tandem coordinator --model MODEL     prints the line to paste on other hosts
              tandem worker --join HOST:PORT       as often as you like
            Then:
              tandem generate --prompt "Once upon a time"

            On one machine: tandem run --model MODEL --prompt "Once upon a time"
            """,
        version: "tandem \(Build.version) (commit \(Build.commit), protocol \(Build.protocolVersion))",
        subcommands: [
            RunCommand.self, CoordinatorCommand.self, WorkerCommand.self, UpCommand.self, GenerateCommand.self,
            ChatCommand.self, StatusCommand.self, ListCommand.self, InspectCommand.self, PerplexityCommand.self,
            QuantizeCommand.self,
            TokenizeCommand.self, DetokenizeCommand.self, BenchCommand.self,
        ])
}

@main
enum Main {
    private static let arguments = BenchCommand.completed(Arguments.bound(Array(CommandLine.arguments.dropFirst())))

    static func main() async {
        ignoreBrokenPipes()
        Terminal.holdStreams()
        do {
            try Descriptors.prepare()
            await Descriptors.holdClocks()
            var command = try Tandem.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            report(error)
        }
    }

    /// Prints a failure and ends the process with its status.
    private static func report(_ error: any Error) -> Never {
        if let failure = error as? TandemError {
            Terminal.say("error: \(failure.message.spelled)")
            if let hint = failure.hint { Terminal.say("hint: \(hint.spelled)") }
            exitNow(ExitStatus(failure).rawValue)
        }
        let code = Tandem.exitCode(for: error)
        if code.isSuccess {
            Terminal.put(Tandem.fullMessage(for: error) + "\n")
            exitNow(0)
        }
        if let exit = error as? ExitCode { exitNow(exit.rawValue) }
        guard code == .validationFailure else {
            Terminal.say("error: \(Tandem.message(for: error))")
            exitNow(ExitStatus.failure.rawValue)
        }
        // A misspelt flag often looks as if another were missing: the word itself tells more.
        let suggestion = Suggestion.find(arguments, of: Tandem.self)
        Terminal.say("error: \(suggestion?.sentence ?? Tandem.message(for: error))")
        Terminal.say("hint: see `tandem \(subcommandName())--help`")
        exitNow(ExitStatus.usage.rawValue)
    }

    /// The names of the given subcommand and of its own one, each with a space behind it; nothing where none is given.
    private static func subcommandName() -> String {
        var command: any ParsableCommand.Type = Tandem.self
        var names = ""
        for argument in arguments {
            let subcommand = command.configuration.subcommands.first { $0._commandName == argument }
            guard let subcommand else { continue }
            command = subcommand
            names += argument + " "
        }
        return names
    }
}
