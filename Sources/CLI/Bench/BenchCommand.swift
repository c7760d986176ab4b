// Responsible for: `tandem bench`: the parent of the commands that measure speed, and what they share.
import ArgumentParser
import Bench
import Foundation
import Node
import Sequences

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the speed of models, kernels and clusters.",
        discussion: """
            Where no subcommand is named it is `cluster` with any of these flags, else `model`:
            \(clusterFlags.joined(separator: ", ")).
            """,
        subcommands: [BenchModelCommand.self, BenchClusterCommand.self, BenchKernelsCommand.self],
        defaultSubcommand: BenchModelCommand.self)

    /// Flags that only `cluster` has: each chooses it where no subcommand is named.
    private static let clusterFlags = ["--workers", "--concurrency", "--trace", "--coordinator"]

    /// The arguments of the program, with `cluster` where it is meant but left out.
    static func completed(_ arguments: [String]) -> [String] {
        guard arguments.first == configuration.commandName else { return arguments }
        let isNamed = configuration.subcommands.contains { $0._commandName == arguments.dropFirst().first }
        let flags = arguments.map { String($0.prefix { $0 != "=" }) }
        guard !isNamed, flags.contains(where: clusterFlags.contains) else { return arguments }
        return [arguments[0], BenchClusterCommand._commandName] + arguments.dropFirst()
    }

    /// A line about what the machine does at most.
    static func text(_ limits: ThreadLimits) -> String {
        "limits           \(limits.threads == 1 ? "1 thread" : "\(limits.threads) threads"): "
            + String(
                format: "%.1f GB/s read, %.0f GOP/s int8, %.0f GFLOP/s float",
                limits.rates.readBytesPerSecond / 1e9, limits.rates.int8OperationsPerSecond / 1e9,
                limits.rates.floatOperationsPerSecond / 1e9)
    }
}
