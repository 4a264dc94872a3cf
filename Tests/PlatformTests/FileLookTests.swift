// Files that others replace, and a look that does not come back.

import Dispatch
import Foundation
import Platform
import Synchronization
import TestSupport
import Testing

@Suite struct FileLookTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/key" }

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".new"))
        #expect(rename(path + ".new", path) == 0)
    }

    @Test func whatMayBeReadByNowIsAChange() throws {
        try write("a")
        let first = try #require(FileStamp(path))
        #expect(FileStamp(path) == first && first.isRegular)
        // A key that the agent may not read, and then may: neither size nor time of writing tell.
        #expect(chmod(path, 0o400) == 0)
        #expect(eventually { chmod(path, 0o440) == 0 && FileStamp(path) != first })
        #expect(mkfifo(path + ".fifo", 0o600) == 0)
        #expect(FileStamp(path + ".fifo")?.isRegular == false && FileStamp(path + ".none") == nil)
    }

    @Test func readsAgainWhatHasChanged() throws {
        try write("one")
        let path = path
        let look = FileLook("look", [path], stamps: [FileStamp(path)], content: 0, pause: .zero) { count, findings in
            count += 1
            #expect(findings.map(\.path) == [path])
        }
        func read(isForced: Bool = false) -> Int? { look.lookAndWait(isForced: isForced, atMost: .seconds(10)) }
        #expect(read() == 0)
        try write("two")
        #expect(read() == 1 && read() == 1)
        #expect(read(isForced: true) == 2)
        try removeFile(path)
        #expect(read() == 3 && read() == 3)
        #expect(mkfifo(path, 0o600) == 0)
        #expect(read() == 4)
    }

    @Test func whatHangsHoldsNobodyUp() throws {
        let gate = Latch<Void>()
        let told = Mutex<[Bool]>([])
        let look = FileLook(
            "look", [path], content: "old", pause: .seconds(1),
            tellHang: { hangs in told.withLock { $0.append(hangs) } },
            read: { content, _ in
                gate.wait()
                content = "new"
            })
        #expect(look.lookAndWait(isForced: false, atMost: .milliseconds(1)) == nil)
        // Who comes soon after waits for the same look; who comes later is told.
        let (now, over) = (Instant.now, Latch<Void>())
        guard case .underWay = look.look(at: now, atMost: .seconds(600), then: { over.open(()) }) else {
            Issue.record("the look is under way")
            return
        }
        for _ in 0..<2 {
            guard case .hangs = look.look(at: now + .seconds(2), then: { Issue.record("it was not asked") }) else {
                Issue.record("it hangs")
                return
            }
        }
        #expect(look.content == "old" && told.withLock { $0 } == [true], "told once")
        gate.open(())
        #expect(over.wait(atMost: .seconds(10)) != nil)
        #expect(eventually { look.content == "new" && told.withLock { $0 } == [true, false] })
        guard case .notDue = look.look(at: now, then: { Issue.record("it was not asked") }) else {
            Issue.record("it was looked at a moment ago")
            return
        }
        #expect(look.lookAndWait(isForced: true, atMost: .seconds(10)) == "new")
    }

    /// Also when nobody waits for it any more.
    @Test func whoWaitsIsLetGoAndWhatComesLateCounts() throws {
        let gate = DispatchSemaphore(value: 0)
        let look = FileLook("look", [], content: 0, pause: .zero) { count, _ in
            gate.wait()
            count += 1
        }
        let calls = Mutex(0)
        let letGo = Latch<Void>()
        let done: @Sendable () -> Void = {
            calls.withLock { $0 += 1 }
            letGo.open(())
        }
        guard case .underWay = look.look(at: .now, atMost: .milliseconds(20), then: done) else {
            Issue.record("nobody has looked before")
            return
        }
        #expect(letGo.wait(atMost: .seconds(10)) != nil)
        #expect(look.content == 0)
        gate.signal()
        #expect(eventually { look.content == 1 })
        // Without files it is read at each look. What hangs longer than a look may take lets go without being asked to.
        let again = Latch<Void>()
        guard case .underWay = look.look(at: .now, then: { again.open(()) }) else {
            Issue.record("there is no pause")
            return
        }
        #expect(again.wait(atMost: .seconds(10)) != nil)
        #expect(look.content == 1)
        gate.signal()
        #expect(eventually { look.content == 2 })
        #expect(calls.withLock { $0 } == 1, "once")
    }
}
