// Files of a host with another root: links and `..` stay inside, with openat2(2) and without.

import Bytes
import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct RootedFileTests {
    private let own: TemporaryDirectory
    private var root: String { own.path + "/root" }

    enum Way: CaseIterable { case kernel, walk }

    init() throws {
        own = try TemporaryDirectory()
        try own.write("secret", "outside")
        for (path, text) in ["a/b/file": "file", "secret": "inside", "d": "no directory"] {
            try own.write("root/\(path)", text)
        }
        for (name, target) in [
            ("absolute", "/a/b/file"), ("relative", "a/b/file"), ("a/up", "../a/b/../b/./file"),
            ("far", "../../../../../../secret"), ("a/b/out", "/../../secret"), ("chain", "absolute"), ("loop", "loop"),
            ("two", "/one"), ("one", "/two"), ("dangling", "/nothing"), ("directory", "/a//b/"), ("slash", "/"),
            ("through", "d/file"), ("outside", own.path + "/secret"),
        ] { try FileManager.default.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: target) }
    }

    private func text(_ path: String, _ way: Way, root: String? = nil) throws(Errno) -> String {
        let root = root ?? self.root
        let file =
            switch way {
            case .kernel: try File(reading: path, inside: root)
            case .walk: try File(walking: Path(path), inside: root)
            }
        return String(decoding: try readWhole(file), as: UTF8.self)
    }

    @Test(
        arguments: Way.allCases,
        [
            ("/a/b/file", "file"), ("a/b/file", "file"), ("/absolute", "file"), ("/relative", "file"),
            ("/a/up", "file"),
            ("/chain", "file"), ("/directory/file", "file"), ("/directory/../b/file", "file"),
            ("/slash/slash/a/b/file", "file"),
            ("/far", "inside"), ("/a/b/out", "inside"), ("/../secret", "inside"), ("/a/../../../secret", "inside"),
        ]) func staysInside(way: Way, case found: (path: String, text: String)) throws
    {
        #expect(try text(found.path, way) == found.text)
    }

    @Test(
        arguments: Way.allCases,
        [
            ("/nothing", Errno.notFound), ("/dangling", .notFound), ("/outside", .notFound), ("/loop", .tooManyLinks),
            ("/one", .tooManyLinks), ("/through", Errno(code: ENOTDIR)), ("/d/x", Errno(code: ENOTDIR)),
        ]) func saysWhatIsWrong(way: Way, case wrong: (path: String, error: Errno))
    {
        #expect(throws: wrong.error) { try text(wrong.path, way) }
    }

    @Test(arguments: Way.allCases) func theRootItselfMayBeALinkAndMustBeADirectory(way: Way) throws {
        try FileManager.default.createSymbolicLink(atPath: own.path + "/other", withDestinationPath: "root")
        #expect(try text("/absolute", way, root: own.path + "/other") == "file")
        #expect(throws: Errno(code: ENOTDIR)) { try text("/absolute", way, root: own.path + "/secret") }
        #expect(throws: Errno.notFound) { try text("/absolute", way, root: own.path + "/none") }
    }

    @Test(arguments: Way.allCases) func aLinkIsBytes(way: Way) throws {
        let name = Path(Array("caf".utf8) + [0xE9])
        do { try File(writing: "\(root)/plain", .createNew).write(Array("latin".utf8)) }
        try renameFile(Path(root) / "plain", to: Path(root) / "a" / name)
        let target = Path("/a") / name
        let made = unsafe "\(root)/latin".withCString { link in
            unsafe target.withCString { unsafe symlink($0, link) }
        }
        #expect(made == 0)
        #expect(try text("/latin", way) == "latin")
    }

    @Test func withoutAnotherRootItIsThePath() throws {
        #expect(try text(own.path + "/secret", .kernel, root: "/") == "outside")
    }

    @Test(arguments: Way.allCases) func aFIFOIsNotWaitedFor(way: Way) throws {
        #expect(mkfifo(root + "/fifo", 0o600) == 0)
        let file =
            switch way {
            case .kernel: try File(reading: "/fifo", inside: root)
            case .walk: try File(walking: "/fifo", inside: root)
            }
        #expect(try file.status().kind == .fifo)
    }

    @Test func theWalkKeepsNoDescriptorOpen() throws {
        let before = try directoryEntries("/proc/self/fd").count
        for _ in 0..<100 {
            _ = try text("/a/up", .walk)
            _ = try? text("/loop", .walk)
            _ = try text("/far", .kernel)
        }
        // Other tests of this process open and close some at the same time.
        #expect(try directoryEntries("/proc/self/fd").count < before + 90)
    }
}
