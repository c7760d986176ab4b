// Responsible for: the statuses that commands end with, as the table in Exit-codes-and-errors.md has them.
// Must not know: how a command finds out.
import Foundation
import Testing

extension CommandTests {
    @Suite("Exit statuses")
    struct ExitStatusTests {
        @Test(
            "Every kind of failure has its status, whatever the command",
            arguments: [
                ("run -p x", 2), ("run -m $TALES -p x --bogus", 2), ("run -m $TALES -p x --top-p 7", 2),
                ("run -m $TALES -p x --prompt-tokens 1", 2), ("run -m $TALES -p x --logit-bias 5", 2),
                ("run -m $TALES -p x --context 100000000", 2), ("run -m $TALES -p x --kv-type f64", 2),
                ("generate --coordinator nonsense -p x", 2), ("worker --join nonsense", 2),
                ("coordinator -m $TALES --listen non/sense", 2), ("coordinator --listen tcp://127.0.0.1:0", 2),
                ("coordinator -m $TALES --listen tcp://0.0.0.0:65534", 2), ("worker --join 192.0.2.1:7070", 77),
                ("up -m $TALES --workers 0", 2), ("up -m $TALES --workers 1 --split 9-7 --listen tcp://127.0.0.1:0", 2),
                ("status --interval 2", 2), ("bench --shape nope", 2), ("bench kernels --batch 1,x", 2),
                ("quantize $TALES /tmp/x.gguf --type q9", 2),
                ("tokenize -m $TALES --tools /nowhere", 2), ("tokenize -m $TALES -p x --messages /nowhere", 2),
                ("run -m $TALES -p x --messages /nowhere", 2), ("run -m $TALES --messages /nowhere", 1),
                ("run -m /nowhere -p x", 66), ("inspect /nowhere", 66), ("tokenize -m /nowhere -p x", 66),
                ("perplexity -m /nowhere --file $TALES", 66), ("coordinator -m /nowhere", 66),
                ("worker --join 127.0.0.1:1 -m /nowhere", 66), ("bench -m /nowhere", 66),
                ("quantize /nowhere /tmp/x.gguf --type q8_0", 66),
                ("up -m /nowhere --workers 1 --listen tcp://127.0.0.1:0", 66),
                ("generate --coordinator 127.0.0.1:1 -p x", 69), ("status --coordinator 127.0.0.1:1", 69),
                ("perplexity -m $TALES --file <(head -c 9000 $TALES) --context 16 --coordinator 127.0.0.1:1", 69),
                ("bench --coordinator 127.0.0.1:1", 69),
                ("config show nope", 2), ("status --config /nowhere", 78), ("run -m /dev/null -p x", 1),
                ("run -m $TALES --prompt-file /nowhere", 1),
                ("quantize $TALES /nowhere/x.gguf --type q8_0", 1), ("inspect $TALES --template", 1),
            ])
        func statuses(command: String, status: Int32) async throws {
            let outcome = try await bash("$TANDEM \(command)")
            #expect(outcome.status == status && outcome.output.isEmpty, "\(command): \(outcome)")
            #expect(outcome.talk.split(separator: "\n").count { $0.hasPrefix("error: ") } == 1, "\(outcome.talk)")
        }

        private static let asNobody = "setpriv --reuid 65534 --clear-groups"
        /// Root may read everything: somebody else must try, which takes util-linux's `setpriv`.
        private static let canBeSomebodyElse =
            geteuid() == 0 && ["/usr/bin", "/bin"].contains { access($0 + "/setpriv", X_OK) == 0 }

        @Test(
            "What the system does not allow has a status of its own",
            .enabled(
                if: canBeSomebodyElse, "SKIPPED: status 77 is tested as root where `setpriv` (util-linux) is there"))
        func forbidden() async throws {
            let folder = try TemporaryFolder()
            let model = folder.path + "/model.gguf"
            try FileManager.default.copyItem(atPath: Place.tales, toPath: model)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: model)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
            for command in ["run -m \(model) -p x", "run -m $TALES --prompt-file \(model)"] {
                let outcome = try await bash("\(Self.asNobody) $TANDEM \(command)", cache: folder)
                #expect(outcome.status == 77 && outcome.talk.contains("hint: "), "\(command): \(outcome)")
            }
        }

        @Test("`status` ends with 3 while the cluster does not serve, and says what it knows")
        func notServing() async throws {
            let cluster = try await LocalCluster()
            for flags in [[], ["--json"]] {
                let outcome = try await TandemProcess(
                    ["status", "--coordinator", cluster.address] + flags, cache: cluster.folder
                ).wait()
                #expect(outcome.status == 3 && outcome.talk.isEmpty && outcome.output.contains("worker"), "\(outcome)")
            }
            try await cluster.join(count: 1)
            let outcome = try await tandem("status", "--coordinator", cluster.address, cache: cluster.folder)
            #expect(outcome.status == 0 && outcome.talk.isEmpty)
        }
    }
}
