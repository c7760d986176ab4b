// Responsible for: how often a key may say what costs something.
// Must not know: messages.
import Cluster
import Testing
import Transport

@testable import Node

@Suite struct PaceTests {
    @Test(
        "A burst is taken, then so many a second, of each key and kind by itself",
        arguments: [Pace.Kind.join, .enrol, .status])
    func pace(kind: Pace.Kind) {
        var pace = Pace()
        let (one, other) = (KeyPair.random().publicKey, KeyPair.random().publicKey)
        let (burst, rate) = kind.allowance
        func count(_ key: PublicKey, at seconds: Double) -> Int {
            (0..<1000).count { _ in pace.allows(kind, key, Moment.start + Duration.milliseconds(Int64(seconds * 1000)))
            }
        }
        #expect(count(one, at: 0) == Int(burst))
        #expect(count(one, at: 1) == Int(rate))
        #expect(count(other, at: 1) == Int(burst))
        #expect(count(one, at: 3600) == Int(burst))
        let isOtherKindAllowed = pace.allows(kind == .join ? .enrol : .join, one, Moment.start)
        #expect(isOtherKindAllowed)
    }
}
