// Lines in pieces whose container runtime rotates the file between them, once or again and again.

import Bytes
import Testing

@testable import Logs

@Suite struct RotatedLineTests {
    private static func line(
        _ text: String, _ tags: String, _ source: UInt32, _ file: String = "/a.log"
    ) -> SourceLine {
        SourceLine(text: "2026-01-02T03:04:05Z \(tags) \(text)", source: source, file: file)
    }

    private static func line(
        _ format: ContainerFormat, _ text: String, isWhole: Bool, _ source: UInt32
    ) -> SourceLine {
        guard format == .docker else { return line(text, "stdout \(isWhole ? "F" : "P")", source) }
        let log = text + (isWhole ? "\\n" : "")
        return SourceLine(
            text: #"{"log":"\#(log)","stream":"stdout","time":"2026-01-02T03:04:05Z"}"#, source: source,
            file: "/a.log")
    }

    @Test(arguments: [ContainerFormat.cri, .docker], [1, 2, 100]) func aLineGoesOnOverSeveralFiles(
        format: ContainerFormat, piece: Int
    ) {
        var world = AssemblyWorld(format: format)
        let lines = SourceLine.numbered([
            Self.line(format, "before", isWhole: true, 1), Self.line(format, "a", isWhole: false, 1),
            Self.line(format, "b", isWhole: false, 2), Self.line(format, "b", isWhole: false, 2),
            Self.line(format, "c", isWhole: false, 3), Self.line(format, "d", isWhole: true, 4),
            Self.line(format, "after", isWhole: true, 4),
        ])
        world.feed(Array(lines.dropLast(2)), piece: piece)
        #expect(world.texts == ["before"])
        // Nothing of what is held is acknowledged.
        #expect(world.records.map(\.next) == [1] && world.skipped.isEmpty)
        world.feed(Array(lines.suffix(2)), piece: piece)
        #expect(world.texts == ["before", "abbcd", "after"])
        #expect(world.records.map(\.source) == [1, 4, 4])
        #expect(world.records.map(\.next) == [1, 1, 2])
        let ends = [1: 2, 2: 2, 3: 1].map { Position(source: UInt32($0), offset: UInt64($1)) }
        #expect(world.skipped.sorted { $0.source < $1.source } == ends.sorted { $0.source < $1.source })
        #expect(world.pipeline.deadline == nil)
    }

    /// Each stream for itself; what ends in a file between acknowledges nothing of what goes on.
    @Test func streamsGoOnForThemselves() {
        var world = AssemblyWorld(format: .cri)
        world.feed(
            SourceLine.numbered([
                Self.line("a", "stdout P", 1), Self.line("A", "stderr P", 1), Self.line("B", "stderr P", 2),
                Self.line("b", "stdout P", 2), Self.line("C", "stderr F", 3), Self.line("D", "stderr F", 3),
            ]), piece: 1)
        #expect(world.texts == ["ABC", "D"])
        // The first and the second file stand before `a` and `b`, the third after both lines.
        #expect(world.records.map { [UInt64($0.source), $0.next] } == [[3, 1], [3, 2]])
        #expect(world.skipped.allSatisfy { $0.offset == ($0.source == 1 ? 0 : 1) })
        world.feed([SourceLine(text: "2026-01-02T03:04:05Z stdout F c", source: 3, file: "/a.log", next: 3)])
        #expect(world.texts == ["ABC", "D", "abc"])
        #expect(world.skipped.suffix(2).map(\.offset) == [2, 2])
    }

    /// A line of another file or another stream takes nothing that is held.
    @Test func whatBelongsToOthersIsNotJoined() {
        var world = AssemblyWorld(format: .cri)
        world.feed(
            SourceLine.numbered([
                Self.line("old", "stdout P", 1), Self.line("other", "stdout F", 2, "/b.log"),
                Self.line("other", "stderr F", 2),
            ]))
        #expect(world.texts == ["other", "other"])
        world.waitForAll()
        #expect(world.texts == ["other", "other", "old"])
        #expect(world.count(.containerLineTimeout) == 1)
    }

    @Test func aLineOverManyFilesEndsAtItsLimits() {
        var world = AssemblyWorld(format: .cri)
        let count = UInt32(RecordAssembly.lineRotations) + 1
        let pieces = (1...count + 1).map { Self.line("x", "stdout P", $0) }
        world.feed(SourceLine.numbered(pieces + [Self.line("y", "stdout F", count + 2)]), piece: 1)
        #expect(world.texts == [String(repeating: "x", count: Int(count)), "xy"])
        #expect(world.count(.containerLineLimit) == 1)
        // What was let go is acknowledged, what is still held is not.
        #expect(
            world.records.map { [UInt64($0.source), $0.next] } == [[UInt64(count + 1), 0], [UInt64(count + 2), 1]])
        #expect(world.skipped.filter { $0.offset == 1 }.map(\.source).sorted() == Array(1...count + 1))

        var long = AssemblyWorld(format: .cri)
        let text = String(repeating: "x", count: 600 << 10)
        long.feed(
            SourceLine.numbered((1...3).map { Self.line(text, "stdout P", $0) } + [Self.line("y", "stdout F", 4)]))
        #expect(long.texts.map(\.utf8.count) == [600 << 10, 600 << 10, (600 << 10) + 1])
        #expect(long.count(.containerLineLimit) == 2)
        #expect(long.pipeline.deadline == nil)
    }

    /// The line that is let go ends a record that is held: the piece that had no room in it is not lost.
    @Test func thePieceAfterALimitIsKept() throws {
        var world = AssemblyWorld(.end(try Pattern("x$")), format: .cri)
        let text = String(repeating: "x", count: 600 << 10)
        world.feed(
            SourceLine.numbered([
                Self.line("begin", "stdout F", 1), Self.line(text, "stdout P", 1), Self.line(text + "y", "stdout P", 1),
                Self.line("x", "stdout F", 1),
            ]))
        #expect(world.texts.map(\.utf8.count) == [5, 600 << 10, (600 << 10) + 2])
        #expect(world.records.map(\.next) == [1, 2, 4])
    }

    /// As many as can be held, each rotated within a line.
    @Test func manyFilesCostNoMoreThanTheirLines() {
        var world = AssemblyWorld(format: .cri)
        let count = UInt32(HeldLanes.laneLimit)
        let files = (0..<count).map { Self.line("piece", "stdout P", $0, "/\($0).log") }
        let next = (0..<count).map { Self.line("end", "stdout F", count + $0, "/\($0).log") }
        world.feed(SourceLine.numbered(files + next), piece: 500)
        #expect(world.texts.count == Int(count) && world.texts.allSatisfy { $0 == "pieceend" })
        #expect(world.skipped.count == Int(count))
    }
}
