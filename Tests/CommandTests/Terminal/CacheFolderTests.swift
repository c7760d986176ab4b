// Responsible for: where nodes keep what they have received and computed: the environment says so first.
import Foundation
import Testing

@testable import Node

extension CommandTests {
    @Suite("The cache's folder")
    struct CacheFolderTests {
        @Test("XDG_CACHE_HOME comes first, then HOME, then the user's entry; relative paths do not count")
        func order() {
            #expect(WeightCache.baseFolder(in: ["XDG_CACHE_HOME": "/x", "HOME": "/h"]) == "/x/tandem")
            #expect(WeightCache.baseFolder(in: ["HOME": "/h"]) == "/h/.cache/tandem")
            #expect(WeightCache.baseFolder(in: ["XDG_CACHE_HOME": "x", "HOME": "/h"]) == "/h/.cache/tandem")
            let own = NSHomeDirectory() + "/.cache/tandem"
            for environment in [[:], ["HOME": ""], ["HOME": "h", "XDG_CACHE_HOME": ""]] {
                #expect(WeightCache.baseFolder(in: environment) == own)
            }
        }

        @Test(
            "Without XDG_CACHE_HOME workers and coordinators use HOME",
            arguments: [
                ("coordinator --model $TALES --listen tcp://127.0.0.1:0", "digests"),
                ("worker --join 127.0.0.1:1", "weights"),
            ])
        func home(command: String, name: String) async throws {
            let home = try TemporaryFolder()
            let process = try TandemProcess(
                ["-c", "exec env -u XDG_CACHE_HOME HOME=\(home.path) $TANDEM \(command)"], cache: home,
                program: "/bin/bash")
            let isThere = await eventually {
                FileManager.default.fileExists(atPath: home.path + "/.cache/tandem/" + name) || !process.isRunning
            }
            #expect(isThere && process.isRunning, "\(process.talkSoFar)")
        }
    }
}
