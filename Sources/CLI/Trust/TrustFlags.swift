// Responsible for: the flags that say where keys are kept, and which coordinator to ask. Must not know: keys.
import ArgumentParser
import Node
import Sequences

/// The flag that names the folder of keys.
struct StateFlag: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where keys are kept, and who is admitted (default: ~/.local/state/tandem).", valueName: "folder"))
    var state: String?

    /// The folder, made or not.
    var folder: StateFolder { StateFolder(state) }

    /// The same flag for another command.
    var arguments: [String] { state.map { ["--state", $0] } ?? [] }
}

/// The flag that gives up keys.
struct InsecureFlag: ParsableArguments {
    @Flag(
        help: """
            Neither encrypt nor authenticate links: whoever reaches them reads, asks, joins and forges. Coordinator, \
            workers and clients must all say so. For measurements.
            """)
    var insecure = false

    /// The same flag for another command.
    var arguments: [String] { insecure ? ["--insecure"] : [] }
}

/// The flags that name a coordinator to ask.
struct CoordinatorFlag: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The coordinator's address; the first time from another host with its key and a token. With commas, those that may \
            take its place as well.
            """,
            valueName: "host:port[#key[#token]]"),
        transform: ValueReader.addresses(.coordinator))
    var coordinator: String = CoordinatorOptions.defaultListen
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag

    /// Opens nothing yet. `patience`: how long it looks for a coordinator that is gone amid an answer; nil: as long as by
    /// default. Throws where the address is none.
    func client(_ patience: ReconnectFlag? = nil) throws -> CoordinatorClient {
        try CoordinatorClient(
            address: coordinator, state: state.folder, isInsecure: security.insecure,
            patience: .seconds(patience?.reconnectSeconds ?? CoordinatorClient.patienceSeconds))
    }
}

/// The flag that says how long an answer waits for its coordinator.
struct ReconnectFlag: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How long a coordinator that is gone amid an answer is looked for; the answer then goes on where it was. 0: it \
            is not.
            """, valueName: "s"),
        transform: ValueReader.number(.reconnectSeconds, to: 86_400, as: CoordinatorClient.patienceSeconds))
    var reconnectSeconds: Int = CoordinatorClient.patienceSeconds
}
