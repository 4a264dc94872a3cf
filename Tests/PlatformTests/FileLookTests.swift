// Files that others replace, and a look that does not come back.

import Foundation
import Platform
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
        let look = FileLook("look", [path], content: "old", pause: .seconds(1)) { content, _ in
            gate.wait()
            content = "new"
        }
        #expect(look.lookAndWait(isForced: false, atMost: .milliseconds(1)) == nil)
        // Who comes soon after waits for the same look; who comes later is told.
        let (now, answer) = (Instant.now, Latch<String>())
        guard case .underWay = look.look(at: now, then: { answer.open($0) }),
            case .hangs = look.look(at: now + .seconds(2), then: { _ in Issue.record("it was not asked") })
        else {
            Issue.record("another answer")
            return
        }
        gate.open(())
        #expect(answer.wait(atMost: .seconds(10)) == "new")
        guard case .notDue = look.look(at: now, then: { _ in Issue.record("it was not asked") }) else {
            Issue.record("it was looked at a moment ago")
            return
        }
        #expect(look.lookAndWait(isForced: true, atMost: .seconds(10)) == "new")
    }
}
