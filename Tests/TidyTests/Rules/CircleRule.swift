// Folders of a module have a direction, as modules have: whoever opens one can read what it uses without coming back.
// Must not know types that are declared inside others or in several files: their names do not say where they are.

enum CircleRule {
    /// A file's use of what stands in another folder: a type's name, or a C header.
    struct Use {
        let path: String
        let line: Int
        let name: String
    }

    /// From a folder to those it uses, and by what.
    typealias Uses = [String: [String: [Use]]]

    static func check(_ files: [SourceFile]) -> [Violation] {
        Dictionary(grouping: files.filter { !$0.isGenerated }, by: \.module).values
            .flatMap { circles(in: uses(between: $0)) }.sorted { $0.path < $1.path }
    }

    private static func uses(between files: [SourceFile]) -> Uses {
        let homes = homes(in: files)
        var uses: Uses = [:]
        for file in files {
            let own = Set(file.names.declarations.map(\.name))
            for (name, line) in file.names.uses.merging(includes(of: file), uniquingKeysWith: { first, _ in first }) {
                guard let home = homes[name], home != file.folder, !own.contains(name) else { continue }
                uses[file.folder, default: [:]][home, default: []].append(Use(path: file.path, line: line, name: name))
            }
        }
        return uses
    }

    /// The folder of every type and every C file whose name only one file of the module has.
    private static func homes(in files: [SourceFile]) -> [String: String] {
        var declaring: [String: [SourceFile]] = [:]
        for file in files {
            let types = Set(file.names.declarations.filter(\.isShared).map(\.name))
            for name in types.union(file.isSwift ? [] : [file.name]) { declaring[name, default: []].append(file) }
        }
        return declaring.compactMapValues { $0.count == 1 ? $0[0].folder : nil }
    }

    /// The C files that a C file includes by `#include "folder/name.h"`, by their last names.
    private static func includes(of file: SourceFile) -> [String: Int] {
        guard !file.isSwift else { return [:] }
        var found: [String: Int] = [:]
        for (index, line) in file.lines.enumerated() where line.hasPrefix("#include \"") {
            let path = line.split(separator: "\"", omittingEmptySubsequences: false)[1]
            if let name = path.split(separator: "/").last { found[String(name)] = index + 1 }
        }
        return found
    }

    /// One violation for each circle that shares no folder with one found before.
    private static func circles(in uses: Uses) -> [Violation] {
        var seen: Set<String> = []
        return uses.keys.sorted().compactMap { start in
            guard let circle = shortestCircle(from: start, in: uses), seen.isDisjoint(with: circle) else { return nil }
            seen.formUnion(circle)
            return violation(circle, uses)
        }
    }

    /// The folders on the shortest way from one back to itself.
    private static func shortestCircle(from start: String, in uses: Uses) -> [String]? {
        var ways = [[start]]
        var reached: Set<String> = []
        while !ways.isEmpty {
            let way = ways.removeFirst()
            for next in uses[way[way.count - 1], default: [:]].keys.sorted() {
                if next == start { return way }
                if reached.insert(next).inserted { ways.append(way + [next]) }
            }
        }
        return nil
    }

    /// The arrow with the fewest uses is the one that most likely should not be: it is said to close the circle.
    private static func violation(_ circle: [String], _ uses: Uses) -> Violation? {
        let arrows = circle.indices.map { index in
            let (from, to) = (circle[index], circle[(index + 1) % circle.count])
            return (from: from, to: to, uses: uses[from]?[to] ?? [])
        }
        guard let closing = arrows.indices.min(by: { arrows[$0].uses.count < arrows[$1].uses.count }) else {
            return nil
        }
        let inOrder = arrows[(closing + 1)...] + arrows[...closing]
        let way = ([inOrder[inOrder.startIndex].from] + inOrder.map(\.to)).joined(separator: " -> ")
        let use = arrows[closing].uses.min { ($0.path, $0.name) < ($1.path, $1.name) }
        return use.map {
            Violation(path: $0.path, line: $0.line, message: "\($0.name) closes a circle of folders: \(way)")
        }
    }
}
