// Chooses the type in which a quantized matrix is kept, from its scales and zero points. Knows no arithmetic.

import Sequences

extension PackedTensor {
    /// Chooses by what the parts hold: the smallest type that has the same values, else Q8_0. Throws where scales are not
    /// finite or groups are not there.
    ///
    /// Codes stay codes where groups are whole blocks of 32 and scales (and addends) are numbers of F16: Q4_0 where code -
    /// zero is in -8...7, Q8_0 where it is in -128...127, Q4_1 and Q5_1 where there are addends. Else values are written
    /// where BF16 or F16 holds every product of a code and a scale, and F32 where rows are no whole blocks of 32.
    /// `asFloats`: always F32, BF16 or F16.
    mutating func keep(asFloats: Bool = false, files: [any ByteSource]) throws(ModelFileError) {
        let scaleSurvey = try ScaleSurvey(scales, in: files[scales.part.file])
        let addendSurvey = try addends.map { grid throws(ModelFileError) in
            try ScaleSurvey(grid, in: files[grid.part.file])
        }
        try checkGroups(files)
        let differences = try differences(files)
        let isHalf = scaleSurvey.isHalf && addendSurvey?.isHalf ?? true
        if !asFloats && hasWholeBlocks && isHalf && number != .float8, let type = typeOfCodes(differences) {
            (self.type, keeping) = (type, .codes)
            return
        }
        if addends == nil, let type = typeOfProducts(scaleSurvey, differences) {
            (self.type, keeping) = (type, .values(isExact: true))
            return
        }
        let fits = !asFloats && columns % TensorType.q8_0.blockElements == 0
        (type, keeping) = fits ? (.q8_0, .values(isExact: false)) : (.f32, .values(isExact: true))
    }

    /// Every block of 32 columns has one scale.
    private var hasWholeBlocks: Bool {
        guard case .even(let size) = groups, columns % 32 == 0 else { return false }
        return size % 32 == 0
    }

    private func typeOfCodes(_ differences: ClosedRange<Int>) -> TensorType? {
        if addends != nil { return differences.upperBound < 16 ? .q4_1 : differences.upperBound < 32 ? .q5_1 : nil }
        if (-8...7).contains(differences.lowerBound), (-8...7).contains(differences.upperBound) { return .q4_0 }
        let isByte = (-128...127).contains(differences.lowerBound) && (-128...127).contains(differences.upperBound)
        return isByte ? .q8_0 : nil
    }

    private func typeOfProducts(_ survey: ScaleSurvey, _ differences: ClosedRange<Int>) -> TensorType? {
        let largest = max(-differences.lowerBound, differences.upperBound)
        let intBits = Int.bitWidth - largest.leadingZeroBitCount
        let (bits, exponents) = number == .float8 ? (4, -9...8) : (intBits, 0...max(0, intBits - 1))
        if survey.product(ofBits: bits, exponents: exponents, fitsBits: 8, in: -133...127) { return .bf16 }
        if survey.product(ofBits: bits, exponents: exponents, fitsBits: 11, in: -24...15) { return .f16 }
        return nil
    }

    /// Where code - zero lies, or further.
    private func differences(_ files: [any ByteSource]) throws(ModelFileError) -> ClosedRange<Int> {
        let codes =
            switch number {
            case .unsigned(let bits): 0...(1 << bits) - 1
            case .signed: -128...127
            case .float8: 0...0
            }
        let zeros = try zeros(files)
        return codes.lowerBound - zeros.upperBound...codes.upperBound - zeros.lowerBound
    }

    /// Where the zero points lie, or further.
    private func zeros(_ files: [any ByteSource]) throws(ModelFileError) -> ClosedRange<Int> {
        let groups = scales.columns
        switch zero {
        case .constant(let value): return value...value
        case .alongRows(let part, let bits, let addend):
            let words = groups * (rows * bits / 32)
            return try Self.range(of: part, words: words, bits: bits, addend: addend, files)
        case .nibblesOfRows(let part):
            return try Self.range(of: part, words: groups * (rows / 8), bits: 4, addend: 0, files)
        case .wordsOfRows(let part, let bits):
            let words = (rows + 32 / bits - 1) / (32 / bits) * groups
            return try Self.range(of: part, words: words, bits: bits, addend: 0, files)
        case .bytes: return -128...127
        }
    }

    /// The least and the greatest number of `bits` in these words. Where numbers cross words, those that there may be.
    private static func range(
        of part: Part, words: Int, bits: Int, addend: Int, _ files: [any ByteSource]
    ) throws(ModelFileError) -> ClosedRange<Int> {
        let mask = (UInt32(1) << bits) - 1
        guard 32 % bits == 0 else { return 0...Int(mask) }
        var (least, greatest) = (mask, UInt32(0))
        let windowWords = 1 << 18
        for start in stride(from: 0, to: words, by: windowWords) {
            let bytes = try files[part.file].bytes(
                at: part.offset + 4 * start, count: 4 * min(windowWords, words - start))
            bytes.withUnsafeBytes { bytes in
                var last: UInt32?
                for offset in stride(from: 0, to: bytes.count, by: 4) {
                    let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                    if word == last { continue }
                    last = word
                    for shift in stride(from: UInt32(0), to: 32, by: bits) {
                        let value = ((word >> shift) &+ UInt32(addend)) & mask
                        (least, greatest) = (min(least, value), max(greatest, value))
                    }
                }
            }
        }
        return Int(min(least, greatest))...Int(greatest)
    }

    /// Listed groups must be there. Where they are those of equal runs of columns, the list is not needed.
    private mutating func checkGroups(_ files: [any ByteSource]) throws(ModelFileError) {
        guard case .listed(let part) = groups else { return }
        let bytes = try files[part.file].bytes(at: part.offset, count: 4 * columns)
        let count = scales.columns
        let size = (columns + count - 1) / count
        var (isEven, isInside) = (true, true)
        bytes.withUnsafeBytes { bytes in
            for column in 0..<columns {
                let group = Int(bytes.loadUnaligned(fromByteOffset: 4 * column, as: Int32.self))
                isInside = isInside && group >= 0 && group < count
                isEven = isEven && group == column / size
            }
        }
        guard isInside else {
            throw ModelFileError(
                .invalidValue, file: files[part.file].name, field: "tensor \(part.name)",
                "names a group that has no scale; there are \(count)",
                hint: "the file is damaged, or its parts are of different models")
        }
        if isEven { groups = .even(size) }
    }
}
