import Bytes
import Glibc
import TestSupport
import Testing

@testable import Platform

@Suite struct INotifyTests {
    private func event(_ watch: Int32, _ mask: UInt32, _ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        let padded = name.isEmpty ? 0 : (name.utf8.count / 16 + 1) * 16
        for word in [UInt32(bitPattern: watch), mask, 0, UInt32(padded)] {
            bytes += withUnsafeBytes(of: word.littleEndian) { Array($0) }
        }
        return bytes + Array(name.utf8) + [UInt8](repeating: 0, count: padded - name.utf8.count)
    }

    @Test func parsesEventsAndFoldsRepetitions() {
        let bytes = event(1, 2, "a.log") + event(1, 2, "a.log") + event(2, 0x100, "b") + event(-1, 0x4000, "")
        let events = parseINotifyEvents(bytes, count: bytes.count)
        #expect(events.map(\.name) == ["a.log", "b", ""])
        #expect(events.map(\.mask) == [.modified, .created, .overflow])
        #expect(events.map(\.watch) == [1, 2, -1])
    }

    @Test func anyTruncationGivesTheWholeEventsBeforeIt() {
        let bytes = event(1, 2, "a.log") + event(2, 0x100, "name-of-more-than-16-bytes")
        for count in 0...bytes.count {
            let whole = count == bytes.count ? 2 : count >= 32 ? 1 : 0
            #expect(parseINotifyEvents(bytes, count: count).count == whole)
        }
    }

    @Test func tellsWhichFileChanged() throws {
        let own = try TemporaryDirectory()
        defer { withExtendedLifetime(own) {} }
        let directory = own.path
        let inotify = try INotify()
        let watch = try inotify.watch(Path(directory), .contents)
        #expect(try inotify.events().isEmpty)
        try File(writing: directory + "/a", .append).write(Array("x".utf8))
        var poll = pollfd(fd: inotify.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 5_000) == 1)
        let events = try inotify.events()
        #expect(events.contains { $0.watch == watch && $0.name == "a" && $0.mask.contains(.created) })
        #expect(events.contains { $0.name == "a" && $0.mask == .modified })
        #expect(throws: Errno.notFound) { try inotify.watch(Path(directory) / "none", .contents) }
    }
}
