// Responsible for: what a person would see in a terminal after some output: letters in cells, a cursor, line breaks at
// the right edge, the few sequences that commands use. Must not know: who writes.

/// The cells of a terminal that scrolls, all rows that ever were.
struct TerminalPicture {
    private(set) var rows: [[String]] = [[]]
    private(set) var row = 0
    private(set) var column = 0
    private let width: Int
    private let height: Int
    /// The last column is written, and the next letter goes to the next row.
    private var isFull = false

    init(width: Int, height: Int, _ output: String = "") {
        (self.width, self.height) = (width, height)
        write(output)
    }

    /// The rows without blanks at their ends.
    var lines: [String] {
        rows.map { cells in
            let text = cells.joined()
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
    }
    /// The row of the cursor.
    var line: String { lines[row] }

    mutating func write(_ output: String) {
        let scalars = Array(output.unicodeScalars)
        var index = 0
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            switch scalar {
            case "\r": (column, isFull) = (0, false)
            case "\n": lineFeed()
            case "\u{1B}": index = sequence(scalars, index)
            default: put(scalar)
            }
        }
    }

    private mutating func sequence(_ scalars: [Unicode.Scalar], _ start: Int) -> Int {
        guard start < scalars.count, scalars[start] == "[" else { return start + 1 }
        guard let end = scalars[(start + 1)...].firstIndex(where: { ("@"..."~").contains($0) }) else {
            return scalars.count
        }
        let body = String(String.UnicodeScalarView(scalars[(start + 1)..<end]))
        let count = Int(body) ?? 1
        let top = max(0, rows.count - height)
        switch scalars[end] {
        case "A": (row, isFull) = (max(top, row - count), false)
        case "C": (column, isFull) = (min(width - 1, column + count), false)
        case "H": (row, column, isFull) = (top, 0, false)
        case "J":
            let first = body == "2" ? top : row + 1
            if body != "2" { rows[row] = Array(rows[row].prefix(column)) }
            for index in rows.indices where index >= first { rows[index] = [] }
        case "K": rows[row] = Array(rows[row].prefix(column))
        default: break
        }
        return end + 1
    }

    private mutating func lineFeed() {
        row += 1
        isFull = false
        if row == rows.count { rows.append([]) }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        let columns = Self.columns(of: scalar)
        if columns == 0 {
            let last = isFull ? column : column - 1
            let cell = last > 0 && rows[row][last].isEmpty ? last - 1 : last
            if rows[row].indices.contains(cell) { rows[row][cell].unicodeScalars.append(scalar) }
            return
        }
        if isFull || column + columns > width {
            lineFeed()
            column = 0
        }
        while rows[row].count < column + columns { rows[row].append(" ") }
        rows[row][column] = String(scalar)
        if columns == 2 { rows[row][column + 1] = "" }
        column += columns
        if column == width { (column, isFull) = (width - 1, true) }
    }

    /// Of the letters that tests use.
    private static func columns(of scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0x300...0x36F, 0x200D, 0xFE0F: 0
        case 0x3000...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFF60, 0x1F300...0x1FAFF: 2
        default: 1
        }
    }
}
