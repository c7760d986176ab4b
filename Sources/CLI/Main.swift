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
            ChatCommand.self, StatusCommand.self, InspectCommand.self, PerplexityCommand.self, QuantizeCommand.self,
            TokenizeCommand.self, DetokenizeCommand.self, BenchCommand.self,
        ])
}

@main
enum Main {
    private static let arguments = BenchCommand.completed(Array(CommandLine.arguments.dropFirst()))

    static func main() async {
        ignoreBrokenPipes()
        do {
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

    /// The status of what may succeed later: EX_TEMPFAIL of <sysexits.h>.
    private static let temporaryFailure: Int32 = 75

    /// Prints a failure and ends the process with its status.
    private static func report(_ error: any Error) -> Never {
        if let failure = error as? TandemError {
            Terminal.say("error: \(failure.message.spelled)")
            if let hint = failure.hint { Terminal.say("hint: \(hint.spelled)") }
            exitNow(failure.retryAfterMilliseconds == nil ? 1 : temporaryFailure)
        }
        let code = Tandem.exitCode(for: error)
        if code.isSuccess {
            print(Tandem.fullMessage(for: error))
            exitNow(0)
        }
        if let exit = error as? ExitCode { exitNow(exit.rawValue) }
        Terminal.say("error: \(Tandem.message(for: error))")
        if code == .validationFailure { Terminal.say("hint: see `tandem \(subcommandName())--help`") }
        exitNow(code == .validationFailure ? 2 : 1)
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
