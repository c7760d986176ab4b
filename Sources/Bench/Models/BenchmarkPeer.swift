// Responsible for: another program that runs the same model, in a child process that waits for one test at a time.
// Must not know: what is compared, how it is shown.
import Foundation
import Node
import Sequences

/// llama.cpp by way of its Python package llama-cpp-python. Computes only while `run` waits for it.
final class BenchmarkPeer {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var unread = Data()
    /// The package's name and version.
    let name: String

    /// Starts `python` and loads a GGUF file. Throws where the interpreter or the package is missing, or the file is
    /// refused.
    init(python: String, modelPath: String) throws(TandemError) {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "-c", Self.driver]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            throw TandemError("\(python) cannot be started: \(error)", hint: "give an interpreter with \(.python)")
        }
        let package = "llama-cpp-python"
        let hint: Sentence =
            "install it with `\(python) -m pip install llama-cpp-python`, or give another interpreter with \(.python)"
        guard let ready = try? Self.reply(from: output, &unread, name: package), ready["ready"] as? Bool == true else {
            name = package
            stop()
            throw TandemError("\(python) has no package \(package)", hint: hint)
        }
        name = package + " " + (ready["version"] as? String ?? "")
        do { _ = try ask(["load": modelPath]) } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// Seconds that a test takes there.
    func run(_ test: StageBenchmark.Test, threads: Int) throws(TandemError) -> Double {
        let question: [String: Any] =
            switch test {
            case .prefill(let tokens): ["prefill": tokens, "threads": threads]
            case .decode(let sequences, let steps, let context):
                ["decode": sequences, "steps": steps, "context": context, "threads": threads]
            }
        guard let seconds = try ask(question)["seconds"] as? Double else {
            throw TandemError("\(name) gave no time")
        }
        return seconds
    }

    /// Frees what the tests of one number of threads keep.
    func forget() throws(TandemError) { _ = try ask(["forget": true]) }

    private func stop() {
        try? input.fileHandleForWriting.close()
        if process.isRunning { process.terminate() }
    }

    private func ask(_ question: [String: Any]) throws(TandemError) -> [String: Any] {
        guard let data = try? JSONSerialization.data(withJSONObject: question) else {
            preconditionFailure("questions are plain values")
        }
        do { try input.fileHandleForWriting.write(contentsOf: data + Data("\n".utf8)) } catch {
            throw TandemError("\(name) has ended before its time")
        }
        let reply = try Self.reply(from: output, &unread, name: name)
        if let problem = reply["error"] as? String { throw TandemError("\(name): \(problem)") }
        return reply
    }

    /// The next line, as JSON.
    private static func reply(
        from output: Pipe, _ unread: inout Data, name: String
    ) throws(TandemError) -> [String: Any] {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = unread[unread.startIndex..<end]
                unread = unread[(end + 1)...]
                guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else { continue }
                return object
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw TandemError("\(name) has ended before its time") }
            unread += more
        }
    }

    /// What the interpreter runs: one JSON question a line in, one JSON answer a line out. llama_decode is called as
    /// llama-bench and llama-batched-bench call it: 512 tokens at a time, logits only where one would sample.
    private static let driver = """
        import ctypes, json, sys, time
        import llama_cpp as L
        quiet = L.llama_log_callback(lambda level, text, data: None)
        L.llama_log_set(quiet, ctypes.c_void_p(0))
        L.llama_backend_init()
        model, contexts, prepared = None, {}, {}
        def answer(value):
            print(json.dumps(value), flush=True)
        def context(sequences, positions, threads):
            key = (sequences, positions, threads)
            if key not in contexts:
                p = L.llama_context_default_params()
                p.n_ctx = sequences * ((positions + 255) // 256 * 256)
                p.n_batch = p.n_ubatch = 512
                p.n_seq_max = sequences
                p.n_threads = p.n_threads_batch = threads
                c = L.llama_init_from_model(model, p)
                if not c:
                    raise RuntimeError('no context of %d tokens' % p.n_ctx)
                contexts[key] = c
                decode(c, [(0, 0, 1, True)])
            return contexts[key]
        def clear(c):
            prepared.pop(c, None)
            L.llama_memory_clear(L.llama_get_memory(c), True)
        batch = L.llama_batch_init(512, 0, 1)
        def decode(c, slices):
            n = 0
            for sequence, position, count, wants in slices:
                for i in range(count):
                    batch.token[n] = ((position + i) * 7919 + sequence * 104729) % vocabulary
                    batch.pos[n] = position + i
                    batch.n_seq_id[n] = 1
                    batch.seq_id[n][0] = sequence
                    batch.logits[n] = 1 if wants and i == count - 1 else 0
                    n += 1
            batch.n_tokens = n
            if L.llama_decode(c, batch) != 0:
                raise RuntimeError('llama_decode failed')
        def prompt(c, sequence, tokens):
            for first in range(0, tokens, 512):
                count = min(512, tokens - first)
                decode(c, [(sequence, first, count, first + count == tokens)])
        def run(q):
            global model, vocabulary
            if 'load' in q:
                p = L.llama_model_default_params()
                p.n_gpu_layers = 0
                model = L.llama_model_load_from_file(q['load'].encode(), p)
                if not model:
                    raise RuntimeError('the model cannot be loaded')
                vocabulary = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
                return {}
            if 'forget' in q:
                for c in contexts.values():
                    L.llama_free(c)
                contexts.clear()
                prepared.clear()
                return {}
            if 'prefill' in q:
                c = context(1, q['prefill'], q['threads'])
                clear(c)
                start = time.perf_counter()
                prompt(c, 0, q['prefill'])
                return {'seconds': time.perf_counter() - start}
            n, steps, depth = q['decode'], q['steps'], q['context']
            c = context(n, depth + steps, q['threads'])
            if prepared.get(c) == depth:
                for s in range(n):
                    L.llama_memory_seq_rm(L.llama_get_memory(c), s, depth, -1)
            else:
                clear(c)
                for s in range(n):
                    prompt(c, s, depth)
                prepared[c] = depth
            start = time.perf_counter()
            for i in range(steps):
                decode(c, [(s, depth + i, 1, True) for s in range(n)])
            return {'seconds': time.perf_counter() - start}
        answer({'ready': True, 'version': L.__version__})
        for line in sys.stdin:
            try:
                answer(run(json.loads(line)))
            except Exception as e:
                answer({'error': str(e)})
        """
}
