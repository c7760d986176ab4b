// Responsible for: which word somebody meant who misspelt one. Must not know: where words come from.
import Sequences
import Testing

@Suite("Spelling")
struct SpellingTests {
    @Test("Distances count letters that are changed, missing, too many or swapped")
    func distances() {
        for (first, second, distance) in [
            ("", "", 0), ("", "abc", 3), ("staus", "status", 1), ("modle", "model", 1), ("kitten", "sitting", 3),
            ("ca", "abc", 3), ("run", "run", 0),
        ] {
            #expect(Spelling.distance(first, second) == distance)
            #expect(Spelling.distance(second, first) == distance)
        }
    }

    @Test("The nearest word is meant, unless too many letters are wrong")
    func nearest() {
        let names = ["status", "start", "run"]
        #expect(Spelling.nearest(to: "Staus", among: names) == "status")
        #expect(Spelling.nearest(to: "strat", among: names) == "start")
        #expect(Spelling.nearest(to: "xyzzy", among: names) == nil)
        #expect(Spelling.nearest(to: "run", among: []) == nil)
    }
}
