// Sets of Unicode scalars. Knows nothing of what the scalars are.

/// Scalars as sorted ranges that neither overlap nor touch.
struct ScalarSet: Sendable, Equatable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let all = ScalarSet([0...0x10FFFF])
    static let empty = ScalarSet([])

    /// `ranges` in any order; they may overlap.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var result: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        self.ranges = result
    }

    init(_ scalar: UInt32) { ranges = [scalar...scalar] }

    /// All scalars that are not in it.
    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { result.append(next...0x10FFFF) }
        return ScalarSet(result)
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    func intersection(_ other: ScalarSet) -> ScalarSet { inverted.union(other.inverted).inverted }

    func subtracting(_ other: ScalarSet) -> ScalarSet { intersection(other.inverted) }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }

    /// With the scalars that differ only in case from those that it holds, where it holds few.
    var ignoringCase: ScalarSet {
        guard ranges.reduce(0, { $0 + $1.count }) <= 2048 else { return self }
        var added: [ClosedRange<UInt32>] = []
        for range in ranges {
            for value in range {
                added += CaseFolding.variants(of: value).map { $0...$0 }
            }
        }
        return ScalarSet(ranges + added)
    }
}

/// Scalars that differ only in case.
private enum CaseFolding {
    /// "ſ" and "K" (Kelvin) are variants of ASCII letters, "Å" (Angstrom), "ẞ" and "Ω" (Ohm) of other letters.
    private static let others: [UInt32: [UInt32]] = [
        0x73: [0x17F], 0x53: [0x17F], 0x17F: [0x53, 0x73], 0x6B: [0x212A], 0x4B: [0x212A], 0x212A: [0x4B, 0x6B],
        0xE5: [0x212B], 0xC5: [0x212B], 0x212B: [0xC5, 0xE5], 0xDF: [0x1E9E], 0x1E9E: [0xDF], 0x3C9: [0x2126],
        0x3A9: [0x2126], 0x2126: [0x3A9, 0x3C9],
    ]

    static func variants(of value: UInt32) -> [UInt32] {
        guard let scalar = Unicode.Scalar(value) else { return [] }
        var result = others[value] ?? []
        for mapping in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
            let scalars = mapping.unicodeScalars
            if scalars.count == 1, let only = scalars.first { result.append(only.value) }
        }
        return result
    }
}
