// Responsible for: files and folders that are only in memory. Must not know: targets.

@testable import ModelFile

/// A file in memory, behind whose content there may be zeros without end: where the tensors of a model would be.
struct MemoryFile: ByteSource {
    var name: String
    var content: [UInt8]
    var zeros = 0

    var size: Int { content.count + zeros }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        try checkRange(at: offset, count: buffer.count)
        let part = content.dropFirst(offset).prefix(buffer.count)
        buffer.copyBytes(from: part)
        UnsafeMutableRawBufferPointer(rebasing: buffer[part.count...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
}

/// A folder in memory.
struct MemoryFolder: ModelFolder {
    let path = "folder"
    var files: [String: MemoryFile] = [:]

    func names() throws(ModelFileError) -> [String] { files.keys.sorted() }

    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)? { files[name] }

    mutating func add(_ name: String, _ content: [UInt8], zeros: Int = 0) {
        files[name] = MemoryFile(name: "\(path)/\(name)", content: content, zeros: zeros)
    }
}
