// Responsible for: how long a step takes at a stage of given layers on a worker of given speed. Must not know: which plan
// is made of it, how speeds were found out.

import Sequences
import Wire

/// What decides how long a worker takes for its layers; 0: not known.
package struct WorkerSpeed: Sendable, Equatable {
    /// Of weights, where they are read for few tokens.
    package var readBytesPerSecond: Double
    /// A multiplication and an addition are two, where there are many tokens.
    package var operationsPerSecond: Double
    package init(readBytesPerSecond: Double = 0, operationsPerSecond: Double = 0) {
        self.readBytesPerSecond = readBytesPerSecond
        self.operationsPerSecond = operationsPerSecond
    }

    /// Each part so many times.
    static func * (one: WorkerSpeed, other: WorkerSpeed) -> WorkerSpeed {
        WorkerSpeed(
            readBytesPerSecond: one.readBytesPerSecond * other.readBytesPerSecond,
            operationsPerSecond: one.operationsPerSecond * other.operationsPerSecond)
    }

    /// The same with every part known: machines that compute for so many operations as fast as they read a byte are
    /// common.
    var known: WorkerSpeed {
        let read = readBytesPerSecond > 0 ? readBytesPerSecond : operationsPerSecond / Self.operationsPerByte
        let known = read > 0 ? read : Self.commonRead
        return WorkerSpeed(
            readBytesPerSecond: known,
            operationsPerSecond: operationsPerSecond > 0 ? operationsPerSecond : known * Self.operationsPerByte)
    }

    private static let operationsPerByte = 32.0
    private static let commonRead = 10e9
}

/// A roofline (Williams et al. 2009): a step reads the weights of its layers once, and computes with them for each of its
/// tokens; it takes as long as what takes longer of the two. The output matrix is read and computed with only for rows
/// that are sampled: for every step that decodes, and of a prompt for its last token alone.
struct StageCosts: Sendable {
    /// What a step holds.
    struct Step: Sendable, Equatable {
        var tokens: Double
        /// Rows that are sampled.
        var samples: Double

        /// The next tokens of so many answers.
        static func decoding(_ answers: Double) -> Step { Step(tokens: answers, samples: answers) }
        /// A piece of a prompt that is not its last.
        static func prompt(_ tokens: Double) -> Step { Step(tokens: tokens, samples: 0) }
    }

    private let layerCount: Int
    /// [layers + 1] of the layers before each.
    private let bytes: [Double]
    private let operations: [Double]
    private let headBytes: Double
    private let headOperations: Double

    init(_ model: ModelShape) {
        layerCount = model.layerBytes.count
        bytes = model.layerBytes.reduce(into: [0]) { $0.append($0[$0.count - 1] + Double($1)) }
        operations = model.layerOperations.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        (headBytes, headOperations) = (Double(model.headBytes), model.headOperations)
    }

    /// Seconds of a step at a stage that runs `layers`.
    func seconds(_ step: Step, at layers: Range<Int>, _ speed: WorkerSpeed) -> Double {
        let (read, rate) = (speed.readBytesPerSecond, speed.operationsPerSecond)
        let own = max(
            (bytes[layers.upperBound] - bytes[layers.lowerBound]) / read,
            (operations[layers.upperBound] - operations[layers.lowerBound]) * step.tokens / rate)
        guard layers.upperBound == layerCount, step.samples > 0 else { return own }
        return own + max(headBytes / read, headOperations * step.samples / rate)
    }

    /// Operations for a token at a stage that runs `layers`, without the output matrix.
    func operations(of layers: Range<Int>) -> Double {
        operations[layers.upperBound] - operations[layers.lowerBound]
    }
}
