// Measurements of attention.
//
// Responsible for: a cache with ordinary keys and values in all types, a token far into a sequence and a whole prompt.
// Must not know: clocks.

import CKernels
import Inference

extension KernelBenchmark {
    /// The heads of a model of 8 billion parameters, 4 queries' to one of keys and values.
    private static let headCount = 32
    private static let keyValueHeadCount = 8
    private static let headSize = 128
    private static let queryLength = headCount * headSize
    private static let prefillTokens = 512
    /// Tokens that go through attention together, as those of a stage do.
    private static let tokensAtOnce = 16

    /// A decode and a prefill for each type.
    static let attentionMeasurements = 2 * KeyValueType.allCases.count

    /// Bytes of the keys and values of one layer in the largest type.
    var attentionBytes: Int { layerBytes(.f32, positions: max(context, Self.prefillTokens)) }

    private func layerBytes(_ type: KeyValueType, positions: Int) -> Int {
        (positions + Int(TK_KV_BLOCK) - 1) / Int(TK_KV_BLOCK) * Self.blockBytes(type)
    }

    private static func blockBytes(_ type: KeyValueType) -> Int {
        tk_kv_block_bytes(type.kernelType, keyValueHeadCount, headSize)
    }

    /// Layers in turn, so that keys and values come from memory.
    func measureAttention(_ timer: KernelTimer) throws(InferenceError) {
        let length = Self.prefillTokens * Self.queryLength
        let memory = try AnonymousMemory(
            byteCount: 2 * BufferCutter.floatBytes(length), purpose: "measuring kernels")
        var cut = BufferCutter(next: memory.base)
        let queries = cut.floats(length)
        let out = cut.floats(length)
        queries.update(from: KernelTimer.noise(length), count: length)
        for type in KeyValueType.allCases {
            fillCache(type, timer)
            measureAttention(
                .attentionDecode, type, position: context - 1, tokens: 1, queries: queries, out: out, timer)
            measureAttention(
                .attentionPrefill, type, position: 0, tokens: Self.prefillTokens, queries: queries, out: out, timer)
        }
    }

    /// Fills the working set with blocks of one kind.
    private func fillCache(_ type: KeyValueType, _ timer: KernelTimer) {
        let length = Self.keyValueHeadCount * Self.headSize
        let positions = Int(TK_KV_BLOCK)
        let values = KernelTimer.noise(2 * positions * length)
        var block = [UInt8](repeating: 0, count: Self.blockBytes(type))
        block.withUnsafeMutableBytes { block in
            values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                for position in 0..<positions {
                    tk_kv_store(
                        type.kernelType, block.baseAddress, base + 2 * position * length,
                        base + (2 * position + 1) * length, Self.keyValueHeadCount, Self.headSize, position)
                }
            }
        }
        block.withUnsafeBytes { timer.fillMemory(memoryBytes / $0.count * $0.count, with: $0) }
    }

    /// `tokens` tokens of one sequence from `position` on.
    private func measureAttention(
        _ kernel: KernelReport.Kernel, _ type: KeyValueType, position: Int, tokens: Int,
        queries: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, _ timer: KernelTimer
    ) {
        let layerBytes = layerBytes(type, positions: position + tokens)
        let blockBytes = Self.blockBytes(type)
        let blocksOfLayer = layerBytes / blockBytes
        let layerCount = max(1, workingSetBytes / layerBytes)
        let blocks: [UnsafeRawPointer?] = (0..<layerCount * blocksOfLayer).map {
            UnsafeRawPointer(timer.memory.base + $0 * blockBytes)
        }
        let runs = (tokens + Self.tokensAtOnce - 1) / Self.tokensAtOnce
        let attended = tokens * position + tokens * (tokens + 1) / 2
        let heads = Self.keyValueHeadCount
        let work = KernelReport.Work(
            kernel: kernel, type: type.rawValue, tokens: tokens,
            shape: "\(position + tokens) positions, \(Self.headCount)/\(heads) heads of \(Self.headSize)",
            threads: timer.pool.threads, bytes: layerBytes, operations: 4 * attended * Self.queryLength,
            arithmetic: .float)
        let shape = tk_attention_shape(
            type: type.kernelType, kv_heads: heads, heads_per_kv_head: Self.headCount / heads,
            head_size: Self.headSize, window: 0, chunk: 0, scale: 1 / Float(Self.headSize).squareRoot(), softcap: 0,
            sinks: nil)
        blocks.withUnsafeBufferPointer { blocks in
            guard let first = blocks.baseAddress else { return }
            timer.measure(work) { call in
                let layer = first + call % layerCount * blocksOfLayer
                timer.pool.run(pieces: heads * runs, operations: Int.max) { piece, _ in
                    let (head, run) = piece.quotientAndRemainder(dividingBy: runs)
                    let row = run * Self.tokensAtOnce
                    var shape = shape
                    var tokens = tk_attention_tokens(
                        queries: queries + row * Self.queryLength, query_stride: Self.queryLength, blocks: layer,
                        position: position + row, count: min(Self.tokensAtOnce, tokens - row))
                    tk_attention(&shape, &tokens, head, out + row * Self.queryLength, Self.queryLength)
                }
            }
        }
    }
}
