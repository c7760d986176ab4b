// Responsible for: failures of transport and wire as a person is told about them. Must not know: models.
import Sequences
import Transport
import Wire

extension TandemError {
    /// An address or a socket that cannot be used.
    package init(_ error: TransportError) {
        self.init(Sentence(error.description), hint: Sentence(error.hint))
    }

    /// Bytes that are no message.
    package init(_ error: WireError) {
        self.init(
            "the peer sent something unreadable: \(error)", kind: .internal,
            hint: "install the same version of tandem on both")
    }
}
