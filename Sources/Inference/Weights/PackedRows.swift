// Some rows of a packed tensor: its parts read and taken apart.
//
// Responsible for: codes, scales, zero points and groups of rows, from how they lie in files.
// Must not know: in which type tensors are kept (`PackedRows+Encoding.swift`).

import CKernels
import ModelFile

/// What the parts hold of a range of rows.
struct PackedRows {
    let matrix: PackedTensor
    let rows: Range<Int>
    let groupCount: Int
    /// As stored: of each row, or where rows lie strewn, [words or columns, bytes for these rows].
    private let codes: [UInt8]
    /// [gridRows, groups]; the first belongs to the first row.
    private let scales: [Float]
    /// [rows, groups]; empty where there are none.
    private let addends: [Float]
    /// [rows, groups]; empty where all are the constant.
    private let zeros: [Int16]
    /// [columns]; empty where groups are even.
    private let groupOfColumn: [Int32]

    init(_ matrix: PackedTensor, rows: Range<Int>, in source: PackedTensors) throws(ModelFileError) {
        (self.matrix, self.rows, groupCount) = (matrix, rows, matrix.scales.columns)
        let reader = PartReader(source: source)
        codes =
            switch matrix.layout {
            case .rows(let rowBytes):
                try reader.bytes(matrix.codes, at: rows.lowerBound * rowBytes, count: rows.count * rowBytes)
            case .words(let count):
                try reader.gather(
                    matrix.codes, rows: count, stride: 4 * matrix.rows,
                    bytes: 4 * rows.lowerBound..<4 * rows.upperBound)
            case .nibblesOfRows:
                try reader.gather(
                    matrix.codes, rows: matrix.columns, stride: matrix.rows / 2,
                    bytes: 4 * (rows.lowerBound / 8)..<4 * ((rows.upperBound + 7) / 8))
            }
        scales = try reader.floats(matrix.scales, ofRows: rows)
        addends = try matrix.addends.map { grid throws(ModelFileError) in try reader.floats(grid, ofRows: rows) } ?? []
        zeros = try reader.zeros(of: matrix, rows: rows)
        groupOfColumn = try reader.groups(of: matrix)
    }

    /// The scales of a row [groups], and its addends where there are some.
    func scales(ofRow row: Int) -> ArraySlice<Float> {
        let each = matrix.scales.matrixRows
        let gridRow = row / each - rows.lowerBound / each
        return scales[gridRow * groupCount..<(gridRow + 1) * groupCount]
    }

    func addends(ofRow row: Int) -> ArraySlice<Float>? {
        guard !addends.isEmpty else { return nil }
        let first = (row - rows.lowerBound) * groupCount
        return addends[first..<first + groupCount]
    }

    func zero(ofRow row: Int, group: Int) -> Int {
        if case .constant(let value) = matrix.zero { return value }
        return Int(zeros[(row - rows.lowerBound) * groupCount + group])
    }

    /// Calls `body` with each run of columns of one group.
    func forEachGroup(_ body: (_ group: Int, _ columns: Range<Int>) -> Void) {
        if case .even(let size) = matrix.groups {
            for group in 0..<groupCount {
                body(group, min(group * size, matrix.columns)..<min((group + 1) * size, matrix.columns))
            }
            return
        }
        var start = 0
        for column in 1...matrix.columns
        where column == matrix.columns || groupOfColumn[column] != groupOfColumn[start] {
            body(Int(groupOfColumn[start]), start..<column)
            start = column
        }
    }

    /// out [columns] = the codes of a row; those of 8-bit floats as their bytes.
    func unpackCodes(ofRow row: Int, into out: UnsafeMutablePointer<Int16>) {
        let (place, columns) = (row - rows.lowerBound, matrix.columns)
        codes.withUnsafeBytes { codes in
            switch matrix.layout {
            case .rows(let rowBytes):
                unpack(UnsafeRawBufferPointer(rebasing: codes[place * rowBytes..<(place + 1) * rowBytes]), into: out)
            case .words(let count):
                withUnsafeTemporaryAllocation(byteCount: 4 * count, alignment: 4) { words in
                    for word in 0..<count {
                        words.storeBytes(
                            of: codes.loadUnaligned(
                                fromByteOffset: 4 * (word * rows.count + place), as: UInt32.self),
                            toByteOffset: 4 * word, as: UInt32.self)
                    }
                    unpack(UnsafeRawBufferPointer(words), into: out)
                }
            case .nibblesOfRows:
                let words = (rows.upperBound + 7) / 8 - rows.lowerBound / 8
                let word = row / 8 - rows.lowerBound / 8, shift = PartReader.shiftOfRow(row)
                for column in 0..<columns {
                    let value = codes.loadUnaligned(fromByteOffset: 4 * (column * words + word), as: UInt32.self)
                    out[column] = Int16(value >> shift & 15)
                }
            }
        }
    }

    /// A stream of codes, lowest bits first.
    private func unpack(_ bytes: UnsafeRawBufferPointer, into out: UnsafeMutablePointer<Int16>) {
        let columns = matrix.columns
        switch matrix.number {
        case .signed: for column in 0..<columns { out[column] = Int16(Int8(bitPattern: bytes[column])) }
        case .float8, .unsigned(bits: 8): for column in 0..<columns { out[column] = Int16(bytes[column]) }
        case .unsigned(bits: 4):
            for column in 0..<columns { out[column] = Int16(bytes[column / 2] >> UInt8(4 * (column & 1)) & 15) }
        case .unsigned(let bits):
            let mask = (UInt32(1) << bits) - 1
            var (held, count, next) = (UInt32(0), 0, 0)
            for column in 0..<columns {
                while count < bits {
                    held |= UInt32(bytes[next]) << count
                    count += 8
                    next += 1
                }
                out[column] = Int16(held & mask)
                held >>= UInt32(bits)
                count -= bits
            }
        }
    }
}

/// Reads parts for a range of rows.
struct PartReader {
    let source: PackedTensors

    /// Rows further apart than so many bytes are read one by one, others with what lies between them.
    private static let nearBytes = 4096
    private static let windowBytes = 1 << 20

    func bytes(_ part: PackedTensor.Part, at offset: Int, count: Int) throws(ModelFileError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        var failure: ModelFileError?
        result.withUnsafeMutableBytes { buffer in
            do throws(ModelFileError) { try source.read(part, at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return result
    }

    /// The same range of bytes of each row of a part whose rows are `stride` bytes apart: [rows, range].
    func gather(
        _ part: PackedTensor.Part, rows: Int, stride: Int, bytes range: Range<Int>
    ) throws(ModelFileError) -> [UInt8] {
        if range.count == stride { return try bytes(part, at: 0, count: rows * stride) }
        var result: [UInt8] = []
        result.reserveCapacity(rows * range.count)
        let rowsAtOnce = stride <= Self.nearBytes ? max(1, Self.windowBytes / stride) : 1
        for first in Swift.stride(from: 0, to: rows, by: rowsAtOnce) {
            let count = min(rowsAtOnce, rows - first)
            let window = try bytes(
                part, at: first * stride + range.lowerBound, count: (count - 1) * stride + range.count)
            for row in 0..<count { result += window[row * stride..<row * stride + range.count] }
        }
        return result
    }

    /// Those of a grid that belong to some rows of the matrix: [grid rows, groups].
    func floats(_ grid: PackedTensor.Grid, ofRows rows: Range<Int>) throws(ModelFileError) -> [Float] {
        let gridRows = rows.lowerBound / grid.matrixRows..<(rows.upperBound - 1) / grid.matrixRows + 1
        let (size, count) = (grid.type.blockBytes, gridRows.count * grid.columns)
        let stored: [UInt8]
        if grid.isTransposed {
            stored = try gather(
                grid.part, rows: grid.columns, stride: grid.rows * size,
                bytes: gridRows.lowerBound * size..<gridRows.upperBound * size)
        } else {
            stored = try bytes(
                grid.part, at: gridRows.lowerBound * grid.columns * size, count: count * size)
        }
        let values = [Float](unsafeUninitializedCapacity: count) { values, initialized in
            stored.withUnsafeBytes { stored in
                if let values = values.baseAddress, let stored = stored.baseAddress {
                    tk_dequantize_row(grid.type.kernelType, values, stored, count)
                }
            }
            initialized = count
        }
        return grid.isTransposed ? Self.transposed(values, rows: grid.columns, columns: gridRows.count) : values
    }

    private static func transposed<Element>(_ values: [Element], rows: Int, columns: Int) -> [Element] {
        guard let first = values.first else { return [] }
        var result = [Element](repeating: first, count: values.count)
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return result
    }

    /// Where AWQ keeps a row among the bits of its word.
    static func shiftOfRow(_ row: Int) -> UInt32 {
        let place = row % 8
        return UInt32(place % 2 == 0 ? 2 * place : 2 * place + 14)
    }

    /// The zero points of some rows: [rows, groups]; none where they are constant.
    func zeros(of matrix: PackedTensor, rows: Range<Int>) throws(ModelFileError) -> [Int16] {
        let groups = matrix.scales.columns
        switch matrix.zero {
        case .constant: return []
        case .bytes(let part):
            return try bytes(part, at: rows.lowerBound * groups, count: rows.count * groups)
                .map { Int16(Int8(bitPattern: $0)) }
        case .nibblesOfRows(let part):
            let words = rows.lowerBound / 8..<(rows.upperBound + 7) / 8
            let stored = try gather(
                part, rows: groups, stride: matrix.rows / 2, bytes: 4 * words.lowerBound..<4 * words.upperBound)
            return taken(rows, groups) { row, group in
                let word = Self.word(stored, group * words.count + row / 8 - words.lowerBound)
                return Int16(word >> Self.shiftOfRow(row) & 15)
            }
        case .wordsOfRows(let part, let bits):
            let perWord = 32 / bits
            let first = rows.lowerBound / perWord, last = (rows.upperBound - 1) / perWord
            let stored = try bytes(part, at: 4 * first * groups, count: 4 * (last - first + 1) * groups)
            let mask = (UInt32(1) << bits) - 1
            return taken(rows, groups) { row, group in
                let word = Self.word(stored, (row / perWord - first) * groups + group)
                return Int16(word >> UInt32(row % perWord * bits) & mask)
            }
        case .alongRows(let part, let bits, let addend):
            // One byte more than there need be at the end, so that a number may begin in the last one.
            let range = rows.lowerBound * bits / 8..<(rows.upperBound * bits + 7) / 8
            let stored = try gather(part, rows: groups, stride: matrix.rows * bits / 8, bytes: range) + [0]
            let mask = (1 << bits) - 1
            return taken(rows, groups) { row, group in
                let (byte, shift) = (row * bits / 8 - range.lowerBound, row * bits % 8)
                let first = group * range.count + byte
                let value = Int(stored[first]) | Int(stored[first + 1]) << 8
                return Int16(((value >> shift) + addend) & mask)
            }
        }
    }

    private func taken(_ rows: Range<Int>, _ groups: Int, _ value: (Int, Int) -> Int16) -> [Int16] {
        var result: [Int16] = []
        result.reserveCapacity(rows.count * groups)
        for row in rows { for group in 0..<groups { result.append(value(row, group)) } }
        return result
    }

    private static func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self) }
    }

    /// [columns]; none where groups are even. Throws where the file has changed since it was looked at.
    func groups(of matrix: PackedTensor) throws(ModelFileError) -> [Int32] {
        guard case .listed(let part) = matrix.groups else { return [] }
        let stored = try bytes(part, at: 0, count: 4 * matrix.columns)
        let groups = (0..<matrix.columns).map { Int32(bitPattern: Self.word(stored, $0)) }
        guard groups.allSatisfy({ $0 >= 0 && Int($0) < matrix.scales.columns }) else {
            throw ModelFileError(
                .invalidValue, file: "model", field: "tensor \(part.name)", "names a group that has no scale")
        }
        return groups
    }
}
