// Responsible for: changes of inputs that hold messages: field by field, as bytes at random would seldom do. Must not know:
// what the messages say.
import MessageMutator

/// What libFuzzer does itself.
@_silgen_name("LLVMFuzzerMutate")
private func mutateBytes(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int) -> Int

/// Called by libFuzzer in place of its own changes: `count` bytes at `data` become another input, whose length is returned.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutateInput(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int, _ seed: UInt32) -> Int {
    var random = Mutator(seed: UInt64(seed))
    random.known = [9, 10, 11]
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    guard !random.once(in: 3), let form = Fuzz.target?.form,
        let changed = CustomMutator.changed(bytes, form, &random), changed.count <= maximum
    else { return mutateBytes(data, count, maximum) }
    _ = UnsafeMutableBufferPointer(start: data, count: changed.count).update(fromContentsOf: changed)
    return changed.count
}

enum CustomMutator {
    /// How an input holds messages: one behind its first byte, or in records of these kinds.
    enum Form {
        case message
        case records(Set<UInt8>)
    }

    /// nil: nothing is there to be changed.
    static func changed(_ bytes: [UInt8], _ form: Form, _ random: inout Mutator) -> [UInt8]? {
        switch form {
        case .message:
            var message = Array(bytes.dropFirst())
            guard let kind = bytes.first, random.spoilFields(&message) else { return nil }
            return [kind] + message
        case .records(let kinds):
            var records = Input.records(bytes, atMost: 200)
            guard !records.isEmpty else { return nil }
            let index = random.below(records.count)
            switch random.below(8) {
            case 0: records.insert(random.element(records), at: index)
            case 1: records.remove(at: index)
            case 2: records.swapAt(index, random.below(records.count))
            default:
                guard kinds.contains(records[index].kind & 7), random.spoilFields(&records[index].content) else {
                    return nil
                }
            }
            return Input.bytes(records)
        }
    }
}
