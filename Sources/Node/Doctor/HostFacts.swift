// Responsible for: what is to be known of a host and its libraries before a node runs on it, as values.
// Must not know: where each comes from, what is good or bad.
import Transport

/// Facts about this host and user; nil, or an empty list, where the system does not tell.
package struct HostFacts: Sendable {
    /// One try of `AdmissionProbe`.
    package struct Trial: Sendable, Equatable {
        var probe: AdmissionProbe
        /// nil: it could not be tried; `reason` says why.
        var outcome: AdmissionProbe.Outcome?
        var reason = ""
    }

    /// A file that holds a secret.
    package struct KeyFileFacts: Sendable, Equatable {
        var path: String
        /// The permission bits.
        var mode: UInt32
        var isOwned: Bool
        /// Neither a link nor anything else that is not a plain file.
        var isPlain: Bool
    }

    /// A port that nodes listen on.
    package struct Port: Sendable, Equatable {
        var number: UInt16
        var isFree: Bool
    }

    /// An address of this host.
    package struct Address: Sendable, Equatable {
        var interface: String
        var text: String
        var isLoopback: Bool
    }

    /// A folder, or the nearest one above it that is there.
    package struct Folder: Sendable, Equatable {
        /// "weight cache", "state".
        var purpose: String
        var path: String
        var freeBytes: Int
        var isWritable: Bool
    }

    /// A limit of the process, as it is and as far as it may be raised; `Int.max`: none.
    package struct ResourceLimit: Sendable, Equatable {
        var soft: Int
        var hard: Int
    }

    package var library = LibraryFacts.loaded
    package var trials: [Trial] = []
    package var statePath = ""
    /// The permission bits of the state folder; nil: it is not there yet.
    package var stateMode: UInt32?
    package var keyFiles: [KeyFileFacts] = []
    package var ports: [Port] = []
    /// Ports that the system gives to whoever wants any.
    package var ephemeralPorts: ClosedRange<UInt16>?
    package var addresses: [Address] = []
    /// The address that other hosts are told; of the way to the coordinator, or to anywhere.
    package var advertised: String?
    package var availableMemoryBytes: Int?
    package var addressSpace: ResourceLimit?
    package var coreCount = 0
    package var instructionLevel = ""
    /// "always", "madvise" or "never".
    package var hugePages: String?
    /// "performance", "powersave" and so on.
    package var governor: String?
    package var folders: [Folder] = []
    package var openFiles: ResourceLimit?
    package var lockedMemory: ResourceLimit?

    /// Nothing is known but the library.
    package init() {}
}
