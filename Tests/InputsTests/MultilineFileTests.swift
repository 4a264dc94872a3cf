// Records of several lines out of files that are rotated, with stops and kills in between.

import Bytes
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

@Suite struct MultilineFileTests {
    /// An input and its pipeline, as a route has them; what was received, and what of it was acknowledged.
    private final class Shipped {
        let world: FileWorld
        var pipeline = RecordPipeline()
        private let rule: MultilineRule
        private(set) var texts: [String] = []
        private var positions: [Position] = []

        init(_ rule: MultilineRule) throws {
            world = try FileWorld()
            self.rule = rule
            start()
        }

        private func start() {
            pipeline = RecordPipeline()
            pipeline.assembly = RecordAssembly(format: .plain, namesContainers: false, multiline: .init(rule))
        }

        func read() {
            while true {
                let wait = world.readOnce()
                var next = 0
                while next < world.batch.records.count {
                    var batch = LogBatch(recordLimit: 3)
                    pipeline.process(world.batch, from: &next, into: &batch, at: world.now)
                    take(batch)
                }
                flush()
                if wait != .notAtAll { return }
            }
        }

        func flush() {
            while let due = pipeline.deadline, due <= world.now.monotonic {
                var batch = LogBatch(recordLimit: 3)
                pipeline.flush(into: &batch, at: world.now)
                take(batch)
            }
        }

        private func take(_ batch: LogBatch) {
            texts += batch.records.map { batch.text(of: $0) }
            positions += batch.records.map(\.next)
        }

        func acknowledge(_ count: Int = .max) {
            for position in positions.prefix(count) { world.input.acknowledge(position) }
            positions.removeFirst(min(count, positions.count))
        }

        func kill() throws {
            positions = []
            start()
            try world.restart(world.saved())
        }
    }

    private static let trace =
        "java.lang.Error: no\n\tat a.b(C.java:1)\n\tat a.d(C.java:2)\nCaused by: e.F\n\t... 2 more"

    @Test func aKillInATraceReadsItAgainFromItsBeginning() throws {
        let shipped = try Shipped(.preset(.java))
        shipped.world.append("one\njava.lang.Error: no\n\tat a.b(C.java:1)\n")
        shipped.read()
        shipped.acknowledge()
        #expect(shipped.texts == ["one"])
        try shipped.kill()
        shipped.world.append("\tat a.d(C.java:2)\nCaused by: e.F\n\t... 2 more\ntwo\n")
        shipped.read()
        #expect(shipped.texts == ["one", Self.trace, "two"])
        shipped.acknowledge()
        try shipped.kill()
        shipped.read()
        #expect(shipped.texts.count == 3)
    }

    @Test func theEndOfAFileThatIsGoneComesAfterTheTimeout() throws {
        let shipped = try Shipped(.indent)
        shipped.world.append("a\n b\n")
        shipped.read()
        shipped.world.delete("a.log")
        shipped.world.append("c\n d\ne\n")
        shipped.read()
        shipped.world.advance(.seconds(5))
        shipped.read()
        shipped.flush()
        #expect(shipped.texts.sorted() == ["a\n b", "c\n d", "e"])
        shipped.acknowledge()
        try shipped.kill()
        shipped.read()
        #expect(shipped.texts.count == 3)
    }

    /// Writes, rotations, partial acknowledgements and kills at random: every record comes, whole; again only after a
    /// kill.
    @Test func recordsAreWholeWhateverHappens() throws {
        var random = SeededRandom()
        for _ in 0..<40 {
            let shipped = try Shipped(.indent)
            var written: [String] = []
            var rotations = 0
            var kills = 0
            for step in 0..<40 {
                switch Int.random(in: 0..<8, using: &random) {
                case 0...2:
                    let count = Int.random(in: 1...5, using: &random)
                    let record = (["r\(step)"] + (1..<count).map { " \($0)" }).joined(separator: "\n")
                    written.append(record)
                    for line in record.split(separator: "\n") {
                        // Whole lines, and parts of them.
                        let cut = line.index(line.startIndex, offsetBy: Int.random(in: 0...line.count, using: &random))
                        shipped.world.append(String(line[..<cut]))
                        if Int.random(in: 0..<3, using: &random) == 0 { shipped.read() }
                        shipped.world.append(line[cut...] + "\n")
                        if Int.random(in: 0..<3, using: &random) == 0 { shipped.read() }
                    }
                case 3: shipped.acknowledge(Int.random(in: 0...10, using: &random))
                case 4 where Int.random(in: 0..<3, using: &random) == 0:
                    // Between two records, as a logger does.
                    shipped.read()
                    rotations += 1
                    shipped.world.move("a.log", "a.log.\(rotations)")
                case 5 where Int.random(in: 0..<3, using: &random) == 0:
                    kills += 1
                    try shipped.kill()
                default: shipped.read()
                }
            }
            for _ in 0..<6 {
                shipped.read()
                shipped.world.advance(.seconds(20))
            }
            shipped.flush()
            #expect(Set(shipped.texts) == Set(written), "after \(kills) kills")
            if kills == 0 { #expect(shipped.texts.count == written.count) }
        }
    }
}
