// Responsible for: `tandem quantize`: a model in, a GGUF file out, and what there is to tell about it.
// Must not know: flags, terminals.
import Foundation
import Inference
import ModelFile
import Sequences

/// The choices of `tandem quantize`.
package struct ConversionOptions: Sendable {
    /// A GGUF file or a Hugging Face folder.
    package var input: String
    package var output: String
    /// The name of a type.
    package var type: String
    /// A file of the output's name is replaced.
    package var replaces = false
    /// Tensors that are quantized already may be quantized again.
    package var requantizes = false
    /// nil: one for each core.
    package var threads: Int?

    /// The defaults.
    package init(input: String, output: String, type: String) {
        (self.input, self.output, self.type) = (input, output, type)
    }
}

/// What was, or is to be, written.
package struct ConversionReport: Sendable, Codable {
    /// The tensors of one type.
    package struct TypeCount: Sendable, Codable {
        package var type: String
        package var tensors: Int
        package var bytes: Int
    }

    package var output: String
    package var type: String
    package var tensors: Int
    package var parameters: Int
    /// Bytes of all tensors before and after.
    package var inputBytes: Int
    package var outputBytes: Int
    package var bitsPerWeight: Double
    /// In the order of their bytes, most first.
    package var types: [TypeCount]
    /// Tensors whose rows are no whole blocks of the type that they should have had.
    package var fallbacks: [String]
}

/// One conversion, checked and ready.
package struct ModelConverter: Sendable {
    package let report: ConversionReport
    private let options: ConversionOptions
    private let conversion: GGUFConversion
    private let converted: ConvertedTensors
    /// Contents that no file holds, by index of the tensor.
    private let numbers: [Int: [Float]]
    /// What of the model's files was guessed or left out: a sentence each.
    package var notices: [Sentence] { conversion.notices }

    /// Opens the input and chooses every type. Throws what is wrong with either path, the type or the model.
    package init(_ options: ConversionOptions) throws(TandemError) {
        let mix = try QuantizationMix.named(options.type, .type)
        let threads = try MachineDescription.threadCount(options.threads)
        do {
            conversion = try GGUFConversion(path: options.input, mix: mix, requantizing: options.requantizes)
        } catch { throw TandemError(error) }
        self.options = options
        try Self.refuseInput(conversion.inputs, asOutput: options.output)
        var conversions: [TensorConversion] = []
        var numbers: [Int: [Float]] = [:]
        for (index, content) in conversion.contents.enumerated() {
            switch content {
            case .converted(let parts): conversions += parts
            case .numbers(let values): numbers[index] = values
            case .rotaryFactors(let rotary):
                do { numbers[index] = try rotary.frequencyFactors() } catch { throw TandemError(error) }
            }
        }
        self.numbers = numbers
        let source = UnpackedTensors(conversion.packed, others: conversion.source)
        converted = ConvertedTensors(conversions, source: source, threads: threads)
        report = ConversionReport(conversion, output: options.output, type: mix.rawValue)
    }

    /// Writes the file. `progress` gets bytes written and in all, and says whether to go on. False: it was stopped, and
    /// nothing is left behind.
    package func run(progress: (_ done: Int, _ total: Int) -> Bool) throws(TandemError) -> Bool {
        let total = conversion.writer.tensorBytes
        do {
            return try conversion.writer.write(
                to: options.output, replacing: options.replaces,
                read: { index, offset, buffer throws(ModelFileError) in
                    if let values = numbers[index] {
                        values.withUnsafeBytes {
                            buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count]))
                        }
                    } else if case .converted(let parts) = conversion.contents[index] {
                        try converted.read(parts.map(\.target), at: offset, into: buffer)
                    }
                },
                progress: { progress($0, total) })
        } catch {
            // A folder to write into that is not there is no model that is not there.
            let failure = TandemError(error)
            throw error.code == .notFound ? TandemError(failure.message, hint: failure.hint) : failure
        }
    }

    /// A file cannot be read and replaced at once.
    private static func refuseInput(_ inputs: [String], asOutput output: String) throws(TandemError) {
        var target = stat()
        guard stat(output, &target) == 0 else { return }
        for path in inputs {
            var source = stat()
            if stat(path, &source) == 0, source.st_dev == target.st_dev, source.st_ino == target.st_ino {
                throw TandemError("\(output) is the file that is converted", hint: "give the new file another name")
            }
        }
    }
}

extension ConversionReport {
    fileprivate init(_ conversion: GGUFConversion, output: String, type: String) {
        let tensors = conversion.writer.tensors
        let bytes = conversion.writer.tensorBytes
        let types = Dictionary(grouping: tensors, by: \.type).map { type, those in
            TypeCount(type: type.name, tensors: those.count, bytes: those.reduce(0) { $0 + $1.byteCount })
        }
        self.init(
            output: output, type: type, tensors: tensors.count, parameters: conversion.parameters,
            inputBytes: conversion.inputBytes, outputBytes: bytes,
            bitsPerWeight: Double(bytes) * 8 / Double(max(1, conversion.parameters)),
            types: types.sorted { ($0.bytes, $0.type) > ($1.bytes, $1.type) }, fallbacks: conversion.fallbacks)
    }
}
