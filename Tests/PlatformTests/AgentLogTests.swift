import Platform
import Synchronization
import Testing

/// What a log wrote, a line each.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: [UInt8]) { lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

@Suite struct AgentLogTests {
    private let lines = Lines()

    private func log(_ level: LogLevel = .info, underSystemd: Bool = true) -> AgentLog {
        AgentLog(level: level, underSystemd: underSystemd, sink: lines.add)
    }

    private func at(_ seconds: Int64) -> Moment {
        Moment(
            monotonic: Instant(nanoseconds: 1_000_000_000_000) + .seconds(seconds),
            unixNanoseconds: seconds * 1_000_000_000)
    }

    /// When the first and the last of those came that are counted, in the first minutes of 1970.
    private func between(_ first: Int, _ last: Int) -> String {
        let times = [first, last].map { "1970-01-01T00:0\($0 / 60):\($0 % 60 < 10 ? "0" : "")\($0 % 60).000000000Z" }
        return "first=\(times[0]) last=\(times[1])"
    }

    @Test func prioritiesOnlyUnderSystemd() {
        for level in [LogLevel.error, .warning, .info, .debug] {
            log(.debug).write(level, "x", [:], at: at(0))
        }
        log(underSystemd: false).write(.info, "x", [:], at: at(1))
        #expect(
            lines.all == [
                "<3>level=error msg=x\n", "<4>level=warning msg=x\n", "<6>level=info msg=x\n", "<7>level=debug msg=x\n",
                "time=1970-01-01T00:00:01.000000000Z level=info msg=x\n",
            ])
    }

    @Test func valuesStayOnOneLine() {
        log().write(
            .info, "two words\nand a line", ["path": "/a b", "plain": "x-1", "empty": "", "q": "\"", "e": "a=b"],
            at: at(0))
        #expect(
            lines.all == [
                "<6>level=info msg=\"two words\\nand a line\" path=\"/a b\" plain=x-1 empty=\"\" q=\"\\\"\" e=\"a=b\"\n"
            ])
    }

    @Test func nothingSteersTheTerminal() {
        log().write(
            .info, "\u{1B}[2J",
            ["path": "/a\u{202E}b\u{2028}", "c1": "\u{9B}31m", "del": "\u{7F}", "tag": "\u{E0041}é\""],
            at: at(0))
        #expect(
            lines.all == [
                #"<6>level=info msg="\u001b[2J" path="/a\u202eb\u2028" c1="\u009b31m" del="\u007f" "#
                    + #"tag="\udb40\udc41é\"""# + "\n"
            ])
    }

    @Test func whatIsBelowTheLevelIsNotWritten() {
        let log = log(.warning)
        log.write(.info, "x", [:], at: at(0))
        #expect(lines.all.isEmpty)
        log.setLevel(.info)
        log.write(.info, "x", [:], at: at(0))
        #expect(lines.all.count == 1)
        #expect(LogLevel(name: "warning") == .warning)
        #expect(LogLevel(name: "loud") == nil)
    }

    @Test func repetitionsAreCountedAndWrittenAfterTheMinute() {
        let log = log()
        for second in 0..<50 { log.write(.error, "down", ["url": "u"], at: at(Int64(second))) }
        #expect(lines.all == ["<3>level=error msg=down url=u\n"])
        log.write(.error, "down", ["url": "v"], at: at(50))
        #expect(lines.all.count == 2, "other fields, another message")
        log.flush(at: at(59))
        #expect(lines.all.count == 2)
        log.flush(at: at(60))
        #expect(lines.all.last == "<3>level=error msg=down url=u repeated=49 \(between(1, 49))\n")
        log.flush(at: at(200))
        #expect(lines.all.count == 3, "what was not repeated is not written again")
    }

    @Test func theNextOneAfterTheMinuteIsWrittenWithTheCount() {
        let log = log()
        log.write(.info, "x", [:], at: at(0))
        log.write(.info, "x", [:], at: at(10))
        log.write(.info, "x", [:], at: at(70))
        #expect(lines.all == ["<6>level=info msg=x\n", "<6>level=info msg=x repeated=2 \(between(10, 70))\n"])
        log.write(.info, "x", [:], at: at(80))
        #expect(lines.all.count == 2, "another minute has begun")
        log.write(.info, "y", [:], at: at(81))
        log.write(.info, "y", [:], at: at(150))
        #expect(
            lines.all.suffix(2) == ["<6>level=info msg=x repeated=1 \(between(80, 80))\n", "<6>level=info msg=y\n"])
    }

    @Test func theStopWritesAllCounts() {
        let log = log()
        for text in ["a", "b", "a", "b", "b"] { log.write(.info, text, [:], at: at(0)) }
        log.flush(everything: true, at: at(1))
        #expect(
            lines.all.suffix(2) == [
                "<6>level=info msg=a repeated=1 \(between(0, 0))\n",
                "<6>level=info msg=b repeated=2 \(between(0, 0))\n",
            ])
    }

    @Test func whatComesAfterAChangeIsWrittenAtOnce() {
        let log = log()
        for second in 0..<5 as Range<Int64> {
            for output in ["a", "ab"] {
                log.write(.warning, "failed", ["input": "i", "output": output, "reason": "x"], at: at(second))
            }
        }
        #expect(lines.all.count == 2)
        log.endFolding(["input": "i", "output": "a"], at: at(6))
        let said = "<4>level=warning msg=failed input=i output=a reason=x"
        #expect(lines.all.dropFirst(2) == ["\(said) repeated=4 \(between(1, 4))\n"], "that of \"ab\" goes on")
        log.write(.warning, "failed", ["input": "i", "output": "a", "reason": "x"], at: at(7))
        #expect(lines.all.last == "\(said)\n")
        log.write(.warning, "failed", ["input": "i", "output": "a", "reason": "x"], at: at(8))
        #expect(lines.all.count == 4, "and folded from there on")
        log.endFolding(["input": "x", "output": "a"], at: at(9))
        #expect(lines.all.count == 4)
    }

    @Test func theOldestIsForgottenWhenThereAreTooMany() {
        let log = log()
        log.write(.info, "first", [:], at: at(0))
        log.write(.info, "first", [:], at: at(0))
        for number in 0..<64 { log.write(.info, "other \(number)", [:], at: at(1)) }
        #expect(lines.all.count { $0.contains("msg=first repeated=1") } == 1, "its count is not lost")
        log.write(.info, "first", [:], at: at(2))
        #expect(lines.all.last == "<6>level=info msg=first\n")
    }
}

@Suite struct JournalStreamTests {
    @Test func onlyTheVeryStreamIsTheJournal() throws {
        let file = try File(reading: "/dev/null")
        let id = try file.status().id
        #expect(isJournal(file.descriptor, journalStream: "\(id.device):\(id.inode)"))
        #expect(!isJournal(file.descriptor, journalStream: "\(id.device):\(id.inode + 1)"))
        for text in [nil, "", "1", "a:b", "1:2:3"] { #expect(!isJournal(file.descriptor, journalStream: text)) }
    }
}
