// Responsible for: what a process of a cluster shows of itself from outside. Must not know: messages.
import Foundation
import Testing

@testable import CommandTests

/// A node under attack.
struct Victim {
    let name: String
    let process: TandemProcess

    /// TCP ports on which it listens (proc(5): net/tcp lists all sockets of the machine, fd those of the process).
    func ports() throws -> [UInt16] {
        let folder = "/proc/\(process.pid)"
        let links = try FileManager.default.contentsOfDirectory(atPath: folder + "/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/fd/\($0)")
        }
        let mine = Set(links)
        var ports: Set<UInt16> = []
        for table in ["tcp", "tcp6"] {
            let text = (try? String(contentsOfFile: "\(folder)/net/\(table)", encoding: .utf8)) ?? ""
            for line in text.split(separator: "\n").dropFirst() {
                let columns = line.split(separator: " ")
                guard columns.count > 9, columns[3] == "0A", mine.contains("socket:[\(columns[9])]"),
                    let port = columns[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) })
                else { continue }
                ports.insert(port)
            }
        }
        return ports.sorted()
    }

    /// Bytes of memory that it has now.
    func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.pid)/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
