// Attention: the same bits on every level, for queries together or alone and for segments together or apart.

import CKernels
import Testing

@Suite("Attention", .serialized)
struct AttentionTests {
    static let types = [TK_KV_F32, TK_KV_F16, TK_KV_Q8_0].map(\.rawValue)

    @Test("It is equal on all levels, whatever lies past its positions", arguments: types, [1, 5, 8, 20, 64, 72, 137])
    func levels(type: UInt32, headSize: Int) {
        var random = RandomValues(seed: UInt64(headSize))
        for (positions, hostile) in [(1, false), (16, false), (31, false), (32, true), (33, false), (71, true)] {
            let cache = KernelCache(
                tk_kv_type(rawValue: type), positions: positions, heads: 2, headSize: headSize, hostile: hostile,
                using: &random)
            let query = random.floats(headSize, hostile: hostile)
            expectEqualOnAllLevels("\(positions) positions of \(headSize)") {
                cache.attend(query, head: 1, rules: .init())
            }
            if !hostile { #expect(!cache.attend(query, head: 0, rules: .init()).contains { !$0.isFinite }) }
        }
    }

    @Test("With a window, a softcap and a sink it is equal too", arguments: types, [1, 8, 20, 72])
    func rules(type: UInt32, headSize: Int) {
        var random = RandomValues(seed: UInt64(headSize))
        for (first, positions) in [(0, 40), (3, 4), (31, 33), (32, 64), (37, 38), (47, 71), (70, 130)] {
            for hostile in [false, true] {
                let cache = KernelCache(
                    tk_kv_type(rawValue: type), positions: positions, first: first, heads: 2, headSize: headSize,
                    hostile: hostile, using: &random)
                let query = random.floats(headSize, hostile: hostile)
                for (softcap, sink) in [(0, nil), (0, 0.7), (5, nil), (5, 0.7)] as [(Float, Float?)] {
                    let rules = KernelCache.Rules(window: positions - first, softcap: softcap, sink: sink)
                    expectEqualOnAllLevels("positions \(first)..<\(positions), \(rules)") {
                        cache.attend(query, head: 1, rules: rules)
                    }
                    let values = cache.attend(query, head: 0, rules: rules)
                    #expect(hostile || values.allSatisfy(\.isFinite))
                }
            }
        }
    }

    @Test(
        "Queries of several tokens and heads give what each gives alone, on all levels, also where later keys are broken",
        arguments: types, [1, 2, 3, 4, 7])
    func together(type: UInt32, headsPerHead: Int) {
        var random = RandomValues(seed: UInt64(headsPerHead))
        for (positions, tokens, window, hostile) in [
            (5, 5, 0, true), (40, 9, 0, false), (70, 33, 0, true), (100, 20, 17, false), (90, 40, 40, true),
            (600, 5, 0, false), (1100, 3, 530, false),
        ] {
            let headSize = [24, 64, 80][random.below(3)]
            let cache = KernelCache(
                tk_kv_type(rawValue: type), positions: positions, heads: 2, headSize: headSize, hostile: hostile,
                using: &random)
            let queries = random.floats(tokens * headsPerHead * headSize, hostile: hostile)
            let rules = KernelCache.Rules(window: window, sink: random.below(2) == 0 ? nil : 0.5)
            let what = "\(positions) positions, \(tokens) tokens, \(rules)"
            func all() -> [Float] {
                cache.attend(queries: queries, tokens: tokens, headsPerHead: headsPerHead, head: 1, rules: rules)
            }
            expectEqualOnAllLevels(what, all)
            let result = all(), own = headsPerHead * headSize
            for token in [0, tokens / 2, tokens - 1] {
                let alone = cache.prefix(positions - tokens + token + 1).attend(
                    queries: Array(queries[token * own..<(token + 1) * own]), tokens: 1, headsPerHead: headsPerHead,
                    head: 1, rules: rules)
                #expect(zip(alone, result[(token * own)...]).allSatisfy(identical), "token \(token) of \(what)")
            }
        }
    }

    @Test("Segments that are computed apart and merged give the same", arguments: types)
    func apart(type: UInt32) {
        var random = RandomValues(seed: 3)
        for (positions, tokens, window, hostile) in [
            (511, 2, 0, false), (513, 3, 0, false), (1300, 2, 0, true), (1200, 4, 300, false), (1025, 1, 513, true),
        ] {
            let cache = KernelCache(
                tk_kv_type(rawValue: type), positions: positions, heads: 1, headSize: 32, hostile: hostile,
                using: &random)
            let queries = random.floats(tokens * 2 * 32, hostile: hostile)
            for sink in [nil, 0.4] as [Float?] {
                let rules = KernelCache.Rules(window: window, sink: sink)
                let results = [false, true].map {
                    cache.attend(queries: queries, tokens: tokens, headsPerHead: 2, head: 0, rules: rules, apart: $0)
                }
                #expect(
                    zip(results[0], results[1]).allSatisfy(identical), "\(positions) positions, \(tokens) tokens")
                #expect(hostile || results[0].allSatisfy(\.isFinite))
            }
        }
    }

    @Test("In chunks a token sees what a window that begins with its chunk shows", arguments: types)
    func chunks(type: UInt32) {
        var random = RandomValues(seed: 4)
        for (positions, tokens, chunk) in [
            (5, 5, 3), (40, 9, 16), (100, 33, 20), (1100, 3, 530), (1300, 102, 600), (64, 1, 64), (65, 1, 64),
        ] {
            let cache = KernelCache(
                tk_kv_type(rawValue: type), positions: positions, heads: 1, headSize: 24, using: &random)
            let queries = random.floats(tokens * 2 * 24)
            let results = [false, true].map {
                cache.attend(
                    queries: queries, tokens: tokens, headsPerHead: 2, head: 0, rules: .init(chunk: chunk), apart: $0)
            }
            #expect(zip(results[0], results[1]).allSatisfy(identical))
            for token in 0..<tokens {
                let end = positions - tokens + token + 1
                let alone = cache.prefix(end).attend(
                    queries: Array(queries[token * 48..<(token + 1) * 48]), tokens: 1, headsPerHead: 2, head: 0,
                    rules: .init(window: (end - 1) % chunk + 1))
                #expect(zip(alone, results[0][(token * 48)...]).allSatisfy(identical), "\(end), chunks of \(chunk)")
            }
        }
    }

    @Test("Keys and values in f16 and q8_0 are near what was stored", arguments: [0, 1])
    func narrowTypes(index: Int) {
        let type = [TK_KV_F16, TK_KV_Q8_0][index]
        let tolerance: Float = [2e-3, 2e-2][index]
        var exact = RandomValues(seed: 11), same = RandomValues(seed: 11)
        let reference = KernelCache(positions: 90, heads: 2, headSize: 48, using: &exact)
        let narrow = KernelCache(type, positions: 90, heads: 2, headSize: 48, using: &same)
        let query = exact.floats(48)
        let expected = reference.attend(query, head: 1, rules: .init(scale: 0.1))
        let actual = narrow.attend(query, head: 1, rules: .init(scale: 0.1))
        #expect(zip(expected, actual).allSatisfy { abs($0 - $1) < tolerance } && expected != actual)
    }
}
