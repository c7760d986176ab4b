// Responsible for: the bytes of a model as far as placement needs them. Must not know: tensors, architectures.

import Sequences

/// What each part of a model costs a worker that holds it, in bytes of memory as loaded.
package struct ModelShape: Sendable, Equatable {
    package var name: String
    /// Weights of each layer.
    package var layerBytes: [UInt64]
    /// Token (and position) embedding; on the first stage.
    package var embeddingBytes: UInt64
    /// Final norm and output matrix (also where it is tied to the embedding); on the last stage.
    package var headBytes: UInt64
    /// Bytes that embedding and head share when they are on the same stage; 0: not tied.
    package var tiedBytes: UInt64
    /// Of each layer: keys and values (or what else it keeps) for one block of `KeyValueBlock.positions` positions.
    package var keyValueBytesPerBlock: [UInt64]
    /// Buffers of a stage for the largest step, where one thread computes, and what each further thread takes.
    package var workspaceBytes: UInt64
    package var workspaceBytesPerThread: UInt64
    /// Of each layer, and of the output matrix: operations for one token; a multiplication and an addition are two.
    package var layerOperations: [Double]
    package var headOperations: Double
    /// Floats of one token's activations between stages.
    package var activationsPerToken: Int
    /// Token ids are below this.
    package var vocabularySize: Int

    /// All of it. Without operations every byte of weights is one weight.
    package init(
        name: String, layerBytes: [UInt64], embeddingBytes: UInt64, headBytes: UInt64, tiedBytes: UInt64,
        keyValueBytesPerBlock: [UInt64], workspaceBytes: UInt64, workspaceBytesPerThread: UInt64 = 0,
        layerOperations: [Double]? = nil, headOperations: Double? = nil, activationsPerToken: Int, vocabularySize: Int
    ) {
        precondition(layerOperations.map { $0.count == layerBytes.count } ?? true)
        self.name = name
        self.layerBytes = layerBytes
        self.embeddingBytes = embeddingBytes
        self.headBytes = headBytes
        self.tiedBytes = tiedBytes
        self.keyValueBytesPerBlock = keyValueBytesPerBlock
        self.workspaceBytes = workspaceBytes
        self.workspaceBytesPerThread = workspaceBytesPerThread
        self.layerOperations = layerOperations ?? layerBytes.map { 2 * Double($0) }
        self.headOperations = headOperations ?? 2 * Double(headBytes)
        self.activationsPerToken = activationsPerToken
        self.vocabularySize = vocabularySize
    }

    /// Weight bytes of a stage that runs `layers`.
    package func weightBytes(of layers: Range<Int>) -> UInt64 {
        let isFirst = layers.lowerBound == 0
        let isLast = layers.upperBound == layerBytes.count
        var bytes = layerBytes[layers].reduce(0, +)
        if isFirst { bytes += embeddingBytes }
        if isLast { bytes += headBytes }
        return isFirst && isLast ? bytes - min(tiedBytes, bytes) : bytes
    }

    /// Bytes of weights that a stage reads for a token: all but the embedding, of which it reads one row.
    package func bytesRead(by layers: Range<Int>) -> UInt64 {
        layerBytes[layers].reduce(0, +) + (layers.upperBound == layerBytes.count ? headBytes : 0)
    }

    /// Bytes of keys and values of a stage that runs `layers` with `blockCount` blocks.
    package func keyValueBytes(of layers: Range<Int>, blockCount: Int) -> UInt64 {
        keyValueBytesPerBlock[layers].reduce(0, +) * UInt64(blockCount)
    }

    /// Bytes of the buffers of a stage whose worker has so many threads.
    package func workspaceBytes(threads: Int) -> UInt64 {
        workspaceBytes + workspaceBytesPerThread * UInt64(min(max(threads, 1), Self.mostThreads) - 1)
    }

    /// A worker has no more.
    private static let mostThreads = 1024

    /// Bytes of what goes into one layer, kept beside so many blocks.
    package func outputBytes(blockCount: Int) -> UInt64 {
        UInt64(activationsPerToken * KeyValueBlock.positions * MemoryLayout<Float>.size) * UInt64(blockCount)
    }

    /// Bytes of what a stage that runs `layers` keeps of its outputs in any case. The last one may keep some that others were
    /// to keep.
    package func outputBytes(of layers: Range<Int>, blockCount: Int) -> UInt64 {
        layers.count == layerBytes.count ? 0 : outputBytes(blockCount: blockCount)
    }

    /// Everything that two stages of one worker need that share what both have: weights, keys and values once, buffers twice,
    /// and what goes into so many layers.
    package func bytes(
        of layers: Range<Int>, beside others: Range<Int>, blockCount: Int, threads: Int, outputs: Int
    ) -> UInt64 {
        let all = Array(layers) + others.filter { !layers.contains($0) }
        var bytes = all.reduce(UInt64(0)) {
            $0 + layerBytes[$1] + keyValueBytesPerBlock[$1] * UInt64(blockCount)
        }
        if min(layers.lowerBound, others.lowerBound) == 0 { bytes += embeddingBytes }
        if max(layers.upperBound, others.upperBound) == layerBytes.count { bytes += headBytes }
        return bytes + 2 * workspaceBytes(threads: threads) + outputBytes(blockCount: blockCount) * UInt64(outputs)
    }

    /// Everything a stage that runs `layers` needs.
    package func stageBytes(
        of layers: Range<Int>, blockCount: Int, threads: Int = 1, keepsOutputs: Bool = false
    ) -> UInt64 {
        stageBytes(of: layers, blockCount: blockCount, threads: threads, outputs: 0)
            + (keepsOutputs ? outputBytes(of: layers, blockCount: blockCount) : 0)
    }

    /// The same where it keeps what goes into so many layers.
    func stageBytes(of layers: Range<Int>, blockCount: Int, threads: Int, outputs: Int) -> UInt64 {
        weightBytes(of: layers) + keyValueBytes(of: layers, blockCount: blockCount) + workspaceBytes(threads: threads)
            + outputBytes(blockCount: blockCount) * UInt64(outputs)
    }
}
