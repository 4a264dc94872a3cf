// What compressed files were found to be is kept from one rotation to the next.

import Bytes
import Glibc
import Logs
import Platform
import Synchronization
import TestSupport
import Testing

@testable import Inputs

/// How often a compressed file was read in order to be inflated.
private final class Reads: Sendable {
    let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
}

@Suite struct KeptTextsTests {
    @Test func eachRotationInflatesWhatIsNew() throws {
        let reads = Reads()
        var limits = FileLimits()
        limits.reader = {
            (file: borrowing File, bytes: inout [UInt8], limit: Int, offset: UInt64) throws(Errno) -> Int in
            // Only inflating takes so much at once.
            if limit == 64 << 10 { reads.count.withLock { $0 += 1 } }
            return try TextReader.fromDisk(file, &bytes, limit, offset)
        }
        let world = try FileWorld(limits: limits)
        let old = (0..<40).map { number in (0..<100).map { "log \(number) line \($0)\n" }.joined() }
        for (number, text) in old.enumerated() {
            world.write(bytes: world.gzipped(Array(text.utf8)), to: "a.log.\(number + 2).gz")
        }
        usleep(20_000)  // Let the clock of the file system tick.
        world.append("one\n")
        #expect(world.read() == ["one"])
        let first = reads.value
        #expect(first >= 40)
        for round in 0..<5 {
            world.move("a.log", "a.log.1")
            world.append("round \(round)\n")
            #expect(world.read() == ["round \(round)"])
            world.advance(.seconds(11))
            #expect(world.read() == [])
            world.acknowledge()
            for number in stride(from: 50, to: 1, by: -1) {
                world.move("a.log.\(number).gz", "a.log.\(number + 1).gz")
            }
            world.compress("a.log.1", to: "a.log.2.gz")
            #expect(world.read() == [])
        }
        // Of each round, the new one, and what is asked of it further inside.
        #expect(reads.value - first < 40, "\(reads.value - first) reads")

        // All is forgotten with the files.
        for number in 1..<60 { world.delete("a.log.\(number).gz") }
        world.delete("a.log")
        for _ in 0..<3 {
            world.advance(.seconds(61))
            #expect(world.read() == [])
        }
        #expect(world.input.follower.texts.isEmpty)
    }

    /// The same size at the same place is no proof: the time of change tells.
    @Test func anotherContentIsAnotherText() throws {
        var kept = KeptTexts()
        var reader = TextReader()
        let world = try FileWorld()
        let place = Path(world.path("a.log.1.gz"))
        func head() throws -> [UInt8] {
            let file = try File(reading: place)
            let status = try file.status()
            return Array(try kept.text(of: file, status, at: place, isSettled: false, through: &reader).start)
        }
        world.write(bytes: world.gzipped(Array("one\n".utf8)), to: "a.log.1.gz")
        #expect(try head() == Array("one\n".utf8))
        usleep(20_000)  // Let the clock of the file system tick.
        truncate(world.path("a.log.1.gz"), 0)
        world.write(bytes: world.gzipped(Array("two\n".utf8)), to: "a.log.1.gz")
        #expect(try head() == Array("two\n".utf8))
    }
}
