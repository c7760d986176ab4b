// Responsible for: which libzmq this process runs with. Must not know: what is asked of it.
import CZeroMQ

/// What the library says of itself, which need not be the one that the program was built with.
package struct LibraryFacts: Sendable, Equatable {
    /// A version of libzmq.
    package struct Version: Sendable, Comparable, CustomStringConvertible {
        package var major: Int32
        package var minor: Int32
        package var patch: Int32

        /// As in "4.3.4".
        package init(_ major: Int32, _ minor: Int32, _ patch: Int32) {
            (self.major, self.minor, self.patch) = (major, minor, patch)
        }

        package static func < (a: Self, b: Self) -> Bool {
            (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
        }

        package var description: String { "\(major).\(minor).\(patch)" }
    }

    /// Strangers can crash or block what is older (CVE-2020-15166 and others, all fixed in this one).
    package static let oldestSafe = Version(4, 3, 3)

    package var version: Version
    /// It can encrypt and authenticate links.
    package var hasCurve: Bool

    /// As somebody says.
    package init(version: Version, hasCurve: Bool) { (self.version, self.hasCurve) = (version, hasCurve) }

    /// Of the library that is loaded.
    package static var loaded: LibraryFacts {
        var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
        zmq_version(&major, &minor, &patch)
        return LibraryFacts(version: Version(major, minor, patch), hasCurve: zmq_has("curve") == 1)
    }
}
