// The classes of characters by which text is cut, read straight from UTF-8. Knows nothing of the rules of cutting.

/// What a rule of cutting may ask of a character; a line break is white space as well.
struct CharacterClass: OptionSet, Sendable {
    let rawValue: UInt8

    /// `\p{L}`
    static let letter = CharacterClass(rawValue: 1)
    /// `\p{N}`
    static let number = CharacterClass(rawValue: 2)
    /// `\s`: Unicode's White_Space.
    static let space = CharacterClass(rawValue: 4)
    /// `[\r\n]`
    static let lineBreak = CharacterClass(rawValue: 8)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ scalar: Unicode.Scalar) {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = properties.isWhitespace ? .space : []
        }
    }

    init(ascii byte: UInt8) {
        switch byte {
        case 0x41...0x5A, 0x61...0x7A: self = .letter
        case 0x30...0x39: self = .number
        case 0x0A, 0x0D: self = [.space, .lineBreak]
        case 0x09, 0x0B, 0x0C, 0x20: self = .space
        default: self = []
        }
    }
}

/// Valid UTF-8 text, read one scalar at a time.
struct UTF8Text {
    let bytes: UnsafeRawBufferPointer

    /// The scalar that begins at `index`, and where the next one begins.
    func scalar(at index: Int) -> (scalar: Unicode.Scalar, next: Int) {
        let first = UInt32(bytes[index])
        func continuation(_ offset: Int) -> UInt32 { UInt32(bytes[index + offset] & 0x3F) }
        let value: UInt32
        let length: Int
        switch first {
        case 0..<0x80: (value, length) = (first, 1)
        case 0..<0xE0: (value, length) = ((first & 0x1F) << 6 | continuation(1), 2)
        case 0..<0xF0: (value, length) = ((first & 0x0F) << 12 | continuation(1) << 6 | continuation(2), 3)
        default:
            value = (first & 0x07) << 18 | continuation(1) << 12 | continuation(2) << 6 | continuation(3)
            length = 4
        }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", index + length)
    }

    /// The class of the character that begins at `index`, and where the next one begins.
    func character(at index: Int) -> (class: CharacterClass, next: Int) {
        let first = bytes[index]
        if first < 0x80 { return (CharacterClass(ascii: first), index + 1) }
        let (scalar, next) = scalar(at: index)
        return (CharacterClass(scalar), next)
    }

    /// Part of the text, from one character's beginning to another's.
    func slice(_ range: Range<Int>) -> UTF8Text {
        UTF8Text(bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    /// The end of the character that begins at `index`.
    func end(of index: Int) -> Int {
        switch bytes[index] {
        case 0..<0x80: index + 1
        case 0..<0xE0: index + 2
        case 0..<0xF0: index + 3
        default: index + 4
        }
    }

    /// Where the character before `index` begins.
    func start(before index: Int) -> Int {
        var index = index - 1
        while bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }

    /// The end of the run of characters of `class` that begins at `start`.
    func endOfRun(of wanted: CharacterClass, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end {
            let (found, next) = character(at: index)
            if found.isDisjoint(with: wanted) { break }
            index = next
        }
        return index
    }
}
