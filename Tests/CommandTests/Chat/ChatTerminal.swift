// Responsible for: a chat in a terminal as a person has it: typing, and waiting for what comes to be seen.
// Must not know: what is tested.
import Foundation
import Testing

/// `tandem chat` in a pseudo-terminal that is its own.
final class ChatTerminal {
    let process: TandemProcess
    let terminal: PseudoTerminal
    /// Holds the history and what the tests save.
    let folder: TemporaryFolder
    private let cluster: LocalCluster
    private let height: Int
    private var width: Int
    private var start = 0

    init(
        _ cluster: LocalCluster, _ arguments: String..., folder: TemporaryFolder? = nil, width: Int = 120,
        height: Int = 24, environment: [String: String] = [:]
    ) async throws {
        (self.cluster, self.width, self.height) = (cluster, width, height)
        self.folder = try folder ?? TemporaryFolder()
        terminal = try PseudoTerminal(columns: UInt16(width), rows: UInt16(height))
        process = try TandemProcess(
            ["chat", "--coordinator", cluster.address, "--state", cluster.folder.path + "/state/tandem"] + arguments,
            cache: cluster.folder, terminal: terminal,
            ownsTerminal: true,
            environment: ["TERM": "xterm", "XDG_STATE_HOME": self.folder.path].merging(environment) { $1 })
        try await waitForPrompt()
    }

    /// What is seen of the output since the terminal had its size.
    var picture: TerminalPicture {
        TerminalPicture(width: width, height: height, String(process.outputSoFar.dropFirst(start)))
    }

    func type(_ text: String) { process.type(text) }

    /// Types as a terminal pastes.
    func paste(_ text: String) { process.type("\u{1B}[200~" + text.replacing("\n", with: "\r") + "\u{1B}[201~") }

    /// Waits until a text has come.
    func wait(for text: String, _ location: SourceLocation = #_sourceLocation) async throws {
        try await wait("\"\(text)\"", location) { $0.lines.contains { $0.contains(text) } }
    }

    /// Waits for what is to be seen.
    func wait(
        _ what: String, _ location: SourceLocation = #_sourceLocation, until isSeen: (TerminalPicture) -> Bool
    ) async throws {
        let isThere = await eventually(within: .seconds(60)) { isSeen(picture) || !process.isRunning }
        let lines = picture.lines.suffix(30).joined(separator: "\n")
        try #require(isThere && isSeen(picture), "\(what) is not to be seen in\n\(lines)", sourceLocation: location)
    }

    /// Waits for a prompt behind which nothing stands, below a line that holds `text`.
    func waitForPrompt(below text: String = "", _ location: SourceLocation = #_sourceLocation) async throws {
        try await wait("a prompt below \"\(text)\"", location) { picture in
            picture.line == ">" && picture.column == 2
                && (text.isEmpty || picture.lines[..<picture.row].contains { $0.contains(text) })
        }
    }

    /// Sends a message that fits in a row, and waits for what comes of it.
    func send(_ text: String, _ location: SourceLocation = #_sourceLocation) async throws {
        type(text + "\r")
        try await waitForPrompt(below: "> " + text, location)
    }

    /// Another size; the picture is that of what comes from now on.
    func resize(width: Int) {
        start = process.outputSoFar.count
        self.width = width
        terminal.resize(columns: UInt16(width), rows: UInt16(height))
    }

    /// What the history file holds.
    var history: [String] {
        let text = (try? String(contentsOfFile: folder.path + "/tandem/chat-history", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(String.self, from: Data($0.utf8)) }
    }
}
