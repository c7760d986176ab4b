// Responsible for: the program that libFuzzer drives: `fuzz --target=NAME [-FLAG=VALUE ...] [FOLDER ...]`,
// `fuzz --list`, and for Tests/Fuzz/make_corpus.py `fuzz --manifest MODEL`. Must not know: what a target makes of an input.
import Foundation

/// libFuzzer's loop: calls `callback` with one input after the other until it has found something or its time is over.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@main enum Fuzz {
    /// The target that the command line names; libFuzzer leaves arguments alone that begin with two dashes.
    static let target = CommandLine.arguments.lazy.compactMap { argument in
        argument.hasPrefix("--target=") ? Target(rawValue: String(argument.dropFirst("--target=".count))) : nil
    }.first

    static func main() {
        if CommandLine.arguments.contains("--list") {
            for target in Target.allCases { print(target.rawValue, target.maximumLength) }
            return
        }
        if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--manifest" {
            FileHandle.standardOutput.write(Data(ManifestTarget.manifest(ofModel: CommandLine.arguments[2])))
            return
        }
        guard target != nil else {
            FileHandle.standardError.write(Data("fuzz: name a target with --target=NAME; --list shows them\n".utf8))
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        let status = runDriver(&count, &arguments) { pointer, count in
            Fuzz.target?.run(Array(UnsafeBufferPointer(start: pointer, count: count)))
            return 0
        }
        exit(status)
    }
}

/// What reads bytes that others wrote.
enum Target: String, CaseIterable {
    case wire, coordinator, worker, manifest
    case gguf, safetensors, folder, configuration
    case tokenizer, sentencepiece, pattern, template
    case json, address, settings
    case join, key, known, local, admissions

    /// Longer inputs find nothing that shorter ones do not, and take longer.
    var maximumLength: Int {
        switch self {
        case .gguf, .folder: 32 << 10
        case .tokenizer, .manifest: 16 << 10
        case .pattern, .template, .address, .join, .key, .known, .local: 1 << 10
        case .wire, .coordinator, .worker, .safetensors, .configuration, .sentencepiece, .json, .settings, .admissions:
            4 << 10
        }
    }

    /// nil: there are no messages in its inputs.
    var form: CustomMutator.Form? {
        switch self {
        case .wire: .message
        case .coordinator: .records([0, 1, 4])
        case .worker: .records([0, 1, 5, 6])
        default: nil
        }
    }

    /// Reads the input as what the target is named after. Whatever it is, that ends soon, and without a trap.
    func run(_ bytes: [UInt8]) {
        switch self {
        case .wire: WireTarget.run(bytes)
        case .coordinator: CoordinatorTarget.run(bytes)
        case .worker: WorkerTarget.run(bytes)
        case .manifest: ManifestTarget.run(bytes)
        case .gguf: ModelTargets.gguf(bytes)
        case .safetensors: ModelTargets.safetensors(bytes)
        case .folder: ModelTargets.folder(bytes)
        case .configuration: ModelTargets.configuration(bytes)
        case .tokenizer: TokenizerTargets.tokenizer(bytes)
        case .sentencepiece: TokenizerTargets.sentencePiece(bytes)
        case .pattern: TokenizerTargets.pattern(bytes)
        case .template: TextTargets.template(bytes)
        case .json: TextTargets.json(bytes)
        case .address: TextTargets.address(bytes)
        case .settings: SettingsTarget.run(bytes)
        case .join: TrustTargets.joinLine(bytes)
        case .key: TrustTargets.key(bytes)
        case .known: TrustTargets.known(bytes)
        case .local: TrustTargets.local(bytes)
        case .admissions: TrustTargets.admissions(bytes)
        }
    }
}
