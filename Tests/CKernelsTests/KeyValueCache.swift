// Random keys and values in KV blocks, NaN wherever nothing was stored.
// Must not know: expected results.

import CKernels

struct KeyValueCache {
    let positions: Int
    let heads: Int
    let headSize: Int
    /// [positions][heads * headSize]
    private(set) var keys: [[Float]] = []
    private(set) var values: [[Float]] = []
    private var blocks: [Float]

    /// Keys and values of `first..<positions`; nothing is stored before.
    init(
        positions: Int, first: Int = 0, heads: Int, headSize: Int, hostile: Bool = false,
        using random: inout RandomValues
    ) {
        self.positions = positions
        self.heads = heads
        self.headSize = headSize
        let blockFloats = tk_kv_block_floats(heads, headSize)
        blocks = Array(repeating: .nan, count: (positions + 31) / 32 * blockFloats)
        for position in 0..<positions {
            let key = random.floats(heads * headSize, hostile: hostile)
            let value = random.floats(heads * headSize, hostile: hostile)
            if position >= first {
                blocks.withUnsafeMutableBufferPointer {
                    let block = $0.baseAddress.map { $0 + position / 32 * blockFloats }
                    tk_kv_store(block, key, value, heads, headSize, position % 32)
                }
            }
            keys.append(key)
            values.append(value)
        }
    }

    func attend(
        _ query: [Float], head: Int, scale: Float, first: Int = 0, softcap: Float = 0, sink: Float = -.infinity
    ) -> [Float] {
        var out = [Float](repeating: 7, count: headSize)
        let blockFloats = tk_kv_block_floats(heads, headSize)
        blocks.withUnsafeBufferPointer { floats in
            let table = (0..<(positions + 31) / 32).map { block in floats.baseAddress.map { $0 + block * blockFloats } }
            let rules = tk_attention_rules(
                first: first, positions: positions, scale: scale, softcap: softcap, sink: sink)
            tk_attention(&out, query, table, head, heads, headSize, rules)
        }
        return out
    }
}
