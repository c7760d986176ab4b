// Responsible for: the entry of the `tandem` executable: parse, run, and turn every failure into `error:` and `hint:`
// lines with an exit status. Must not know: any rule.
import ArgumentParser
import Foundation
import Node
import Sequences
import Synchronization

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
            ChatCommand.self, StatusCommand.self, PlanCommand.self, DrainCommand.self, UndrainCommand.self,
            TokenCommand.self, MembersCommand.self, RemoveCommand.self,
            ListCommand.self, InspectCommand.self, PerplexityCommand.self,
            QuantizeCommand.self,
            TokenizeCommand.self, DetokenizeCommand.self, BenchCommand.self, ChaosCommand.self, ConfigCommand.self,
            DoctorCommand.self, ManualCommand.self,
        ])
}

@main
enum Main {
    /// What is to be done, or what is wrong with the settings.
    private static let invocation = Result { () throws(SettingsFailure) in
        try Invocation(
            Array(CommandLine.arguments.dropFirst()),
            of: .init(root: Tandem.self, completed: { BenchCommand.completed($0) }),
            environment: ProcessInfo.processInfo.environment)
    }

    private static var arguments: [String] { (try? invocation.get().arguments) ?? [] }

    static func main() async {
        ignoreBrokenPipes()
        Terminal.holdStreams()
        do {
            try Descriptors.prepare()
            await Descriptors.holdClocks()
            let invocation = try invocation.get()
            ConfigCommand.subject.withLock { $0 = (Tandem.self, invocation.places) }
            for warning in invocation.warnings { Terminal.say("warning: \(warning)") }
            var command = try Tandem.parseAsRoot(invocation.arguments)
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
        if let failure = error as? SettingsFailure {
            for sentence in failure.sentences { Terminal.say("error: \(sentence)") }
            Terminal.say("hint: see `tandem config --help`")
            exitNow(ExitStatus.settings.rawValue)
        }
        if let failure = error as? TandemError {
            let source = say(failure.message.spelled)
            if let hint = failure.hint { Terminal.say("hint: \(hint.spelled)") }
            exitNow(ExitStatus(failure, isOfSetting: source != nil).rawValue)
        }
        let code = Tandem.exitCode(for: error)
        if code.isSuccess {
            let text = Tandem.fullMessage(for: error)
            let isHelp = text.hasPrefix("OVERVIEW: ")
            Terminal.put(text + "\n" + (isHelp ? ConfigCommand.footnote(for: commandNames().first) : ""))
            exitNow(0)
        }
        if let exit = error as? ExitCode { exitNow(exit.rawValue) }
        guard code == .validationFailure else {
            Terminal.say("error: \(Tandem.message(for: error))")
            exitNow(ExitStatus.failure.rawValue)
        }
        // A misspelt flag often looks as if another were missing: the word itself tells more.
        let suggestion = Suggestion.find(arguments, of: Tandem.self)
        let source = say(suggestion?.sentence ?? Tandem.refusal(error, of: arguments))
        Terminal.say("hint: see `tandem \(commandNames().map { $0 + " " }.joined())--help`")
        exitNow((source == nil ? ExitStatus.usage : .settings).rawValue)
    }

    /// Says what is wrong, and where the value comes from if the command line does not say it; returns that.
    private static func say(_ message: String) -> String? {
        let source = try? invocation.get().source(of: message)
        Terminal.say("error: " + (source.map { "\($0): " } ?? "") + message)
        return source
    }

    /// The names of the given subcommand and of its own one.
    private static func commandNames() -> [String] {
        var command: any ParsableCommand.Type = Tandem.self
        var names: [String] = []
        for argument in arguments {
            let subcommand = command.configuration.subcommands.first { $0._commandName == argument }
            guard let subcommand else { continue }
            command = subcommand
            names.append(argument)
        }
        return names
    }
}
