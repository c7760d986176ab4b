// Responsible for: Ctrl-R: the newest entry of a history that holds what is typed, then older ones.
// Must not know: keys, terminals.
import Foundation

/// A search as it goes on.
struct HistorySearch {
    private(set) var query = ""
    /// The entry that is shown; nil: none was found yet.
    private(set) var place: Int?
    /// No further entry holds what is searched for; the last one that did is still shown.
    private(set) var isFailing = false
    /// What was written before.
    let original: EditedText
    /// Where the search begins: behind the newest entry that is to be looked at.
    private let start: Int

    /// Entries older than where somebody is in `history` are searched.
    init(from text: EditedText, history: History) { (original, start) = (text, history.position) }

    /// What stands in the place of the prompt, as bash has it.
    var prompt: String {
        let shown = String(query.map { $0.isNewline ? " " : $0 })
        return "(\(isFailing ? "failed " : "")reverse-i-search)`\(shown)': "
    }

    /// More is typed: what is shown stays where it holds that too.
    mutating func extend(by more: String, in history: History) {
        query += more
        find(from: place ?? start - 1, by: -1, in: history)
    }

    /// The last letter is taken back.
    mutating func shorten(in history: History) {
        _ = query.popLast()
        place = nil
        find(from: start - 1, by: -1, in: history)
    }

    /// To another entry that holds it, older (-1) or newer (1); the same text again is passed over.
    mutating func move(by step: Int, in history: History) {
        let shown = place.map { history.entries[$0] }
        find(from: (place ?? start) + step, by: step, in: history, otherThan: shown)
    }

    /// The entry that is shown, and where in it the text is.
    func found(in history: History) -> (entry: String, place: String.Index)? {
        guard let place else { return (original.text, original.before.endIndex) }
        let entry = history.entries[place]
        return Self.range(of: query, in: entry).map { (entry, $0.lowerBound) }
    }

    private mutating func find(from first: Int, by step: Int, in history: History, otherThan shown: String? = nil) {
        isFailing = false
        guard !query.isEmpty else { return }
        var index = first
        while history.entries.indices.contains(index) {
            let entry = history.entries[index]
            if entry != shown && Self.range(of: query, in: entry) != nil {
                place = index
                return
            }
            index += step
        }
        isFailing = true
    }

    private static func range(of query: String, in entry: String) -> Range<String.Index>? {
        entry.range(of: query, options: [.literal, .backwards])
    }
}
