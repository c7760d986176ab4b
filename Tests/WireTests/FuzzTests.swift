// Responsible for: no bytes whatever make a decoder trap, and what is accepted can be said again. Must not know:
// sockets.

import Testing
import Wire

@Suite struct FuzzTests {
    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    private struct Random {
        var state: UInt64
        mutating func next(below bound: Int) -> Int {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return Int((z ^ z >> 31) % UInt64(bound))
        }
    }

    private func mutate(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.next(below: 3) {
            let index = random.next(below: bytes.count + 1)
            switch random.next(below: 5) {
            case 0: bytes.removeLast(bytes.count - index)
            case 1: bytes.insert(UInt8(random.next(below: 256)), at: index)
            case 2 where index < bytes.count: bytes.remove(at: index)
            case 3 where index < bytes.count: bytes[index] = [0, 0x7f, 0x80, 0xff][random.next(below: 4)]
            case 4 where index < bytes.count: bytes[index] ^= 1 << UInt8(random.next(below: 8))
            default: bytes += bytes.suffix(random.next(below: 9))
            }
        }
        return bytes
    }

    /// Decodes mutations; whatever is accepted must be encodable and decode to itself. Returns how many were accepted.
    private func fuzz<Message: WireMessage>(_ samples: [Message], count: Int, seed: UInt64) throws -> Int {
        var random = Random(state: seed)
        let frames = samples.map { $0.encode() }
        var accepted = 0
        for turn in 0..<count {
            let bytes = mutate(frames[turn % frames.count], &random)
            guard let message = try? Message(decoding: bytes) else { continue }
            accepted += 1
            let again = try Message(decoding: message.encode())
            // Bytes are compared, not values: not-a-number equals nothing.
            if again.encode() != message.encode() { Issue.record("turn \(turn): \(message)") }
        }
        return accepted
    }

    @Test("16,000 mutated frames neither trap nor change their meaning when said again")
    func mutations() throws {
        #expect(try fuzz(Samples.requests, count: 5_000, seed: 1) > 100)
        #expect(try fuzz(Samples.commands, count: 2_000, seed: 2) > 100)
        #expect(try fuzz(Samples.replies, count: 3_000, seed: 3) > 100)
        #expect(try fuzz(Samples.standbyCommands, count: 1_000, seed: 9) > 100)
        #expect(try fuzz([Samples.forward], count: 2_000, seed: 4) > 100)
        #expect(try fuzz([Samples.result], count: 1_500, seed: 5) > 100)
        #expect(try fuzz([Samples.fetch], count: 500, seed: 6) > 10)
        #expect(try fuzz([Samples.contents, Samples.partOfOutputs], count: 500, seed: 8) > 10)
        #expect(try fuzz(Samples.chunks, count: 1_000, seed: 7) > 10)
    }
}
