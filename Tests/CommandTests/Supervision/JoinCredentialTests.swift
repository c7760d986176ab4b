// Responsible for: a worker that finds whom to join among its credentials. Must not know: how it joins.
import Foundation
import Node
import Sequences
import Testing

@testable import CLI

extension CommandTests {
    @Suite("The credential of a worker")
    struct JoinCredentialTests {
        @Test(
            "The whole line counts, or the address alone",
            arguments: [
                "127.0.0.1:7070\n", "tandem worker --join 127.0.0.1:7070 --insecure\n", "  127.0.0.1:7070",
                "worker --join 127.0.0.1:7070",
            ])
        func read(text: String) throws {
            let folder = try TemporaryFolder()
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/join"))
            #expect(try credential(in: folder) == "127.0.0.1:7070")
        }

        private func credential(in folder: TemporaryFolder) throws -> String {
            try JoinCredential.text(
                StateFolder(folder.path + "/state", environment: [:]), in: ["CREDENTIALS_DIRECTORY": folder.path])
        }

        @Test("Where it is blank, and where there is none, it is the coordinator joined last, else this machine's")
        func blank() throws {
            let folder = try TemporaryFolder()
            for text in [nil, "", "\n"] {
                if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/join")) }
                #expect(try credential(in: folder) == "tcp://127.0.0.1:7070")
            }
            let state = folder.path + "/state"
            mkdir(state, 0o700)
            let key = String(repeating: "A", count: 43)
            try Data("host-b:7070 \(key)\nhost-a:7070 \(key)\n".utf8)
                .write(to: URL(fileURLWithPath: state + "/known-coordinators"))
            chmod(state + "/known-coordinators", 0o600)
            #expect(try credential(in: folder) == "host-a:7070")
        }

        @Test("One without an address is wrong")
        func wrong() async throws {
            let folder = try TemporaryFolder()
            try Data("tandem worker --join\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/join"))
            let outcome = try await TandemProcess(
                ["worker"], cache: folder, environment: ["CREDENTIALS_DIRECTORY": folder.path]
            ).wait()
            #expect(outcome.status == 2 && outcome.talk.contains("names no address behind --join"), "\(outcome)")
        }
    }
}
