// Responsible for: every count is told, under its own name. Must not know: what is counted.

import Sequences
import Testing

@Suite struct PipelineCountsTests {
    @Test("The table names every count once, as it is called, and leads to it")
    func all() {
        let names = Mirror(reflecting: PipelineCounts()).children.compactMap(\.label)
        #expect(PipelineCounts.all.map(\.name) == names)
        for (name, path) in PipelineCounts.all {
            var counts = PipelineCounts()
            counts[keyPath: path] = 7
            let counted = Mirror(reflecting: counts).children.filter { $0.value as? Int == 7 }
            #expect(counted.map(\.label) == [name])
        }
    }
}
