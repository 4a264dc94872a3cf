// Rotated files that somebody compresses for longer than the grace, and compressions that never end.

import TestSupport
import Testing

@testable import Inputs

@Suite struct FileSlowCompressionTests {
    private static let lineCount = 5_000

    /// What is read and acknowledged, then renamed and quiet for the grace.
    private func rotated(_ settings: String = #""paths": ["DIR/*.log"], "rotation_grace": "2s""#) throws -> FileWorld {
        let world = try FileWorld(settings)
        world.append(
            (0..<Self.lineCount).map { "line \($0) of a file that takes long\n" }.joined(), to: "a.log")
        #expect(world.read().count == Self.lineCount)
        world.acknowledge()
        world.move("a.log", "a.log.1")
        world.append("new\n")
        #expect(world.read() == ["new"])
        world.acknowledge()
        return world
    }

    /// In `count` pieces with time between them. `isEmptyFirst` when the name is there before its first byte.
    private func compress(
        _ world: FileWorld, pieces count: Int, upTo end: Int? = nil, isEmptyFirst: Bool = false
    ) -> [String] {
        let bytes = world.gzipped(Array(world.content("a.log.1").utf8))
        var lines: [String] = []
        if isEmptyFirst {
            world.write(bytes: [], to: "a.log.1.gz")
            lines += wait(world, 4)
        }
        for piece in 0..<(end ?? count) {
            world.write(
                bytes: Array(bytes[bytes.count * piece / count..<bytes.count * (piece + 1) / count]), to: "a.log.1.gz")
            lines += wait(world, 1)
        }
        return lines
    }

    private func wait(_ world: FileWorld, _ seconds: Int) -> [String] {
        var lines: [String] = []
        for _ in 0..<seconds {
            lines += world.read()
            world.advance(.seconds(1))
        }
        return lines + world.read()
    }

    @Test(arguments: [2, 20], [true, false]) func itIsNotReadAgain(pieces: Int, isEmptyFirst: Bool) throws {
        let world = try rotated()
        #expect(compress(world, pieces: pieces, isEmptyFirst: isEmptyFirst) == [])
        world.copyTime(of: "a.log.1", to: "a.log.1.gz")
        world.delete("a.log.1")
        #expect(wait(world, 10) == [])
        #expect(world.input.status(at: world.now).lagBytes == 0)
        #expect(world.count("bytes_lost_deleted") == 0)
    }

    /// A compression that was killed leaves both files.
    @Test(arguments: [1, 15]) func aCompressionThatWasKilled(pieces: Int) throws {
        let world = try rotated()
        #expect(compress(world, pieces: 20, upTo: pieces) == [])
        #expect(wait(world, 20) == [])
        #expect(world.input.status(at: world.now).lagBytes == 0)
        try world.restart(world.saved())
        #expect(wait(world, 20) == [])
    }
}
