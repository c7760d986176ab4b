// Responsible for: which program this is. Must not know: what it does.
import Wire

/// This build of Tandem.
package enum Build {
    /// The version people see.
    package static let version = "0.2.0"
    /// The version of the protocol between nodes: those of another one are refused.
    package static let protocolVersion = Wire.protocolVersion
}
