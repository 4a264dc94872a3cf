// Random sequences of what writers, rotation and the agent's own life do to a file, against a model that knows what every
// line became. VITALS_SEED and VITALS_SEQUENCES in the environment choose the run.

import Bytes
import Foundation
import Logs
import Platform
import Testing

@testable import Inputs

/// SplitMix64: small, seeded, the same everywhere.
private struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

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

private func run(seed: UInt64, glob: String) throws -> String? {
    var random = SeededRandom(state: seed)
    var model = Model()
    let world = try FileWorld(#""paths": ["DIR/\#(glob)"], "partial_line_timeout": "1h""#)
    var older: JSONValue?
    var savedDelivered: [String] = []
    var everDelivered: [String] = []
    var acknowledgedAtSave: Set<String> = []
    var acknowledged: [String] = []
    var pendingLines: [String] = []
    var lateWriter: Int32 = -1
    var quietFrom = world.now.monotonic
    defer { if lateWriter >= 0 { close(lateWriter) } }

    func note(_ lines: [String]) {
        for line in lines { model.delivered[line, default: 0] += 1 }
        everDelivered += lines
        pendingLines += lines
    }
    func writeLine(_ name: String = "a.log") {
        let line = model.line()
        model.written.append(model.partial + line)
        model.live.append(model.partial + line)
        world.append(line + "\n")
        model.partial = ""
    }
    func readAll() {
        var lines: [String] = []
        for _ in 0..<1_000 {
            let wait = world.readOnce()
            lines += world.batch.records.map { world.batch.text(of: $0) }
            if wait != .notAtAll { break }
        }
        note(lines)
    }
    func acknowledgeAll(_ count: Int = .max) {
        let taken = min(count, pendingLines.count)
        acknowledged += pendingLines.prefix(taken)
        pendingLines.removeFirst(taken)
        world.acknowledge(count)
    }
    func shift() {
        for number in stride(from: 60, to: 0, by: -1) where access(world.path("a.log.\(number)"), F_OK) == 0 {
            world.move("a.log.\(number)", "a.log.\(number + 1)")
        }
    }
    func save() {
        older = world.saved()
        acknowledgedAtSave = Set(acknowledged)
        savedDelivered = everDelivered
    }
    /// The end of a line that was begun, so that no half of it is in a file that goes.
    func complete() { if !model.partial.isEmpty { writeLine() } }

    // Files that were rotated before the agent was ever started are none of its business.
    writeLine()
    readAll()
    save()
    for _ in 0..<Int.random(in: 5...40, using: &random) {
        guard let step = Model.Step.allCases.randomElement(using: &random) else { continue }
        model.steps.append(step.rawValue)
        // inotify's clock and ours are apart, but times of change must differ for files to have an order.
        switch step {
        case .write: writeLine()
        case .writeMany: for _ in 0..<Int.random(in: 2...60, using: &random) { writeLine() }
        case .partial:
            let text = "part-\(model.next)-"
            model.partial += text
            world.append(text)
        case .rename:
            complete()
            guard !model.live.isEmpty else { continue }
            if lateWriter >= 0 { close(lateWriter) }
            lateWriter = open(world.path("a.log"), O_WRONLY | O_APPEND)
            shift()
            world.move("a.log", "a.log.1")
            quietFrom = world.now.monotonic
            model.live = []
            if Bool.random(using: &random) { writeLine() }
        case .lateWrite:
            // Only when it is certain that the file is still followed: right after the rename, or within the grace.
            guard lateWriter >= 0, world.now.monotonic - quietFrom < .seconds(9),
                access(world.path("a.log.1"), F_OK) == 0
            else { continue }
            let line = model.line()
            world.write(line + "\n", lateWriter)
            quietFrom = world.now.monotonic
            model.written.append(line)
        case .copytruncate:
            complete()
            guard !model.live.isEmpty else { continue }
            if lateWriter >= 0 {
                close(lateWriter)
                lateWriter = -1
            }
            shift()
            world.copy("a.log", "a.log.1")
            world.truncate()
            model.live = []
            if Bool.random(using: &random) { writeLine() }
        case .truncate, .rewrite:
            // What was not acknowledged is lost to a reader that is killed, what was not read to every reader.
            model.mayBeLost.formUnion(model.live)
            if !model.partial.isEmpty { model.partial = "" }
            world.truncate()
            model.live = []
            if step == .rewrite { for _ in 0..<20 { writeLine() } }
        case .delete:
            // A running agent holds the file only if it has seen it; and one that is killed lets it go.
            readAll()
            complete()
            model.mayBeLost.formUnion(model.live)
            world.delete("a.log")
            model.live = []
        case .read: readAll()
        case .readOne:
            world.batch = LogBatch(recordLimit: Int.random(in: 1...10, using: &random))
            world.readOnce()
            note(world.batch.records.map { world.batch.text(of: $0) })
            world.batch = LogBatch()
        case .acknowledge:
            acknowledgeAll(Int.random(in: 0...20, using: &random))
            if Bool.random(using: &random) { save() }
        case .wait:
            readAll()
            world.advance(.seconds(Int.random(in: 1...12, using: &random)))
            readAll()
        case .stop:
            acknowledgeAll()
            try world.restart(world.saved())
            save()
        case .kill:
            pendingLines = []
            // What was delivered since the cursor was saved, or was in flight, comes again.
            model.mayRepeat.formUnion(Set(everDelivered).subtracting(acknowledgedAtSave))
            _ = savedDelivered
            try world.restart(older)
            acknowledged = Array(acknowledgedAtSave)
        }
    }
    complete()
    readAll()
    for _ in 0..<4 {
        world.advance(.seconds(11))
        readAll()
    }
    acknowledgeAll()

    var problems: [String] = []
    for line in model.written {
        let times = model.delivered[line] ?? 0
        if times == 0, !model.mayBeLost.contains(line) { problems.append("lost: \(line.prefix(20))") }
        if times > 1, !model.mayRepeat.contains(line) { problems.append("\(times) times: \(line.prefix(20))") }
    }
    let all = Set(model.written)
    // Half lines come only of truncation in their middle.
    for line in model.delivered.keys where !all.contains(line) {
        if !model.steps.contains("truncate"), !model.steps.contains("rewrite") {
            problems.append("never written: \(line)")
        }
    }
    if world.input.status(at: world.now).lagBytes != 0 {
        problems.append("lag \(world.input.status(at: world.now).lagBytes ?? 0)")
    }
    guard !problems.isEmpty else { return nil }
    return "VITALS_SEED=\(seed) glob \(glob): \(problems.prefix(5)) (\(problems.count)) after \(model.steps)"
}

@Suite struct FileModelTests {
    @Test(arguments: ["a.log", "a.log*"]) func nothingIsLostAndNothingComesTwice(glob: String) throws {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["VITALS_SEED"].flatMap(UInt64.init)
        let count = environment["VITALS_SEQUENCES"].flatMap(UInt64.init) ?? (first == nil ? 200 : 1)
        let start = first ?? UInt64.random(in: 0...UInt64(Int32.max))
        var failures: [String] = []
        for seed in start..<start + count where failures.count < 40 {
            if let problem = try run(seed: seed, glob: glob) { failures.append(problem) }
        }
        let shortest = failures.sorted { $0.utf8.count < $1.utf8.count }.prefix(3)
        #expect(failures.isEmpty, "\(failures.count) failed\n\(shortest.joined(separator: "\n"))")
    }
}
