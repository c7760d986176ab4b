// Responsible for: which program this is. Must not know: what it does.
import CBuild
import Wire

/// This build of Tandem.
package enum Build {
    /// The version people see.
    package static let version = "0.2.0"
    /// The commit that was built, "+" behind it where files had changed since.
    package static let commit = String(cString: tandem_commit())
    /// The version of the protocol between nodes: those of another one are refused.
    package static let protocolVersion = Wire.protocolVersion
}
