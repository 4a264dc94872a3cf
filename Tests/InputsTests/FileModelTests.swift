// Random sequences of what writers, rotation and the agent's own life do to a file, against a model that knows what
// every line became. VITALS_SEED and VITALS_SEQUENCES in the environment choose the run.

import Bytes
import Foundation
import Logs
import Platform
import TestSupport
import Testing

@testable import Inputs

/// What the model knows: the lines written, those that no reader could have seen, and those delivered.
private struct Model {
    enum Step: String, CaseIterable {
        case write, writeMany, partial, rename, copytruncate, truncate, rewrite, delete, lateWrite
        case read, readOne, acknowledge, wait, stop, kill
    }

    var next = 0
    var written: [String] = []
    /// Lines in the live file that have not been seen by a read, in order.
    var mayBeLost: Set<String> = []
    var delivered: [String: Int] = [:]
    /// Lines that may come again: they were delivered, and the agent was killed before it saved that.
    var mayRepeat: Set<String> = []
    /// Contents of the live file since it was last begun.
    var live: [String] = []
    var partial = ""
    var steps: [String] = []

    mutating func line() -> String {
        next += 1
        // Of different lengths, and not the same at the start of two files.
        return "line-\(next)-" + String(repeating: "x", count: next * 7 % 90)
    }
}

/// One sequence: a model, and a world in which the same happens.
private final class Sequence {
    var random: SeededRandom
    var model = Model()
    let world: FileWorld
    /// The cursor file as it was last saved, for a start after a kill, and what had been acknowledged by then.
    var saved: JSONValue?
    var acknowledgedAtSave: Set<String> = []
    var acknowledged: [String] = []
    var everDelivered: [String] = []
    var pending: [String] = []
    /// A descriptor of the file that was renamed last, and since when that has been quiet.
    var lateWriter: Int32 = -1
    var quietFrom: Instant

    init(seed: UInt64, glob: String) throws {
        random = SeededRandom(seed: seed)
        world = try FileWorld(#""paths": ["DIR/\#(glob)"], "partial_line_timeout": "1h""#)
        quietFrom = world.now.monotonic
    }

    deinit { closeLateWriter() }

    func closeLateWriter() {
        if lateWriter >= 0 { close(lateWriter) }
        lateWriter = -1
    }

    // MARK: Writers

    func writeLine() {
        let line = model.line()
        model.written.append(model.partial + line)
        model.live.append(model.partial + line)
        world.append(line + "\n")
        model.partial = ""
    }

    /// The end of a line that was begun, so that no half of it is in a file that goes.
    func complete() { if !model.partial.isEmpty { writeLine() } }

    func shift() {
        for number in stride(from: 60, to: 0, by: -1) where access(world.path("a.log.\(number)"), F_OK) == 0 {
            world.move("a.log.\(number)", "a.log.\(number + 1)")
        }
    }

    func rotate(byCopy: Bool) {
        complete()
        guard !model.live.isEmpty else { return }
        closeLateWriter()
        shift()
        if byCopy {
            world.copy("a.log", "a.log.1")
            world.truncate()
        } else {
            lateWriter = open(world.path("a.log"), O_WRONLY | O_APPEND)
            world.move("a.log", "a.log.1")
            quietFrom = world.now.monotonic
        }
        model.live = []
        if Bool.random(using: &random) { writeLine() }
    }

    /// Only while it is certain that the file is still followed: within the grace.
    func writeLate() {
        guard lateWriter >= 0, world.now.monotonic - quietFrom < .seconds(9),
            access(world.path("a.log.1"), F_OK) == 0
        else { return }
        let line = model.line()
        world.write(line + "\n", lateWriter)
        quietFrom = world.now.monotonic
        model.written.append(line)
    }

    /// What was not read is lost to every reader, what was not acknowledged to one that is killed.
    func truncate(thenWrite count: Int) {
        model.mayBeLost.formUnion(model.live)
        model.partial = ""
        world.truncate()
        model.live = []
        for _ in 0..<count { writeLine() }
    }

    /// A running agent holds the file only if it has seen it; one that is killed lets it go.
    func delete() {
        readAll()
        complete()
        model.mayBeLost.formUnion(model.live)
        world.delete("a.log")
        model.live = []
    }

    // MARK: The agent

    func note(_ lines: [String]) {
        for line in lines { model.delivered[line, default: 0] += 1 }
        everDelivered += lines
        pending += lines
    }

    func readAll() { note(world.read(limit: 1_000)) }

    func readSome() {
        world.batch = LogBatch(recordLimit: Int.random(in: 1...10, using: &random))
        world.readOnce()
        note(world.batch.records.map { world.batch.text(of: $0) })
        world.batch = LogBatch()
    }

    func acknowledge(_ count: Int = .max) {
        let taken = min(count, pending.count)
        acknowledged += pending.prefix(taken)
        pending.removeFirst(taken)
        world.acknowledge(count)
    }

    func save() {
        saved = world.saved()
        acknowledgedAtSave = Set(acknowledged)
    }

    func kill() throws {
        pending = []
        // What was delivered since the cursor was saved, or was in flight, comes again.
        model.mayRepeat.formUnion(Set(everDelivered).subtracting(acknowledgedAtSave))
        try world.restart(saved)
        acknowledged = Array(acknowledgedAtSave)
    }

    func perform(_ step: Model.Step) throws {
        model.steps.append(step.rawValue)
        switch step {
        case .write: writeLine()
        case .writeMany: for _ in 0..<Int.random(in: 2...60, using: &random) { writeLine() }
        case .partial:
            let text = "part-\(model.next)-"
            model.partial += text
            world.append(text)
        case .rename: rotate(byCopy: false)
        case .copytruncate: rotate(byCopy: true)
        case .lateWrite: writeLate()
        case .truncate: truncate(thenWrite: 0)
        case .rewrite: truncate(thenWrite: 20)
        case .delete: delete()
        case .read: readAll()
        case .readOne: readSome()
        case .acknowledge:
            acknowledge(Int.random(in: 0...20, using: &random))
            if Bool.random(using: &random) { save() }
        case .wait:
            readAll()
            world.advance(.seconds(Int.random(in: 1...12, using: &random)))
            readAll()
        case .stop:
            acknowledge()
            try world.restart(world.saved())
            save()
        case .kill: try kill()
        }
    }

    func run() throws {
        // Files that were rotated before the agent was ever started are none of its business.
        writeLine()
        readAll()
        save()
        for _ in 0..<Int.random(in: 5...40, using: &random) {
            if let step = Model.Step.allCases.randomElement(using: &random) { try perform(step) }
        }
        complete()
        readAll()
        for _ in 0..<4 {
            world.advance(.seconds(11))
            readAll()
        }
        acknowledge()
    }

    var problems: [String] {
        var problems: [String] = []
        for line in model.written {
            let times = model.delivered[line] ?? 0
            if times == 0, !model.mayBeLost.contains(line) { problems.append("lost: \(line.prefix(20))") }
            if times > 1, !model.mayRepeat.contains(line) { problems.append("\(times) times: \(line.prefix(20))") }
        }
        // Half lines come only of truncation in their middle.
        if !model.steps.contains("truncate"), !model.steps.contains("rewrite") {
            let all = Set(model.written)
            for line in model.delivered.keys where !all.contains(line) { problems.append("never written: \(line)") }
        }
        let lag = world.input.status(at: world.now).lagBytes
        if lag != 0 { problems.append("lag \(lag ?? 0)") }
        return problems
    }
}

@Suite struct FileModelTests {
    @Test(arguments: ["a.log", "a.log*"]) func nothingIsLostAndNothingComesTwice(glob: String) throws {
        let environment = ProcessInfo.processInfo.environment
        let isGiven = SeededRandom.givenSeed != nil
        let count = environment["VITALS_SEQUENCES"].flatMap(UInt64.init) ?? (isGiven ? 1 : 200)
        var failures: [String] = []
        for number in 0..<count where failures.count < 40 {
            let seed = SeededRandom.seed &+ number
            let sequence = try Sequence(seed: seed, glob: glob)
            try sequence.run()
            let problems = sequence.problems
            guard !problems.isEmpty else { continue }
            failures.append(
                "VITALS_SEED=\(seed) \(glob): \(problems.prefix(5)) (\(problems.count)) after \(sequence.model.steps)")
        }
        let shortest = failures.sorted { $0.utf8.count < $1.utf8.count }.prefix(3)
        #expect(failures.isEmpty, "\(failures.count) failed\n\(shortest.joined(separator: "\n"))")
    }
}
