// Responsible for: telling files that stand where a model's file should be by their first bytes, so that the message
// says what came instead. Must not know: formats of models.
import Sequences

/// What may lie under the name of a model's file after a download that went wrong.
enum StandIn: CaseIterable {
    case empty, gitLFS, html, xml, hubMessage, archive, compressed, olderGGML

    /// The first bytes that are looked at.
    static let headBytes = 512

    /// nil: none of these.
    init?(_ head: [UInt8]) {
        if head.isEmpty {
            self = .empty
            return
        }
        // A safetensors file begins with the length of its header, which may be any bytes, and then the header.
        if head.count > 8, head[8] == UInt8(ascii: "{"), head[4..<8].allSatisfy({ $0 == 0 }) { return nil }
        let starts: [(StandIn, [UInt8])] = [
            (.archive, [0x50, 0x4B, 3, 4]), (.compressed, [0x1F, 0x8B, 8]), (.compressed, [0x28, 0xB5, 0x2F, 0xFD]),
            (.olderGGML, Array("lmgg".utf8)), (.olderGGML, Array("fmgg".utf8)), (.olderGGML, Array("tjgg".utf8)),
        ]
        if let found = starts.first(where: { head.starts(with: $0.1) }) {
            self = found.0
            return
        }
        let text = String(decoding: head, as: UTF8.self).lowercased().drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        let texts: [(StandIn, String)] = [
            (.gitLFS, "version https://git-lfs.github.com/spec/"), (.gitLFS, "version https://hawser.github.com/spec/"),
            (.html, "<!doctype html"), (.html, "<html"), (.html, "<head"), (.html, "<!--"), (.xml, "<?xml"),
            (.hubMessage, "entry not found"), (.hubMessage, "access to model"), (.hubMessage, "repository not found"),
            (.hubMessage, "invalid username or password"),
        ]
        guard let found = texts.first(where: { text.hasPrefix($0.1) }) else { return nil }
        self = found.0
    }

    /// To be read behind the name of the file.
    var problem: String {
        switch self {
        case .empty: "is empty"
        case .gitLFS: "is a Git LFS pointer: it says where the file is to be had, and is not the file itself"
        case .html: "is an HTML page, not the file itself"
        case .xml: "is an XML message of a server, not the file itself"
        case .hubMessage: "is an error message of a server, not the file itself"
        case .archive: "is a ZIP archive, as PyTorch's files are, and none of the formats that are read here"
        case .compressed: "is compressed"
        case .olderGGML: "is of a format of llama.cpp that is older than GGUF"
        }
    }

    var hint: Sentence {
        switch self {
        case .empty: "download it again"
        case .gitLFS: "run `git lfs pull` in the folder that was cloned, or download the file itself"
        case .html:
            "download the file itself: on Hugging Face its address has /resolve/ where that of the page has /blob/"
        case .xml, .hubMessage: "look into it for the reason, and download the file again"
        case .archive: "save the model as safetensors, or use a GGUF file of it"
        case .compressed: "unpack it first"
        case .olderGGML: "convert the model again with a current llama.cpp"
        }
    }
}

extension ByteSource {
    /// Refuses a file that stands in for the one of its name.
    func refuseStandIn() throws(ModelFileError) {
        guard let standIn = StandIn(try bytes(at: 0, count: min(size, StandIn.headBytes))) else { return }
        throw ModelFileError(.malformed, file: name, standIn.problem, hint: standIn.hint)
    }
}
