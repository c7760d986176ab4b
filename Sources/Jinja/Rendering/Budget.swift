// Responsible for: what one rendering may spend, by its limits and the size of its variables.
// Must not know: what is paid for.

/// How large the variables are.
struct Size {
    private(set) var values = 0
    private(set) var bytes = 0

    init(of variables: [(String, Value)]) {
        for (_, value) in variables { add(value) }
    }

    private mutating func add(_ value: Value) {
        values += 1
        switch value {
        case .string(let text): bytes += text.utf8.count
        case .list(let list), .tuple(let list):
            for item in list.items { add(item) }
        case .dictionary(let mapping):
            for entry in mapping.entries {
                add(entry.key)
                add(entry.value)
            }
        default: break
        }
    }
}

/// What a rendering may still spend.
struct Budget {
    private var steps: Int
    private var textBytes: Int
    private(set) var outputBytes: Int

    init(_ limits: TemplateLimits, _ size: Size) {
        func limit(_ base: Int, _ factor: Int, _ count: Int) -> Int {
            let (product, overflow) = factor.multipliedReportingOverflow(by: count)
            let (sum, overflows) = base.addingReportingOverflow(product)
            return overflow || overflows ? .max : sum
        }
        steps = limit(limit(limits.steps, limits.stepsPerValue, size.values), limits.stepsPerByte, size.bytes)
        textBytes = limit(limits.textBytes, limits.textBytesPerByte, size.bytes)
        outputBytes = limit(limits.outputBytes, limits.outputBytesPerByte, size.bytes)
    }

    /// What is wrong, if `count` steps more are too many.
    mutating func take(steps count: Int) -> String? {
        steps = count > steps ? -1 : steps - count
        return steps < 0 ? "it takes more steps than a chat template needs" : nil
    }

    /// What is wrong, if texts of `count` bytes more are too many. Long texts take steps as well.
    mutating func take(bytes count: Int) -> String? {
        guard count <= textBytes else { return "it makes more text on the way than a chat template needs" }
        textBytes -= count
        return count < 32 ? nil : take(steps: count / 32)
    }
}
