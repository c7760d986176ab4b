// Responsible for: `tandem bench kernels`: checked choices in, a report out.
// Must not know: flags' syntax, terminals.
import Generation
import Inference
import ModelFile
import Node
import Sequences

/// The choices of `tandem bench kernels`; nil: the default.
package struct KernelMeasurementOptions: Sendable {
    /// Names of tensor types.
    package var types: [String]?
    /// Tokens of a product.
    package var batches: [Int]?
    /// Numbers of threads.
    package var threads: [Int]?
    package var rows: Int?
    package var columns: Int?
    /// Positions that a decoded token sees.
    package var context: Int?
    package var repetitions: Int?
    /// The name of an instruction set.
    package var level: String?

    /// The defaults.
    package init() {}
}

/// Measurements of kernels, checked and ready.
package struct KernelMeasurement: Sendable {
    private var benchmark = KernelBenchmark()
    private var level: InstructionSet?

    private static let batchRange = 1...1024
    private static let rowRange = 1...131_072
    private static let columnRange = 256...65_536
    private static let contextRange = 1...131_072
    private static let repetitionRange = 1...1000
    private static let maximumElements = 1 << 28

    /// Throws what is wrong with a choice.
    package init(_ options: KernelMeasurementOptions) throws(TandemError) {
        benchmark.threads = Array(Set([1, MachineDescription.coreCount])).sorted()
        if let names = options.types {
            var types: [TensorType] = []
            for name in names { types.append(try Self.type(name)) }
            benchmark.types = types
        }
        if let batches = options.batches {
            for batch in batches { try TandemError.checked(batch, .batch, in: Self.batchRange) }
            benchmark.batches = batches
        }
        if let threads = options.threads {
            for count in threads { _ = try MachineDescription.threadCount(count) }
            benchmark.threads = threads
        }
        if let rows = options.rows { benchmark.rows = try TandemError.checked(rows, .rows, in: Self.rowRange) }
        if let columns = options.columns {
            benchmark.columns = try TandemError.checked(columns, .columns, in: Self.columnRange)
        }
        if let context = options.context {
            benchmark.context = try TandemError.checked(context, .context, in: Self.contextRange)
        }
        if let repetitions = options.repetitions {
            benchmark.repetitions = try TandemError.checked(repetitions, .repetitions, in: Self.repetitionRange)
        }
        guard benchmark.columns % KernelBenchmark.columnUnit == 0 else {
            throw TandemError(
                "\(.columns) is \(benchmark.columns), but must be a multiple of \(KernelBenchmark.columnUnit)",
                hint: "the blocks of some types are that long")
        }
        guard benchmark.rows * benchmark.columns <= Self.maximumElements else {
            throw TandemError(
                "a matrix of \(benchmark.rows) x \(benchmark.columns) is too large to be measured",
                hint: "use fewer \(.rows) or \(.columns): together at most \(Self.maximumElements) elements")
        }
        if let name = options.level { level = try Self.level(name) }
    }

    /// Measures, with the instruction set asked for in use from now on. `progress` gets measurements done and in all.
    package func run(progress: @escaping (_ done: Int, _ total: Int) -> Void) throws(TandemError) -> KernelReport {
        _ = level?.use()
        do { return try benchmark.run(progress: progress) } catch { throw TandemError(error) }
    }

    private static func type(_ name: String) throws(TandemError) -> TensorType {
        if let type = TensorType(rawValue: name.uppercased()) { return type }
        let names = TensorType.allCases.map { $0.name.lowercased() }.joined(separator: ", ")
        throw TandemError("\(.types) has \(name), which is no known type", hint: "use some of \(names)")
    }

    /// An instruction set that this processor has.
    private static func level(_ name: String) throws(TandemError) -> InstructionSet {
        let supported = InstructionSet.allCases.filter(\.isSupported).map(\.rawValue).joined(separator: ", ")
        guard let level = InstructionSet(rawValue: name.lowercased()) else {
            throw TandemError(
                "\(.level) is \(name), which is no known instruction set", hint: "use one of \(supported)")
        }
        guard level.isSupported else {
            throw TandemError("\(.level) is \(name), which this processor lacks", hint: "use one of \(supported)")
        }
        return level
    }
}
