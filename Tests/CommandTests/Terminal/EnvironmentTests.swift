// Responsible for: an environment that says nothing, or nonsense, of where things lie.
// Must not know: what lies there.
import Foundation
import Testing

extension CommandTests {
    @Suite("Environment")
    struct EnvironmentTests {
        private static let nothing = "env -u HOME -u XDG_CACHE_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u TANDEM_MODELS"

        static let environments = [
            "", "HOME=", "HOME=relative", "HOME=/nowhere/x", "HOME=/dev/null", "XDG_CACHE_HOME=/proc",
            "XDG_CACHE_HOME=/dev/null", "XDG_DATA_HOME=relative", "XDG_DATA_HOME=/dev/null", "TANDEM_MODELS=",
            "TANDEM_MODELS=relative", "TANDEM_MODELS=/dev/null", "TANDEM_MODELS=/nowhere", "TANDEM_MODELS=/a:/b",
            "COLUMNS=-1", "COLUMNS=99999999999999999999", "TERM=", "LC_ALL=nonsense", "TZ=nonsense", "TMPDIR=/nowhere",
        ]

        @Test("Commands that need nothing of it run in every one", arguments: environments)
        func runs(environment: String) async throws {
            let flags = "-p Once --temperature 0 --max-tokens 3"
            let expected = try await bash("$TANDEM run -m $TALES \(flags)")
            let model = try await bash("\(Self.nothing) \(environment) $TANDEM run -m $TALES \(flags)")
            #expect(model.status == 0 && model.output == expected.output, "\(model)")
            let list = try await bash("\(Self.nothing) \(environment) $TANDEM list --json")
            #expect(list.status == 0 && list.output.contains("schema_version"), "\(list)")
        }

        @Test("A model's name that is nowhere is told with the folder that was searched", arguments: environments)
        func names(environment: String) async throws {
            let outcome = try await bash("\(Self.nothing) \(environment) $TANDEM run -m no-such-model -p x")
            #expect(outcome.status == 66 && outcome.talk.contains("no-such-model"), "\(outcome)")
            #expect(outcome.talk.contains("hint: "))
        }

        @Test(
            "A cache that cannot be made is an error that says what to set",
            arguments: ["XDG_CACHE_HOME=/dev/null", "XDG_CACHE_HOME=/proc"])
        func caches(environment: String) async throws {
            let outcome = try await bash("\(Self.nothing) \(environment) $TANDEM worker --join 127.0.0.1:1")
            #expect(outcome.status == 77 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.talk.contains("the weight cache /") && outcome.talk.contains("XDG_CACHE_HOME"))
            #expect(!outcome.talk.contains("NSCocoaErrorDomain"), "\(outcome.talk)")
        }

        @Test("A state folder that cannot be made is an error that says what to set")
        func states() async throws {
            let outcome = try await bash("\(Self.nothing) HOME=/dev/null $TANDEM worker --join 127.0.0.1:1")
            #expect(outcome.status == 77 && outcome.output.isEmpty, "\(outcome)")
            #expect(outcome.talk.contains("the state folder /") && outcome.talk.contains("XDG_STATE_HOME"))
        }
    }
}
