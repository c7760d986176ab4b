// Responsible for: who is admitted by which token, and what a coordinator's file holds. Must not know: sockets.
import Foundation
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

@Suite("Admissions") struct AdmissionsTests {
    private let key = KeyPair.random().publicKey

    @Test("A token admits so many keys in its role until its time, and a key that is admitted does not use it up")
    func tokens() throws {
        var admissions = Admissions()
        let token = JoinToken.random()
        let tokenKey = token.pair.publicKey
        _ = try admissions.add(token, role: .worker, uses: 2, seconds: 100, now: 1000)
        #expect(try admissions.enrol(key, name: "host-b", role: .worker, token: tokenKey, now: 1050) == "host-b")
        #expect(try admissions.enrol(key, name: "host-x", role: .worker, token: tokenKey, now: 1050) == "host-b")
        #expect(throws: TandemError.self) {
            try admissions.enrol(KeyPair.random().publicKey, name: "c", role: .client, token: tokenKey, now: 1050)
        }
        #expect(throws: TandemError.self) {
            try admissions.enrol(KeyPair.random().publicKey, name: "c", role: .worker, token: tokenKey, now: 1100)
        }
        let second = try admissions.enrol(
            KeyPair.random().publicKey, name: "host-b", role: .worker, token: tokenKey, now: 1099)
        #expect(second == "host-b-2")
        let third = #expect(throws: TandemError.self) {
            try admissions.enrol(KeyPair.random().publicKey, name: "c", role: .worker, token: tokenKey, now: 1050)
        }
        #expect(third?.message.description.contains("used up") == true && third?.kind == .forbidden)
        #expect(throws: TandemError.self) {
            try admissions.enrol(key, name: "c", role: .worker, token: KeyPair.random().publicKey, now: 1)
        }
    }

    @Test("A removed key comes back by a token that was made after it, and by no other nor by itself")
    func removal() throws {
        var admissions = Admissions()
        #expect(try admissions.admit(key, name: "host", role: .worker, now: 1) == "host")
        let old = JoinToken.random()
        _ = try admissions.add(old, role: .worker, uses: nil, seconds: nil, now: 2)
        #expect(admissions.remove("host", now: 5)?.key == key.description)
        #expect(admissions.remove("host", now: 5) == nil && admissions.members.isEmpty)
        #expect(throws: TandemError.self) { try admissions.admit(key, name: "host", role: .worker, now: 6) }
        #expect(throws: TandemError.self) {
            try admissions.enrol(key, name: "host", role: .worker, token: old.pair.publicKey, now: 6)
        }
        let token = JoinToken.random()
        _ = try admissions.add(token, role: .worker, uses: 1, seconds: nil, now: 7)
        #expect(
            try admissions.enrol(key, name: "host", role: .worker, token: token.pair.publicKey, now: 8) == "host")
    }

    @Test("With a member goes the token that admitted it, with which it could come back as another")
    func tokenOfRemoved() throws {
        var admissions = Admissions()
        let (used, other) = (JoinToken.random(), JoinToken.random())
        _ = try admissions.add(used, role: .worker, uses: nil, seconds: nil, now: 1)
        _ = try admissions.add(other, role: .worker, uses: nil, seconds: nil, now: 1)
        _ = try admissions.enrol(key, name: "host", role: .worker, token: used.pair.publicKey, now: 2)
        _ = admissions.remove("host", now: 3)
        #expect(admissions.tokens.map(\.key) == [other.pair.publicKey.description])
        #expect(throws: TandemError.self) {
            try admissions.enrol(
                KeyPair.random().publicKey, name: "host", role: .worker, token: used.pair.publicKey, now: 4)
        }
    }

    @Test("Names of strangers cannot move a cursor, look like a flag, or be another's")
    func names() throws {
        var admissions = Admissions()
        func name(_ wanted: String) throws -> String {
            try admissions.admit(KeyPair.random().publicKey, name: wanted, role: .client, now: 1)
        }
        #expect(try name("a\u{1B}[2Jb\n") == "a2Jb")
        #expect(try name("--help") == "node--help")
        #expect(try name("") == "node")
        #expect(try name("é😀") == "node-2")
        #expect(try name(String(repeating: "x", count: 5000)).utf8.count == 100)
    }

    @Test("There is an end to tokens and members, and old tokens make room")
    func bounds() throws {
        var admissions = Admissions()
        for _ in 0..<Admissions.mostTokens {
            _ = try admissions.add(.random(), role: .client, uses: 1, seconds: 10, now: 0)
        }
        #expect(throws: TandemError.self) {
            try admissions.add(.random(), role: .client, uses: 1, seconds: 10, now: 9)
        }
        _ = try admissions.add(.random(), role: .client, uses: 1, seconds: .max, now: 10)
        #expect(admissions.tokens.count == 1 && admissions.tokens[0].isValid(at: .max - 1))
        for number in 0..<Admissions.mostMembers {
            _ = try admissions.admit(KeyPair.random().publicKey, name: "n\(number)", role: .worker, now: 1)
        }
        #expect(throws: TandemError.self) {
            try admissions.admit(KeyPair.random().publicKey, name: "n", role: .worker, now: 1)
        }
    }

    @Test("Addresses, keys and tokens are read back from one line, and nothing else is")
    func lines() throws {
        let join = JoinAddress(
            try Endpoint(parsing: "host-a:7070"), key: KeyPair.random().publicKey, token: .random())
        #expect(try JoinAddress(parsing: join.description, .join) == join)
        #expect(try JoinAddress(parsing: "tcp://" + join.description, .join) == join)
        #expect(try JoinAddress(parsing: "host-a:7070", .join).key == nil)
        for text in ["#", "h:1#", "h:1##", "h:1#\(join.key!)#", "h:1#\(join.key!)#x#y", "h:1#\(join.key!)##", "##"] {
            #expect(throws: TandemError.self, "\(text)") { try JoinAddress(parsing: text, .join) }
        }
    }

    @Test("An address that was mistyped is told in one sentence, without the token")
    func mistyped() throws {
        let (key, token) = (KeyPair.random().publicKey.description, JoinToken.random().description)
        let whole = "host-a:7070#\(key)#\(token)"
        let wrong = [
            ("host-a:7070#\(key)#", "has no token where one should stand"),
            ("host-a:7070##\(token)", "has no key where one should stand"),
            ("host-a:7070#\(token)", "has a token where its key should stand"),
            ("host-a:7070#\(key.dropLast(3))#\(token)", "has a key of 40 characters, not the 43 characters of one"),
            ("host-a:7070#\(key)#\(token.dropLast())", "has a token of 21 characters"),
            ("host-a:7070#\(key.dropLast())!#\(token)", "has a character in its key that none has"),
            ("host-a:70700#\(key)#\(token)", "the port '70700' is not a number from 0 to 65535"),
            ("host-a#\(key)#\(token)", "the port is missing"), (":7070#\(key)#\(token)", "the host is missing"),
            ("host-a:7070 #\(key)#\(token)", "has a blank in it"), ("\"\(whole)\"", "has quotes in it"),
            ("tandem worker --join \(whole)", "has a blank in it"), ("\u{201C}\(whole)\u{201D}", "has quotes in it"),
            ("https://\(whole)", "'https' is not a transport"), ("", "is empty"), (" \n", "is empty"),
            ("::1:7070#\(key)#\(token)", "an IPv6 address must stand in brackets"),
            ("[::1]#\(key)#\(token)", "the port is missing"), (whole + "#", "has more than HOST:PORT#KEY#TOKEN"),
        ]
        for (text, words) in wrong {
            let error = #expect(throws: TandemError.self, "\(text)") { try JoinAddress(parsing: text, .join) }
            let sentence = error?.description ?? ""
            #expect(sentence.contains(words) && error?.hint != nil && error?.field == .join, "\(text): \(sentence)")
            #expect(!sentence.contains(token) && !sentence.contains(key), "\(sentence)")
        }
        for text in ["\(whole)\n", " \(whole)\t", "tcp://\(whole)", "HOST-A:7070#\(key)#\(token)"] {
            let address = try JoinAddress(parsing: text, .join)
            #expect(address.description == whole, "\(text)")
        }
    }

    @Test("A coordinator's file is changed by several at once without a loss, and a damaged one admits nobody anew")
    func file() async throws {
        let folder = try TemporaryFolder()
        let file = AdmissionsFile(StateFolder(folder.path + "/state", environment: [:]))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    _ = try? file.change { (admissions) throws(TandemError) in
                        try admissions.admit(KeyPair.random().publicKey, name: "n\(number)", role: .worker, now: 1)
                    }
                }
            }
        }
        #expect(try file.read().members.count == 20)
        try file.folder.write("{", to: "admissions.json")
        #expect(throws: TandemError.self) { try file.read() }
        chmod(folder.path + "/state/admissions.json", 0o640)
        let error = #expect(throws: TandemError.self) { try file.read() }
        #expect(error?.kind == .forbidden)
    }

    @Test("Of the coordinators that are known the one that was joined last is the last")
    func known() throws {
        let folder = try TemporaryFolder()
        let known = KnownCoordinators(StateFolder(folder.path + "/state", environment: [:]))
        #expect(try known.last() == nil)
        let (a, b) = (KeyPair.random().publicKey, KeyPair.random().publicKey)
        for (place, key) in [("host-a:7070", a), ("host-b:7070", b), ("host-a:7070", a)] {
            try known.remember(place, key)
            #expect(try known.last() == place)
        }
        #expect(try known.key(of: "host-a:7070") == a && known.key(of: "host-b:7070") == b)
        try known.remember("host-b:7070", a)
        #expect(try known.key(of: "host-b:7070") == a && known.last() == "host-b:7070")
    }

    @Test("What root makes in another user's folder is that user's", .enabled(if: geteuid() == 0))
    func root() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/state"
        let state = StateFolder(path, environment: [:])
        _ = try state.open()
        let nobody: uid_t = 65534
        chown(path, nobody, nobody)
        let office = TokenOffice(state)
        _ = try office.create(role: .worker, uses: 1, seconds: 60, coordinator: "host-a:7070")
        _ = try KeyFile.own("worker", in: state)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(
            Set(names).isSuperset(of: [
                "admissions.json", "admissions.lock", "coordinator.key", "worker.key", "worker.lock",
            ]))
        for name in names {
            var file = stat()
            #expect(
                lstat(path + "/" + name, &file) == 0 && file.st_uid == nobody && file.st_mode & 0o077 == 0, "\(name)")
        }
        // Another name of a file of root's, in the place of a lock: it stays root's.
        let precious = folder.path + "/precious"
        try Data("x".utf8).write(to: URL(fileURLWithPath: precious))
        link(precious, path + "/other.lock")
        #expect(throws: TandemError.self) { try state.locked("other") { () throws(TandemError) in } }
        var file = stat()
        #expect(lstat(precious, &file) == 0 && file.st_uid == 0)
    }

    @Test("Two workers of a folder have keys of their own, and one that comes back has its old one")
    func keys() throws {
        let folder = try TemporaryFolder()
        let state = StateFolder(folder.path + "/state", environment: [:])
        var first: KeyFile? = try KeyFile.own("worker", in: state)
        let second = try KeyFile.own("worker", in: state)
        #expect(first?.number == 1 && second.number == 2)
        let key = try #require(first).pair.publicKey
        #expect(key != second.pair.publicKey)
        first = nil
        #expect(try KeyFile.own("worker", in: state).pair.publicKey == key)
        let client = try KeyFile.shared("client", in: state).pair.publicKey
        #expect(try KeyFile.shared("client", in: state).pair.publicKey == client)
    }

    @Test("A worker's messages count for the connection and key over which it has joined")
    func speakers() {
        var speakers = Speakers()
        let (a, b) = (KeyPair.random().publicKey, KeyPair.random().publicKey)
        let (w1, w2) = (WorkerID(1), WorkerID(2))
        #expect(speakers.bind(w1, to: Peer(number: 1), a) == [])
        #expect(speakers.bind(w1, to: Peer(number: 2), b) == nil, "another key has this id")
        #expect(speakers[Peer(number: 2)] == nil && speakers[Peer(number: 1)] == w1)
        #expect(speakers.bind(w1, to: Peer(number: 3), a) == [], "it has connected anew")
        #expect(speakers[Peer(number: 1)] == nil && speakers.peer(of: w1) == Peer(number: 3))
        #expect(speakers.bind(w2, to: Peer(number: 4), a) == [w1], "its process was started again")
        #expect(speakers.peer(of: w1) == nil && speakers.workers(of: [a, b]) == [w2])
        #expect(speakers.bind(w1, to: Peer(number: 5), nil) == [])
        #expect(speakers.bind(w2, to: Peer(number: 6), nil) == nil)
    }
}
