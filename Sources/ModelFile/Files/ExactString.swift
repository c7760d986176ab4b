// Text that is equal to another only where all bytes are. Knows nothing else.

/// A text compared and hashed by its UTF-8 bytes, not by canonical equivalence.
struct ExactString: Hashable {
    let text: String

    static func == (left: ExactString, right: ExactString) -> Bool { equal(left.text, right.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    }

    /// The first text that occurred before; nil where all differ.
    static func firstDuplicate<Element>(in elements: [Element], by text: (Element) -> String) -> String? {
        var seen = Set<ExactString>(minimumCapacity: elements.count)
        return elements.map(text).first { !seen.insert(ExactString(text: $0)).inserted }
    }
}
