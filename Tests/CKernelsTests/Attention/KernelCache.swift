// Random keys and values in KV blocks, NaN wherever nothing was stored.
// Must not know: expected results.

import CKernels

struct KernelCache {
    let type: tk_kv_type
    private(set) var positions: Int
    let heads: Int
    let headSize: Int
    /// [positions][heads * headSize]
    private(set) var keys: [[Float]] = []
    private(set) var values: [[Float]] = []
    private var blocks: [UInt8]

    /// Keys and values of `first..<positions`; nothing is stored before.
    init(
        _ type: tk_kv_type = TK_KV_F32, positions: Int, first: Int = 0, heads: Int, headSize: Int,
        hostile: Bool = false, using random: inout RandomValues
    ) {
        self.type = type
        self.positions = positions
        self.heads = heads
        self.headSize = headSize
        let blockBytes = tk_kv_block_bytes(type, heads, headSize)
        blocks = Array(repeating: 0xff, count: (positions + 31) / 32 * blockBytes)  // NaN as float and as half
        for position in 0..<positions {
            let key = random.floats(heads * headSize, hostile: hostile)
            let value = random.floats(heads * headSize, hostile: hostile)
            if position >= first {
                blocks.withUnsafeMutableBytes {
                    let block = $0.baseAddress.map { $0 + position / 32 * blockBytes }
                    tk_kv_store(type, block, key, value, heads, headSize, position % 32)
                }
            }
            keys.append(key)
            values.append(value)
        }
    }

    /// The same without the positions from `count` on (their bytes in the last block stay).
    func prefix(_ count: Int) -> KernelCache {
        var copy = self
        copy.positions = count
        return copy
    }

    /// What queries see and how.
    struct Rules {
        var scale: Float = 0.3
        var window = 0
        var chunk = 0
        var softcap: Float = 0
        var sink: Float?
    }

    /// Attention of the last token: one query.
    func attend(_ query: [Float], head: Int, rules: Rules) -> [Float] {
        attend(queries: query, tokens: 1, headsPerHead: 1, head: head, rules: rules)
    }

    /// Attention of the last `tokens` tokens, queries [tokens, headsPerHead, headSize], in all; with `apart`, segment by
    /// segment. The result has the queries' shape.
    func attend(
        queries: [Float], tokens: Int, headsPerHead: Int, head: Int, rules: Rules, apart: Bool = false
    ) -> [Float] {
        let width = heads * headsPerHead * headSize, own = headsPerHead * headSize
        // As in a model: [tokens, all heads, headSize], those of other KV heads not to be looked at.
        var all = [Float](repeating: .nan, count: tokens * width)
        for token in 0..<tokens {
            for i in 0..<own { all[token * width + head * own + i] = queries[token * own + i] }
        }
        var out = [Float](repeating: 7, count: tokens * width)
        let sinks = rules.sink.map { [Float](repeating: $0, count: heads * headsPerHead) }
        let blockBytes = tk_kv_block_bytes(type, heads, headSize)
        blocks.withUnsafeBytes { bytes in
            let table = (0..<(positions + 31) / 32).map { block in
                UnsafeRawPointer(bytes.baseAddress.map { $0 + block * blockBytes })
            }
            withUnsafePointers(all, table, sinks) { queries, table, sinks in
                var shape = tk_attention_shape(
                    type: type, kv_heads: heads, heads_per_kv_head: headsPerHead, head_size: headSize,
                    window: rules.window, chunk: rules.chunk, scale: rules.scale, softcap: rules.softcap, sinks: sinks)
                var run = tk_attention_tokens(
                    queries: queries, query_stride: width, blocks: table, position: positions - tokens, count: tokens)
                guard apart else { return tk_attention(&shape, &run, head, &out, width) }
                let segments = (positions + 511) / 512, floats = tk_attention_state_floats(&shape, tokens)
                var states = [Float](repeating: 7, count: segments * floats)
                for segment in 0..<segments {
                    states.withUnsafeMutableBufferPointer {
                        tk_attention_segment(&shape, &run, head, segment, $0.baseAddress.map { $0 + segment * floats })
                    }
                }
                tk_attention_merge(&shape, &run, head, states, segments, &out, width)
            }
        }
        var result: [Float] = []
        for token in 0..<tokens {
            let start = token * width + head * own
            result += out[start..<start + own]
        }
        return result
    }
}

private func withUnsafePointers(
    _ queries: [Float], _ table: [UnsafeRawPointer?], _ sinks: [Float]?,
    _ body: (UnsafePointer<Float>?, UnsafePointer<UnsafeRawPointer?>?, UnsafePointer<Float>?) -> Void
) {
    queries.withUnsafeBufferPointer { queries in
        table.withUnsafeBufferPointer { table in
            if let sinks {
                sinks.withUnsafeBufferPointer { body(queries.baseAddress, table.baseAddress, $0.baseAddress) }
            } else {
                body(queries.baseAddress, table.baseAddress, nil)
            }
        }
    }
}
