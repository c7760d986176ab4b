// Responsible for: failures of transport and wire as a person is told about them. Must not know: models.
import Sequences
import Transport
import Wire

extension TandemError {
    /// An address or a socket that cannot be used. `field`: what the address was given as.
    package init(_ error: TransportError, of field: Field? = nil) {
        let kind: Kind =
            switch error {
            case .badEndpoint: .invalid
            case .notPermitted: .forbidden
            case .cannotResolve, .noRoute: .unavailable
            case .addressInUse, .notALocalAddress, .system: .internal
            }
        var message = Sentence(error.description)
        if case .badEndpoint = error, let field { message = "\(field): \(message)" }
        self.init(message, kind: kind, hint: Sentence(error.hint))
    }

    /// Bytes that are no message.
    package init(_ error: WireError) {
        self.init(
            "the peer sent something unreadable: \(error)", kind: .internal,
            hint: "install the same version of tandem on both")
    }
}
