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
    /// Floats of one token's activations between stages.
    package var activationsPerToken: Int
    /// Token ids are below this.
    package var vocabularySize: Int

    /// All of it.
    package init(
        name: String, layerBytes: [UInt64], embeddingBytes: UInt64, headBytes: UInt64, tiedBytes: UInt64,
        keyValueBytesPerBlock: [UInt64], workspaceBytes: UInt64, workspaceBytesPerThread: UInt64 = 0,
        activationsPerToken: Int, vocabularySize: Int
    ) {
        self.name = name
        self.layerBytes = layerBytes
        self.embeddingBytes = embeddingBytes
        self.headBytes = headBytes
        self.tiedBytes = tiedBytes
        self.keyValueBytesPerBlock = keyValueBytesPerBlock
        self.workspaceBytes = workspaceBytes
        self.workspaceBytesPerThread = workspaceBytesPerThread
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

    /// Bytes of what a stage that runs `layers` keeps of its outputs, beside so many blocks. The last one may have kept some
    /// as an earlier one.
    package func outputBytes(of layers: Range<Int>, blockCount: Int) -> UInt64 {
        if layers.count == layerBytes.count { return 0 }
        return UInt64(activationsPerToken * KeyValueBlock.positions * MemoryLayout<Float>.size) * UInt64(blockCount)
    }

    /// Everything that two stages of one worker need that share what both have: weights, keys and values once, buffers and
    /// kept outputs twice.
    package func bytes(
        of layers: Range<Int>, beside others: Range<Int>, blockCount: Int, threads: Int, keepsOutputs: Bool
    ) -> UInt64 {
        let all = Array(layers) + others.filter { !layers.contains($0) }
        var bytes = all.reduce(UInt64(0)) {
            $0 + layerBytes[$1] + keyValueBytesPerBlock[$1] * UInt64(blockCount)
        }
        if min(layers.lowerBound, others.lowerBound) == 0 { bytes += embeddingBytes }
        if max(layers.upperBound, others.upperBound) == layerBytes.count { bytes += headBytes }
        bytes += 2 * workspaceBytes(threads: threads)
        guard keepsOutputs else { return bytes }
        return bytes + outputBytes(of: layers, blockCount: blockCount)
            + outputBytes(of: others, blockCount: blockCount)
    }

    /// Everything a stage that runs `layers` needs.
    package func stageBytes(
        of layers: Range<Int>, blockCount: Int, threads: Int = 1, keepsOutputs: Bool = false
    ) -> UInt64 {
        weightBytes(of: layers) + keyValueBytes(of: layers, blockCount: blockCount) + workspaceBytes(threads: threads)
            + (keepsOutputs ? outputBytes(of: layers, blockCount: blockCount) : 0)
    }
}
