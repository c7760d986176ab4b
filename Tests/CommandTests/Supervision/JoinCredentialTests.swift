// Responsible for: a worker that finds whom to join among its credentials. Must not know: how it joins.
import Foundation
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
            #expect(try JoinCredential.text(in: ["CREDENTIALS_DIRECTORY": folder.path]) == "127.0.0.1:7070")
        }

        @Test("An empty one, and none, is wrong usage")
        func missing() async throws {
            let folder = try TemporaryFolder()
            for text in [nil, "", "\n", "tandem worker --join"] {
                if let text { try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/join")) }
                let outcome = try await TandemProcess(
                    ["worker"], cache: folder, environment: ["CREDENTIALS_DIRECTORY": folder.path]
                ).wait()
                #expect(outcome.status == 2 && outcome.talk.contains("\(folder.path)/join is empty"), "\(outcome)")
            }
            let outcome = try await bash("env -u CREDENTIALS_DIRECTORY $TANDEM worker")
            #expect(outcome.status == 2 && outcome.talk.contains("there is no --join"), "\(outcome)")
        }
    }
}
