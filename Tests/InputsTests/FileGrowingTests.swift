// Compressed files that grow while they are read, because their original is gone: each piece of text is inflated once.

import Bytes
import Compression
import Glibc
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct FileGrowingTests {
    private let inflaters = Inflaters(open: Inflaters.open)

    private func lines(_ count: Int) -> [String] {
        var random = SeededRandom(seed: 12)
        return (0..<count).map { "line \($0) \(UInt64.random(in: 0...UInt64.max, using: &random))" }
    }

    /// A world in which the first ten lines of each of some logs were read, and the agent stopped.
    private func world(_ names: [String], _ lines: [String]) throws -> (FileWorld, JSONValue?) {
        let world = try FileWorld(limits: FileLimits(inflaters: inflaters))
        for name in names { world.append(lines[..<10].map { "\(name) \($0)\n" }.joined(), to: "\(name).log") }
        #expect(world.read().count == 10 * names.count)
        world.acknowledge()
        return (world, world.saved())
    }

    private func text(_ name: String, _ lines: [String]) -> [UInt8] {
        Array(lines.map { "\(name) \($0)\n" }.joined().utf8)
    }

    /// One stream, as a compressor with flushes writes it; bzip2 and zstd in tests have several members.
    private func bytes(_ form: CompressionForm, _ text: [UInt8]) throws -> [UInt8] {
        let size = form == .gzip || form == .xz ? text.count : 60_000
        return try stride(from: 0, to: text.count, by: size).flatMap {
            try compressed(Array(text[$0..<min($0 + size, text.count)]), by: form.rawValue)
        }
    }

    @Test(arguments: CompressionForm.allCases) func aGrowingFileIsInflatedOnce(form: CompressionForm) throws {
        let lines = lines(20_000)
        let (world, cursor) = try world(["a"], lines)
        world.delete("a.log")
        let whole = text("a", lines)
        let bytes = try bytes(form, whole)
        let name = "a.log.1" + form.ending
        // The last byte of a member comes with the next one: a file of whole members is complete.
        world.write(bytes: Array(bytes[..<(bytes.count / 2 + 1)]), to: name)
        try world.restart(cursor)
        var got = world.read()
        let step = max(1, bytes.count / 400)
        for start in stride(from: bytes.count / 2 + 1, to: bytes.count, by: step) {
            world.write(bytes: Array(bytes[start..<min(start + step, bytes.count)]), to: name)
            got += world.read()
            world.acknowledge()
        }
        for _ in 0..<3 {
            world.advance(.seconds(11))
            got += world.read()
        }
        #expect(got == lines[10...].map { "a " + $0 })
        // Besides, a few KiB of it tell which file it is.
        #expect(inflaters.producedByteCount < UInt64(2 * whole.count), "of \(whole.count)")
        #expect(world.input.follower.tails.paused.isEmpty)
    }

    /// More files than may keep their places: what gave its place up is looked at seldom.
    @Test func manyGrowingFilesAreInflatedAFewTimes() throws {
        let names = (0..<12).map { "f\($0)" }
        let lines = lines(2_000)
        let (world, cursor) = try world(names, lines)
        let bytes = try names.map { try self.bytes(.gzip, text($0, lines)) }
        func write(_ part: Range<Int>) {
            for (name, bytes) in zip(names, bytes) {
                world.write(
                    bytes: Array(bytes[(bytes.count * part.lowerBound / 100)..<(bytes.count * part.upperBound / 100)]),
                    to: "\(name).log.1.gz")
            }
        }
        for name in names { world.delete("\(name).log") }
        write(0..<10)
        try world.restart(cursor)
        var got = world.read()
        for part in 10..<100 {
            write(part..<part + 1)
            got += world.read()
            world.acknowledge()
            #expect(world.input.follower.tails.paused.count <= TailTable.inflatingLimit)
        }
        for _ in 0..<3 {
            world.advance(.seconds(11))
            got += world.read()
        }
        let all = names.flatMap { name in lines[10...].map { "\(name) \($0)" } }
        #expect(got.count == all.count && Set(got) == Set(all))
        let size = names.map { text($0, lines).count }.reduce(0, +)
        #expect(inflaters.producedByteCount < UInt64(5 * size), "of \(size)")
    }

    /// A compressor that was started again writes the same text in other bytes.
    @Test(arguments: [false, true]) func writtenAnewWhileItGrows(isShorter: Bool) throws {
        let lines = lines(6_000)
        let (world, cursor) = try world(["a"], lines)
        world.delete("a.log")
        let whole = text("a", lines)
        let first = try bytes(.gzip, whole)
        let second = world.gzipped(Array(whole[..<50_000])) + world.gzipped(Array(whole[50_000...]))
        world.write(bytes: Array(first[..<(first.count / 2)]), to: "a.log.1.gz")
        try world.restart(cursor)
        var got = world.read()
        world.truncate("a.log.1.gz")
        world.write(bytes: Array(second[..<(isShorter ? first.count / 4 : first.count * 3 / 4)]), to: "a.log.1.gz")
        got += world.read()
        world.write(
            bytes: Array(second[(isShorter ? first.count / 4 : first.count * 3 / 4)...]), to: "a.log.1.gz")
        for _ in 0..<3 {
            got += world.read()
            world.advance(.seconds(11))
        }
        #expect(got == lines[10...].map { "a " + $0 })
        #expect(world.count("file_damaged") == 0)
    }
}
