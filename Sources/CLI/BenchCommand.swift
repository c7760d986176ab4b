// Responsible for: `tandem bench`: the parent of the commands that measure.
import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast this machine computes.",
        discussion: """
            Example:
              tandem bench kernels --types q8_0,q4_k
            """,
        subcommands: [BenchKernelsCommand.self])
}
