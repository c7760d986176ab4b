// Responsible for: `tandem bench`: the parent of the commands that measure speed.
import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the speed of models and kernels beside this machine's limits.",
        subcommands: [BenchModelCommand.self, BenchKernelsCommand.self],
        defaultSubcommand: BenchModelCommand.self)
}
