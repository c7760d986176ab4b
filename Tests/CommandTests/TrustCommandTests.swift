// Responsible for: joining and asking as other users and hosts do: with lines, tokens and keys of their own.
// Must not know: how keys are checked.
import Foundation
import Generation
import Testing

extension CommandTests {
    @Suite("Trust") struct TrustCommandTests {
        private func worker(_ line: String, _ folder: TemporaryFolder, _ more: String...) throws -> TandemProcess {
            try TandemProcess(
                ["worker", "--join", line, "--threads", "1", TandemProcess.endsWithStandardInput] + more, cache: folder)
        }

        private func ask(_ coordinator: String, _ folder: TemporaryFolder) async throws -> TandemProcess.Outcome {
            try await tandem(
                "generate", "--coordinator", coordinator, "--prompt", "Once upon a time", "--max-tokens", "4",
                "--temperature", "0", cache: folder)
        }

        @Test(
            "The printed line joins a worker of another user; the address alone joins it again; a removed one stays out"
        )
        func joining() async throws {
            let cluster = try await LocalCluster()
            let folder = try TemporaryFolder()
            let first = try worker(cluster.line, folder)
            try await cluster.waitUntilServing(workers: 1)
            #expect(first.talkSoFar.contains("admitted by the coordinator"))
            first.signal(SIGTERM)
            _ = try await first.wait()
            let second = try worker(cluster.address, folder)
            try await cluster.waitUntilServing(workers: 1)
            #expect(!second.talkSoFar.contains("admitted by the coordinator"))

            let members = try await tandem("members", cache: cluster.folder)
            let name = try #require(members.output.split(separator: "\n").last?.split(separator: " ").first)
            #expect(try await tandem("remove", String(name), cache: cluster.folder).status == 0)
            let outcome = try await second.wait()
            #expect(outcome.status == 77 && outcome.talk.contains("does not admit this worker"), "\(outcome.talk)")
            _ = try await cluster.status { $0.workers.isEmpty }
            #expect(try await worker(cluster.address, folder).wait().status == 77)
        }

        @Test("A token admits as many as it says, in its role alone, until it is taken back")
        func tokens() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let made = try await tandem("token", "create", "--role", "client", cache: cluster.folder)
            let words = made.output.split(separator: " ").map(String.init)
            #expect(words.prefix(3) == ["tandem", "generate", "--coordinator"] && made.status == 0, "\(made)")
            let (friend, stranger) = (try TemporaryFolder(), try TemporaryFolder())
            #expect(try await ask(cluster.address, friend).status == 77)
            #expect(try await worker(words[3], stranger).wait().status == 77)
            #expect(try await ask(words[3], friend).status == 0)
            #expect(try await ask(cluster.address, friend).status == 0)
            #expect(try await ask(words[3], stranger).status == 77)

            let second = try await tandem("token", "create", "--role", "client", "--json", cache: cluster.folder)
            struct Token: Decodable { let id, line: String }
            let token = try decode(Token.self, second.output)
            #expect(try await tandem("token", "revoke", token.id, cache: cluster.folder).status == 0)
            #expect(try await ask(token.line, stranger).status == 77)
            #expect(try await tandem("token", "list", cache: cluster.folder).output.contains(token.id) == false)
        }

        @Test("Who expects another key, or none, is refused with the reason, and sends nothing")
        func wrongKeys() async throws {
            let cluster = try await LocalCluster()
            let folder = try TemporaryFolder()
            let other = String(repeating: "A", count: 43)
            let wrong = try await ask("\(cluster.address)#\(other)", folder)
            #expect(wrong.status == 77 && wrong.talk.contains("has not the key"), "\(wrong.talk)")
            let open = try await tandem(
                "status", "--insecure", "--coordinator", cluster.address, cache: cluster.folder)
            #expect(open.status == 77 && open.talk.contains("without a key"), "\(open.talk)")
        }

        @Test("Without keys everybody must say so")
        func insecure() async throws {
            let cluster = try await LocalCluster("--insecure")
            #expect(cluster.coordinator.talkSoFar.contains("links are open"))
            let worker = try cluster.join("--insecure")
            let refused = try await tandem("status", "--coordinator", cluster.address, cache: cluster.folder)
            #expect(refused.status == 77 && refused.talk.contains("not known here"), "\(refused.talk)")
            _ = await eventually { worker.talkSoFar.contains("ready") }
            let answer = try await tandem(
                "generate", "--insecure", "--coordinator", cluster.address, "--prompt", "Once", "--max-tokens", "3",
                cache: cluster.folder)
            #expect(answer.status == 0, "\(answer.talk)")
            let keyed = try TandemProcess(
                ["worker", "--join", "\(cluster.address)#\(String(repeating: "A", count: 43))", "--threads", "1"],
                cache: TemporaryFolder())
            let outcome = try await keyed.wait()
            #expect(outcome.status == 77 && outcome.talk.contains("without encryption"), "\(outcome.talk)")
        }

        @Test("A key that others can read is not used")
        func openKey() async throws {
            let folder = try TemporaryFolder()
            _ = try await tandem("generate", "--coordinator", "127.0.0.1:1", "--prompt", "x", cache: folder)
            let path = folder.path + "/state/tandem/client.key"
            chmod(path, 0o644)
            let outcome = try await tandem("generate", "--coordinator", "127.0.0.1:1", "--prompt", "x", cache: folder)
            #expect(
                outcome.status == 77 && outcome.talk.contains("read by others") && outcome.talk.contains("chmod 600"))
            chmod(path, 0o600)
            #expect(symlink("/dev/zero", folder.path + "/state/tandem/worker.key") == 0)
            let linked = try await tandem("worker", "--join", "127.0.0.1:1", cache: folder)
            #expect(linked.status == 77 && linked.talk.contains("is a link"), "\(linked.talk)")
        }
    }
}
