// Responsible for: how a coordinator begins that others may have succeeded. Must not know: files, sockets.
import Cluster
import Wire

extension CoordinatorConfiguration {
    /// Its epochs, and whether it may serve, follow from what was kept.
    mutating func begin(_ record: SuccessionRecord) {
        authority = record.authority
        standbyPlace = record.standby?.place
        firstEpoch = Epoch(term: authority.term, from: firstEpoch.value)
    }
}
