// Responsible for: the way to a folder, name by name, so that nobody else can have laid it elsewhere.
// Must not know: what the folder is for.
import Foundation

/// Opens folders by their paths. A symbolic link on the way is followed only where nobody but root and this user can have
/// put it there; each name is looked up in the folder that was opened before it, so that none changes in between.
enum FolderPath {
    enum Obstacle: Error {
        /// A symbolic link that others can have put there.
        case link(String)
        /// The system's number of what went wrong.
        case system(Int32)
    }

    /// glibc's O_PATH, which Swift does not show: a folder need not be readable to be passed through.
    private static let passing: Int32 = 0o10_000_000
    /// As many links as Linux itself follows.
    private static let mostLinks = 40

    /// The descriptor of the folder, which is the caller's to close, and what the folder is in which it stands. `isMade`:
    /// where one of the way is missing, it is made, for its owner alone.
    static func open(_ path: String, isMade: Bool) throws(Obstacle) -> (descriptor: Int32, parent: stat) {
        guard !path.isEmpty else { throw .system(ENOENT) }
        var rest = names(of: path)
        var folder = path.hasPrefix("/") ? "/" : "."
        var (current, parent, links) = (Foundation.open(folder, passing | O_DIRECTORY | O_CLOEXEC), stat(), 0)
        defer { if current >= 0 { close(current) } }
        fstat(current, &parent)
        while let name = rest.popLast() {
            let obstacle = isMade && mkdirat(current, name, 0o700) != 0 ? errno : 0
            let next = openat(current, name, passing | O_NOFOLLOW | O_CLOEXEC, 0)
            guard next >= 0 else { throw Obstacle.system(errno == ENOENT && obstacle != 0 ? obstacle : errno) }
            let place = (folder == "/" ? "" : folder) + "/" + name
            var (above, found) = (stat(), stat())
            guard fstat(current, &above) == 0, fstat(next, &found) == 0 else {
                close(next)
                throw .system(errno)
            }
            guard found.st_mode & S_IFMT == S_IFLNK else {
                close(current)
                (current, folder, parent) = (next, place, above)
                continue
            }
            defer { close(next) }
            links += 1
            guard isOurs(found, in: above), links <= mostLinks, let target = target(of: next) else {
                throw links > mostLinks ? Obstacle.system(ELOOP) : Obstacle.link(place)
            }
            rest += names(of: target)
            if target.hasPrefix("/") {
                close(current)
                (current, folder) = (Foundation.open("/", passing | O_DIRECTORY | O_CLOEXEC), "/")
            }
        }
        let descriptor = openat(current, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw .system(errno) }
        return (descriptor, parent)
    }

    /// The first one at the end.
    private static func names(of path: String) -> [String] { path.split(separator: "/").reversed().map(String.init) }

    /// Whether only root and this user can have put a link into a folder.
    private static func isOurs(_ link: stat, in folder: stat) -> Bool {
        let trusted: [uid_t] = [0, geteuid()]
        let isClosed = folder.st_mode & 0o022 == 0 || folder.st_mode & S_ISVTX != 0
        return trusted.contains(link.st_uid) && trusted.contains(folder.st_uid) && isClosed
    }

    private static func target(of link: Int32) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(link, "", &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}
