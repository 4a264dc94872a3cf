import Bytes
import Platform
import TestSupport
import Testing

@testable import Logs

@Suite struct RecordAssemblyTests {
    private static func cri(_ second: Int, _ rest: String) -> String {
        "2026-01-02T03:04:\(second < 10 ? "0" : "")\(second)Z \(rest)"
    }

    // MARK: Joining

    @Test func aRecordHasTheTimeOfItsFirstLineAndThePositionOfItsLast() {
        var world = AssemblyWorld(.indent)
        world.feed(SourceLine.of("a\n b\n c\nd"))
        #expect(world.texts == ["a\n b\n c"])
        #expect(world.records.map(\.unixNanoseconds) == [1])
        #expect(world.records.map(\.next) == [3])
        #expect(world.records.map(\.file) == ["/var/log/a.log"])
        world.waitForAll()
        #expect(world.records.map(\.next) == [3, 4])
        #expect(world.records.map(\.file) == ["/var/log/a.log", "/var/log/a.log"], "though its batch is long gone")
    }

    @Test func piecesOfALineAreJoinedByStream() {
        var world = AssemblyWorld(format: .cri, names: true)
        let lines = [
            Self.cri(1, "stdout P one "), Self.cri(2, "stderr P ONE "), Self.cri(3, "stdout P two "),
            Self.cri(4, "stderr F TWO"), Self.cri(5, "stdout F three"), Self.cri(6, "stdout F four"),
        ]
        world.feed(SourceLine.of(lines.joined(separator: "\n"), file: "/var/log/pods/ns_pod_1/app/0.log"))
        #expect(world.texts == ["ONE TWO", "one two three", "four"])
        // What stdout holds from the first line on is not acknowledged with what stderr gives.
        #expect(world.records.map(\.next) == [0, 5, 6])
        let names = ["namespace=ns", "pod=pod", "container=app"]
        #expect(world.records.map(\.fields) == ["stderr", "stdout", "stdout"].map { ["stream=\($0)"] + names })
        let second: Int64 = 1_000_000_000
        let first = world.records[1].unixNanoseconds
        #expect(world.records.map { ($0.unixNanoseconds - first) / second } == [1, 0, 5])
        #expect(world.pipeline.deadline == nil)
    }

    @Test func linesOfTheTwoStreamsAreNotMixed() {
        var world = AssemblyWorld(.indent, format: .cri)
        let lines = [
            Self.cri(1, "stdout F a"), Self.cri(2, "stderr F A"), Self.cri(3, "stdout F  b"),
            Self.cri(4, "stderr P  B"), Self.cri(5, "stdout F c"), Self.cri(6, "stderr F B"),
            Self.cri(7, "stderr F C"),
        ]
        world.feed(SourceLine.of(lines.joined(separator: "\n")))
        #expect(world.texts == ["a\n b", "A\n BB"])
        // "A", from line 2 on, was held when the first record went; "c", line 5, when the second did.
        #expect(world.records.map(\.next) == [1, 4])
        world.waitForAll()
        #expect(world.texts == ["a\n b", "A\n BB", "c", "C"])
        #expect(world.records.map(\.next).last == 7)
    }

    @Test func dockerPiecesEndWithANewline() {
        var world = AssemblyWorld(format: .docker)
        let lines = ["one ", "two ", #"three\n"#, #"four\n"#, "rest"].enumerated().map { index, log in
            #"{"log":"\#(log)","stream":"stdout","time":"2026-01-02T03:04:0\#(index)Z"}"#
        }
        world.feed(SourceLine.of(lines.joined(separator: "\n")))
        #expect(world.texts == ["one two three", "four"])
        #expect(world.records.map(\.next) == [3, 4])
        world.wait(.seconds(4))
        #expect(world.texts.count == 2)
        world.wait(.seconds(1))
        #expect(world.texts == ["one two three", "four", "rest"])
        #expect(world.count(.containerLineTimeout) == 1)
    }

    @Test func whatIsNotOfTheFormatPassesWhole() {
        var world = AssemblyWorld(format: .docker)
        world.feed(SourceLine.of("not JSON\n{}\n"))
        #expect(world.texts == ["not JSON", "{}", ""])
        #expect(world.count(.formatFailed) == 3)
        #expect(world.records.map(\.fields) == [[], [], []])
    }

    @Test func aPieceThatIsFollowedByALineOfItsOwnStaysHeld() {
        var world = AssemblyWorld(format: .cri)
        world.feed(
            SourceLine.of([Self.cri(1, "stdout P one "), "odd", Self.cri(2, "stdout F two")].joined(separator: "\n")))
        #expect(world.texts == ["odd", "one two"])
        #expect(world.records.map(\.next) == [0, 3])
    }

    /// The joined line waits for more of its record: its first piece, in the old file, is not acknowledged either,
    /// though others of that file are done.
    @Test(arguments: [
        [], ["three"], ["three", "\tat a.B(C)", "four"], ["\tat a.B(C)", "java.lang.Error: five", "six"],
    ]) func aRotatedLineIsHeldInBothFiles(after: [String]) {
        func line(_ text: String, _ tags: String, _ source: UInt32) -> SourceLine {
            SourceLine(text: "2026-01-02T03:04:05Z \(tags) \(text)", source: source, file: "/a.log")
        }
        var world = AssemblyWorld(.preset(.java), format: .cri)
        let held = [
            line("before", "stdout F", 1), line("java.lang.Error", "stdout P", 1), line("b1", "stderr F", 1),
            line(": one", "stdout F", 2),
        ]
        let rest = after.map { line($0, "stdout F", 2) }
        let numbered = SourceLine.numbered(held + [line("b2", "stderr F", 1)] + rest + [line("b3", "stderr F", 1)])
        world.feed(Array(numbered.prefix(5)), piece: 1)
        #expect(world.texts == ["before", "b1", "b2"])
        #expect(world.records.map(\.next) == [1, 1, 1] && world.skipped.isEmpty)
        world.feed(Array(numbered.dropFirst(5)), piece: 1)
        world.waitForAll()
        let first = world.records.firstIndex { $0.text.hasPrefix("java.lang.Error: one") }
        for (index, record) in world.records.enumerated() where record.source == 1 {
            #expect(record.next == (index < first ?? .max ? 1 : 5), "\(world.records)")
        }
        #expect(world.skipped.map(\.source) == [1] && (world.skipped.first?.offset ?? 0) >= 4)
    }

    /// The runtime rotates its file between two pieces. Nothing of either file is acknowledged before the record.
    @Test(arguments: [ContainerFormat.cri, .docker]) func aLineGoesOnInTheNextFile(format: ContainerFormat) {
        func line(_ text: String, isWhole: Bool = true, _ source: UInt32, _ file: String = "/a.log") -> SourceLine {
            let time = "2026-01-02T03:04:05Z"
            let text =
                format == .cri
                ? "\(time) stdout \(isWhole ? "F" : "P") \(text)"
                : #"{"log":"\#(text)\#(isWhole ? "\\n" : "")","stream":"stdout","time":"\#(time)"}"#
            return SourceLine(text: text, source: source, file: file)
        }
        var world = AssemblyWorld(format: format)
        world.feed(
            SourceLine.numbered([
                line("before", 1), line("one ", isWhole: false, 1), line("other", 9, "/b.log"),
                line("two ", isWhole: false, 2), line("three", 2), line("after", 2),
            ]))
        #expect(world.texts == ["before", "other", "one two three", "after"])
        #expect(world.records.map(\.source) == [1, 9, 2, 2])
        #expect(world.records.map(\.next) == [1, 1, 2, 3])
        #expect(world.skipped == [Position(source: 1, offset: 2)])
        #expect(world.pipeline.deadline == nil)

        // Of another file, or without one, nothing is joined.
        var others = AssemblyWorld(format: format)
        others.feed(SourceLine.numbered([line("one ", isWhole: false, 1), line("two", 2, "/b.log")]))
        #expect(others.texts == ["two"])
    }

    @Test func aLineThatItsInputCutStaysMarked() {
        var world = RecordPipeline()
        world.assembly = RecordAssembly(format: .plain, namesContainers: false, multiline: .init(.indent))
        var input = LogBatch()
        for (index, text) in ["a", " b", "c"].enumerated() {
            let bytes = Array(text.utf8)
            input.append(
                bytes, 0..<bytes.count, fields: 0..<0, at: 0, next: Position(source: 1, offset: UInt64(index + 1)),
                isCut: index == 1)
        }
        var batch = LogBatch()
        var next = 0
        world.process(
            input, from: &next, into: &batch, at: Moment(monotonic: Instant(nanoseconds: 1), unixNanoseconds: 0))
        #expect(batch.records.map(\.isCut) == [true])
    }

    // MARK: Limits

    @Test func aRecordEndsAtTheLimitOfLines() {
        var world = AssemblyWorld(.indent) { $0.lineLimit = 3 }
        world.feed(SourceLine.of("a\n b\n c\nd\n e\n f\n g\n h\n i\n j"))
        world.waitForAll()
        #expect(world.texts == ["a\n b\n c", "d\n e\n f", " g\n h\n i", " j"])
        #expect(world.records.map(\.next) == [3, 6, 9, 10])
        #expect(world.count(.multilineLines) == 2)
    }

    @Test func aRecordEndsAtTheLimitOfBytes() {
        var world = AssemblyWorld(.indent) { $0.byteLimit = 10 }
        // The second is 10 bytes with its line breaks; a line that is too long by itself is the line limit's affair.
        world.feed(SourceLine.of("aaaaa\n bbbb\nc\n dd\n eee\nffffffffffffffff\n g"))
        world.waitForAll()
        #expect(world.texts == ["aaaaa", " bbbb", "c\n dd\n eee", "ffffffffffffffff", " g"])
        #expect(world.count(.multilineBytes) == 2)
    }

    @Test func aTraceGoesOnAfterALimit() {
        var world = AssemblyWorld(.preset(.python)) { $0.lineLimit = 5 }
        world.feed(SourceLine.of(Traces.python[1] + "\nnext"))
        #expect(world.texts.count == 3)
        #expect(world.texts.joined(separator: "\n") == Traces.python[1] + "\nnext")
        #expect(world.count(.multilineLines) == 1)
        world = AssemblyWorld(.preset(.json)) { $0.lineLimit = 2 }
        world.feed(SourceLine.of("{\n1\n2\n3\n}\nnext"))
        #expect(world.texts == ["{\n1", "2\n3", "}", "next"])
    }

    @Test func aRecordGoesWhenItsTimeIsOver() {
        var world = AssemblyWorld(.indent) { $0.timeout = .seconds(2) }
        let lines = SourceLine.of("a\n b\n c")
        world.feed(Array(lines[..<1]))
        #expect(world.pipeline.deadline == world.now.monotonic + .seconds(2))
        world.wait(.seconds(1))
        world.feed(Array(lines[1...1]))
        world.wait(.milliseconds(1_999))
        #expect(world.texts == [], "the time begins anew with each line")
        world.wait(.milliseconds(1))
        #expect(world.texts == ["a\n b"])
        #expect(world.records.map(\.next) == [2])
        #expect(world.count(.multilineTimeout) == 1)
        #expect(world.pipeline.deadline == nil)
        world.feed(Array(lines[2...]))
        world.waitForAll()
        #expect(world.texts == ["a\n b", " c"], "what comes later is a record of its own")
    }

    @Test func aLineOfManyPiecesEndsAtItsLimit() {
        var world = AssemblyWorld(.indent, format: .cri)
        let piece = String(repeating: "x", count: 16 << 10)
        let pieces = (0..<130).map { _ in Self.cri(1, "stdout P \(piece)") } + [Self.cri(2, "stdout F end")]
        world.feed(SourceLine.of(pieces.joined(separator: "\n")))
        world.waitForAll()
        #expect(world.count(.containerLineLimit) == 2)
        #expect(world.texts.map(\.utf8.count) == [1 << 20, 1 << 20, (32 << 10) + 3])
        #expect(world.records.map(\.next) == [64, 128, 131])
    }

    @Test func noMoreIsHeldThanTheLimitOfLanes() {
        var world = AssemblyWorld(.indent)
        let count = HeldLanes.laneLimit + 5
        world.feed(SourceLine.numbered((0..<count).map { SourceLine(text: "line", source: UInt32($0)) }))
        #expect(world.records.map(\.source) == Array(0..<5), "those that waited longest")
        #expect(world.count(.heldLimit) == 5)
        world.waitForAll()
        #expect(world.records.map(\.source) == (0..<count).map { UInt32($0) })
        #expect(world.records.allSatisfy { $0.next == 1 })
    }

    @Test func piecesAndLinesShareTheLimitOfLanes() {
        var world = AssemblyWorld(.indent, format: .cri)
        let count = HeldLanes.laneLimit
        let text = Self.cri(1, "stdout P piece")
        world.feed(SourceLine.numbered((0..<count).map { SourceLine(text: text, source: UInt32($0), file: "/\($0)") }))
        #expect(world.texts == [])
        let last = UInt32(count)
        world.feed([SourceLine(text: Self.cri(1, "stdout F line"), source: last, next: 1)])
        #expect(world.records.map(\.source) == [0])
        #expect(world.count(.heldLimit) == 1)
        world.waitForAll()
        #expect(Set(world.records.map(\.source)) == Set(0...last))
        #expect(world.records.count == count + 1)
    }

    @Test func noMoreIsHeldThanTheLimitOfBytes() {
        var world = AssemblyWorld(.indent)
        let text = String(repeating: "x", count: 1 << 20)
        world.feed(SourceLine.numbered((0..<20).map { SourceLine(text: text, source: UInt32($0)) }))
        #expect((4...10).contains(world.texts.count))
        #expect(world.count(.heldLimit) == UInt64(world.texts.count))
        world.waitForAll()
        #expect(world.records.map(\.source) == (0..<20).map { UInt32($0) })
    }

    // MARK: Sources

    @Test func sourcesAreNotMixed() {
        var world = AssemblyWorld(.indent)
        let one = SourceLine.of("a\n b\nc\n d", source: 1, file: "/1")
        let two = SourceLine.of("A\n B\nC\n D", source: 2, file: "/2")
        world.feed(zip(one, two).flatMap { [$0, $1] })
        world.waitForAll()
        #expect(world.texts == ["a\n b", "A\n B", "c\n d", "C\n D"])
        #expect(world.records.map(\.file) == ["/1", "/2", "/1", "/2"])
        #expect(world.records.map(\.next) == [2, 2, 4, 4])
    }

    /// As in a journal: one source, and the lines of many programs in it.
    @Test func linesWithOtherFieldsAreNotJoined() {
        var world = AssemblyWorld(.indent)
        let lines = [("a", "/1"), ("A", "/2"), (" b", "/1"), (" B", "/2"), ("c", "/1"), ("C", "/2")]
        world.feed(SourceLine.numbered(lines.map { SourceLine(text: $0, file: $1) }))
        world.waitForAll()
        #expect(world.texts == ["a\n b", "A\n B", "c", "C"])
        #expect(world.records.map(\.next) == [1, 4, 5, 6])
        #expect(world.records.map(\.file) == ["/1", "/2", "/1", "/2"])
    }

    @Test func fieldsThatNobodyNeedsAreForgotten() {
        var world = AssemblyWorld(.preset(.python))
        world.feed(SourceLine.of("Traceback (most recent call last):", file: "/first"))
        for number in 0..<20_000 {
            world.feed(SourceLine.numbered([SourceLine(text: "x", source: 2, file: "/var/log/\(number).log")]))
        }
        #expect(world.records.map(\.file) == (0..<20_000).map { "/var/log/\($0).log" })
        #expect((world.pipeline.assembly?.fields.bytes.count ?? .max) < 128 << 10)
        world.waitForAll()
        #expect(world.records.last?.file == "/first")
    }

    // MARK: Any pieces, any batches, any restart

    private struct Case: Sendable {
        let name: String
        let make: @Sendable () -> AssemblyWorld
        let words: [String]
        /// Without limits and streams, a restart splits nothing.
        var isExact = false
    }

    private static func pattern(_ text: String) -> Pattern {
        guard let pattern = try? Pattern(text) else { fatalError("pattern \(text)") }
        return pattern
    }

    private static let cases: [Case] = {
        let plain = ["a", "b", " c", "\td", "", "1 e", "f;", "Traceback (most recent call last):", "ValueError: x"]
        let words =
            plain
            + (Traces.python + Traces.java + Traces.go + Traces.json)
            .flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
        let container = plain.flatMap { text in
            ["stdout F", "stderr F", "stdout P", "stderr P"].map { cri(1, "\($0) \(text)") }
        }
        return [
            Case(name: "start", make: { AssemblyWorld(.start(pattern("^[a-z0-9]"))) }, words: plain, isExact: true),
            Case(name: "continue", make: { AssemblyWorld(.continue(pattern("^\\s"))) }, words: plain, isExact: true),
            Case(name: "end", make: { AssemblyWorld(.end(pattern("[;f]$"))) }, words: plain, isExact: true),
            Case(name: "indent", make: { AssemblyWorld(.indent) { $0.lineLimit = 4 } }, words: plain),
            Case(name: "python", make: { AssemblyWorld(.preset(.python)) }, words: words, isExact: true),
            Case(name: "java", make: { AssemblyWorld(.preset(.java)) { $0.byteLimit = 200 } }, words: words),
            Case(name: "go", make: { AssemblyWorld(.preset(.go)) }, words: words, isExact: true),
            Case(name: "json", make: { AssemblyWorld(.preset(.json)) { $0.lineLimit = 10 } }, words: words),
            Case(name: "cri", make: { AssemblyWorld(format: .cri) }, words: container + ["odd"]),
            Case(name: "cri indent", make: { AssemblyWorld(.indent, format: .cri) }, words: container + ["odd"]),
        ]
    }()

    private static func randomLines(_ words: [String], _ random: inout SeededRandom) -> [SourceLine] {
        let sources = UInt32.random(in: 1...3, using: &random)
        return SourceLine.numbered(
            (0..<Int.random(in: 1...60, using: &random)).map { _ in
                let source = UInt32.random(in: 1...sources, using: &random)
                return SourceLine(text: words.randomElement(using: &random) ?? "", source: source, file: "/\(source)")
            })
    }

    @Test(arguments: 0..<10) func anyPiecesGiveTheSameRecords(index: Int) {
        let test = Self.cases[index]
        var random = SeededRandom()
        for _ in 0..<150 {
            let lines = Self.randomLines(test.words, &random)
            var whole = test.make()
            whole.feed(lines)
            whole.waitForAll()
            for piece in [1, 2, 3, Int.random(in: 1...60, using: &random)] {
                var world = test.make()
                world.feed(lines, piece: piece, limit: Int.random(in: 1...8, using: &random))
                world.waitForAll()
                #expect(world.records == whole.records, "\(test.name): pieces of \(piece)")
            }
        }
    }

    /// A kill after any of the records: all lines come, and what was not acknowledged is read again from the beginning
    /// of a record.
    @Test(arguments: 0..<10) func nothingIsLostByAKill(index: Int) {
        let test = Self.cases[index]
        var random = SeededRandom()
        for _ in 0..<150 {
            let lines = Self.randomLines(test.words, &random)
            var first = test.make()
            first.feed(Array(lines.prefix(Int.random(in: 0...lines.count, using: &random))))
            let isWaiting = Bool.random(using: &random)
            if isWaiting { first.waitForAll() }
            let received = Array(first.records.prefix(Int.random(in: 0...first.records.count, using: &random)))
            // In the order of the records, as the route acknowledges; an input takes no step back.
            var acknowledged: [UInt32: UInt64] = [:]
            for record in received {
                #expect(record.next >= acknowledged[record.source, default: 0], "\(test.name): a step back")
                acknowledged[record.source] = max(record.next, acknowledged[record.source, default: 0])
            }
            var second = test.make()
            second.feed(lines.filter { $0.next > acknowledged[$0.source, default: 0] })
            second.waitForAll()
            for source in Set(lines.map(\.source)) {
                let all = (received + second.records).filter { $0.source == source }
                let expected = lines.filter { $0.source == source }.map(\.text)
                expectEach(expected, in: all, "\(test.name)")
                if test.isExact, !isWaiting {
                    var whole = test.make()
                    whole.feed(lines.filter { $0.source == source })
                    whole.waitForAll()
                    let texts = second.records.filter { $0.source == source }.map(\.text)
                    #expect(texts == whole.texts.suffix(texts.count), "\(test.name): split by a restart")
                }
                #expect(second.records.last { $0.source == source }.map { $0.next == UInt64(expected.count) } ?? true)
            }
        }
    }

    /// Each line stands in the records at least as often as in the source. Pieces are counted together.
    private func expectEach(_ lines: [String], in records: [Assembled], _ name: String) {
        guard lines.first?.hasPrefix("2026-") != true, !lines.contains("odd") else {
            let bytes = lines.reduce(0) { $0 + ($1 == "odd" ? 3 : $1.utf8.count - Self.cri(1, "stdout F ").utf8.count) }
            let found = records.reduce(0) { $0 + $1.text.utf8.filter { $0 != UInt8(ascii: "\n") }.count }
            #expect(found >= bytes, "\(name): \(found) bytes of \(bytes)")
            return
        }
        var missing: [Substring: Int] = [:]
        for line in lines { missing[line[...], default: 0] += 1 }
        for record in records {
            for line in record.text.split(separator: "\n", omittingEmptySubsequences: false) {
                missing[line, default: 0] -= 1
            }
        }
        #expect(missing.allSatisfy { $0.value <= 0 }, "\(name): \(missing.filter { $0.value > 0 })")
    }
}
